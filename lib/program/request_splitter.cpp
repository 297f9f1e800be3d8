// SPDX-License-Identifier: Apache-2.0
#include "program/request_splitter.h"

#include <utility>

namespace dsched::program {
namespace {

constexpr std::string_view k_space = " \t\r\n";
constexpr std::string_view k_byte_order_mark = "\xEF\xBB\xBF";

std::string too_long(std::size_t longest) {
  return "is longer than " + std::to_string(longest) +
         " bytes, which is more than a request may be";
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(k_space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(k_space) - begin + 1);
}

}  // namespace

void RequestSplitter::feed(std::string_view bytes) {
  if (form_ == Form::lines) return lines_.feed(bytes);
  buffer_.erase(0, begin_);
  at_ -= begin_;
  begin_ = 0;
  if (form_ == Form::over) return;
  buffer_ += bytes;
  if (form_ == Form::unknown) find_form();
}

void RequestSplitter::finish() {
  is_finished_ = true;
  if (form_ == Form::unknown) form_ = Form::lines;  // white space, or nothing
  lines_.finish();
}

// Lines are counted from the beginning, so empty ones before an array's bracket count, too.
void RequestSplitter::find_form() {
  std::size_t from = 0;
  if (buffer_.starts_with(k_byte_order_mark)) {
    from = k_byte_order_mark.size();
  } else if (k_byte_order_mark.starts_with(buffer_)) {
    return;
  }
  const std::size_t first = buffer_.find_first_not_of(k_space, from);
  if (first == std::string::npos) {
    if (buffer_.size() <= longest_) return;
    form_ = Form::lines;  // white space without an end need not be kept
  } else {
    form_ = buffer_[first] == '[' ? Form::array : Form::lines;
  }
  if (form_ == Form::lines) {
    lines_.feed(std::string_view(buffer_).substr(from));
    buffer_.clear();
    return;
  }
  for (std::size_t i = 0; i < first; ++i) line_ += buffer_[i] == '\n' ? 1 : 0;
  begin_ = at_ = first + 1;
}

std::optional<RequestSplitter::Piece> RequestSplitter::next() {
  switch (form_) {
    case Form::unknown:
    case Form::over:
      return std::nullopt;
    case Form::lines:
      return next_line();
    case Form::array:
      return is_closed_ ? after_array() : next_element();
  }
  return std::nullopt;
}

std::optional<RequestSplitter::Piece> RequestSplitter::next_line() {
  while (const auto line = lines_.next()) {
    if (line->is_too_long) return Piece{line->number, line->number, {}, too_long(longest_)};
    const std::string_view text = trimmed(line->text);
    if (text.empty()) continue;
    return Piece{line->number, line->number, text, {}};
  }
  return std::nullopt;
}

RequestSplitter::Piece RequestSplitter::last_fault(std::string message) {
  form_ = Form::over;
  buffer_.clear();
  begin_ = at_ = 0;
  return {number_ + 1, line_, {}, std::move(message)};
}

std::optional<RequestSplitter::Piece> RequestSplitter::next_element() {
  for (; at_ < buffer_.size(); ++at_) {
    const char c = buffer_[at_];
    if (c == '\n') ++line_;
    if (in_string_) {
      if (is_escaped_) {
        is_escaped_ = false;
      } else if (c == '\\') {
        is_escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    if (!has_element_) {
      if (k_space.find(c) != std::string_view::npos) continue;
      element_line_ = line_;
    }
    if (depth_ == 0 && (c == ',' || c == ']')) {
      if (auto piece = end_element(c)) return piece;
      if (is_closed_) return after_array();
      --at_;  // the loop goes on behind the comma, where end_element() left it
      continue;
    }
    has_element_ = true;
    if (c == '"') in_string_ = true;
    if (c == '{' || c == '[') ++depth_;
    if ((c == '}' || c == ']') && depth_ > 0) --depth_;
  }
  if (!has_element_) begin_ = at_;
  if (is_finished_) return unended();
  if (is_skipping_) {
    begin_ = at_;
  } else if (at_ - begin_ > longest_) {
    is_skipping_ = true;
    begin_ = at_;
    return Piece{number_ + 1, element_line_, {}, too_long(longest_)};
  }
  return std::nullopt;
}

// At the comma or bracket behind an element.
std::optional<RequestSplitter::Piece> RequestSplitter::end_element(char how) {
  const std::string_view text = trimmed(std::string_view(buffer_).substr(begin_, at_ - begin_));
  begin_ = ++at_;
  const bool was_there = std::exchange(has_element_, false);
  const bool was_skipped = std::exchange(is_skipping_, false);
  is_closed_ = how == ']';
  if (is_closed_ && !was_there && number_ == 0) return std::nullopt;  // []
  ++number_;
  if (was_skipped) return std::nullopt;
  if (!was_there) return Piece{number_, line_, {}, "expected a value"};
  if (text.size() > longest_) return Piece{number_, element_line_, {}, too_long(longest_)};
  return Piece{number_, element_line_, text, {}};
}

// The input is over, and the array is not. Its last element may be whole.
RequestSplitter::Piece RequestSplitter::unended() {
  const bool is_whole = has_element_ && depth_ == 0 && !in_string_ && !is_skipping_;
  if (!is_whole) return last_fault("the array has no end");
  const std::string_view text = trimmed(std::string_view(buffer_).substr(begin_));
  begin_ = at_;
  has_element_ = false;
  return {++number_, element_line_, text, {}};
}

std::optional<RequestSplitter::Piece> RequestSplitter::after_array() {
  for (; at_ < buffer_.size(); ++at_) {
    if (buffer_[at_] == '\n') ++line_;
    if (k_space.find(buffer_[at_]) == std::string_view::npos) {
      return last_fault("unexpected text behind the array");
    }
  }
  begin_ = at_;
  return std::nullopt;
}

}  // namespace dsched::program
