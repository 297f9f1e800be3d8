// SPDX-License-Identifier: Apache-2.0
#include "executor/depfile.h"

#include <optional>
#include <unordered_set>
#include <utility>

namespace dsched::executor {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Reads the text once from the front; a token, an end of line or a colon at a time.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::variant<std::vector<std::string>, DepfileProblem> read() {
    bool in_targets = true;
    bool has_targets = false;
    for (;;) {
      skip_blanks();
      if (at_line_end()) {
        if (in_targets && has_targets) return DepfileProblem{line_, "no ':' after the targets"};
        if (at_ == text_.size()) return std::move(found_);
        next_line();
        in_targets = true;
        has_targets = false;
      } else if (in_targets && ends_targets()) {
        ++at_;
        in_targets = false;
      } else {
        std::optional<std::string> name = read_name(in_targets);
        if (!name) return DepfileProblem{line_, "a NUL byte in a name"};
        if (in_targets) {
          has_targets = true;
        } else if (known_.insert(*name).second) {
          found_.push_back(std::move(*name));
        }
      }
    }
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n';
  }
  // How many bytes the line end at `at` takes: 0 when there is none.
  [[nodiscard]] std::size_t line_end_at(std::size_t at) const {
    if (at >= text_.size()) return 0;
    if (text_[at] == '\n') return 1;
    return text_[at] == '\r' && at + 1 < text_.size() && text_[at + 1] == '\n' ? 2 : 0;
  }
  [[nodiscard]] bool at_line_end() const { return at_ == text_.size() || line_end_at(at_) > 0; }
  void next_line() {
    at_ += line_end_at(at_);
    ++line_;
  }
  [[nodiscard]] bool at_continuation() const { return peek() == '\\' && line_end_at(at_ + 1) > 0; }
  [[nodiscard]] bool ends_targets() const {
    return peek() == ':' &&
           (is_blank(peek(1)) || at_ + 1 == text_.size() || line_end_at(at_ + 1) > 0 ||
            text_.substr(at_ + 1, 2) == "\\\n" || text_.substr(at_ + 1, 3) == "\\\r\n");
  }

  // Blanks, continued line ends, and a comment up to the end of its line.
  void skip_blanks() {
    for (;;) {
      if (at_ < text_.size() && is_blank(text_[at_])) {
        ++at_;
      } else if (at_continuation()) {
        ++at_;
        next_line();
      } else {
        break;
      }
    }
    if (at_ < text_.size() && text_[at_] == '#') {
      while (!at_line_end()) ++at_;
    }
  }

  std::optional<std::string> read_name(bool in_targets) {
    std::string name;
    while (!at_line_end() && !is_blank(text_[at_]) && !at_continuation()) {
      const char c = text_[at_];
      if (c == '\0') return std::nullopt;
      if (in_targets && ends_targets()) break;
      if (c == '\\') {
        if (!read_backslashes(name)) break;
      } else {
        if (c == '$' && peek(1) == '$') ++at_;
        name += c;
        ++at_;
      }
    }
    return name;
  }

  // Appends what a run of backslashes and the character it escapes stand for; false when the name
  // ends behind them.
  bool read_backslashes(std::string& name) {
    std::size_t count = 0;
    while (at_ + count < text_.size() && text_[at_ + count] == '\\') ++count;
    const std::size_t behind = at_ + count;
    const char next = behind < text_.size() ? text_[behind] : '\0';
    if (is_blank(next)) {
      name.append(count / 2, '\\');
      at_ = behind;
      if (count % 2 == 0) return false;
      name += next;
      ++at_;
    } else if (next == '#' || next == ':') {
      // gcc and clang put one backslash before these and leave those of the name as they are.
      name.append(count - 1, '\\');
      name += next;
      at_ = behind + 1;
    } else if (line_end_at(behind) > 0) {
      name.append(count - 1, '\\');
      at_ = behind - 1;  // the last one continues the line
      return false;
    } else {
      name.append(count, '\\');
      at_ = behind;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<std::string> found_;
  std::unordered_set<std::string> known_;
};

}  // namespace

std::variant<std::vector<std::string>, DepfileProblem> parse_depfile(std::string_view text) {
  return Reader(text).read();
}

}  // namespace dsched::executor
