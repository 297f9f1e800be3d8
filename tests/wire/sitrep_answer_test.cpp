// SPDX-License-Identifier: Apache-2.0
#include "wire/sitrep_answer.h"

#include <doctest/doctest.h>

namespace dsched::wire {
namespace {

TEST_CASE("wire: the level of defence follows from the share of goals that are reached") {
  const std::pair<double, std::string_view> table[] = {
      {1.0, "PREVENTION"},     {0.95, "PREVENTION"},       {0.9499, "CONTROL"},
      {0.90, "CONTROL"},       {0.8999, "SAFETY_SYSTEMS"}, {0.80, "SAFETY_SYSTEMS"},
      {0.7999, "CONTAINMENT"}, {0.70, "CONTAINMENT"},      {0.6999, "EMERGENCY"},
      {0.0, "EMERGENCY"}};
  for (const auto& [coverage, level] : table) {
    CAPTURE(coverage);
    CHECK(defense_level(coverage) == level);
  }
  SitrepAnswer answer;
  CHECK(answer.coverage() == 1.0);  // no goal is missing
  answer.goals = 20;
  answer.goals_covered = 19;
  CHECK(defense_level(answer.coverage()) == "PREVENTION");
  answer.goals_covered = 18;
  CHECK(defense_level(answer.coverage()) == "CONTROL");
}

TEST_CASE("wire: rates are 1 when nothing has finished, and a crisis is both critical and low") {
  SitrepAnswer answer;
  CHECK(answer.success_rate() == 1.0);
  answer.counts = {.total = 8, .completed = 3, .failed = 1};
  CHECK(answer.success_rate() == 0.75);
  CHECK(answer.completion_rate() == 0.375);
  answer.health = Health::critical;
  CHECK(!answer.is_crisis());
  answer.goals = 10;
  answer.goals_covered = 6;
  CHECK(answer.is_crisis());
  answer.health = Health::degraded;
  CHECK(!answer.is_crisis());
}

TEST_CASE("wire: an error is cut after 200 characters, none of them in two") {
  SitrepAnswer answer;
  RecentTask task;
  task.status = "failed";
  for (int i = 0; i < 201; ++i) task.error += "\xc3\xa4";
  answer.recent = {task};
  const std::string text = to_json(answer, JsonWriter::Layout::compact);
  std::string shown;
  for (int i = 0; i < 200; ++i) shown += "\xc3\xa4";
  CHECK(text.find(R"("error_message":")" + shown + "\"}") != text.npos);
}

}  // namespace
}  // namespace dsched::wire
