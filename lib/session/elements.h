// SPDX-License-Identifier: Apache-2.0
#pragma once
// The elements of a list that a map fans out over, and the text that its result is. Pure.
//
// A list is a JSON array, or lines of text. It is an array when its first byte that is not white
// space is '[' and the whole is a JSON array; everything else is lines. Of an array, a string is
// its text and any other element its canonical JSON text. A line ends with LF or CR LF, which are
// not part of it; the last one may lack it, so a line feed at the very end adds no empty line. No
// bytes are no lines.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dsched::session {

inline constexpr std::size_t k_elements_max = 1'000'000;
// Of a list, and of what is made of the results.
inline constexpr std::uint64_t k_list_bytes_max = std::uint64_t{1} << 30;

struct Elements {
  std::vector<std::string> values;
  std::string doubt;  // why text that begins like an array is none; empty: there is no doubt
};
struct TooManyElements {};
[[nodiscard]] std::variant<Elements, TooManyElements> elements_of(std::string_view list);

// Makes the result of a map: [{"text": …}, {"base64": …}, {"value": …}, …].
class ResultArray {
 public:
  enum class Kind : std::uint8_t { bytes, json };
  // `json`: the bytes are JSON text, and stand there as a value.
  void add(std::string_view bytes, Kind kind);
  [[nodiscard]] std::uint64_t size() const { return text_.size(); }
  [[nodiscard]] std::string take();

 private:
  std::string text_ = "[";
};

}  // namespace dsched::session
