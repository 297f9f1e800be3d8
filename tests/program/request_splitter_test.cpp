// SPDX-License-Identifier: Apache-2.0
#include "program/request_splitter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace dsched::program {
namespace {

// "NUMBER@LINE:TEXT", "NUMBER@LINE!FAULT".
std::vector<std::string> pieces_of(const std::string& input, std::size_t size,
                                   std::size_t longest = 1000) {
  RequestSplitter splitter(longest);
  std::vector<std::string> pieces;
  const auto take = [&] {
    while (const auto piece = splitter.next()) {
      pieces.push_back(std::to_string(piece->number) + '@' + std::to_string(piece->line) +
                       (piece->fault.empty() ? ':' + std::string(piece->text)
                                             : '!' + piece->fault.substr(0, 14)));
    }
  };
  for (std::size_t at = 0; at < input.size(); at += size) {
    splitter.feed(std::string_view(input).substr(at, size));
    take();
  }
  splitter.finish();
  take();
  take();
  return pieces;
}

using Pieces = std::vector<std::string>;

void check_all_sizes(const std::string& input, const Pieces& expected, std::size_t longest = 1000) {
  for (std::size_t size = 1; size <= input.size() + 1; ++size) {
    CAPTURE(size);
    CHECK(pieces_of(input, size, longest) == expected);
  }
}

}  // namespace

TEST_CASE("program: requests on lines are the same however the bytes come") {
  check_all_sizes("\xEF\xBB\xBF{\"a\":1}\n\n  \r\n{b}\r\n x",
                  {"1@1:{\"a\":1}", "4@4:{b}", "5@5:x"});
  check_all_sizes(" \n\n", {});
}

TEST_CASE("program: the elements of an array are requests however the bytes come") {
  check_all_sizes("\n [ {\"a\":\"],[\\\"\"} ,\n\n[1,[2]],\"x,\" ]\n",
                  {"1@2:{\"a\":\"],[\\\"\"}", "2@4:[1,[2]]", "3@4:\"x,\""});
  check_all_sizes("[]", {});
  check_all_sizes(" [ \n] ", {});
}

TEST_CASE("program: what cannot be cut out of an array is told once, at the end") {
  check_all_sizes("[1,2", {"1@1:1", "2@1:2", "3@1!the array has "});
  check_all_sizes("[{\"a\":[1", {"1@1!the array has "});
  check_all_sizes("[1]\n2 3", {"1@1:1", "2@2!unexpected tex"});
  check_all_sizes("[,1]", {"1@1!expected a val", "2@1:1"});
  check_all_sizes("[1,]", {"1@1:1", "2@1!expected a val"});
}

TEST_CASE("program: a request that is too long is told of once, and what follows is read") {
  check_all_sizes("{12345678}\n{1}\n", {"1@1!is longer than", "2@2:{1}"}, 5);
  check_all_sizes("[\"123456789\",1]", {"1@1!is longer than", "2@1:1"}, 5);
}

}  // namespace dsched::program
