// SPDX-License-Identifier: Apache-2.0
#include "engine/fixit_rules.h"

#include <algorithm>

namespace dsched::engine {
namespace {

constexpr int k_temporary_failure = 75;  // EX_TEMPFAIL, sysexits.h
constexpr Nanoseconds k_timeout_max = std::chrono::hours{24 * 365};

// The attempt says nothing of the node.
bool is_silent(FailureClass failure) {
  return failure == FailureClass::lost || failure == FailureClass::expired;
}

bool is_retried(FixMode mode, const AttemptFailure& last) {
  switch (mode) {
    case FixMode::conservative:
      return last.failure == FailureClass::lost || last.failure == FailureClass::timeout ||
             last.failure == FailureClass::signal ||
             (last.failure == FailureClass::exit && last.exit_code == k_temporary_failure);
    case FixMode::balanced:
      return last.failure != FailureClass::not_found && last.failure != FailureClass::refused &&
             last.failure != FailureClass::denied;
    case FixMode::greedy:
      return last.failure != FailureClass::denied;
  }
  return false;
}

bool stops_at_deterministic(FixMode mode) {
  return mode != FixMode::greedy;
}

Nanoseconds doubled(Nanoseconds timeout) {
  return std::min(2 * std::min(timeout, k_timeout_max), k_timeout_max);
}

}  // namespace

std::string_view name_of(FixMode mode) {
  switch (mode) {
    case FixMode::conservative:
      return "conservative";
    case FixMode::balanced:
      return "balanced";
    case FixMode::greedy:
      return "greedy";
  }
  return "balanced";
}

std::optional<FixMode> fix_mode_from(std::string_view name) {
  for (const FixMode mode : {FixMode::conservative, FixMode::balanced, FixMode::greedy}) {
    if (name == name_of(mode)) return mode;
  }
  return std::nullopt;
}

bool is_deterministic(std::span<const AttemptFailure> failures) {
  if (failures.size() < 2 || is_silent(failures.back().failure)) return false;
  return std::find(failures.begin(), failures.end() - 1, failures.back()) != failures.end() - 1;
}

std::string text_of(const AttemptFailure& failure) {
  if (failure.failure == FailureClass::exit && failure.exit_code) {
    return "exit " + std::to_string(*failure.exit_code);
  }
  if (failure.failure == FailureClass::signal && failure.signal) {
    return "signal " + std::to_string(*failure.signal);
  }
  return std::string(name_of(failure.failure));
}

FixVerdict fix_verdict(FixMode mode, const FixSubject& subject) {
  if (!subject.is_idempotent && !subject.is_named) {
    return {false, "not idempotent: runs again only when it is named"};
  }
  const std::string of_mode = " is not retried in " + std::string(name_of(mode)) + " mode";
  if (subject.is_cancelled || subject.failures.empty()) {
    const bool retries = mode == FixMode::greedy;
    return {retries, retries ? "cancelled" : "cancelled:" + of_mode};
  }
  const AttemptFailure& last = subject.failures.back();
  if (!is_retried(mode, last)) return {false, text_of(last) + of_mode};
  if (stops_at_deterministic(mode) && is_deterministic(subject.failures)) {
    return {false, "deterministic: two attempts ended with " + text_of(last) + " and the same log"};
  }
  return {true, text_of(last)};
}

FixStep next_step(FixMode mode, const FixProgress& progress) {
  FixStep step;
  step.timeout = progress.timeout;
  const AttemptFailure& last = progress.failures.back();
  step.again = progress.made < progress.made_max && is_retried(mode, last) &&
               !(stops_at_deterministic(mode) && is_deterministic(progress.failures));
  step.at_once = mode == FixMode::greedy;
  if (last.failure != FailureClass::timeout || !progress.timeout) return step;
  const bool was_doubled = progress.program_timeout && progress.timeout != progress.program_timeout;
  if (mode == FixMode::greedy || (mode == FixMode::balanced && !was_doubled)) {
    step.timeout = doubled(*progress.timeout);
  }
  return step;
}

std::optional<Nanoseconds> first_timeout(FixMode mode, const FixSubject& subject,
                                         std::optional<Nanoseconds> program_timeout) {
  if (!program_timeout || mode == FixMode::conservative) return program_timeout;
  const bool timed_out =
      !subject.failures.empty() && subject.failures.back().failure == FailureClass::timeout;
  return timed_out ? doubled(*program_timeout) : program_timeout;
}

}  // namespace dsched::engine
