// SPDX-License-Identifier: Apache-2.0
#pragma once
// Those who wait for slots, in the order of a policy.
//
// Under Priority and Fair a rank changes while time passes, but seldom the order: waiting raises
// everybody of one own priority alike, and virtual times of those who hold equally many slots with
// equal weights grow alike. So those are kept in one group each, ordered by what does not change,
// and only the first of each group are compared: there are few groups, however many wait.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.h"
#include "engine/arbiter.h"

namespace dsched::engine {

// Where somebody stands at a moment; the smaller is the better.
struct QueueRank {
  std::int64_t first = 0;    // Priority: the level, negated; Fair: see RankRule
  std::uint32_t second = 0;  // Fair: own priority, counted from the highest
  std::uint64_t place = 0;   // who waited longest
  LesseeId lessee;
  auto operator<=>(const QueueRank&) const = default;
};

// What of a rank does not change while nothing is reported or granted.
struct WaitKey {
  std::uint64_t group = 0;
  std::int64_t first = 0;
  std::uint32_t second = 0;
  std::uint64_t place = 0;
  LesseeId lessee;
  auto operator<=>(const WaitKey&) const = default;
};

// The slots somebody has: all of them, and those it was not asked to give back.
struct HeldSlots {
  std::uint32_t all = 0;
  std::uint32_t kept = 0;
};

// Ranks under Fair are twice virtual times (so that all weights give whole numbers): what was used,
// what the slots held are using since the last report, and a quantum for each slot that is kept.
// The last part lets a lessee go behind others by a quantum with each slot it gets.
struct RankRule {
  Policy policy = Policy::fair;
  Nanoseconds quantum{0};
  Instant base;  // any moment; near the others, so that no product overflows

  [[nodiscard]] WaitKey key(const Lessee& lessee, HeldSlots held) const;
  [[nodiscard]] QueueRank rank(const WaitKey& key, Instant now) const;
  // What `slots` more make of a rank under Fair.
  [[nodiscard]] std::int64_t step(Priority priority, std::int64_t slots) const;
};

class WaitQueue {
 public:
  struct Group {
    std::uint64_t number = 0;
    std::set<WaitKey> keys;  // never empty between calls
  };
  void insert(const WaitKey& key);
  void erase(const WaitKey& key);
  void clear();
  [[nodiscard]] std::optional<QueueRank> best(const RankRule& rule, Instant now) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }

 private:
  std::vector<Group> groups_;  // ascending by number
  std::size_t size_ = 0;
};

// Goes through a queue in rank order without changing it; those who would get a slot can be put
// back where they would stand then. The queue must not change meanwhile.
class WaitWalk {
 public:
  WaitWalk(const WaitQueue& queue, const RankRule& rule, Instant now);
  // The best one is taken out.
  [[nodiscard]] std::optional<QueueRank> next();
  void put_back(const QueueRank& rank);

 private:
  struct Cursor {
    QueueRank rank;
    std::set<WaitKey>::const_iterator at, end;
  };
  RankRule rule_;
  Instant now_;
  std::vector<Cursor> cursors_;
  std::vector<QueueRank> put_back_;  // heap
};

}  // namespace dsched::engine
