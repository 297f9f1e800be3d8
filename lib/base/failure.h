// SPDX-License-Identifier: Apache-2.0
#pragma once
// Why an attempt gave no result: the closed list that retries, recovery and people steer by.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsched {

// stored: never renumber
enum class FailureClass : std::uint8_t {
  none = 0,
  exit = 1,            // the command ended with a code other than 0
  signal = 2,          // the command was ended by a signal
  timeout = 3,         // its time was over
  lost = 4,            // the runner vanished
  not_found = 5,       // the executable, or a declared input, does not exist
  output_missing = 6,  // a declared output was not made
  damaged = 7,         // stored data that it needs is damaged and cannot be made again
  refused = 8,         // it asked for something that is not allowed
  denied = 9,          // consent was refused
  expired = 10,        // nobody answered in time
};

// "exit", "not_found", …; empty for none.
[[nodiscard]] std::string_view name_of(FailureClass failure);

// "exit 3", "signal 9 (KILL)": how a process ended; empty when neither is known.
[[nodiscard]] std::string end_text(std::optional<int> exit_code, std::optional<int> signal);

}  // namespace dsched
