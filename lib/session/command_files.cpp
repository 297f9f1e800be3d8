// SPDX-License-Identifier: Apache-2.0
#include "session/command_files.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"

namespace dsched::session {
namespace {

// Reads a command as far as words are concerned: what a shell would make of it does not matter,
// because a word that names no file counts for nothing.
class CommandWords {
 public:
  explicit CommandWords(std::string_view command) : text_(command) {}

  std::vector<std::string> take() {
    for (at_ = 0; at_ < text_.size(); ++at_) step(text_[at_]);
    end_word();
    for (const std::string& target : targets_) std::erase(words_, target);
    return std::move(words_);
  }

 private:
  void step(char c) {
    if (quote_ != '\0') {
      if (c == quote_) {
        quote_ = '\0';
      } else {
        add(c);
      }
      return;
    }
    switch (c) {
      case '\'':
      case '"':
        quote_ = c;
        is_quoted_ = true;
        return;
      case '\\':
        if (at_ + 1 < text_.size()) add_exact(text_[++at_]);
        return;
      case '>':
        end_word();
        is_target_ = true;
        return;
      case '=':
        end_word();
        return;
      case '|':
        // Part of >|, which writes all the same.
        if (is_target_ && word_.empty()) return;
        [[fallthrough]];
      case ' ':
      case '\t':
      case '\n':
      case ';':
      case '&':
      case '(':
      case ')':
      case '<':
      case '`':
      case '{':
      case '}':
      case ',':
        end_word();
        return;
      default:
        add(c);
    }
  }

  void add(char c) {
    if (quote_ == '\'' || (is_quoted_ && c != '$')) return add_exact(c);
    if (c == '$') has_variable_ = true;
    word_ += c;
  }
  void add_exact(char c) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) word_ += '\\';
    word_ += c;
  }

  void end_word() {
    const bool counts = !word_.empty() && word_.front() != '-' && !has_variable_;
    if (counts && is_target_) {
      targets_.push_back(word_);
    } else if (counts && std::find(words_.begin(), words_.end(), word_) == words_.end()) {
      words_.push_back(word_);
    }
    if (!word_.empty() || has_variable_) is_target_ = false;
    word_.clear();
    has_variable_ = is_quoted_ = false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  char quote_ = '\0';
  std::string word_;
  bool is_quoted_ = false;
  bool has_variable_ = false;
  bool is_target_ = false;
  std::vector<std::string> words_;
  std::vector<std::string> targets_;
};

}  // namespace

std::vector<std::string> file_words(std::string_view command) {
  return CommandWords(command).take();
}

std::string exact_pattern(std::string_view name) {
  std::string pattern;
  for (const char c : name) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::optional<std::string> path_below(std::string_view folder, std::string_view path) {
  if (!path.starts_with('/')) return clean_relative_path(path);
  const std::string whole = std::filesystem::path(path).lexically_normal().string();
  const std::string base = std::filesystem::path(folder).lexically_normal().string();
  if (!whole.starts_with(base) || whole.size() <= base.size()) return std::nullopt;
  if (base != "/" && whole[base.size()] != '/') return std::nullopt;
  return clean_relative_path(std::string_view(whole).substr(base == "/" ? 1 : base.size() + 1));
}

std::string path_from(std::string_view folder, std::string_view path) {
  if (auto below = path_below(folder, path)) return std::move(*below);
  return absolute_path(folder, path);
}

std::string absolute_path(std::string_view folder, std::string_view path) {
  std::string whole = (std::filesystem::path(folder) / path).lexically_normal().string();
  while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

}  // namespace dsched::session
