// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a situation report says of each open execution: why it stands still, what is worth watching,
// and which command would help.

#include <map>
#include <string>
#include <vector>

#include "journal/approvals.h"
#include "report/sitrep.h"

namespace dsched::report {

using Gates = std::map<std::uint64_t, std::vector<journal::Gate>>;  // by number of the execution

class Advice {
 public:
  struct Scene {
    const SitrepQuery& query;
    WallTime now;
    const Gates& gates;
  };
  Advice(const Scene& scene, wire::SitrepAnswer& answer) : scene_(scene), answer_(answer) {}

  struct Subject {
    const Sighting& sighting;
    const RecordedProgram& program;
    const Inspection& inspection;
    const std::optional<journal::LiveState>& live;
  };
  void advise(const Subject& subject);
  // Of a batch, whose requests are nowhere but in its runner.
  void advise_batch(const Sighting& sighting, const std::optional<journal::LiveState>& news);
  // One that runs since then; executions of the same DAG took `longest` at most.
  void watch_execution(const Sighting& sighting, WallTime since, Nanoseconds longest);
  // Nodes that run for much longer than they did, or are near their time limit.
  void watch_running(const Sighting& sighting, const RecordedProgram& program,
                     const journal::LiveState& live, sys::Database& database);
  // What concerns the store as a whole; then health, and the worst first.
  void finish(bool is_damaged);

 private:
  void advise_living(const Sighting& sighting, const std::optional<journal::LiveState>& news,
                     const std::vector<const journal::Gate*>& waiting);
  void advise_interrupted(const Subject& subject);
  void advise_waiting(const Subject& subject, const std::vector<const journal::Gate*>& waiting);
  void advise_failed(const Subject& subject);
  [[nodiscard]] std::vector<const journal::Gate*> waiting_gates(ExecutionNumber number) const;
  [[nodiscard]] bool may_answer(const journal::Gate& gate) const;
  // `resume`: what must follow the answers; empty: somebody waits for them.
  void suggest_approval(const std::vector<const journal::Gate*>& waiting,
                        const std::string& resume);
  // Once `answered` of the questions that it asks are.
  [[nodiscard]] std::string resume_command(const Subject& subject, std::size_t answered) const;
  void watch_gate(const journal::Gate& gate);
  void stand_still(const Sighting& sighting, std::string_view reason, std::string explanation);
  void act(int urgency, std::string command, std::string reason);
  void look_at_disk();
  [[nodiscard]] std::string command(const std::string& words) const;

  Scene scene_;
  wire::SitrepAnswer& answer_;
  bool is_critical_ = false;
  bool is_degraded_ = false;
};

}  // namespace dsched::report
