// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which failed nodes fix-it runs again, and how: the rules of its three modes, and nothing else.
//
// A failure is deterministic when two attempts ended with the same class, code and log. Of an
// attempt that was lost, or of consent that nobody gave in time, nothing is known of the node, so
// these are never deterministic.
//
//   conservative  lost, timeout, signal, exit 75; not when deterministic; usual back-off
//   balanced      everything but not_found, refused, denied and deterministic ones; usual back-off;
//                 the time limit is doubled once for timeouts
//   greedy        everything but denied, cancelled nodes too; no back-off; the time limit is
//   doubled
//                 for each timeout
//
// A node that is not idempotent is skipped in every mode unless it was named.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/failure.h"
#include "base/ids.h"

namespace dsched::engine {

enum class FixMode : std::uint8_t { conservative, balanced, greedy };
[[nodiscard]] std::string_view name_of(FixMode mode);
[[nodiscard]] std::optional<FixMode> fix_mode_from(std::string_view name);

// How one attempt ended.
struct AttemptFailure {
  FailureClass failure = FailureClass::none;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::optional<Digest> log;
  bool operator==(const AttemptFailure&) const = default;
};

// The last one ended as an earlier one had.
[[nodiscard]] bool is_deterministic(std::span<const AttemptFailure> failures);

struct FixSubject {
  std::vector<AttemptFailure> failures;  // oldest first; empty: it was cancelled before it ran
  bool is_cancelled = false;             // by somebody
  bool is_idempotent = true;
  bool is_named = false;
};
struct FixVerdict {
  bool retries = false;
  std::string reason;  // "timeout", "deterministic: exit 3 twice, with the same log", …
};
// Whether fix-it begins with the node.
[[nodiscard]] FixVerdict fix_verdict(FixMode mode, const FixSubject& subject);

// "exit 3", "signal 9", "timeout".
[[nodiscard]] std::string text_of(const AttemptFailure& failure);

// After an attempt of fix-it has failed: what follows.
struct FixProgress {
  std::vector<AttemptFailure> failures;  // those of earlier runs included
  std::uint32_t made = 0;                // attempts of this fix-it
  std::uint32_t made_max = 3;
  std::optional<Nanoseconds> timeout;          // of the last attempt
  std::optional<Nanoseconds> program_timeout;  // what the program says
};
struct FixStep {
  bool again = false;
  bool at_once = false;                // without back-off
  std::optional<Nanoseconds> timeout;  // of the next attempt
};
[[nodiscard]] FixStep next_step(FixMode mode, const FixProgress& progress);
// The time limit of the first attempt of fix-it.
[[nodiscard]] std::optional<Nanoseconds> first_timeout(FixMode mode, const FixSubject& subject,
                                                       std::optional<Nanoseconds> program_timeout);

}  // namespace dsched::engine
