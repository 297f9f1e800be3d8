// SPDX-License-Identifier: Apache-2.0
#include "session/steering.h"

#include <algorithm>
#include <utility>

namespace dsched::session {

Steering::Steering(const Around& around, Steered& steered)
    : around_(around), steered_(steered), wishes_due_(around.clock.now() + k_wishes_interval) {}

// ---- slots

bool Steering::take_ring() {
  if (!around_.slots.has_news()) return false;
  take_wishes();
  return true;
}

bool Steering::settle_slots(Instant now, Rang rang) {
  const engine::Demand demand = steered_.demand(others_);
  const std::optional<Instant> look = around_.slots.next_look();
  const bool is_time = look && *look <= now;
  if (!is_time && rang == Rang::no && !around_.slots.cares(demand)) return false;
  take_allowance(demand);
  return true;
}

void Steering::take_allowance(engine::Demand demand) {
  demand.slot_time = steered_.take_slot_time();
  const Allowance allowance = around_.slots.update(demand);
  others_ = allowance.holding.contended ? engine::Execution::Others::waiting
                                        : engine::Execution::Others::none;
  held_ = allowance.holding.held;
  if (allowance.priority) around_.execution.priority = *allowance.priority;
  waiting_attempts_ = allowance.waiting_attempts;
  note_nested();
  steered_.take(engine::Leased{allowance.holding, allowance.machine, allowance.quantum,
                               allowance.preemption});
  give_width();
}

// An attempt that only waits for a nested execution keeps its worker busy, but none of the slots.
void Steering::give_width() {
  const Slots width{steered_.width_now().count + static_cast<std::uint32_t>(nested_.size())};
  if (width == width_given_) return;
  around_.executor.set_width(width);
  width_given_ = width;
}

// Tells the engine which attempts have begun or ceased to wait for an execution of their own.
void Steering::note_nested() {
  std::vector<NodeIndex> waiting;
  if (!waiting_attempts_.empty()) waiting = steered_.running(waiting_attempts_);
  for (const NodeIndex node : waiting) {
    if (!std::binary_search(nested_.begin(), nested_.end(), node)) {
      steered_.take(engine::NestedBegan{node});
    }
  }
  for (const NodeIndex node : nested_) {
    if (!std::binary_search(waiting.begin(), waiting.end(), node)) {
      steered_.take(engine::NestedEnded{node});
    }
  }
  nested_ = std::move(waiting);
}

// One that is not known to run cannot wait yet.
void Steering::attempt_began() {
  if (waiting_attempts_.empty()) return;
  note_nested();
  give_width();
}

void Steering::attempt_ended(NodeIndex node) {
  if (std::erase(nested_, node) > 0) give_width();
}

// ---- people

void Steering::look_at_wishes(Instant now) {
  if (now < wishes_due_) return;
  wishes_due_ = now + k_wishes_interval;
  take_wishes();
}

void Steering::take_wishes() {
  sys::Database& database = around_.store.database();
  journal::ExecutionRecord& execution = around_.execution;
  if (!journal::has_wishes(database, execution.number)) return;
  sys::Transaction transaction(database);
  const std::vector<journal::Wish> wishes = journal::take_wishes(database, execution.number);
  for (const journal::Wish& wish : wishes) {
    if (wish.kind != journal::WishKind::priority) continue;
    execution.priority = {static_cast<std::uint8_t>(std::clamp<std::int64_t>(wish.value, 0, 10))};
  }
  around_.journal.update(execution);
  transaction.commit();
  for (const journal::Wish& wish : wishes) serve(wish);
}

void Steering::serve(const journal::Wish& wish) {
  switch (wish.kind) {
    case journal::WishKind::cancel:
      around_.observer.note("cancelled from outside: ending what runs");
      return steered_.cancel(std::nullopt);
    case journal::WishKind::cancel_node:
      return steered_.cancel(wish.node);
    case journal::WishKind::pause:
      around_.observer.note("paused from outside: what runs stands still");
      return steered_.take(engine::Paused{});
    case journal::WishKind::go_on:
      around_.observer.note("goes on");
      return steered_.take(engine::Released{});
    case journal::WishKind::priority:
      return;  // recorded when it was taken
  }
}

// Ctrl-Z: everything that runs stands still before this process does.
void Steering::suspend() {
  steered_.take(engine::Suspended{});
  // What was on its way when the key was pressed begins first, and is then suspended too.
  constexpr int k_looks = 50;
  constexpr Nanoseconds k_between = std::chrono::milliseconds{5};
  for (int look = 0; steered_.settle() && look < k_looks; ++look) {
    for (const Request request : around_.waiter.wait(around_.clock.now() + k_between)) {
      if (request != Request::suspend) postponed_.push_back(request);
    }
  }
  around_.executor.wait_until_obeyed();
  take_allowance({});  // others may have the slots meanwhile
  around_.recorder.commit();
  around_.observer.note("suspended, with everything it runs");
  around_.observer.pause();
  around_.waiter.stop_here();
  steered_.take(engine::Continued{});
  for (const Request request : std::exchange(postponed_, {})) serve(request);
}

void Steering::serve(Request request) {
  switch (request) {
    case Request::suspend:
      return suspend();
    case Request::interrupt:
    case Request::interrupt_received:
      note_stop(Request::interrupt);
      if (interrupted_once_) {
        around_.observer.note("interrupted again: ending everything now");
        return steered_.stop(engine::StopRequest::kill);
      }
      interrupted_once_ = true;
      around_.observer.note(
          "interrupted: starting nothing new, waiting for what runs; once more ends it at once");
      return steered_.stop(engine::StopRequest::interrupt);
    case Request::terminate:
    case Request::hang_up:
      note_stop(request);
      around_.observer.note(request == Request::terminate ? "told to terminate: ending what runs"
                                                          : "hung up: ending what runs");
      return steered_.stop(engine::StopRequest::terminate);
  }
}

std::string Steering::how_stopped() const {
  if (stopped_by_ == Request::terminate) return "terminated";
  if (stopped_by_ == Request::hang_up) return "hung up";
  return "interrupted";
}

executor::Control control_for(engine::TreeControl control) {
  switch (control) {
    case engine::TreeControl::interrupt:
      return executor::Control::interrupt;
    case engine::TreeControl::terminate:
      return executor::Control::terminate;
    case engine::TreeControl::kill:
      return executor::Control::kill;
    case engine::TreeControl::suspend:
      return executor::Control::suspend;
    case engine::TreeControl::resume:
      return executor::Control::resume;
    case engine::TreeControl::cancel:
      return executor::Control::cancel;
  }
  return executor::Control::kill;
}

}  // namespace dsched::session
