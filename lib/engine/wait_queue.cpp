// SPDX-License-Identifier: Apache-2.0
#include "engine/wait_queue.h"

#include <algorithm>
#include <functional>

#include "base/error.h"

namespace dsched::engine {
namespace {

// Virtual time passes 4, 2 or 1 times as fast as half a nanosecond per nanosecond of slot time.
std::int64_t rate(Priority priority) {
  return 200 / std::int64_t{fair_weight(priority)};
}

// Under Fair a group is held slots, kept slots and rate; with at most k_slots_max slots each part
// fits into 16 bits.
std::uint64_t fair_group(HeldSlots held, Priority priority) {
  return std::uint64_t{held.all} << 32 | std::uint64_t{held.kept} << 16 |
         static_cast<std::uint64_t>(rate(priority));
}

}  // namespace

WaitKey RankRule::key(const Lessee& lessee, HeldSlots held) const {
  WaitKey key;
  key.place = lessee.waits_since;
  key.lessee = lessee.id;
  if (policy == Policy::priority) {
    key.group = lessee.priority.level;
    key.first = lessee.waits_from.time_since_epoch().count();
  } else if (policy == Policy::fair) {
    key.group = fair_group(held, lessee.priority);
    key.first = 2 * lessee.virtual_time.count() - std::int64_t{held.all} * rate(lessee.priority) *
                                                      (lessee.reported_at - base).count();
    key.second = k_priority_max - std::uint32_t{lessee.priority.level};
  }
  return key;
}

QueueRank RankRule::rank(const WaitKey& key, Instant now) const {
  QueueRank rank{0, key.second, key.place, key.lessee};
  if (policy == Policy::priority) {
    const Priority own{static_cast<std::uint8_t>(key.group)};
    const Instant since{Nanoseconds{key.first}};
    rank.first = -std::int64_t{effective_priority(own, now - since, quantum).level};
  } else if (policy == Policy::fair) {
    const auto held = static_cast<std::int64_t>(key.group >> 32);
    const auto kept = static_cast<std::int64_t>(key.group >> 16 & 0xffff);
    const auto speed = static_cast<std::int64_t>(key.group & 0xffff);
    rank.first = key.first + speed * (held * (now - base).count() + kept * quantum.count());
  }
  return rank;
}

std::int64_t RankRule::step(Priority priority, std::int64_t slots) const {
  return policy == Policy::fair ? slots * rate(priority) * quantum.count() : 0;
}

void WaitQueue::insert(const WaitKey& key) {
  auto group =
      std::lower_bound(groups_.begin(), groups_.end(), key.group,
                       [](const Group& one, std::uint64_t number) { return one.number < number; });
  if (group == groups_.end() || group->number != key.group) {
    group = groups_.insert(group, Group{key.group, {}});
  }
  group->keys.insert(key);
  ++size_;
}

void WaitQueue::erase(const WaitKey& key) {
  const auto group =
      std::lower_bound(groups_.begin(), groups_.end(), key.group,
                       [](const Group& one, std::uint64_t number) { return one.number < number; });
  DSCHED_ASSERT(group != groups_.end() && group->keys.erase(key) == 1, "who waits is in the queue");
  --size_;
  if (group->keys.empty()) groups_.erase(group);
}

void WaitQueue::clear() {
  groups_.clear();
  size_ = 0;
}

std::optional<QueueRank> WaitQueue::best(const RankRule& rule, Instant now) const {
  std::optional<QueueRank> best;
  for (const Group& group : groups_) {
    const QueueRank rank = rule.rank(*group.keys.begin(), now);
    if (!best || rank < *best) best = rank;
  }
  return best;
}

WaitWalk::WaitWalk(const WaitQueue& queue, const RankRule& rule, Instant now)
    : rule_(rule), now_(now) {
  cursors_.reserve(queue.groups().size());
  for (const WaitQueue::Group& group : queue.groups()) {
    const auto first = group.keys.begin();
    cursors_.push_back({rule_.rank(*first, now_), first, group.keys.end()});
  }
}

std::optional<QueueRank> WaitWalk::next() {
  const auto cursor =
      std::min_element(cursors_.begin(), cursors_.end(),
                       [](const Cursor& a, const Cursor& b) { return a.rank < b.rank; });
  const bool has_cursor = cursor != cursors_.end();
  if (!put_back_.empty() && (!has_cursor || put_back_.front() < cursor->rank)) {
    std::pop_heap(put_back_.begin(), put_back_.end(), std::greater<>{});
    const QueueRank rank = put_back_.back();
    put_back_.pop_back();
    return rank;
  }
  if (!has_cursor) return std::nullopt;
  const QueueRank rank = cursor->rank;
  if (++cursor->at == cursor->end) {
    cursors_.erase(cursor);
  } else {
    cursor->rank = rule_.rank(*cursor->at, now_);
  }
  return rank;
}

void WaitWalk::put_back(const QueueRank& rank) {
  put_back_.push_back(rank);
  std::push_heap(put_back_.begin(), put_back_.end(), std::greater<>{});
}

}  // namespace dsched::engine
