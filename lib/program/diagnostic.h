// SPDX-License-Identifier: Apache-2.0
#pragma once
// One fault of a program, as it is shown to people and stands in an answer's `details`.

#include <cstdint>
#include <string>

namespace dsched::program {

struct Diagnostic {
  std::string code;          // "unknown_field", "cycle", …: for programs that read the answer
  std::string message;       // one line, names the thing and the cause; raw (escape for terminals)
  std::uint32_t line = 0;    // from 1; 0: not in the text (a --set, an empty file)
  std::uint32_t column = 0;  // from 1, in characters
  std::string pointer;       // RFC 6901 JSON pointer; empty: the document
  std::string hint;          // what to do about it; empty when there is nothing to say
  bool operator==(const Diagnostic&) const = default;
};

}  // namespace dsched::program
