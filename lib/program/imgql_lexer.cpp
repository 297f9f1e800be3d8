// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_lexer.h"

#include <algorithm>
#include <array>

namespace dsched::imgql {
namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return is_lower(c) || is_upper(c) || is_digit(c) || c == '_';
}

class Scanner {
 public:
  Scanner(std::string_view text, std::size_t offset) : text_(text), at_(offset) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  void pass_over_space() {
    while (at_ < text_.size()) {
      if (text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (std::string_view(" \t\r\n\f\v").find(text_[at_]) != std::string_view::npos) {
        ++at_;
      } else {
        return;
      }
    }
  }

  // Each gives the end of the word that begins here, or where it began when there is none.
  [[nodiscard]] std::size_t number_end(Signs signs) const {
    std::size_t at = at_;
    if (signs == Signs::of_numbers && (peek(at) == '+' || peek(at) == '-')) ++at;
    const std::size_t digits = at;
    at = digits_end(at);
    const bool has_whole = at > digits;
    if (peek(at) == '.' && (has_whole || is_digit(peek(at + 1)))) at = digits_end(at + 1);
    if (at == digits) return at_;
    if (peek(at) == 'e' || peek(at) == 'E') {
      std::size_t exponent = at + 1;
      if (peek(exponent) == '+' || peek(exponent) == '-') ++exponent;
      if (is_digit(peek(exponent))) at = digits_end(exponent);
    }
    return at;
  }
  [[nodiscard]] std::size_t identifier_end() const {
    const char first = peek(at_);
    if (first == '$') {
      if (!is_lower(peek(at_ + 1))) return at_;
      std::size_t at = at_ + 1;
      while (is_lower(peek(at)) || is_digit(peek(at)) || peek(at) == '_') ++at;
      return at;
    }
    if (!is_lower(first) && !is_upper(first) && first != '_') return at_;
    std::size_t at = word_end(at_);
    const char behind_dot = peek(at) == '.' ? peek(at + 1) : '\0';
    if (is_word(behind_dot) && !is_digit(behind_dot)) at = word_end(at + 1);
    return at;
  }
  [[nodiscard]] std::size_t operator_end() const {
    std::size_t at = at_;
    const bool begins_with_letter = is_upper(peek(at));
    if (begins_with_letter) {
      while (is_upper(peek(at)) || is_digit(peek(at))) ++at;
    }
    const std::size_t characters = at;
    while (is_operator_character(peek(at)) ||
           (begins_with_letter && at > characters && (is_upper(peek(at)) || is_digit(peek(at))))) {
      ++at;
    }
    return at == characters ? at_ : at;
  }
  // Behind the closing quote; the end of the text when there is none.
  [[nodiscard]] std::size_t string_end(bool& is_closed) const {
    std::size_t at = at_ + 1;
    while (at < text_.size() && text_[at] != '"') at += text_[at] == '\\' ? 2 : 1;
    is_closed = at < text_.size();
    return std::min(at + 1, text_.size());
  }

 private:
  [[nodiscard]] char peek(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
  [[nodiscard]] std::size_t digits_end(std::size_t at) const {
    while (is_digit(peek(at))) ++at;
    return at;
  }
  [[nodiscard]] std::size_t word_end(std::size_t at) const {
    while (is_word(peek(at))) ++at;
    return at;
  }

  std::string_view text_;
  std::size_t at_;
};

}  // namespace

bool is_operator_character(char c) {
  return c != '\0' &&
         std::string_view("#;:_'.|!$%&/^=*-+<>?@~\\").find(c) != std::string_view::npos;
}

bool is_keyword(std::string_view word) {
  constexpr std::array<std::string_view, 9> k_keywords{"let",  "in",    "for",  "do",    "filter",
                                                       "fold", "print", "save", "import"};
  return std::find(k_keywords.begin(), k_keywords.end(), word) != k_keywords.end();
}

Token token_at(std::string_view text, std::size_t offset, Signs signs) {
  Scanner scanner(text, offset);
  scanner.pass_over_space();
  const std::size_t begin = scanner.at();
  const auto token = [&](TokenKind kind, std::size_t end) {
    return Token{kind, begin, end, text.substr(begin, end - begin)};
  };
  if (begin == text.size()) return token(TokenKind::end, begin);
  const char first = text[begin];
  if (std::string_view("()[],").find(first) != std::string_view::npos) {
    return token(TokenKind::punctuation, begin + 1);
  }
  if (first == '"') {
    bool is_closed = false;
    const std::size_t end = scanner.string_end(is_closed);
    if (!is_closed) return token(TokenKind::open_string, end);
    return {TokenKind::string, begin, end, text.substr(begin + 1, end - begin - 2)};
  }
  if (const std::size_t end = scanner.number_end(signs); end > begin) {
    return token(TokenKind::number, end);
  }
  const std::size_t identifier = scanner.identifier_end();
  const std::size_t oper = scanner.operator_end();
  if (oper > identifier) return token(TokenKind::oper, oper);
  if (identifier > begin) return token(TokenKind::identifier, identifier);
  return token(TokenKind::wrong, begin + 1);
}

}  // namespace dsched::imgql
