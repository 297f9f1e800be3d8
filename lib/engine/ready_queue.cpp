// SPDX-License-Identifier: Apache-2.0
#include "engine/ready_queue.h"

#include <algorithm>
#include <queue>

#include "base/error.h"

namespace dsched::engine {

ReadyQueue::ReadyQueue(std::vector<Slots> pool_limits, std::size_t workers) : requests_(workers) {
  pools_.reserve(pool_limits.size());
  for (const Slots limit : pool_limits) pools_.push_back({limit.count, {}});
}

void ReadyQueue::push(std::vector<Entry>& heap, const Entry& entry) {
  heap.push_back(entry);
  std::push_heap(heap.begin(), heap.end(), Worse{});
}

ReadyQueue::Entry ReadyQueue::pop(std::vector<Entry>& heap) {
  std::pop_heap(heap.begin(), heap.end(), Worse{});
  const Entry entry = heap.back();
  heap.pop_back();
  return entry;
}

void ReadyQueue::add(const Rank& rank, std::optional<PoolIndex> pool,
                     std::optional<dag::WorkerIndex> worker) {
  const Entry entry{rank, pool, worker};
  push(heap_of(entry), entry);
  park_blocked(heap_of(entry));
}

void ReadyQueue::park_blocked() {
  park_blocked(main_);
  for (std::vector<Entry>& heap : requests_) park_blocked(heap);
}

void ReadyQueue::park_blocked(std::vector<Entry>& heap) {
  while (!heap.empty() && heap.front().pool && pools_[heap.front().pool->value].free == 0) {
    const Entry entry = pop(heap);
    push(pools_[entry.pool->value].parked, entry);
  }
}

bool ReadyQueue::empty() const {
  return main_.empty() && std::all_of(requests_.begin(), requests_.end(),
                                      [](const auto& heap) { return heap.empty(); });
}

std::optional<Rank> ReadyQueue::best_request(dag::WorkerIndex worker) const {
  const std::vector<Entry>& heap = requests_[worker.value];
  if (heap.empty()) return std::nullopt;
  return heap.front().rank;
}

NodeIndex ReadyQueue::take_request(dag::WorkerIndex worker) {
  DSCHED_ASSERT(!requests_[worker.value].empty(), "only a request that waits can be taken");
  const Entry entry = pop(requests_[worker.value]);
  if (entry.pool) {
    --pools_[entry.pool->value].free;
    park_blocked();
  } else {
    park_blocked(requests_[worker.value]);
  }
  return entry.rank.node;
}

std::optional<NodeIndex> ReadyQueue::take_best(std::size_t pass_over_max,
                                               const std::function<bool(const Rank&)>& fits) {
  std::vector<Entry> passed_over;
  std::optional<NodeIndex> taken;
  while (!main_.empty() && passed_over.size() <= pass_over_max) {
    const Entry entry = pop(main_);
    if (entry.pool && pools_[entry.pool->value].free == 0) {
      push(pools_[entry.pool->value].parked, entry);
    } else if (!fits(entry.rank)) {
      passed_over.push_back(entry);
      // Its pool has a place, which the next one of that pool may fit into.
      if (entry.pool) unpark_best(*entry.pool);
    } else {
      if (entry.pool) --pools_[entry.pool->value].free;
      taken = entry.rank.node;
      break;
    }
  }
  for (const Entry& entry : passed_over) push(main_, entry);
  park_blocked();
  return taken;
}

void ReadyQueue::release(PoolIndex pool) {
  ++pools_[pool.value].free;
  unpark_best(pool);
  park_blocked();
}

void ReadyQueue::unpark_best(PoolIndex pool) {
  PoolState& state = pools_[pool.value];
  if (state.parked.empty()) return;
  const Entry entry = pop(state.parked);
  push(heap_of(entry), entry);
}

std::optional<Rank> ReadyQueue::best() const {
  if (main_.empty()) return std::nullopt;
  return main_.front().rank;
}

std::uint32_t ReadyQueue::slots_wanted(std::uint32_t limit,
                                       const std::function<Slots(NodeIndex)>& need) const {
  constexpr std::size_t k_looks_per_slot = 8;
  std::uint32_t wanted = 0;
  std::vector<std::uint32_t> free(pools_.size());
  for (std::size_t pool = 0; pool < pools_.size(); ++pool) free[pool] = pools_[pool].free;
  std::size_t looks = limit * k_looks_per_slot;
  for (auto entry = main_.begin(); entry != main_.end() && wanted < limit && looks > 0; ++entry) {
    --looks;
    if (entry->pool && free[entry->pool->value] == 0) continue;
    if (entry->pool) --free[entry->pool->value];
    wanted += need(entry->rank.node).count;
  }
  return std::min(wanted, limit);
}

// The children of an entry in a heap are worse than it, so only those of entries that were given
// can come next.
std::vector<NodeIndex> ReadyQueue::best_ones(std::size_t limit) const {
  struct Next {
    const std::vector<Entry>* heap;
    std::size_t index;
    const Entry& entry() const { return (*heap)[index]; }
    bool operator<(const Next& other) const { return Worse{}(entry(), other.entry()); }
  };
  std::priority_queue<Next> next;
  const auto reach = [&next](const std::vector<Entry>& heap, std::size_t index) {
    if (index < heap.size()) next.push({&heap, index});
  };
  reach(main_, 0);
  for (const std::vector<Entry>& heap : requests_) reach(heap, 0);
  for (const PoolState& pool : pools_) reach(pool.parked, 0);
  std::vector<NodeIndex> best;
  while (best.size() < limit && !next.empty()) {
    const Next given = next.top();
    next.pop();
    best.push_back(given.entry().rank.node);
    reach(*given.heap, 2 * given.index + 1);
    reach(*given.heap, 2 * given.index + 2);
  }
  return best;
}

std::size_t ReadyQueue::size() const {
  std::size_t size = main_.size();
  for (const std::vector<Entry>& heap : requests_) size += heap.size();
  for (const PoolState& pool : pools_) size += pool.parked.size();
  return size;
}

void ReadyQueue::remove(NodeIndex node) {
  const auto take_from = [node](std::vector<Entry>& heap) {
    const auto gone = std::erase_if(heap, [node](const Entry& e) { return e.rank.node == node; });
    if (gone > 0) std::make_heap(heap.begin(), heap.end(), Worse{});
    return gone > 0;
  };
  if (take_from(main_)) return park_blocked();
  for (std::vector<Entry>& heap : requests_) {
    if (take_from(heap)) return park_blocked();
  }
  for (PoolState& pool : pools_) {
    if (take_from(pool.parked)) return;
  }
}

}  // namespace dsched::engine
