// SPDX-License-Identifier: Apache-2.0
#include "sys/keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/error.h"
#include "sys/process_list.h"

namespace dsched::sys {
namespace {

// A child starts within this time of the moment written in its slot; a later process with the same
// id is somebody else's.
constexpr std::int64_t k_start_window_ns = 5'000'000'000;
constexpr int k_empty_looks = 4;
constexpr int k_rounds = 1000;
constexpr int k_depth_max = 200;  // of folders removed; each level holds a descriptor

// What the keeper process knows and does. It runs alone in its process and never returns.
class KeeperLoop {
 public:
  KeeperLoop(AttemptTable& table, const KeeperOptions& options, int pipe, pid_t runner)
      : table_(table), options_(options), pipe_(pipe), runner_(runner), self_(::getpid()) {}

  void run() {
    const std::optional<ProcessInfo> runner = process_info(runner_);
    runner_start_ = runner ? runner->start_ticks : 0;
    runner_group_ = runner ? runner->group : 0;
    runner_session_ = runner ? runner->session : 0;
    while (!is_runner_gone()) look();
    end_attempts();
    put_back(options_.tokens.returned);
    put_back(options_.tokens.held);
    if (!options_.temporary_folder.empty()) remove_folder_tree(options_.temporary_folder);
  }

 private:
  void put_back(int from) const {
    if (from >= 0) move_tokens(from, options_.tokens.make);
  }
  [[nodiscard]] bool has_attempts() const {
    const std::size_t count = table_.used();
    for (std::size_t index = 0; index < count; ++index) {
      if (table_.slot(index).pid.load() != 0) return true;
    }
    return false;
  }

  // Waits for the end of the runner, or for the time of the next look. Wakers write a byte.
  [[nodiscard]] bool is_runner_gone() {
    int timeout = static_cast<int>(options_.orphan_interval.count());
    if (!has_attempts()) {
      table_.keeper_asleep().store(true);
      if (!has_attempts()) timeout = -1;
    }
    // Without a jobserver the second one is negative, and passed over.
    pollfd items[] = {{pipe_, POLLIN, 0}, {options_.tokens.returned, POLLIN, 0}};
    const int ready = ::poll(items, 2, timeout);
    table_.keeper_asleep().store(false);
    if (ready <= 0) return false;
    if ((items[1].revents & POLLIN) != 0) put_back(options_.tokens.returned);
    if (items[0].revents == 0) return false;
    char byte = 0;
    const ssize_t got = ::read(pipe_, &byte, 1);
    return got == 0 || (got < 0 && errno != EINTR);
  }

  void look() {
    note_orphans();
    const std::int64_t now = boot_time_ns();
    if (now - snapshot_at_ < std::chrono::nanoseconds(options_.snapshot_interval).count()) return;
    snapshot_at_ = now;
    take_snapshot();
  }

  // What the runner adopted: a child that it did not make. A child that has not written its slot
  // yet is taken for one, which does no harm.
  void note_orphans() {
    std::vector<ProcessInfo> orphans;
    for (const pid_t pid : children_of(runner_)) {
      if (pid == self_ || table_.knows(pid)) continue;
      if (const auto info = process_info(pid)) orphans.push_back(*info);
    }
    orphans_ = std::move(orphans);
  }

  // Notes the runner's descendants, but only when an attempt has lived since the last time: the
  // runner itself sees to the short ones.
  void take_snapshot() {
    std::map<std::size_t, pid_t> mains;
    bool is_old = false;
    const std::size_t count = table_.used();
    for (std::size_t index = 0; index < count; ++index) {
      const pid_t pid = table_.slot(index).pid.load();
      if (pid == 0) continue;
      mains[index] = pid;
      const auto before = mains_.find(index);
      is_old = is_old || (before != mains_.end() && before->second == pid);
    }
    mains_ = std::move(mains);
    if (!is_old) return;
    const std::vector<ProcessInfo> all = list_processes();
    std::set<pid_t> found{runner_};
    std::vector<ProcessInfo> known;
    for (bool has_grown = true; has_grown;) {
      has_grown = false;
      for (const ProcessInfo& process : all) {
        if (process.pid == self_ || found.count(process.pid) != 0) continue;
        if (found.count(process.parent) == 0) continue;
        found.insert(process.pid);
        known.push_back(process);
        has_grown = true;
      }
    }
    snapshot_ = std::move(known);
  }

