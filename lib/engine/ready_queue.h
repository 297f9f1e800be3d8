// SPDX-License-Identifier: Apache-2.0
#pragma once
// Nodes that could start now, best first: by priority, then longest remaining path, then the
// program's order. Knows nothing of slots; pools hold back the nodes of a full pool.
//
// Law: take_best() gives the first node in rank order that `fits`, and the nodes passed over keep
// their place. A node whose pool is full is parked with that pool and costs nothing until a place
// is free. Requests to a persistent worker stand in a queue of that worker, because most of them
// wait for a place in it and not for a slot; pools hold them back all the same.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "dag/worker.h"

namespace dsched::engine {

// Greater is better.
struct Rank {
  std::uint8_t priority = 0;
  Nanoseconds remaining{0};
  NodeIndex node;  // the smaller index is better
  [[nodiscard]] bool is_better_than(const Rank& other) const {
    if (priority != other.priority) return priority > other.priority;
    if (remaining != other.remaining) return remaining > other.remaining;
    return node < other.node;
  }
};

class ReadyQueue {
 public:
  explicit ReadyQueue(std::vector<Slots> pool_limits, std::size_t workers = 0);

  void add(const Rank& rank, std::optional<PoolIndex> pool,
           std::optional<dag::WorkerIndex> worker = std::nullopt);
  // The best entry for which `fits` says yes; it is taken out, and its pool has one place less.
  // At most `pass_over_max` entries that do not fit are passed over; 0: only the best is
  // considered.
  [[nodiscard]] std::optional<NodeIndex> take_best(std::size_t pass_over_max,
                                                   const std::function<bool(const Rank&)>& fits);
  // A node of `pool` that had been taken has ended or came back.
  void release(PoolIndex pool);
  // The best entry that is no request, whether it fits or not; empty when none could be taken.
  [[nodiscard]] std::optional<Rank> best() const;
  // Nothing could be taken, requests included.
  [[nodiscard]] bool empty() const;
  // The best request to the worker; empty when none could be taken.
  [[nodiscard]] std::optional<Rank> best_request(dag::WorkerIndex worker) const;
  // Takes it out, as take_best() does.
  [[nodiscard]] NodeIndex take_request(dag::WorkerIndex worker);
  [[nodiscard]] std::size_t requests(dag::WorkerIndex worker) const {
    return requests_[worker.value].size();
  }
  // Slots that entries could occupy now, as far as their pools allow, up to about `limit`; of each
  // entry `need` says how many. Looks at no more than a few times `limit` entries.
  [[nodiscard]] std::uint32_t slots_wanted(std::uint32_t limit,
                                           const std::function<Slots(NodeIndex)>& need) const;
  // The best entries, best first, at most `limit`; those of full pools too.
  [[nodiscard]] std::vector<NodeIndex> best_ones(std::size_t limit) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Slots free_places(PoolIndex pool) const { return {pools_[pool.value].free}; }
  // Takes out a node that was added and not taken; nothing happens when it is not there.
  void remove(NodeIndex node);

 private:
  struct Entry {
    Rank rank;
    std::optional<PoolIndex> pool;
    std::optional<dag::WorkerIndex> worker;
  };
  struct Worse {
    bool operator()(const Entry& a, const Entry& b) const { return b.rank.is_better_than(a.rank); }
  };
  struct PoolState {
    std::uint32_t free = 0;
    std::vector<Entry> parked;  // heap
  };
  void push(std::vector<Entry>& heap, const Entry& entry);
  Entry pop(std::vector<Entry>& heap);
  void unpark_best(PoolIndex pool);
  // Moves entries of full pools at the front of a queue to their pool's parking place.
  void park_blocked();
  void park_blocked(std::vector<Entry>& heap);
  [[nodiscard]] std::vector<Entry>& heap_of(const Entry& entry) {
    return entry.worker ? requests_[entry.worker->value] : main_;
  }

  // Heaps; the front of each is never of a full pool between calls.
  std::vector<Entry> main_;
  std::vector<std::vector<Entry>> requests_;  // by worker
  std::vector<PoolState> pools_;
};

}  // namespace dsched::engine
