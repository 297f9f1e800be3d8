// SPDX-License-Identifier: Apache-2.0
#include "sys/attempt_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

#include "base/error.h"
#include "sys/process_list.h"

namespace dsched::sys {

static_assert(std::atomic<pid_t>::is_always_lock_free);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

void mark_file(FileMark& mark, int fd) {
  const FileId file = file_id(fd).value_or(FileId{});
  mark.device.store(file.device);
  mark.inode.store(file.inode);
  mark.birth_ns.store(file.birth_ns);
}

// Anonymous memory is zero until it is touched, so 4,096 slots cost only the pages in use.
struct AttemptTable::Shared {
  std::atomic<std::size_t> used{0};
  std::atomic<bool> keeper_asleep{false};
  std::atomic<pid_t> keeper{0};
  std::array<AttemptSlot, k_slots> slots{};
};

AttemptTable::AttemptTable() {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw Error(ErrorKind::environment, describe_errno("table of attempts: mmap", errno));
  }
  shared_ = new (memory) Shared;
}

AttemptTable::~AttemptTable() {
  ::munmap(shared_, sizeof(Shared));
}

AttemptSlot& AttemptTable::slot(std::size_t index) {
  DSCHED_ASSERT(index < k_slots, "the executor keeps its width below the table's");
  std::size_t used = shared_->used.load();
  while (used <= index && !shared_->used.compare_exchange_weak(used, index + 1)) {
  }
  return shared_->slots[index];
}

const AttemptSlot& AttemptTable::slot(std::size_t index) const {
  DSCHED_ASSERT(index < k_slots, "callers stay below used()");
  return shared_->slots[index];
}

std::size_t AttemptTable::used() const {
  return shared_->used.load();
}

bool AttemptTable::knows(pid_t pid) const {
  if (pid == shared_->keeper.load()) return true;
  const std::size_t count = used();
  for (std::size_t index = 0; index < count; ++index) {
    if (shared_->slots[index].pid.load(std::memory_order_relaxed) == pid) return true;
  }
  return false;
}

std::vector<pid_t> AttemptTable::pids() const {
  std::vector<pid_t> result;
  const std::size_t count = used();
  for (std::size_t index = 0; index < count; ++index) {
    const pid_t pid = shared_->slots[index].pid.load(std::memory_order_relaxed);
    if (pid != 0) result.push_back(pid);
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::atomic<pid_t>& AttemptTable::keeper() {
  return shared_->keeper;
}

std::atomic<bool>& AttemptTable::keeper_asleep() {
  return shared_->keeper_asleep;
}

}  // namespace dsched::sys
