// SPDX-License-Identifier: Apache-2.0
#include "engine/arbiter_contest.h"

#include <algorithm>

namespace dsched::engine {

void Contest::hold() {
  const Nanoseconds quantum = books_.rule.quantum;
  if (books_.waiters.size() == 0) return;
  std::vector<std::uint32_t> ended;
  for (const Lease& lease : books_.leases) {
    if (lease.granted_at + quantum > now_) break;
    ended.push_back(lease.slot);
  }
  if (ended.empty()) return;
  walk_.emplace(books_.waiters, books_.rule, now_);
  coming_ = books_.coming();
  for (const std::uint32_t slot : ended) meet(slot);
  settle();
}

Contest::Claim& Contest::claim(LesseeId lessee) {
  const auto [at, is_new] = claims_.try_emplace(lessee);
  if (is_new) {
    at->second.left = books_.accounts[books_.at(lessee)].unmet;
    at->second.only_lost = at->second.left == 0;
  }
  return at->second;
}

QueueRank Contest::behind(const QueueRank& rank, std::uint32_t slots) {
  const Lessee& lessee = books_.state.lessees[books_.at(rank.lessee)];
  QueueRank later = rank;
  later.place = books_.state.sequence + ++places_;
  if (books_.rule.policy == Policy::priority) later.first = -std::int64_t{lessee.priority.level};
  later.first += books_.rule.step(lessee.priority, slots);
  return later;
}

bool Contest::find_challenger() {
  while (missing_ == 0) {
    const std::optional<QueueRank> next = walk_->next();
    if (!next) return false;
    const std::size_t who = books_.at(next->lessee);
    Claim& claimed = claim(next->lessee);
    if (claimed.left == 0) continue;
    const std::uint32_t need = books_.accounts[who].need;
    const std::uint32_t width =
        std::clamp(books_.state.lessees[who].demand.next_need.count, 1u, books_.capacity);
    const bool is_first = claimed.left == books_.accounts[who].unmet && need > 0;
    node_ = std::min(is_first ? need : width, claimed.left);
    challenger_ = *next;
    missing_ = node_ - std::min(coming_, node_);
    coming_ -= node_ - missing_;
    claimed.left -= node_;
    if (missing_ == 0 && claimed.left > 0) walk_->put_back(behind(challenger_, node_));
  }
  return true;
}

void Contest::meet(std::uint32_t slot) {
  if (books_.state.slots[slot].lent) {
    lent_.push_back(slot);
    return;
  }
  const LesseeId holder = *books_.state.slots[slot].holder;
  if (!books_.others_wait(holder)) return;  // its quantum does not end
  if (!find_challenger()) {
    kept_.push_back(slot);
    return;
  }
  const bool is_own = challenger_.lessee == holder;
  const bool is_exchange = claim(challenger_.lessee).only_lost && !is_own;
  // Under RoundRobin and Priority its own slot is its turn, unless its node needs more than one.
  const bool is_turn = books_.rule.policy != Policy::fair && node_ == 1;
  if (is_exchange || (is_own && !is_turn) || (!is_own && !beats(holder))) {
    kept_.push_back(slot);
    return;
  }
  lose(slot);
}

void Contest::lose(std::uint32_t slot) {
  const LesseeId holder = *books_.state.slots[slot].holder;
  Claim& loser = claim(holder);
  ++loser.lost;
  if (node_ == 1) ++claim(challenger_.lessee).won;
  lost_.push_back(slot);
  if (holder != challenger_.lessee && loser.only_lost) {
    const std::size_t who = books_.at(holder);
    QueueRank rank = books_.rule.rank(
        books_.rule.key(books_.state.lessees[who], books_.accounts[who].held), now_);
    rank = behind(rank, 0);
    rank.first -= books_.rule.step(books_.state.lessees[who].priority, loser.lost);
    if (++loser.left == 1) walk_->put_back(rank);
  }
  if (--missing_ > 0) return;
  const std::uint32_t left = claim(challenger_.lessee).left;
  if (left > 0) walk_->put_back(behind(challenger_, node_));
}

bool Contest::beats(LesseeId holder) const {
  const std::size_t who = books_.at(holder);
  const Lessee& lessee = books_.state.lessees[who];
  switch (books_.rule.policy) {
    case Policy::round_robin:
      return true;
    case Policy::priority:
      return -challenger_.first >= lessee.priority.level;
    case Policy::fair:
      break;
  }
  // The holder counts without this slot, and without those it has lost.
  const auto claimed = claims_.find(holder);
  const std::int64_t lost = claimed == claims_.end() ? 0 : claimed->second.lost;
  const std::int64_t won = claimed == claims_.end() ? 0 : claimed->second.won;
  const WaitKey key = books_.rule.key(lessee, books_.accounts[who].held);
  const std::int64_t first =
      books_.rule.rank(key, now_).first - books_.rule.step(lessee.priority, 1 + lost - won);
  return std::pair(challenger_.first, challenger_.second) <= std::pair(first, key.second);
}

void Contest::settle() {
  for (const std::uint32_t slot : lent_) books_.recall(slot, false);
  for (const std::uint32_t slot : lost_) {
    const LesseeId holder = *books_.state.slots[slot].holder;
    Claim& claimed = claims_.at(holder);
    if (claimed.won == 0) {
      books_.recall(slot, false);
      continue;
    }
    --claimed.won;
    const std::size_t who = books_.at(holder);
    books_.to_the_back(who, now_);
    books_.keep(slot, now_);
  }
  for (const std::uint32_t slot : kept_) books_.keep(slot, now_);
}

}  // namespace dsched::engine
