// SPDX-License-Identifier: Apache-2.0
#include "sys/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"

// The child shares the parent's memory and thread-local storage while the parent stands still, so
// sanitizers must not instrument what it runs: they would take the second stack for a fault.
#define DSCHED_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))

#if defined(__SANITIZE_THREAD__)
// The thread sanitizer's wrapper of clone takes every child for a fork with memory of its own,
// marks the runner itself as forked and refuses further threads. This is the same function
// unwrapped.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...);
#define DSCHED_CLONE ::__clone
#else
#define DSCHED_CLONE ::clone
#endif

namespace dsched::sys {
namespace {

constexpr std::size_t k_stack_bytes = 64 * 1024;
constexpr int k_signals = 31;  // real-time signals are never ignored or handled here
constexpr unsigned k_close_range_cloexec = 1u << 2;  // CLOSE_RANGE_CLOEXEC, linux/close_range.h
constexpr int k_pidfd_wait = 3;                      // P_PIDFD, linux/wait.h

// Everything the child needs, prepared by the parent; `error` is its answer.
struct Launch {
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* const* files = nullptr;  // ends with nullptr
  char* const* fallback = nullptr;     // nullptr: none
  const char* folder = nullptr;        // nullptr: none
  std::array<int, 3> streams{};
  std::array<int, 2> passed{-1, -1};
  bool own_group = false;
  std::uint32_t signals = 0;  // bit n-1: signal n must be given back its default disposition
  AttemptSlot* slot = nullptr;
  SpawnFailure::Step step = SpawnFailure::Step::clone;
  int error = 0;
};

DSCHED_NO_SANITIZE void reset_signals(std::uint32_t changed) {
  struct {  // the kernel's struct sigaction: SIG_DFL, no flags, no restorer, empty mask
    unsigned long words[4];
  } action = {{0, 0, 0, 0}};
  for (int number = 1; changed != 0; ++number, changed >>= 1) {
    if ((changed & 1) != 0) ::syscall(SYS_rt_sigaction, number, &action, nullptr, 8);
  }
  const unsigned long empty = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &empty, nullptr, 8);
}

// Puts the three streams in place; descriptors below 3 are moved up first where they would be
// overwritten. Whatever else is open closes at exec: also what the runner itself inherited.
DSCHED_NO_SANITIZE bool place_streams(Launch& launch) {
  for (int target = 0; target < 3; ++target) {
    int& source = launch.streams[static_cast<std::size_t>(target)];
    if (source > 2 || source == target) continue;
    source = static_cast<int>(::syscall(SYS_fcntl, source, F_DUPFD_CLOEXEC, 3));
    if (source < 0) return false;
  }
  for (int target = 0; target < 3; ++target) {
    const int source = launch.streams[static_cast<std::size_t>(target)];
    const long done = source == target ? ::syscall(SYS_fcntl, target, F_SETFD, 0)
                                       : ::syscall(SYS_dup3, source, target, 0);
    if (done < 0) return false;
  }
  ::syscall(SYS_close_range, 3u, ~0u, k_close_range_cloexec);
  for (const int fd : launch.passed) {
    if (fd > 2 && ::syscall(SYS_fcntl, fd, F_SETFD, 0) < 0) return false;
  }
  return true;
}

// As execvp does: the first file that can be executed; what is not there is passed over, and
// "permission denied" is remembered as the better reason.
DSCHED_NO_SANITIZE int execute(const Launch& launch) {
  int reason = ENOENT;
  for (const char* const* file = launch.files; *file != nullptr; ++file) {
    ::syscall(SYS_execve, *file, launch.argv, launch.environment);
    const int error = errno;
    if (error != ENOENT && error != ENOTDIR && error != EACCES) {
      reason = error;
      break;
    }
    if (error == EACCES) reason = EACCES;
  }
  if (launch.fallback != nullptr) {
    ::syscall(SYS_execve, launch.fallback[0], launch.fallback, launch.environment);
    reason = errno;
  }
  return reason;
}

DSCHED_NO_SANITIZE int child_main(void* argument) {
  Launch& launch = *static_cast<Launch*>(argument);
  if (launch.slot != nullptr) {
    launch.slot->pid.store(static_cast<pid_t>(::syscall(SYS_getpid)));
  }
  if (launch.own_group) ::syscall(SYS_setpgid, 0, 0);
  if (!place_streams(launch)) {
    launch.step = SpawnFailure::Step::streams;
    launch.error = errno;
  } else if (launch.folder != nullptr && ::syscall(SYS_chdir, launch.folder) != 0) {
    launch.step = SpawnFailure::Step::folder;
    launch.error = errno;
  } else {
    reset_signals(launch.signals);
    launch.step = SpawnFailure::Step::execute;
    launch.error = execute(launch);
  }
  ::syscall(SYS_exit, 127);
  __builtin_unreachable();
}

// Asking is what giving back costs, so it is done once for many children; a few at most differ.
std::uint32_t changed_signals() {
  std::uint32_t changed = 0;
  for (int number = 1; number <= k_signals; ++number) {
    struct sigaction action;
    const bool is_known = ::sigaction(number, nullptr, &action) == 0;
    if (is_known && (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL) continue;
    if (number != SIGKILL && number != SIGSTOP) changed |= 1u << (number - 1);
  }
  return changed;
}

std::vector<char*> pointers(std::span<const std::string> texts,
                            std::span<const std::string> more = {}) {
  std::vector<char*> result;
  result.reserve(texts.size() + more.size() + 1);
  // exec takes char* for history's sake and does not write.
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  for (const std::string& text : more) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

Nanoseconds from_timeval(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

Spawner::Spawner()
    : null_(::open("/dev/null", O_RDWR | O_CLOEXEC)), changed_signals_(changed_signals()) {
  if (!null_) throw Error(ErrorKind::environment, describe_errno("/dev/null: open", errno));
  stack_ = ::mmap(nullptr, k_stack_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack_ == MAP_FAILED) {
    throw Error(ErrorKind::environment, describe_errno("stack for children: mmap", errno));
  }
}

Spawner::~Spawner() {
  ::munmap(stack_, k_stack_bytes);
}

SpawnOutcome Spawner::spawn(const Spawn& request) {
  DSCHED_ASSERT(!request.files.empty(), "there must be something to execute");
  const std::vector<char*> argv = pointers(request.argv);
  const std::vector<char*> environment = pointers(request.shared_environment, request.environment);
  const std::vector<char*> fallback = pointers(request.fallback);
  const std::vector<char*> files = pointers(request.files);
  Launch launch;
  launch.argv = argv.data();
  launch.environment = environment.data();
  launch.files = files.data();
  launch.fallback = request.fallback.empty() ? nullptr : fallback.data();
  launch.folder = request.folder.empty() ? nullptr : request.folder.c_str();
  const auto or_null = [&](int fd) { return fd < 0 ? null_.get() : fd; };
  launch.streams = {or_null(request.stdin_fd), or_null(request.stdout_fd),
                    or_null(request.stderr_fd)};
  launch.passed = request.passed;
  launch.own_group = request.group == Spawn::Group::own;
  launch.signals = changed_signals_;
  launch.slot = request.slot;

  // No handler of the runner may run in the child, which shares its memory.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const int pid = DSCHED_CLONE(child_main, static_cast<char*>(stack_) + k_stack_bytes,
                               CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch, &pidfd);
  const int clone_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return SpawnFailure{SpawnFailure::Step::clone, clone_error};
  Child child{pid, Fd(pidfd)};
  if (launch.error == 0) return child;
  static_cast<void>(reap(child));
  if (request.slot != nullptr) request.slot->pid.store(0);
  return SpawnFailure{launch.step, launch.error};
}

std::vector<std::string> search_path(std::string_view name,
                                     std::span<const std::string> environment) {
  if (name.empty()) return {};
  if (name.find('/') != std::string_view::npos) return {std::string(name)};
  // dash's own, so that a command found by it is found here.
  std::string_view path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const std::string& entry : environment) {
    if (entry.starts_with("PATH=")) path = std::string_view(entry).substr(5);
  }
  std::vector<std::string> files;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    std::string file(path.substr(start, end - start));
    if (file.empty()) file = ".";  // an empty word in PATH is the current folder
    file += '/';
    file += name;
    files.push_back(std::move(file));
    start = end + 1;
  }
  return files;
}

ProcessEnd reap(const Child& child) {
  siginfo_t info;
  std::memset(&info, 0, sizeof info);
  rusage usage;
  std::memset(&usage, 0, sizeof usage);
  long done = 0;
  do {
    done = ::syscall(SYS_waitid, k_pidfd_wait, child.pidfd.get(), &info, WEXITED, &usage);
  } while (done != 0 && errno == EINTR);
  DSCHED_ASSERT(done == 0, "a child is reaped once, by the thread that made it");
  ProcessEnd end;
  if (info.si_code == CLD_EXITED) {
    end.exit_code = info.si_status;
  } else {
    end.signal = info.si_status;
    end.core_dumped = info.si_code == CLD_DUMPED;
  }
  end.user = from_timeval(usage.ru_utime);
  end.system = from_timeval(usage.ru_stime);
  end.peak_memory_kib = static_cast<std::uint64_t>(usage.ru_maxrss);
  return end;
}

bool send_signal(const Fd& pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

}  // namespace dsched::sys
