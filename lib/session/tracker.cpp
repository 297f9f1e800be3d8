// SPDX-License-Identifier: Apache-2.0
#include "session/tracker.h"

#include <algorithm>

namespace dsched::session {
namespace {

using engine::NodeState;
using engine::Phase;
using engine::Reason;

Counts shown(const engine::Counts& counts) {
  return {.total = counts.total,
          .completed = counts.completed,
          .reused = counts.reused,
          .failed = counts.failed,
          .cancelled = counts.cancelled,
          .running = counts.running,
          .pending = counts.pending()};
}

// State and reason of a node that left no trace.
void describe_phase(Phase phase, wire::NodeAnswer& answer) {
  switch (phase) {
    case Phase::completed:
      answer.status = NodeState::completed;
      break;
    case Phase::reused:
      answer.status = NodeState::completed;
      answer.reason = Reason::reused;
      answer.reused = true;
      break;
    case Phase::failed:
      answer.status = NodeState::failed;
      break;
    case Phase::cancelled:
      answer.status = NodeState::cancelled;
      break;
    case Phase::running:
      answer.status = NodeState::running;
      break;
    case Phase::suspended:
      answer.status = NodeState::running;
      answer.reason = Reason::suspended;
      break;
    case Phase::queued:
      answer.reason = Reason::ready;
      break;
    case Phase::backoff:
      answer.reason = Reason::backoff;
      break;
    default:
      break;
  }
}

// Calls visit(index, duration if one is known) for the nodes of an expansion that take time.
template <class Visit>
void each_expected(const dag::Dag& dag, const dag::Expansion& expansion,
                   const journal::Durations& recorded, const Visit& visit) {
  const std::uint32_t begin = expansion.nodes_begin().value;
  for (std::uint32_t k = 0; expansion.elements > 0 && k < expansion.per_element; ++k) {
    const NodeIndex first{begin + k};
    if (dag::is_builtin(dag.node(first).operation)) continue;
    auto duration = recorded.duration(recorded_name(dag, first));
    if (!duration) duration = dag.settings(first).expected;
    for (std::uint32_t i = 0; i < expansion.elements; ++i) {
      visit(begin + i * expansion.per_element + k, duration);
    }
  }
}

}  // namespace

engine::Counts counts_of(const Progress& progress) {
  const Counts& counts = progress.counts;
  return {.total = counts.total,
          .completed = counts.completed,
          .reused = counts.reused,
          .failed = counts.failed,
          .cancelled = counts.cancelled,
          .running = counts.running};
}

std::string recorded_name(const dag::Dag& dag, NodeIndex node) {
  const std::string_view id = dag.node(node).node_id;
  return dag.maps().with(node) == nullptr ? std::string(id) : journal::name_of_copies(id);
}

std::string log_tail(std::string_view log) {
  constexpr std::size_t k_bytes_max = 16 * 1024;
  constexpr int k_lines_max = 40;
  if (log.size() > k_bytes_max) log.remove_prefix(log.size() - k_bytes_max);
  std::size_t start = log.size();
  for (int lines = 0; start > 0; --start) {
    if (log[start - 1] == '\n' && start < log.size() && ++lines == k_lines_max) break;
  }
  return std::string(log.substr(start));
}

const Trace* Tracker::find(NodeIndex node) const {
  const auto found = traces_.find(node);
  return found == traces_.end() ? nullptr : &found->second;
}

std::vector<Nanoseconds> Tracker::load_durations(const journal::Durations& recorded,
                                                 const engine::Execution& execution) {
  constexpr Nanoseconds k_unknown = std::chrono::seconds{1};
  constexpr Nanoseconds k_none{-1};
  durations_.assign(dag_.size(), Nanoseconds{0});
  expected_.assign(dag_.size(), Nanoseconds{0});
  Nanoseconds known{0};
  std::int64_t known_count = 0;
  const auto note = [&](std::uint32_t i, std::optional<Nanoseconds> duration) {
    durations_[i] = duration.value_or(k_none);
    if (!duration) return;
    expected_[i] = *duration;
    known += *duration;
    ++known_count;
  };
  for (std::uint32_t i = 0; i < dag_.program_size(); ++i) {
    if (dag::is_builtin(dag_.node({i}).operation)) continue;
    auto duration = recorded.duration(dag_.node({i}).node_id);
    if (!duration) duration = dag_.settings({i}).expected;
    note(i, duration);
  }
  for (const dag::Expansion& expansion : dag_.maps().expansions()) {
    each_expected(dag_, expansion, recorded, note);
  }
  any_known_ = known_count > 0;
  const Nanoseconds mean = any_known_ ? known / known_count : k_unknown;
  mean_ = mean;
  work_left_ = Nanoseconds{0};
  for (std::uint32_t i = 0; i < dag_.size(); ++i) {
    if (durations_[i] == k_none) durations_[i] = mean;
    const Phase phase = execution.phase({i});
    const bool done = phase == Phase::completed || phase == Phase::reused ||
                      phase == Phase::failed || phase == Phase::cancelled ||
                      phase == Phase::unwanted;
    if (!done) work_left_ += durations_[i];
  }
  return durations_;
}

void Tracker::add_expansion(const dag::Expansion& expansion, const journal::Durations& recorded,
                            std::vector<engine::NodePlan>& plans) {
  const std::uint32_t first = expansion.first.value;
  // Those of an earlier runner's expansion were loaded with the others.
  const bool is_new = durations_.size() < expansion.nodes_end().value;
  if (is_new) durations_.resize(expansion.nodes_end().value, Nanoseconds{0});
  each_expected(dag_, expansion, recorded, [&](std::uint32_t i, std::optional<Nanoseconds> known) {
    engine::NodePlan& plan = plans[i - first];
    if (is_new) durations_[i] = known.value_or(mean_);
    plan.duration = durations_[i];
    plan.expected = known.value_or(Nanoseconds{0});
    any_known_ = any_known_ || known;
    if (plan.wanted) work_left_ += durations_[i];
  });
}

void Tracker::started(NodeIndex node, std::uint32_t attempt, Instant at) {
  RunningNode running;
  running.node_id = dag_.node(node).node_id;
  running.started = at;
  running.attempt = attempt;
  if (any_known_) running.expected = durations_[node.value];
  running_.push_back(running);
  running_nodes_.push_back(node);
}

void Tracker::stopped(NodeIndex node) {
  const auto found = std::find(running_nodes_.begin(), running_nodes_.end(), node);
  if (found == running_nodes_.end()) return;
  running_.erase(running_.begin() + (found - running_nodes_.begin()));
  running_nodes_.erase(found);
}

void Tracker::settled(NodeIndex node) {
  if (!durations_.empty()) work_left_ -= durations_[node.value];
}

void Tracker::suspend_all() {
  for (RunningNode& running : running_) running.suspended = true;
}

void Tracker::continue_all() {
  for (RunningNode& running : running_) running.suspended = false;
}

std::optional<Nanoseconds> Tracker::remaining(Instant now) const {
  if (!any_known_) return std::nullopt;
  Nanoseconds left = work_left_;
  Nanoseconds longest{0};
  for (const RunningNode& running : running_) {
    const Nanoseconds expected = running.expected.value_or(Nanoseconds{0});
    const Nanoseconds gone = std::min(now - running.started, expected);
    left -= gone;
    longest = std::max(longest, expected - gone);
  }
  return std::max({left / width_.count, longest, Nanoseconds{0}});
}

Progress Tracker::progress(const engine::Counts& counts, Instant now, WallTime wall) {
  Progress out;
  out.dag_id = dag_.dag_id();
  out.execution_id = execution_id_;
  out.execution = number_.value;
  out.counts = shown(counts);
  const std::uint64_t settled = counts.completed + counts.failed + counts.cancelled;
  const double share =
      counts.total == 0 ? 1 : static_cast<double>(settled) / static_cast<double>(counts.total);
  percentage_ = std::max(percentage_, 100 * share);
  out.percentage = percentage_;
  out.remaining = remaining(now);
  out.running = running_;
  out.now = now;
  out.wall = wall;
  return out;
}

void Tracker::name(std::string_view execution_id, ExecutionNumber number) {
  execution_id_ = execution_id;
  number_ = number;
}

wire::NodeAnswer Tracker::answer(NodeIndex node, const engine::Execution& execution) const {
  wire::NodeAnswer answer;
  answer.node_id = dag_.node(node).node_id;
  describe_phase(execution.phase(node), answer);
  answer.attempts = execution.attempts(node);
  const Trace* trace = find(node);
  if (trace == nullptr) return answer;
  if (trace->reason != Reason::none) answer.reason = trace->reason;
  answer.failure = trace->failure;
  answer.exit_code = trace->exit_code;
  answer.signal = trace->signal;
  if (answer.attempts == 0) answer.attempts = trace->attempts;
  answer.wall = trace->wall;
  answer.user = trace->usage.user;
  answer.system = trace->usage.system;
  answer.peak_memory_kib = trace->usage.peak_memory_kib;
  answer.error = trace->error;
  answer.log = trace->log;
  answer.output = trace->output;
  answer.explanation = trace->explanation;
  if (trace->because) answer.because = dag_.node(*trace->because).node_id;
  return answer;
}

std::vector<wire::NodeAnswer> Tracker::answers(const engine::Execution& execution, bool all) const {
  std::vector<wire::NodeAnswer> answers;
  if (all) {
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      if (execution.phase({i}) != Phase::unwanted) answers.push_back(answer({i}, execution));
    }
    return answers;
  }
  std::vector<NodeIndex> notable;
  for (const auto& [node, trace] : traces_) {
    if (trace.notable) notable.push_back(node);
  }
  std::sort(notable.begin(), notable.end());
  for (const NodeIndex node : notable) answers.push_back(answer(node, execution));
  return answers;
}

}  // namespace dsched::session
