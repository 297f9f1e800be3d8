// SPDX-License-Identifier: Apache-2.0
#include "base/line_splitter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace dsched {
namespace {

// "1:text", or "1!" for one that is too long.
std::vector<std::string> lines_of(const std::string& input, std::size_t piece,
                                  std::size_t longest) {
  LineSplitter splitter('\n', longest);
  std::vector<std::string> lines;
  const auto take = [&] {
    while (const auto line = splitter.next()) {
      lines.push_back(std::to_string(line->number) +
                      (line->is_too_long ? std::string("!") : ":" + std::string(line->text)));
    }
  };
  for (std::size_t at = 0; at < input.size(); at += piece) {
    splitter.feed(std::string_view(input).substr(at, piece));
    take();
  }
  splitter.finish();
  take();
  take();
  return lines;
}

}  // namespace

TEST_CASE("base: a line splitter gives the same lines however the bytes come") {
  const std::string input = "one\n\nthree\nlast";
  const std::vector<std::string> expected{"1:one", "2:", "3:three", "4:last"};
  for (std::size_t piece = 1; piece <= input.size(); ++piece) {
    CHECK(lines_of(input, piece, 100) == expected);
  }
  CHECK(lines_of("a\n", 1, 100) == std::vector<std::string>{"1:a"});
  CHECK(lines_of("", 1, 100).empty());
}

TEST_CASE("base: a line splitter tells once of a line that is too long, and goes on behind it") {
  const std::string input = "ab\nabcdefgh\ncd\nabcdefgh";
  const std::vector<std::string> expected{"1:ab", "2!", "3:cd", "4!"};
  for (std::size_t piece = 1; piece <= input.size(); ++piece) {
    CHECK(lines_of(input, piece, 4) == expected);
  }
}

TEST_CASE("base: a line splitter keeps no more than a line that may be") {
  LineSplitter splitter('\n', 1000);
  for (int i = 0; i < 100; ++i) {
    splitter.feed(std::string(500, 'x'));
    while (splitter.next()) {
    }
    CHECK(splitter.held() <= 1500);
  }
}

}  // namespace dsched
