// SPDX-License-Identifier: Apache-2.0
#pragma once
// The gates of a running execution: asks people for consent and hears what they answer.
//
// What is asked is on record, synced, before anybody is told of it (journal/approvals.h). Answers
// are looked for when the runner's bell rings and now and then; consent counts only for the digest
// it was given for, so a node whose arguments or program changed is asked for anew. Does not decide
// what follows from an answer: that is the engine's.

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dag/dag.h"
#include "journal/approvals.h"
#include "journal/journal.h"
#include "store/store.h"

namespace dsched::session {

// How often answers are looked for though nobody rang; and where nobody can ring.
inline constexpr Nanoseconds k_gates_interval = std::chrono::seconds{1};
inline constexpr Nanoseconds k_gates_interval_without_bell = std::chrono::milliseconds{50};

struct GateAnswer {
  NodeIndex node;
  journal::GateState state = journal::GateState::approved;  // never waiting
  std::string by;
};

class Gates {
 public:
  Gates(const dag::Dag& dag, store::Store& store, const journal::ExecutionRecord& execution)
      : dag_(dag), store_(store), execution_(execution) {}

  // Of an execution that goes on: what was approved stays so; gates of nodes that the program does
  // not have any more are forgotten.
  void recall();
  // Whatever is asked is approved at once, in the name of `by`, and audited.
  void approve_as(std::string by) { approver_ = std::move(by); }
  // People said yes to exactly this.
  [[nodiscard]] bool has_consent(NodeIndex node, const Digest& digest) const;
  // Its secrets may be read: it has none, needs no consent, or has one.
  [[nodiscard]] bool may_read_secrets(NodeIndex node) const;

  struct Question {
    Digest digest;
    std::string command;
    std::string arguments;  // JSON array
  };
  // To be written by the next write().
  void ask(NodeIndex node, Question question);
  // Puts what was asked on record. Gives the nodes that wait now and did not before, and adds to
  // `answers` what was answered already.
  [[nodiscard]] std::vector<NodeIndex> write(WallTime now, std::vector<GateAnswer>& answers);
  // Adds what was answered since, and what nobody answered in time.
  void look(WallTime now, std::vector<GateAnswer>& answers);

  [[nodiscard]] bool is_any_open() const { return !asked_.empty() || !open_.empty(); }
  // When the window of a gate that waits closes; empty: never.
  [[nodiscard]] std::optional<WallTime> expiry_of(NodeIndex node) const;
  // When the next window closes; empty: none will.
  [[nodiscard]] std::optional<WallTime> next_expiry() const;
  // It waits for nobody any more: it was cancelled, or what it needs is made again.
  void forget(NodeIndex node);

 private:
  void approve(journal::Gate& gate, WallTime now);
  void hear(NodeIndex node, const journal::Gate& gate, std::vector<GateAnswer>& answers);

  const dag::Dag& dag_;
  store::Store& store_;
  const journal::ExecutionRecord& execution_;
  std::optional<std::string> approver_;
  std::unordered_map<NodeIndex, Digest> consents_;
  std::vector<std::pair<NodeIndex, Question>> asked_;
  std::unordered_map<NodeIndex, std::optional<WallTime>> open_;  // on record; when they expire
};

}  // namespace dsched::session
