// SPDX-License-Identifier: Apache-2.0
#include "program/foreign_names.h"

namespace dsched::program {

std::string hint_for_unknown(std::string_view name, std::span<const ForeignName> foreign,
                             std::span<const std::string_view> known) {
  for (const ForeignName& one : foreign) {
    if (one.name == name) return std::string(one.hint);
  }
  return suggest(name, {known.begin(), known.end()});
}

}  // namespace dsched::program
