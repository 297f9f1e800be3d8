// SPDX-License-Identifier: Apache-2.0
#pragma once
// The names that a VoxLogica program can call without declaring them.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dsched::imgql {

struct Primitive {
  std::string_view space;  // "default", "vox1", …
  std::string_view name;
  std::uint8_t arguments_min = 0;
  std::uint8_t arguments_max = 0;  // k_any: no limit
  static constexpr std::uint8_t k_any = 255;
};

// All that can be evaluated.
[[nodiscard]] std::span<const Primitive> primitives();
// arrays, default, geom, …: in the order in which they are searched.
[[nodiscard]] std::span<const std::string_view> name_spaces();
[[nodiscard]] bool is_name_space(std::string_view name);
// Of images, which nothing here can evaluate.
[[nodiscard]] bool is_image_space(std::string_view name);

// What `name` stands for: operators by their names, NAMESPACE.NAME as it says, else namespace
// default, then the imported ones in order, then all others. Empty: nothing.
[[nodiscard]] const Primitive* find_primitive(std::string_view name,
                                              std::span<const std::string_view> imported);
// The name that was called, when it is one of another notation: ! && || and the dotted operators of
// vox1, which must be imported.
[[nodiscard]] std::string_view plain_name(std::string_view name,
                                          std::span<const std::string_view> imported);

}  // namespace dsched::imgql
