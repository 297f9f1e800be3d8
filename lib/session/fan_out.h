// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the nodes of an expansion are to this run: which of them are wanted, which are evaluated in
// this process, and what an earlier runner has done to them.
//
// The session's part of map nodes (dag/maps.h, engine/execution.h) is this: a list that is there is
// cut into elements, the Dag is expanded, the expansion is put on record, and the engine hears of
// it. A resumed execution has its expansions in the Dag from the start, because the journal names
// their nodes, but the engine hears of each only when its list is there: then it is either the same
// list, and all that was done counts, or another one, and the map is expanded anew.
//
// Nodes within an expansion can be asked for by --target and --result. They exist only when the
// maps around them are expanded; a map that is wanted for the sake of such a node alone is expanded
// and not evaluated.

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dag/dag.h"
#include "engine/execution.h"
#include "journal/expansions.h"
#include "session/elements.h"
#include "session/resume.h"
#include "session/values.h"

namespace dsched::session {

// A node by an id that the program itself does not have.
struct InnerTarget {
  std::string id;
  bool is_goal = true;  // its result belongs to the answer
};

// What the result of a node is among the results of a map: JSON are the result of a map and a const
// that is no string.
[[nodiscard]] ResultArray::Kind result_kind(const dag::Node& node);

class FanOut {
 public:
  FanOut(const dag::Dag& dag, const Values& values, std::vector<InnerTarget> targets,
         std::unordered_set<NodeIndex> partly_wanted)
      : dag_(dag),
        values_(values),
        targets_(std::move(targets)),
        partly_wanted_(std::move(partly_wanted)) {}

  // ---- what an earlier runner did
  void recall_lists(journal::ExpandedLists&& lists) { lists_ = std::move(lists); }
  void recall(Recalled&& recalled) {
    recalled_.insert_or_assign(recalled.node, std::move(recalled));
  }
  // Of a node of an expansion; to be asked once.
  [[nodiscard]] std::optional<Recalled> take_recalled(NodeIndex node);
  // Whether the current expansion of `map` was made of this list.
  [[nodiscard]] bool is_of(NodeIndex map, const store::Content& list) const;
  void note_list(NodeIndex map, const store::Content& list) { lists_.insert_or_assign(map, list); }
  // The node is replaced by another one of its id, which may use this result if its key is the
  // same.
  void hand_down(std::string_view id, journal::Outcome&& completed);
  [[nodiscard]] std::optional<journal::Outcome> take_handed_down(NodeIndex node);

  // ---- after the Dag was expanded
  // One for each index of the expansion.
  [[nodiscard]] std::vector<engine::NodePlan> plan(const dag::Expansion& expansion);
  [[nodiscard]] engine::Expanded::Wanted wanted(NodeIndex map) const;
  // Goals within this expansion.
  [[nodiscard]] std::vector<NodeIndex> goals(const dag::Expansion& expansion) const;
  // A target that should be in this expansion and is not.
  [[nodiscard]] std::optional<std::string> missing(const dag::Expansion& expansion) const;

 private:
  const dag::Dag& dag_;
  const Values& values_;
  std::vector<InnerTarget> targets_;
  std::unordered_set<NodeIndex> partly_wanted_;  // maps
  journal::ExpandedLists lists_;
  std::unordered_map<NodeIndex, Recalled> recalled_;
  std::unordered_map<std::string, journal::Outcome> handed_down_;  // by node id
};

}  // namespace dsched::session
