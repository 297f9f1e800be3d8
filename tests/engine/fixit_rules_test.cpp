// SPDX-License-Identifier: Apache-2.0
#include "engine/fixit_rules.h"

#include <doctest/doctest.h>

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

AttemptFailure exits(int code, std::string_view log = {}) {
  AttemptFailure failure{FailureClass::exit, code, {}, {}};
  if (!log.empty()) failure.log = sha256(log);
  return failure;
}
AttemptFailure of(FailureClass failure) {
  return {failure, {}, {}, {}};
}
AttemptFailure killed(int signal) {
  return {FailureClass::signal, {}, signal, {}};
}

bool begins(FixMode mode, std::vector<AttemptFailure> failures) {
  FixSubject subject;
  subject.failures = std::move(failures);
  return fix_verdict(mode, subject).retries;
}

TEST_CASE("engine: which failures each mode of fix-it retries") {
  struct Row {
    const char* what;
    std::vector<AttemptFailure> failures;
    bool conservative;
    bool balanced;
    bool greedy;
  };
  const Row rows[] = {
      {"exit", {exits(3)}, false, true, true},
      {"exit 75", {exits(75)}, true, true, true},
      {"signal", {killed(11)}, true, true, true},
      {"SIGKILL", {killed(9)}, true, true, true},
      {"timeout", {of(FailureClass::timeout)}, true, true, true},
      {"lost", {of(FailureClass::lost)}, true, true, true},
      {"not_found", {of(FailureClass::not_found)}, false, false, true},
      {"output_missing", {of(FailureClass::output_missing)}, false, true, true},
      {"damaged", {of(FailureClass::damaged)}, false, true, true},
      {"refused", {of(FailureClass::refused)}, false, false, true},
      {"denied", {of(FailureClass::denied)}, false, false, false},
      {"expired", {of(FailureClass::expired)}, false, true, true},
      {"deterministic exit", {exits(3), exits(3)}, false, false, true},
      {"deterministic exit 75", {exits(75), exits(75)}, false, false, true},
      {"deterministic signal", {killed(9), killed(9)}, false, false, true},
      {"another code", {exits(3), exits(4)}, false, true, true},
      {"another log", {exits(3, "a"), exits(3, "b")}, false, true, true},
      {"the same log", {exits(3, "a"), exits(3, "a")}, false, false, true},
      {"not in a row", {exits(3), exits(4), exits(3)}, false, false, true},
      {"lost twice", {of(FailureClass::lost), of(FailureClass::lost)}, true, true, true},
      {"lost after exits", {exits(3), exits(3), of(FailureClass::lost)}, true, true, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(begins(FixMode::conservative, row.failures) == row.conservative);
    CHECK(begins(FixMode::balanced, row.failures) == row.balanced);
    CHECK(begins(FixMode::greedy, row.failures) == row.greedy);
  }
}

TEST_CASE("engine: what was cancelled only greedy runs again") {
  FixSubject subject;
  subject.is_cancelled = true;
  CHECK(!fix_verdict(FixMode::conservative, subject).retries);
  CHECK(!fix_verdict(FixMode::balanced, subject).retries);
  CHECK(fix_verdict(FixMode::greedy, subject).retries);
}

TEST_CASE("engine: a node that is not idempotent runs again only when it is named") {
  for (const FixMode mode : {FixMode::conservative, FixMode::balanced, FixMode::greedy}) {
    FixSubject subject;
    subject.failures = {of(FailureClass::lost)};
    subject.is_idempotent = false;
    CHECK(!fix_verdict(mode, subject).retries);
    subject.is_named = true;
    CHECK(fix_verdict(mode, subject).retries);
  }
}

FixStep step(FixMode mode, std::vector<AttemptFailure> failures, std::uint32_t made,
             std::optional<Nanoseconds> timeout = {}, std::optional<Nanoseconds> program = {}) {
  FixProgress progress;
  progress.failures = std::move(failures);
  progress.made = made;
  progress.timeout = timeout;
  progress.program_timeout = program;
  return next_step(mode, progress);
}

TEST_CASE("engine: fix-it tries as often as it may, and stops at what is deterministic") {
  CHECK(step(FixMode::balanced, {exits(1, "a"), exits(1, "b")}, 1).again);
  CHECK(step(FixMode::balanced, {exits(1, "a"), exits(1, "b"), exits(1, "c")}, 2).again);
  CHECK(!step(FixMode::balanced, {exits(1, "a"), exits(1, "b"), exits(1, "c")}, 3).again);
  CHECK(!step(FixMode::balanced, {exits(1), exits(1)}, 1).again);
  CHECK(step(FixMode::greedy, {exits(1), exits(1)}, 1).again);
  CHECK(!step(FixMode::greedy, {exits(1), exits(1)}, 3).again);
  // What fails otherwise than before is judged by how it fails now.
  CHECK(!step(FixMode::conservative, {killed(9), exits(1)}, 1).again);
  CHECK(!step(FixMode::greedy, {exits(1), of(FailureClass::denied)}, 1).again);
}

TEST_CASE("engine: only greedy does without back-off") {
  CHECK(!step(FixMode::balanced, {exits(1)}, 1).at_once);
  CHECK(!step(FixMode::conservative, {killed(9)}, 1).at_once);
  CHECK(step(FixMode::greedy, {exits(1)}, 1).at_once);
}

TEST_CASE("engine: time limits are doubled once in balanced mode, each time in greedy mode") {
  FixSubject subject;
  subject.failures = {of(FailureClass::timeout)};
  CHECK(first_timeout(FixMode::conservative, subject, 2s) == 2s);
  CHECK(first_timeout(FixMode::balanced, subject, 2s) == 4s);
  CHECK(first_timeout(FixMode::greedy, subject, 2s) == 4s);
  CHECK(!first_timeout(FixMode::greedy, subject, std::nullopt));
  subject.failures = {exits(1)};
  CHECK(first_timeout(FixMode::balanced, subject, 2s) == 2s);
  const std::vector<AttemptFailure> timeouts{of(FailureClass::timeout)};
  CHECK(step(FixMode::balanced, timeouts, 1, 2s, 2s).timeout == 4s);
  CHECK(step(FixMode::balanced, timeouts, 1, 4s, 2s).timeout == 4s);
  CHECK(step(FixMode::greedy, timeouts, 1, 4s, 2s).timeout == 8s);
  CHECK(step(FixMode::conservative, timeouts, 1, 2s, 2s).timeout == 2s);
}

}  // namespace
}  // namespace dsched::engine
