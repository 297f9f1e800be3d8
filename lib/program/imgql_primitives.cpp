// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_primitives.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dsched::imgql {
namespace {

constexpr std::uint8_t k_any = Primitive::k_any;

constexpr auto k_primitives = std::to_array<Primitive>({
    {"default", "addition", 2, 2},
    {"default", "argmax", 1, 1},
    {"default", "bool_and_scalar", 2, 2},
    {"default", "bool_or_scalar", 2, 2},
    {"default", "dir", 1, 4},
    {"default", "division", 2, 2},
    {"default", "filter", 2, 2},
    {"default", "fold", 1, 2},
    {"default", "for_loop", 2, 2},
    {"default", "index", 2, 2},
    {"default", "load", 1, 1},
    {"default", "map", 2, 2},
    {"default", "multiplication", 2, 2},
    {"default", "not_compat", 1, 1},
    {"default", "num_eq", 2, 2},
    {"default", "num_geq", 2, 2},
    {"default", "num_gt", 2, 2},
    {"default", "num_leq", 2, 2},
    {"default", "num_lt", 2, 2},
    {"default", "num_neq", 2, 2},
    {"default", "print_primitive", 2, 2},
    {"default", "range", 1, 2},
    {"default", "sequence", 0, k_any},
    {"default", "shell", 1, k_any},
    {"default", "slice", 3, 3},
    {"default", "subsequence", 2, 3},
    {"default", "subtraction", 2, 2},
    {"strings", "concat", 1, k_any},
    {"strings", "format_string", 1, k_any},
    {"test", "fibonacci", 1, 1},
    {"test", "impure", 1, 1},
    {"test", "timewaste", 2, 2},
    {"vox1", "!=", 2, 2},
    {"vox1", "*", 2, 2},
    {"vox1", "+", 2, 2},
    {"vox1", "-", 2, 2},
    {"vox1", "/", 2, 2},
    {"vox1", "<", 2, 2},
    {"vox1", "<=", 2, 2},
    {"vox1", "==", 2, 2},
    {"vox1", ">", 2, 2},
    {"vox1", ">=", 2, 2},
    {"vox1", "bool_and_scalar", 2, 2},
    {"vox1", "bool_not_scalar", 1, 1},
    {"vox1", "bool_or_scalar", 2, 2},
    {"vox1", "num_add", 2, 2},
    {"vox1", "num_div", 2, 2},
    {"vox1", "num_eq", 2, 2},
    {"vox1", "num_geq", 2, 2},
    {"vox1", "num_gt", 2, 2},
    {"vox1", "num_leq", 2, 2},
    {"vox1", "num_lt", 2, 2},
    {"vox1", "num_mul", 2, 2},
    {"vox1", "num_neq", 2, 2},
    {"vox1", "num_sub", 2, 2},
});

constexpr std::array<std::string_view, 8> k_spaces{"arrays",    "default", "geom", "nnunet",
                                                   "simpleitk", "strings", "test", "vox1"};

using Names = std::pair<std::string_view, std::string_view>;
constexpr auto k_operators = std::to_array<Names>(
    {{"!", "not_compat"}, {"&&", "bool_and_scalar"}, {"||", "bool_or_scalar"}});
constexpr auto k_dotted = std::to_array<Names>({{".+.", "num_add"},
                                                {".-.", "num_sub"},
                                                {".*.", "num_mul"},
                                                {"./.", "num_div"},
                                                {".&.", "bool_and_scalar"},
                                                {".|.", "bool_or_scalar"},
                                                {"!.", "bool_not_scalar"},
                                                {".=.", "num_eq"},
                                                {".<.", "num_lt"},
                                                {".<=.", "num_leq"},
                                                {".>.", "num_gt"},
                                                {".>=.", "num_geq"}});

const Primitive* find_in(std::string_view space, std::string_view name) {
  const auto found =
      std::find_if(k_primitives.begin(), k_primitives.end(),
                   [&](const Primitive& one) { return one.space == space && one.name == name; });
  return found == k_primitives.end() ? nullptr : &*found;
}

std::string_view second_of(std::span<const Names> names, std::string_view first) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const Names& pair) { return pair.first == first; });
  return found == names.end() ? std::string_view() : found->second;
}

}  // namespace

std::span<const Primitive> primitives() {
  return k_primitives;
}

std::span<const std::string_view> name_spaces() {
  return k_spaces;
}

bool is_name_space(std::string_view name) {
  return std::find(k_spaces.begin(), k_spaces.end(), name) != k_spaces.end();
}

bool is_image_space(std::string_view name) {
  return name == "arrays" || name == "geom" || name == "nnunet" || name == "simpleitk";
}

std::string_view plain_name(std::string_view name, std::span<const std::string_view> imported) {
  if (const auto plain = second_of(k_operators, name); !plain.empty()) return plain;
  if (std::find(imported.begin(), imported.end(), "vox1") == imported.end()) return name;
  const auto plain = second_of(k_dotted, name);
  return plain.empty() ? name : plain;
}

const Primitive* find_primitive(std::string_view name, std::span<const std::string_view> imported) {
  name = plain_name(name, imported);
  if (const Primitive* found = find_in("default", name)) return found;
  for (const std::string_view space : imported) {
    if (const Primitive* found = find_in(space, name)) return found;
  }
  for (const std::string_view space : k_spaces) {
    if (const Primitive* found = find_in(space, name)) return found;
  }
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  return find_in(name.substr(0, dot), name.substr(dot + 1));
}

}  // namespace dsched::imgql
