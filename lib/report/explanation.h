// SPDX-License-Identifier: Apache-2.0
#pragma once
// Why a node's result could not be used again, in the words that people and scripts are promised.
//
// Compares the texts of two keys, which are the very texts that were hashed (session/key.h has
// their form), so an explanation cannot say anything else than what made the difference. It knows
// neither stores nor executions.

#include <string>
#include <string_view>
#include <vector>

namespace dsched::report {

// Says what makes `now` differ from `before` (both key texts), in the words of spec/run.md.
// `arguments` are the ids of the node's arguments. Empty when nothing differs or a text cannot be
// read.
[[nodiscard]] std::string explain_difference(std::string_view before, std::string_view now,
                                             const std::vector<std::string_view>& arguments);

}  // namespace dsched::report
