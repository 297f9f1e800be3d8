// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds out whether a node's result is known: its key, what the store has under it, and, when it
// must run, why.
//
// A result is reused only if its bytes are in the store and its outputs are in place or could be
// put back. Arguments must have their results (Values) before a node is examined.

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "dag/dag.h"
#include "executor/workspace.h"
#include "journal/outcome.h"
#include "session/environment.h"
#include "session/program_values.h"
#include "session/request.h"
#include "session/values.h"

namespace dsched::session {

// A node's key and what went into it, as things are now.
struct Keyed {
  bool cacheable = false;  // false: `key` tells runs apart but nothing is stored under it
  Digest key;              // without what a depfile finds
  std::string text;
  std::vector<executor::InputFile> inputs;
};

struct Reusable {
  store::Record record;
};
struct NotReusable {
  Keyed keyed;
  std::string explanation;  // only when asked for
};
using Verdict = std::variant<Reusable, NotReusable, executor::InputProblem>;

class Examiner {
 public:
  enum class Effects : std::uint8_t {
    allowed,  // outputs may be put back
    none,     // dry run: only looked at
  };
  // What it looks at; all must outlive it.
  struct Surroundings {
    const dag::Dag& dag;
    store::Store& store;
    executor::Workspace& workspace;
    const Environment& environment;
    Values& values;
    ProgramValues& program_values;
    const std::string& folder;  // the program's, absolute
  };
  Examiner(const Surroundings& surroundings, const RunOptions& options, Effects effects);

  // Executables of dsched-op-NAME operations, by NAME; found before the run.
  void set_operations(std::unordered_map<std::string, std::string> operations) {
    operations_ = std::move(operations);
  }
  // Completed by an earlier runner under another program: used where the key is still the same.
  void set_kept(std::unordered_map<NodeIndex, journal::Outcome> kept) { kept_ = std::move(kept); }
  void keep(NodeIndex node, journal::Outcome outcome) {
    kept_.insert_or_assign(node, std::move(outcome));
  }
  // What was kept for this node, which is none any more.
  [[nodiscard]] std::optional<journal::Outcome> take_kept(NodeIndex node) {
    auto found = kept_.extract(node);
    return found ? std::optional(std::move(found.mapped())) : std::nullopt;
  }
  // The result of this node was lost: the store is not asked again.
  void distrust(NodeIndex node) { distrusted_.insert(node); }

  // What examine() would have to read for long is read in the background.
  [[nodiscard]] executor::Workspace::Reading begin_reading(NodeIndex node);
  // A node has written files, a worker's executable perhaps.
  void files_changed() { worker_versions_.clear(); }
  [[nodiscard]] Verdict examine(NodeIndex node);
  // Only the key, freshly: just before an attempt starts.
  [[nodiscard]] std::variant<Keyed, executor::InputProblem> key_now(NodeIndex node);
  [[nodiscard]] const std::string& operation_path(NodeIndex node) const;
  // Of the node that was looked at last, one that lists a folder: its bytes.
  [[nodiscard]] const std::string& listing() const { return listing_; }

 private:
  // Fills `patterns_`: what the node reads of the program's files.
  void take_patterns(NodeIndex node);
  // ---- nodes of VoxLogica programs (examiner_values.cpp)
  [[nodiscard]] std::optional<executor::InputProblem> look_at_load(NodeIndex node, Keyed& keyed);
  [[nodiscard]] std::optional<executor::InputProblem> look_at_folder(NodeIndex node, Keyed& keyed);
  void look_at_command(NodeIndex node, Keyed& keyed);
  void follow(std::string_view pattern, std::vector<executor::InputFile>& inputs);
  void follow_value(const value::Value& value, std::vector<executor::InputFile>& inputs);
  // Fills `keyed`, whose memory it uses again; the problem, if there is one.
  [[nodiscard]] std::optional<executor::InputProblem> look(NodeIndex node, Keyed& keyed);
  [[nodiscard]] std::string version(NodeIndex node, bool& found);
  [[nodiscard]] std::string worker_version(NodeIndex node, bool& found);
  // Why the record cannot be used; empty when it can.
  [[nodiscard]] std::string why_not(const store::Record& record);
  [[nodiscard]] std::optional<Reusable> kept(NodeIndex node, const Keyed& keyed);
  [[nodiscard]] std::string why_inputs_differ(const store::Record& record);
  [[nodiscard]] std::string explain(NodeIndex node, const Keyed& keyed);

  Surroundings on_;
  const RunOptions& options_;
  Effects effects_;
  std::unordered_map<std::string, std::string> operations_;
  std::unordered_set<NodeIndex> distrusted_;
  std::unordered_map<NodeIndex, journal::Outcome> kept_;
  // Memory that is used again for each node: 100,000 of them cost more in allocations than in
  // hashing.
  Keyed now_;
  std::vector<std::string_view> patterns_;
  std::string read_path_;  // one of `patterns_` points to it
  std::string environment_;
  std::string listing_;
  std::vector<std::string> worker_versions_;  // empty text: not known
};

[[nodiscard]] std::vector<executor::OutputRecord> output_records(
    const std::vector<store::OutputEntry>& outputs);

}  // namespace dsched::session
