// SPDX-License-Identifier: Apache-2.0
#include "engine/consent.h"

#include "bench.h"

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;
using test::Bench;
using test::Ids;

Options waiting_options() {
  Options options;
  options.waits_for_consent = true;
  return options;
}

dag::Settings gated() {
  dag::Settings settings;
  settings.approval.emplace();
  return settings;
}

TEST_CASE("engine: an execution waits for consent, and goes on when it is given") {
  Bench bench;
  bench.node("gated", {}, gated()).node("behind", {"gated"});
  bench.prepare(waiting_options());
  bench.begin();
  CHECK(!bench.ended());
  CHECK(bench.execution().waits_for_people());
  CHECK(bench.granted().empty());
  bench.answers["gated"] = MustRun{bench.find("gated")};
  bench.apply(Approved{bench.find("gated")});
  CHECK(bench.granted() == Ids{"gated"});
  CHECK(!bench.execution().waits_for_people());
  bench.run("gated");
  bench.run("behind");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: a node that is refused fails, and what needs it is cancelled") {
  for (const FailureClass failure : {FailureClass::denied, FailureClass::expired}) {
    Bench bench;
    bench.node("gated", {}, gated()).node("behind", {"gated"});
    bench.prepare(waiting_options());
    bench.begin();
    (void)bench.settled();
    bench.apply(CannotRun{bench.find("gated"), failure});
    const auto settled = bench.settled();
    REQUIRE(settled.size() == 2);
    CHECK(settled[0].state == NodeState::failed);
    CHECK(settled[0].failure == failure);
    CHECK(settled[1].reason == Reason::dependency_failed);
    CHECK(bench.ended() == ExecutionStatus::failed);
  }
}

TEST_CASE("engine: what is held for consent does not keep others from running") {
  Bench bench;
  bench.node("gated", {}, gated()).node("free");
  bench.prepare(waiting_options());
  bench.begin();
  CHECK(bench.granted() == Ids{"free"});
  CHECK(!bench.execution().waits_for_people());
  bench.run("free");
  CHECK(bench.execution().waits_for_people());
}

TEST_CASE("engine: an execution that was cancelled or failed waits for no consent") {
  Bench bench;
  bench.node("gated", {}, gated()).node("free");
  bench.prepare(waiting_options());
  bench.begin();
  SUBCASE("cancelled") {
    bench.run("free");
    bench.apply(Cancel{});
    CHECK(bench.ended() == ExecutionStatus::cancelled);
  }
  SUBCASE("failed") {
    bench.run("free", FailureClass::exit);
    CHECK(bench.ended() == ExecutionStatus::failed);
  }
  SUBCASE("interrupted") {
    bench.run("free");
    bench.apply(Stop{StopRequest::interrupt});
    CHECK(bench.ended() == ExecutionStatus::interrupted);
  }
}

TEST_CASE("engine: consent that comes after a cancellation changes nothing") {
  Bench bench;
  bench.node("gated", {}, gated()).node("free");
  bench.prepare(waiting_options());
  bench.begin();
  bench.apply(CancelNode{bench.find("gated")});
  bench.apply(Approved{bench.find("gated")});
  CHECK(bench.execution().phase(bench.find("gated")) == Phase::cancelled);
}

TEST_CASE("engine: with consent a node that needs a decision still waits for that") {
  Bench bench;
  dag::Settings settings = gated();
  settings.idempotent = false;
  bench.node("gated", {}, settings);
  bench.prepare(waiting_options());
  bench.execution().recall_needs_decision(bench.find("gated"));
  bench.begin();
  (void)bench.settled();
  bench.answers["gated"] = MustRun{bench.find("gated")};
  bench.apply(Approved{bench.find("gated")});
  const auto settled = bench.settled();
  REQUIRE(settled.size() == 1);
  CHECK(settled[0].reason == Reason::needs_decision);
  CHECK(bench.ended() == ExecutionStatus::waiting);
}

TEST_CASE("engine: consent is bound to what would run and to nothing else") {
  const auto digest_with = [](const dag::Settings& settings, std::string_view argument) {
    Bench bench;
    bench.node("a").node("b", {}, settings, {"a"});
    bench.prepare();
    const Digest digests[] = {sha256(argument)};
    return consent_digest(bench.dag(), bench.find("b"), digests);
  };
  const Digest plain = digest_with(gated(), "x");
  CHECK(plain == digest_with(gated(), "x"));
  CHECK(plain != digest_with(gated(), "y"));
  dag::Settings other = gated();
  other.priority = {9};
  other.timeout = 3s;
  CHECK(plain == digest_with(other, "x"));
  other = gated();
  other.environment = {{"MODE", "hard"}};
  CHECK(plain != digest_with(other, "x"));
  other = gated();
  other.secret_environment = {"PASSWORD"};
  CHECK(plain != digest_with(other, "x"));
  other = gated();
  other.outputs = {"out"};
  CHECK(plain != digest_with(other, "x"));
  other = gated();
  other.approval->approvers = {"ann"};
  CHECK(plain != digest_with(other, "x"));
}

TEST_CASE("engine: a map that needs consent is held before it has elements") {
  enum class End { approved, denied, cancelled };
  for (const End end : {End::approved, End::denied, End::cancelled}) {
    Bench bench;
    bench.elements["m"] = 2;
    bench.node("list").map("m", "list").node("user", {"m"});
    bench.prepare(waiting_options());
    const NodeIndex map = bench.find("m");
    bench.answers.emplace("m", MustRun{map, true});
    bench.begin();
    bench.run("list");
    CHECK(bench.phase("m") == Phase::held);
    CHECK(bench.execution().waits_for_people());
    CHECK(bench.execution().counts().total == 3);
    bench.answers.clear();
    (void)bench.settled();
    (void)bench.granted();
    switch (end) {
      case End::approved:
        bench.apply(Approved{map});
        CHECK(bench.granted() == Ids{"m.0", "m.1"});
        bench.run("m.0");
        bench.run("m.1");
        bench.run("user");
        CHECK(bench.ended() == ExecutionStatus::completed);
        break;
      case End::denied:
        bench.apply(CannotRun{map, FailureClass::denied});
        CHECK(bench.phase("user") == Phase::cancelled);
        CHECK(bench.ended() == ExecutionStatus::failed);
        break;
      case End::cancelled:
        bench.apply(CancelNode{map});
        CHECK(bench.phase("m") == Phase::cancelled);
        CHECK(bench.ended() == ExecutionStatus::cancelled);
        break;
    }
  }
}

}  // namespace
}  // namespace dsched::engine
