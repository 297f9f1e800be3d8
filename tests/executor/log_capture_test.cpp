// SPDX-License-Identifier: Apache-2.0
#include "executor/log_capture.h"

#include <doctest/doctest.h>

#include <string>

namespace dsched::executor {

TEST_CASE("executor: a log within its limit is kept as it is") {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{20}}) {
    LogCapture log(10);
    const std::string text = "0123456789abcdefghij";
    for (std::size_t at = 0; at < text.size(); at += piece) log.append(text.substr(at, piece));
    CHECK(log.take() == text);
    CHECK(log.empty());
  }
}

TEST_CASE("executor: a log beyond its limit says how many bytes were cut") {
  for (std::size_t piece = 1; piece <= 26; ++piece) {
    LogCapture log(5);
    const std::string text = "abcdefghijklmnopqrstuvwxyz";
    for (std::size_t at = 0; at < text.size(); at += piece) log.append(text.substr(at, piece));
    CHECK(log.take() == "abcde\n[dsched: 16 bytes of this log were left out]\nvwxyz");
  }
}

TEST_CASE("executor: a log can be filled again after it was taken") {
  LogCapture log(2);
  log.append("abcdefgh");
  static_cast<void>(log.take());
  log.append("xy");
  CHECK(log.take() == "xy");
}

}  // namespace dsched::executor
