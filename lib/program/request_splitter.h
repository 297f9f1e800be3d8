// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cuts the input of a batch into the texts of its requests as it comes: one on each line, or the
// elements of one JSON array.
//
// An input whose first character is '[' is an array. Only its outer structure is looked at here;
// whether an element is JSON is for whoever reads it. Empty lines are passed over. After what
// cannot be cut (text behind the array, an array without an end) there is one last piece that says
// so.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/line_splitter.h"

namespace dsched::program {

// More than this is no request that anybody wrote, and each one is held in memory.
inline constexpr std::size_t k_request_bytes_max = std::size_t{16} << 20;

class RequestSplitter {
 public:
  struct Piece {
    std::uint64_t number = 0;  // of the line, or the position in the array, from 1
    std::uint64_t line = 0;    // on which it begins, from 1
    std::string_view text;     // valid until the next call of feed() or next()
    std::string fault;         // empty: `text` is one
  };

  explicit RequestSplitter(std::size_t longest = k_request_bytes_max)
      : longest_(longest), lines_('\n', longest) {}

  void feed(std::string_view bytes);
  void finish();
  [[nodiscard]] std::optional<Piece> next();
  // Bytes that are kept.
  [[nodiscard]] std::size_t held() const { return buffer_.size() + lines_.held(); }

 private:
  enum class Form : std::uint8_t { unknown, lines, array, over };
  void find_form();
  [[nodiscard]] std::optional<Piece> next_line();
  [[nodiscard]] std::optional<Piece> next_element();
  [[nodiscard]] std::optional<Piece> after_array();
  [[nodiscard]] std::optional<Piece> end_element(char how);
  [[nodiscard]] Piece unended();
  [[nodiscard]] Piece last_fault(std::string message);

  std::size_t longest_;
  LineSplitter lines_;
  Form form_ = Form::unknown;
  bool is_finished_ = false;
  // ---- an array
  std::string buffer_;
  std::size_t begin_ = 0;  // of the element that is next
  std::size_t at_ = 0;     // everything before has been looked at
  std::uint64_t line_ = 1;
  std::uint64_t element_line_ = 1;  // on which it begins
  std::uint64_t number_ = 0;
  std::uint64_t depth_ = 0;
  bool has_element_ = false;  // something of it has come
  bool in_string_ = false;
  bool is_escaped_ = false;
  bool is_skipping_ = false;  // it is too long, and that has been said
  bool is_closed_ = false;    // the array's end has come
};

}  // namespace dsched::program
