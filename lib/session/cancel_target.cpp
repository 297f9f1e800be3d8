// SPDX-License-Identifier: Apache-2.0
#include "session/cancel_target.h"

#include <algorithm>

#include "journal/live.h"
#include "journal/wishes.h"
#include "machine/doorbell.h"

namespace dsched::session {
namespace {

using engine::ExecutionStatus;
using wire::CancelAction;

// How long a runner that has let go of its lock is given to leave.
constexpr Nanoseconds k_leaving = std::chrono::seconds{1};

bool is_final(ExecutionStatus status) {
  return status == ExecutionStatus::completed || status == ExecutionStatus::failed ||
         status == ExecutionStatus::cancelled;
}

journal::WishKind kind_of(CancelAction action, bool for_node) {
  switch (action) {
    case CancelAction::cancel:
      return for_node ? journal::WishKind::cancel_node : journal::WishKind::cancel;
    case CancelAction::pause:
      return journal::WishKind::pause;
    case CancelAction::go_on:
      return journal::WishKind::go_on;
  }
  return journal::WishKind::cancel;
}

std::string process_text(const store::LockHolder& holder) {
  return holder.pid > 0 ? " (process " + std::to_string(holder.pid) + ")" : "";
}

}  // namespace

Target::Target(const CancelWorld& world, CancelAction action, journal::ExecutionRecord record,
               wire::CancelItem item)
    : world_(world), action_(action), record_(std::move(record)), item_(std::move(item)) {}

void Target::close(Result result, std::string detail) {
  item_.result = result;
  item_.detail = std::move(detail);
  closed_ = true;
}

void Target::close_as_recorded(const journal::ExecutionRecord& record) {
  const bool is_cancelled = record.status == ExecutionStatus::cancelled;
  const bool was_asked = action_ == CancelAction::cancel;
  close(is_cancelled && was_asked ? Result::done : Result::already_finished,
        std::string(name_of(record.status)));
}

journal::Wish Target::wish(WallTime wall) const {
  return {.number = 0,
          .execution = record_.number,
          .kind = kind_of(action_, is_for_node()),
          .node = item_.node_id,
          .value = 0,
          .at = wall};
}

void Target::ask(WallTime wall) {
  if (is_final(record_.status)) {
    return close(Result::already_finished, std::string(name_of(record_.status)));
  }
  sys::Database& database = world_.store.database();
  const bool has_runner = holder().has_value();
  const bool is_hold = action_ != CancelAction::cancel;
  if (!has_runner && (is_hold || is_for_node())) return ask_without_runner(wall);
  if (is_hold && !journal::has_wishes(database, record_.number) &&
      is_paused() == (action_ == CancelAction::pause)) {
    return close(Result::unchanged);
  }
  journal::Wish added = wish(wall);
  journal::add_wish(database, added);
}

// What waits for whoever resumes: a pause and its opposite cancel each other out.
void Target::ask_without_runner(WallTime wall) {
  sys::Database& database = world_.store.database();
  bool was_paused = false;
  bool was_asked = false;
  for (journal::Wish& waiting : journal::take_wishes(database, record_.number)) {
    if (waiting.kind == journal::WishKind::pause || waiting.kind == journal::WishKind::go_on) {
      was_paused = waiting.kind == journal::WishKind::pause;
      if (action_ != CancelAction::cancel) continue;
    }
    was_asked = was_asked || (waiting.kind == journal::WishKind::cancel_node && is_for_node() &&
                              waiting.node == item_.node_id);
    journal::add_wish(database, waiting);
  }
  const bool adds = action_ == CancelAction::go_on ? false : !was_asked;
  if (adds) {
    journal::Wish added = wish(wall);
    journal::add_wish(database, added);
  }
  const bool is_hold = action_ != CancelAction::cancel;
  item_.counts_on_resume = true;
  close(is_hold && was_paused == (action_ == CancelAction::pause) ? Result::unchanged
                                                                  : Result::done);
}

void Target::ring() {
  if (closed_) return;
  const auto runner = holder();
  if (!runner || runner->machine_folder.empty()) return;  // it looks by itself once a second
  machine::ring(runner->machine_folder, std::span(&item_.execution_id, 1));
}

bool Target::is_paused() const {
  const auto live = journal::live(world_.store.database(), record_.number);
  return live && live->is_paused;
}

bool Target::is_node_under_way() const {
  if (!processes_of(item_.execution_id, item_.node_id).empty()) return true;
  const auto live = journal::live(world_.store.database(), record_.number);
  if (!live) return false;
  return std::any_of(live->nodes.begin(), live->nodes.end(), [&](const journal::LiveNode& node) {
    return node.node_id == item_.node_id && node.state == engine::NodeState::running;
  });
}

void Target::step(Instant now) {
  if (closed_) return;
  if (forced_ && !forced_->is_over()) {
    if (now >= *deadline_) close(Result::still_running, "its processes do not end");
    return;
  }
  if (const auto runner = holder()) return follow(now, *runner);
  settle(now);
}

void Target::follow(Instant now, const store::LockHolder& holder) {
  if (!runner_ && holder.pid > 0) runner_ = sys::process_info(holder.pid);
  if (!deadline_) deadline_ = now + world_.patience.reaction;
  if (!taken_ && !journal::has_wishes(world_.store.database(), record_.number)) {
    taken_ = true;
    deadline_ = now + world_.patience.ending;
  }
  if (taken_ && is_for_node() && !is_node_under_way()) return close(Result::done);
  if (taken_ && action_ != CancelAction::cancel &&
      is_paused() == (action_ == CancelAction::pause)) {
    return close(Result::done);
  }
  if (now < *deadline_) return;
  if (action_ == CancelAction::cancel && !is_for_node()) return force(now, holder);
  close(Result::still_running, "its dsched-run" + process_text(holder) +
                                   " does not react; what was asked for stays asked");
}

void Target::force(Instant now, const store::LockHolder& holder) {
  forced_ = ForcedEnd::of_runner(
      holder.pid, world_.store.identity().folder + "/run/" + item_.execution_id + ".lock",
      world_.store.world().files);
  if (forced_) {
    deadline_ = now + world_.patience.ending;
    world_.note("execution " + std::to_string(record_.number.value) + ": its dsched-run" +
                process_text(holder) + " does not react; it was killed");
  } else if (now >= *deadline_ + k_leaving) {
    close(Result::still_running,
          "its dsched-run" + process_text(holder) + " does not react, and cannot be ended here");
  }
}

// Nobody runs it.
void Target::settle(Instant now) {
  if (!free_since_) free_since_ = now;
  if (runner_ && !has_ended(*runner_) && now < *free_since_ + k_leaving) return;
  if (action_ == CancelAction::cancel && !is_for_node()) {
    const auto attempt = store::try_run_lock(
        world_.store, {.execution_id = item_.execution_id, .machine_folder = {}});
    if (std::holds_alternative<store::RunLock>(attempt)) return settle_held(now);
    return ask_again(now);  // somebody resumed it in between
  }
  settle_unheld();
}

// A node, or holding and releasing. What the runner took before it ended was done, but for a pause:
// there is nothing left to hold.
void Target::settle_unheld() {
  sys::Database& database = world_.store.database();
  sys::Transaction transaction(database);
  const auto record = world_.journal.find(record_.number);
  if (record && !is_final(record->status)) {
    ask_without_runner(world_.store.world().clock.wall());
    item_.result = Result::done;
  } else {
    const bool was_taken = !journal::has_wishes(database, record_.number);
    (void)journal::take_wishes(database, record_.number);
    if (was_taken && action_ != CancelAction::pause) {
      close(Result::done);
    } else {
      close(Result::already_finished, std::string(name_of((record ? *record : record_).status)));
    }
  }
  transaction.commit();
}

void Target::ask_again(Instant now) {
  sys::Transaction transaction(world_.store.database());
  journal::Wish added = wish(world_.store.world().clock.wall());
  journal::add_wish(world_.store.database(), added);
  transaction.commit();
  runner_.reset();
  forced_.reset();
  free_since_.reset();
  taken_ = false;
  deadline_ = now + world_.patience.reaction;
  ring();
}

// With the run lock in our hands: what stands on record is the last word, or ours.
void Target::settle_held(Instant now) {
  const auto record = world_.journal.find(record_.number);
  if (!record) return close(Result::already_finished);
  if (!is_final(record->status)) {
    const std::vector<pid_t> left = processes_of(item_.execution_id);
    if (!left.empty()) {
      if (now < *free_since_ + world_.patience.reaction) return;
      return close(Result::still_running,
                   "process " + std::to_string(left.front()) + " of it does not end");
    }
  }
  sys::Transaction transaction(world_.store.database());
  (void)journal::take_wishes(world_.store.database(), record_.number);
  if (is_final(record->status)) {
    transaction.commit();
    return close_as_recorded(*record);
  }
  record_as_cancelled(*record);
  transaction.commit();
  world_.store.sync();
  close(Result::done);
}

void Target::record_as_cancelled(journal::ExecutionRecord record) {
  record.status = ExecutionStatus::cancelled;
  record.finished_at = world_.store.world().clock.wall();
  record.counts.cancelled = record.counts.total - record.counts.completed - record.counts.failed;
  record.counts.running = 0;
  world_.journal.update(record);
  journal::remove_live(world_.store.database(), record.number);
}

}  // namespace dsched::session
