// SPDX-License-Identifier: Apache-2.0
#pragma once
// The words of a VoxLogica program, one at a time.
//
// What a word is depends on what stands before it: behind an operand "-1" is an operator and a
// number, elsewhere it is a number (the strict language takes it for a number everywhere). So the
// parser says which it wants, and may look at the same place twice.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dsched::imgql {

enum class TokenKind : std::uint8_t {
  end,
  number,
  string,       // text: between the quotes
  identifier,   // keywords and true and false among them
  oper,         // a run of operator characters
  punctuation,  // one of ( ) [ ] , and : where a bound may end
  wrong,        // a character that begins nothing
  open_string,  // a string without an end
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::size_t begin = 0;  // offset of its first byte
  std::size_t end = 0;    // offset behind its last byte
  std::string_view text;
  [[nodiscard]] bool is(TokenKind what, std::string_view word) const {
    return kind == what && text == word;
  }
};

enum class Signs : std::uint8_t {
  of_numbers,  // a sign before a digit belongs to the number
  operators,   // it is an operator
};

// The first word at or behind `offset`; comments and white space are passed over.
[[nodiscard]] Token token_at(std::string_view text, std::size_t offset, Signs signs);
[[nodiscard]] bool is_operator_character(char c);
[[nodiscard]] bool is_keyword(std::string_view word);

}  // namespace dsched::imgql
