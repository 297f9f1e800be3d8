// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names that people write who know other tools, or who put a parameter beside the parameters: no
// spelling leads from them to the right ones.

#include <span>
#include <string>
#include <string_view>

#include "program/faults.h"

namespace dsched::program {

struct ForeignName {
  std::string_view name;
  std::string_view hint;
};

// What is said about an unknown name where `known` ones may stand; empty: nothing helps.
[[nodiscard]] std::string hint_for_unknown(std::string_view name,
                                           std::span<const ForeignName> foreign,
                                           std::span<const std::string_view> known);

}  // namespace dsched::program
