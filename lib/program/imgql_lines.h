// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lines and columns of many places of a program: what Syntax::position() says of one, but without
// reading the text from its beginning each time.

#include <algorithm>
#include <string_view>
#include <vector>

#include "program/imgql_syntax.h"

namespace dsched::imgql {

class Lines {
 public:
  struct At {
    std::size_t source = 0;
    std::uint32_t line = 1;
    std::uint32_t column = 1;
  };
  // The syntax, its sources at least, must stay.
  explicit Lines(const Syntax& syntax);
  // Cheapest for places that come in order.
  [[nodiscard]] At at(Place place);

 private:
  struct Line {
    Place begin = 0;
    std::uint32_t number = 1;
    std::size_t source = 0;
  };
  const Syntax& syntax_;
  std::vector<Line> lines_;  // by begin
  std::size_t last_ = 0;
};

// ------------------------------------------------------------------------------------------------

inline Lines::Lines(const Syntax& syntax) : syntax_(syntax) {
  for (std::size_t source = 0; source < syntax.sources.size(); ++source) {
    const std::string_view text = syntax.sources[source].text;
    std::size_t begin = 0;
    for (std::uint32_t number = 1;; ++number) {
      lines_.push_back({syntax.sources[source].begin + static_cast<Place>(begin), number, source});
      const std::size_t end = text.find('\n', begin);
      if (end == std::string_view::npos) break;
      begin = end + 1;
    }
  }
}

inline Lines::At Lines::at(Place place) {
  const auto holds = [&](std::size_t line) {
    return line < lines_.size() && lines_[line].begin <= place &&
           (line + 1 == lines_.size() || place < lines_[line + 1].begin);
  };
  if (!holds(last_) && !holds(++last_)) {
    const auto behind =
        std::upper_bound(lines_.begin(), lines_.end(), place,
                         [](Place at, const Line& line) { return at < line.begin; });
    last_ = static_cast<std::size_t>(behind - lines_.begin()) - 1;
  }
  const Line& line = lines_[last_];
  const Source& source = syntax_.sources[line.source];
  const std::string_view before =
      std::string_view(source.text).substr(line.begin - source.begin, place - line.begin);
  const auto is_start = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; };
  return {line.source, line.number,
          1 + static_cast<std::uint32_t>(std::count_if(before.begin(), before.end(), is_start))};
}

}  // namespace dsched::imgql
