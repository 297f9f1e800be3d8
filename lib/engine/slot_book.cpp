// SPDX-License-Identifier: Apache-2.0
#include "engine/slot_book.h"

#include <utility>

namespace dsched::engine {
namespace {

// When slots are wanted back at once, only an attempt that ends within this is waited for.
constexpr Nanoseconds k_at_once = std::chrono::milliseconds{50};

}  // namespace

void SlotBook::lease(const Leased& fact) {
  const bool newly_lent = fact.holding.lent && !(lease_ && lease_->holding.lent);
  if (newly_lent || !fact.holding.lent) lent_used_ = 0;
  lease_ = fact;
  if (terms_.is_as_wide_as_machine) terms_.width = std::max(fact.machine, Slots{1});
}

// Keeps the sum of slot time right: called before `running_` changes.
Nanoseconds SlotBook::take_time(Instant now) {
  time_ += running_ * (now - time_at_);
  time_at_ = now;
  return std::exchange(time_, Nanoseconds{0});
}

void SlotBook::take(Instant now, Slots slots, Stage stage) {
  time_ = take_time(now);
  used_ += slots.count;
  if (slots.count > 1) ++wide_;
  if (stage == Stage::running) running_ += slots.count;
}

void SlotBook::drop(Instant now, Slots slots, Stage stage) {
  time_ = take_time(now);
  used_ -= slots.count;
  if (slots.count > 1) --wide_;
  if (stage == Stage::running) running_ -= slots.count;
}

std::uint32_t SlotBook::run_limit() const {
  if (!lease_) return terms_.is_leased ? 0 : terms_.width.count;
  const Holding& holding = lease_->holding;
  return std::min(holding.held.count - std::min(holding.due.count, holding.held.count),
                  terms_.width.count);
}

std::uint32_t SlotBook::start_limit() const {
  const std::uint32_t limit = run_limit();
  const bool lent_is_gone = lease_ && lease_->holding.lent && lent_used_ > 0;
  return lent_is_gone && limit > 0 ? limit - 1 : limit;
}

Slots SlotBook::need(Slots slots) const {
  Slots most = terms_.width;
  if (lease_) most = std::min(most, std::max(lease_->machine, Slots{1}));
  return std::min(slots, most);
}

bool SlotBook::allows_ahead() const {
  const std::uint32_t limit = start_limit();
  if (used_ < limit || used_ >= limit + k_ahead_max || limit == 0 || wide_ != 0) return false;
  return !lease_ || (lease_->holding.due.count == 0 && !lease_->holding.lent);
}

std::uint32_t SlotBook::to_take_back() const {
  const std::uint32_t limit = run_limit();
  if (!lease_ || used_ <= limit) return 0;
  const bool is_wanted = lease_->holding.due.count > 0 || limit == 0 || running_ > limit;
  return is_wanted ? used_ - limit : 0;
}

std::vector<NodeIndex> SlotBook::victims(Instant now, std::vector<Stoppable> attempts) {
  look_at_.reset();
  const bool at_once = lease_->holding.at_once;
  const Nanoseconds quantum = lease_->quantum;
  const Nanoseconds horizon = at_once ? std::min(quantum, k_at_once) : quantum;
  std::erase_if(attempts, [&](const Stoppable& attempt) {
    const Nanoseconds ran = now - attempt.started - attempt.stood_still;
    Nanoseconds left = at_once ? Nanoseconds{0} : quantum - ran;
    const Nanoseconds to_come = attempt.expected - ran;
    if (to_come > Nanoseconds{0} && to_come <= horizon) left = std::max(left, to_come);
    if (left <= Nanoseconds{0}) return false;
    if (!look_at_ || now + left < *look_at_) look_at_ = now + left;
    return true;
  });
  std::stable_sort(attempts.begin(), attempts.end(), [](const Stoppable& a, const Stoppable& b) {
    if (a.priority != b.priority) return a.priority < b.priority;
    return a.started > b.started;
  });
  std::vector<NodeIndex> found;
  found.reserve(attempts.size());
  for (const Stoppable& attempt : attempts) found.push_back(attempt.node);
  return found;
}

Demand SlotBook::demand(Slots begun, Slots more) const {
  Demand demand;
  demand.in_use = {std::max(begun.count, std::min(used_, run_limit()))};
  demand.wanted = {
      std::min(demand.in_use.count + more.count, std::max(terms_.width, demand.in_use).count)};
  return demand;
}

}  // namespace dsched::engine
