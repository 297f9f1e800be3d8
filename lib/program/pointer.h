// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where in a program a value stands: a chain of names and positions, made into a JSON pointer
// (RFC 6901) only when there is a fault to report.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsched::program {

// One step from the document to a value. Lives on the caller's stack, as do the steps before it.
struct Path {
  const Path* parent = nullptr;  // null: this is the document itself
  std::string_view name = {};    // of a member; null data: an element of an array
  std::size_t element = 0;
};
[[nodiscard]] inline Path member(const Path& parent, std::string_view name) {
  return {&parent, name, 0};
}
[[nodiscard]] inline Path element(const Path& parent, std::size_t index) {
  return {&parent, {}, index};
}

[[nodiscard]] std::string pointer_to(const Path& path);
// The path's last name, for messages: "timeout_s"; "inputs[2]" for an element.
[[nodiscard]] std::string last_name(const Path& path);

// The offset of the value each pointer names, or of the nearest value around it that exists. One
// pass over the text for all of them; stops at a syntax error.
[[nodiscard]] std::vector<std::size_t> locate(std::string_view text,
                                              const std::vector<std::string>& pointers);

}  // namespace dsched::program
