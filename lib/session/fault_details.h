// SPDX-License-Identifier: Apache-2.0
#pragma once
// The faults of a text that a person wrote, as the `details` of an error.

#include <string>
#include <vector>

#include "program/diagnostic.h"

namespace dsched::session {

// What is said where a fault has no line (one of the whole) or no hint.
enum class Missing : std::uint8_t { null, left_out };
// A JSON array.
[[nodiscard]] std::string details_of(const std::vector<program::Diagnostic>& faults,
                                     Missing missing);

}  // namespace dsched::session
