// SPDX-License-Identifier: Apache-2.0
#include "session/cancel.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "journal/live.h"
#include "report/batch_record.h"
#include "report/recorded.h"
#include "session/auditing.h"
#include "session/cancel_target.h"
#include "store/run_locks.h"
#include "sys/signals.h"
#include "sys/wait_readable.h"

namespace dsched::session {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;
using wire::CancelItem;
using wire::CancelResult;

constexpr Nanoseconds k_look_interval = std::chrono::milliseconds{20};
// News are at most a tenth of a second old, and a busy runner may need longer.
constexpr Nanoseconds k_news_patience = std::chrono::seconds{2};

struct Entry {
  CancelItem item;  // the answer, when there is no target
  std::optional<Target> target;
};

CancelItem item_for(const std::string& name, const journal::ExecutionRecord& record) {
  CancelItem item;
  item.name = name;
  item.execution_id = to_text(record.id);
  item.execution = record.number.value;
  return item;
}

CancelItem missing(const CancelWorld& world, const std::string& name) {
  CancelItem item;
  item.name = name;
  item.result = CancelResult::not_found;
  item.detail = "execution " + escape_for_terminal(name) + ": there is none in store " +
                world.store.identity().folder;
  return item;
}

// Whether the news of a batch name the request, or there are more than they name.
bool may_be_open(sys::Database& database, ExecutionNumber batch, const std::string& request_id) {
  const auto live = journal::live(database, batch);
  if (!live) return false;
  std::uint64_t waiting = 0;
  for (const journal::LiveNode& node : live->nodes) {
    if (node.node_id == request_id) return true;
    if (node.state == NodeState::pending) ++waiting;
  }
  return waiting < live->ready_nodes;
}

// Only the runner of a batch knows its requests: what its news do not name for a while is not open.
std::optional<std::string> end_of_request(const CancelWorld& world,
                                          const journal::ExecutionRecord& record,
                                          const std::string& request_id, CancelItem& item) {
  const report::Book book{world.store, world.journal};
  const sys::Clock& clock = world.store.world().clock;
  const Instant until = clock.now() + k_news_patience;
  while (true) {
    const report::Sighting sighting = report::sight(book, record);
    if (sighting.runner != report::RunnerState::lives) {
      item.result = CancelResult::already_finished;
      return std::string(engine::name_of(sighting.status()));
    }
    if (may_be_open(world.store.database(), record.number, request_id)) return std::nullopt;
    if (clock.now() >= until) break;
    sys::wait_readable({}, clock.now() + k_look_interval);
  }
  item.result = CancelResult::not_found;
  return "execution " + std::to_string(record.number.value) + ": request " +
         escape_for_terminal(request_id) + ": no open request of the batch has this id";
}

// What has become of the node, when nothing can be asked of it any more.
std::optional<std::string> end_of_node(const CancelWorld& world,
                                       const journal::ExecutionRecord& record,
                                       const std::string& node_id, CancelItem& item) {
  const report::Book book{world.store, world.journal};
  if (report::is_batch(record)) return end_of_request(world, record, node_id, item);
  const report::RecordedProgram program = report::program_of(book, record);
  const auto node = program.dag.find(node_id);
  if (!node) {
    item.result = CancelResult::not_found;
    return "execution " + std::to_string(record.number.value) + ": node " +
           escape_for_terminal(node_id) + ": there is no such node";
  }
  const auto no_digest = [](const journal::Outcome&) { return Digest{}; };
  const report::NodeStates states =
      report::states_of(book, report::sight(book, record), program, no_digest);
  const NodeState state = states[*node].state;
  if (state == NodeState::pending || state == NodeState::running) return std::nullopt;
  item.result = CancelResult::already_finished;
  return std::string(engine::name_of(state));
}

class Asking {
 public:
  Asking(const CancelWorld& world, const wire::CancelRequest& request)
      : world_(world), request_(request) {
    if (request.all) add_all();
    for (const std::string& name : request.executions) add(name, {});
    for (const wire::NodeName& name : request.nodes) add(name.execution, name.node_id);
  }

  void ask() {
    {
      sys::Transaction transaction(world_.store.database());
      const WallTime wall = world_.store.world().clock.wall();
      for (Entry& entry : entries_) {
        if (!entry.target) continue;
        entry.target->ask(wall);
        note(*entry.target);
      }
      transaction.commit();
    }
    world_.store.database().sync();
    for (Entry& entry : entries_) {
      if (entry.target) entry.target->ring();
    }
  }