  [[nodiscard]] bool is_main(const ProcessInfo& process) const {
    const std::size_t count = table_.used();
    for (std::size_t index = 0; index < count; ++index) {
      const AttemptSlot& slot = table_.slot(index);
      if (slot.pid.load() != process.pid || slot.ended.load()) continue;
      const std::int64_t spawned = slot.spawned_ns.load();
      return process.start_ticks >= ticks_from_boot_ns(spawned) &&
             process.start_ticks <= ticks_from_boot_ns(spawned + k_start_window_ns);
    }
    return false;
  }

  // Known by itself: table, snapshot, environment or open files.
  [[nodiscard]] bool is_seed(const ProcessInfo& process) const {
    if (is_main(process)) return true;
    const auto is_it = [&](const ProcessInfo& known) {
      return known.pid == process.pid && known.start_ticks == process.start_ticks;
    };
    if (std::any_of(snapshot_.begin(), snapshot_.end(), is_it)) return true;
    if (std::any_of(orphans_.begin(), orphans_.end(), is_it)) return true;
    if (!options_.environment_mark.empty() &&
        environment_has(process.pid, options_.environment_mark)) {
      return true;
    }
    return has_open(process.pid, streams_);
  }

  void note_streams() {
    const std::size_t count = table_.used();
    for (std::size_t index = 0; index < count; ++index) {
      const AttemptSlot& slot = table_.slot(index);
      if (slot.pid.load() == 0) continue;
      for (const FileMark* mark : {&slot.stdout_file, &slot.stderr_file}) {
        const FileId file{mark->device.load(), mark->inode.load(), mark->birth_ns.load()};
        if (file.inode != 0) streams_.push_back(file);
      }
    }
  }

  // What belongs to the attempts now; grows the known groups and sessions.
  [[nodiscard]] std::vector<ProcessInfo> find_members() {
    const std::vector<ProcessInfo> all = list_processes();
    std::set<pid_t> alive;
    for (const ProcessInfo& process : all) alive.insert(process.pid);
    std::set<pid_t> members;
    std::vector<ProcessInfo> found;
    for (bool has_grown = true; has_grown;) {
      has_grown = false;
      for (const ProcessInfo& process : all) {
        if (process.pid == self_ || process.ended() || members.count(process.pid) != 0) continue;
        if (process.start_ticks < runner_start_ || process.pid == runner_) continue;
        const bool is_related = members.count(process.parent) != 0 ||
                                groups_.count(process.group) != 0 ||
                                sessions_.count(process.session) != 0;
        if (!is_related && !is_seed(process)) continue;
        members.insert(process.pid);
        found.push_back(process);
        // Led by a member or by nobody any more: made within the tree.
        const auto is_made_within = [&](pid_t leader) {
          return members.count(leader) != 0 || alive.count(leader) == 0;
        };
        if (process.group != runner_group_ && is_made_within(process.group)) {
          groups_.insert(process.group);
        }
        if (process.session != runner_session_ && is_made_within(process.session)) {
          sessions_.insert(process.session);
        }
        has_grown = true;
      }
    }
    return found;
  }

  void end_attempts() {
    // A runner that ended in order has no attempts left, and nothing of it was ever snapshot since.
    if (!has_attempts()) return;
    note_streams();
    // A main process may have ended just before its runner and left its group behind.
    const std::size_t count = table_.used();
    for (std::size_t index = 0; index < count; ++index) {
      const AttemptSlot& slot = table_.slot(index);
      const pid_t pid = slot.pid.load();
      if (pid == 0 || slot.ended.load()) continue;
      groups_.insert(pid);
      sessions_.insert(pid);
    }
    // A look is not one moment: a process that is listed may make a child and end before it is
    // looked at, and the child is not in the list. So a look that finds nothing counts only if no
    // process was made meanwhile, or if several in a row find nothing.
    const PidCounter counter;
    int empty_looks = 0;
    for (int round = 0; round < k_rounds; ++round) {
      const std::optional<pid_t> before = counter.last();
      const std::vector<ProcessInfo> members = find_members();
      if (members.empty()) {
        if ((before && before == counter.last()) || ++empty_looks == k_empty_looks) return;
        continue;
      }
      empty_looks = 0;
      for (const ProcessInfo& process : members) {
        const Fd pidfd = open_process(process);
        if (!pidfd) continue;
        ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
        pollfd item{pidfd.get(), POLLIN, 0};
        // A process that sleeps in the kernel must not keep the others alive.
        ::poll(&item, 1, 50);
      }
    }
  }

