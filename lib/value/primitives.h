// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the primitives of VoxLogica compute, but for those that touch the world (load, dir, shell,
// print_primitive, impure, timewaste) and those that call a body (map, for_loop, filter: body.h).
//
// Mixed kinds behave as in Python: True + 1 is 2, 1 / 2 is 0.5, vox1 takes whatever float() takes,
// a text of digits among it. Beyond it goes one thing: vox1's comparisons also compare two texts
// that are no numbers.

#include <span>
#include <string_view>

#include "value/value.h"

namespace dsched::value {

// Whether apply() knows `operator_name`: its value then depends on its arguments alone.
[[nodiscard]] bool is_pure(std::string_view operator_name);
// default.map, default.for_loop and default.filter.
[[nodiscard]] bool takes_body(std::string_view operator_name);

// The value of a node. `operator_name` with its namespace ("vox1.+"), `attributes` the node's JSON
// object ({"operator":"+"} of a fold). Throws Error (node_failed) "OPERATOR: cause", in one line.
[[nodiscard]] Value apply(std::string_view operator_name, std::string_view attributes,
                          std::span<const Value> arguments);

// bool(): whether a value counts as true, as filter and && see it.
[[nodiscard]] bool is_true(const Value& value);
// What a loop goes over: a list itself, a text's characters, an object's names, bytes as integers.
// Throws Error for what has no elements.
[[nodiscard]] Value elements_of(const Value& value);

}  // namespace dsched::value
