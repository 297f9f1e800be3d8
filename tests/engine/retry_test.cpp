// SPDX-License-Identifier: Apache-2.0
#include "engine/retry.h"

#include <doctest/doctest.h>

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

TEST_CASE("engine: the delay doubles with every retry, up to a minute") {
  struct Row {
    Nanoseconds backoff;
    std::uint32_t retry;
    Nanoseconds delay;
  };
  const Row rows[] = {
      {1s, 1, 1s},   {1s, 2, 2s},
      {1s, 3, 4s},   {1s, 6, 32s},
      {1s, 7, 60s},  {1s, 4'000'000'000, 60s},
      {0s, 9, 0s},   {250ms, 3, 1s},
      {90s, 1, 60s}, {Nanoseconds::max(), 5, 60s},
  };
  for (const Row& row : rows) CHECK(retry_delay(row.backoff, row.retry, 0) == row.delay);
}

TEST_CASE("engine: jitter adds up to a quarter of the delay and never more") {
  CHECK(retry_delay(4s, 1, 0) == 4s);
  CHECK(retry_delay(4s, 1, 0.5) == 4500ms);
  CHECK(retry_delay(4s, 1, 1) == 5s);
  CHECK(retry_delay(60s, 8, 1) == 75s);
  CHECK(retry_delay(4s, 1, 17) == 5s);
  CHECK(retry_delay(4s, 1, -3) == 4s);
}

TEST_CASE("engine: only failures that may be different the next time are retried") {
  for (const FailureClass failure :
       {FailureClass::exit, FailureClass::signal, FailureClass::timeout, FailureClass::lost,
        FailureClass::output_missing}) {
    CHECK(is_retryable(failure));
  }
  for (const FailureClass failure :
       {FailureClass::none, FailureClass::not_found, FailureClass::damaged, FailureClass::refused,
        FailureClass::denied, FailureClass::expired}) {
    CHECK_FALSE(is_retryable(failure));
  }
}

}  // namespace
}  // namespace dsched::engine