  AttemptTable& table_;
  const KeeperOptions& options_;
  int pipe_;
  pid_t runner_;
  pid_t self_;
  std::uint64_t runner_start_ = 0;
  pid_t runner_group_ = 0;
  pid_t runner_session_ = 0;
  std::map<std::size_t, pid_t> mains_;  // at the last tick
  std::int64_t snapshot_at_ = 0;        // CLOCK_BOOTTIME
  std::vector<ProcessInfo> snapshot_;   // descendants of the runner at the last tick
  std::vector<ProcessInfo> orphans_;    // what the runner had adopted at the last look
  std::vector<FileId> streams_;         // stdout and stderr of the attempts that were running
  std::set<pid_t> groups_;
  std::set<pid_t> sessions_;
};

void close_all_but(std::array<int, 4> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > next) ::syscall(SYS_close_range, next, number - 1, 0u);
    next = number + 1;
  }
  ::syscall(SYS_close_range, next, ~0u, 0u);
}

[[noreturn]] void keeper_main(AttemptTable& table, const KeeperOptions& options, int pipe,
                              pid_t runner) {
  ::setsid();
  ::prctl(PR_SET_NAME, "dsched-keeper", 0, 0, 0);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE,
                           SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM}) {
    ::signal(number, SIG_IGN);
  }
  // Nothing else of the runner's may stay open here: who reads its stdout must see the end.
  close_all_but({pipe, options.tokens.make, options.tokens.held, options.tokens.returned});
  [[maybe_unused]] const int moved = ::chdir("/");
  KeeperLoop(table, options, pipe, runner).run();
  ::_exit(0);
}

void remove_entries(int folder, dev_t device, int depth) {
  if (depth > k_depth_max) return;
  const int copy = ::dup(folder);
  DIR* entries = copy < 0 ? nullptr : ::fdopendir(copy);
  if (entries == nullptr) {
    if (copy >= 0) ::close(copy);
    return;
  }
  while (const dirent* entry = ::readdir(entries)) {
    const char* name = entry->d_name;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    if (::unlinkat(folder, name, 0) == 0 || (errno != EISDIR && errno != EPERM)) continue;
    const Fd inner(::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status;
    if (!inner || ::fstat(inner.get(), &status) != 0 || status.st_dev != device) continue;
    remove_entries(inner.get(), device, depth + 1);
    ::unlinkat(folder, name, AT_REMOVEDIR);
  }
  ::closedir(entries);
}

}  // namespace

Keeper::Keeper(AttemptTable& table, KeeperOptions options) : table_(table) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Error(ErrorKind::environment, describe_errno("keeper: pipe", errno));
  }
  const Fd reading(ends[0]);
  pipe_ = Fd(ends[1]);
  const pid_t runner = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw Error(ErrorKind::environment, describe_errno("keeper: fork", errno));
  if (pid_ == 0) keeper_main(table, options, reading.get(), runner);
  table_.keeper().store(pid_);
}

Keeper::~Keeper() {
  pipe_.reset();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  table_.keeper().store(0);
}

void Keeper::wake() {
  if (!table_.keeper_asleep().load()) return;
  if (!table_.keeper_asleep().exchange(false)) return;
  const char byte = 0;
  // The pipe is never full: only the one who clears the flag writes.
  [[maybe_unused]] const ssize_t written = ::write(pipe_.get(), &byte, 1);
}

void remove_folder_tree(const std::string& path) {
  {
    const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status;
    if (!folder || ::fstat(folder.get(), &status) != 0) return;
    remove_entries(folder.get(), status.st_dev, 0);
  }
  ::rmdir(path.c_str());
}

}  // namespace dsched::sys