  void wait() {
    sys::Signals signals;
    while (true) {
      const Instant now = world_.store.world().clock.now();
      bool all_closed = true;
      for (Entry& entry : entries_) {
        if (!entry.target) continue;
        entry.target->step(now);
        all_closed = all_closed && entry.target->is_closed();
      }
      if (all_closed) return;
      const std::array<int, 1> fds{signals.fd()};
      sys::wait_readable(fds, now + k_look_interval);
      obey(signals);
    }
  }

  [[nodiscard]] wire::CancelAnswer answer() const {
    wire::CancelAnswer answer;
    answer.action = request_.action;
    answer.all = request_.all;
    for (const Entry& entry : entries_) {
      answer.items.push_back(entry.target ? entry.target->item() : entry.item);
    }
    return answer;
  }

 private:
  // What was asked for, unless there was nothing to ask.
  void note(const Target& target) {
    const CancelItem& item = target.item();
    if (target.is_closed() && item.result != CancelResult::done) return;
    const std::string node = item.node_id.empty() ? std::string() : '/' + item.node_id;
    audit(world_.store, {.action = std::string(wire::name_of(request_.action)),
                         .object = std::to_string(item.execution) + node,
                         .outcome = "asked",
                         .details = {{"execution_id", item.execution_id}}});
  }

  // Everything that is queued, or that somebody runs.
  void add_all() {
    std::vector<journal::ExecutionRecord> records;
    world_.journal.each(std::numeric_limits<std::int64_t>::max(),
                        [&](const journal::ExecutionRecord& record) {
                          const bool may_go_on = record.status == ExecutionStatus::submitted ||
                                                 record.status == ExecutionStatus::running ||
                                                 record.status == ExecutionStatus::waiting;
                          if (may_go_on) records.push_back(record);
                        });
    std::reverse(records.begin(), records.end());  // in the order they came
    for (journal::ExecutionRecord& record : records) {
      const bool is_queued = record.status == ExecutionStatus::submitted;
      if (!is_queued && !store::runner_of(world_.store, to_text(record.id))) continue;
      CancelItem item = item_for(std::to_string(record.number.value), record);
      entries_.push_back({{}, Target(world_, request_.action, std::move(record), std::move(item))});
    }
  }

  void add(const std::string& name, const std::string& node_id) {
    auto record = world_.journal.find(name);
    const std::string whole_name = node_id.empty() ? name : name + '/' + node_id;
    if (!record) {
      entries_.push_back({missing(world_, name), std::nullopt});
      entries_.back().item.name = whole_name;
      return;
    }
    CancelItem item = item_for(whole_name, *record);
    item.node_id = node_id;
    const bool is_known = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      const CancelItem& other = entry.target ? entry.target->item() : entry.item;
      return other.execution_id == item.execution_id && other.node_id == node_id;
    });
    if (is_known) return;
    if (!node_id.empty()) {
      if (const auto end = end_of_node(world_, *record, node_id, item)) {
        item.detail = *end;
        entries_.push_back({std::move(item), std::nullopt});
        return;
      }
    }
    entries_.push_back({{}, Target(world_, request_.action, std::move(*record), std::move(item))});
  }

  static void obey(sys::Signals& signals) {
    for (const sys::SignalEvent& event : signals.take()) {
      const char* how = nullptr;
      if (event.signal == SIGINT || event.signal == SIGQUIT) how = "interrupted";
      if (event.signal == SIGTERM) how = "terminated";
      if (event.signal == SIGHUP) how = "hung up";
      if (event.signal == SIGTSTP) sys::stop_self();
      if (how == nullptr) continue;
      throw Error(ErrorKind::interrupted,
                  std::string(how) + " while waiting; what was asked for stays asked");
    }
  }

  const CancelWorld& world_;
  const wire::CancelRequest& request_;
  std::vector<Entry> entries_;
};

}  // namespace

wire::CancelAnswer cancel(const CancelWorld& world, const wire::CancelRequest& request) {
  Asking asking(world, request);
  asking.ask();
  asking.wait();
  wire::CancelAnswer answer = asking.answer();
  answer.audit_head = journal::audit_head_text(world.store.database());
  return answer;
}

}  // namespace dsched::session
