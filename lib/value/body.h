// SPDX-License-Identifier: Apache-2.0
#pragma once
// The body of a for, filter or map, and its evaluation over a whole sequence.
//
// A body is a straight line of steps. Values have numbers: 0 is the parameter (the element), then
// come the captures (values from outside, which are not part of the body), the constants, and the
// result of each step in order; a step's arguments have smaller numbers than the step. A step whose
// operator takes a body (default.map, default.for_loop, default.filter) has one of its own: its
// arguments are the sequence and then the inner body's captures.
//
// Bodies run over many elements at once, step by step; arithmetic and comparisons on numbers are
// loops over arrays. What does not depend on the parameter is evaluated once, and not at all over
// an empty sequence; nor is what only inner loops capture, where these go over nothing. A fault is
// the one that element after element would have met first.
//
// The text of a body is canonical JSON, because it is part of a node's key:
//   {"captures":1,"constants":["1.0"],"result":4,"steps":[
//     {"arguments":[0,1],"operator":"vox1.*"},
//     {"arguments":[3,2],"operator":"vox1.+"}]}
// A constant is the JSON of its value in a string, as canonical JSON does not tell 1.0 from 1.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace dsched::value {

inline constexpr std::uint32_t k_body_depth_max = 40;  // bodies in bodies
inline constexpr std::size_t k_body_steps_max = 1'000'000;

struct Body;

struct Step {
  std::string operator_name;
  std::string attributes = "{}";  // canonical JSON object
  std::vector<std::uint32_t> arguments;
  std::shared_ptr<const Body> body;  // of what takes one; shared, as it never changes
};

struct Body {
  std::uint32_t captures = 0;
  std::vector<Value> constants;
  std::vector<Step> steps;
  std::uint32_t result = 0;

  [[nodiscard]] std::uint32_t first_constant() const { return 1 + captures; }
  [[nodiscard]] std::uint32_t first_step() const {
    return first_constant() + static_cast<std::uint32_t>(constants.size());
  }
};

// Throws Error (invalid_program) when the text is of no body that can be evaluated.
[[nodiscard]] Body body_from_text(std::string_view text);
[[nodiscard]] std::string text_of(const Body& body);

// The values of the body for each element of `sequence`; a list. Throws Error (node_failed)
// "element N: OPERATOR: cause".
[[nodiscard]] Value map(const Body& body, const Value& sequence, std::span<const Value> captures);
// The elements for which the body is true; a list.
[[nodiscard]] Value filter(const Body& body, const Value& sequence,
                           std::span<const Value> captures);

}  // namespace dsched::value
