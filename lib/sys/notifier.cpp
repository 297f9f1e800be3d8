// SPDX-License-Identifier: Apache-2.0
#include "sys/notifier.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>

#include "base/error.h"
#include "sys/process.h"

namespace dsched::sys {
namespace {

using Steady = std::chrono::steady_clock;

constexpr char k_delivered = 'd';
constexpr char k_not_delivered = 'n';
constexpr std::size_t k_output_kept = 1024;  // the end of what a command says
constexpr std::size_t k_problem_bytes_max = 300;

// The last line that is not empty, shortened.
std::string last_line(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, text.find_last_of("\r\n") + 1);
  return text.substr(0, k_problem_bytes_max);
}

Fd file_with(std::string_view text) {
  Fd file(::memfd_create("event", MFD_CLOEXEC));
  while (file && !text.empty()) {
    const ssize_t done = ::write(file.get(), text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return {};
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  if (file) ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

// What the notifier's process does. It is alone in its process, and ends when it has nothing to do
// and nobody to do it for.
class NotifierLoop {
 public:
  NotifierLoop(const std::string& command, const NotifierLimits& limits, int socket)
      : argv_{"/bin/sh", "-c", command}, limits_(limits), socket_(socket) {
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
      environment_.emplace_back(*entry);
    }
  }

  void run() {
    while (true) {
      if (!child_ && !waiting_.empty()) start();
      if (!child_ && waiting_.empty() && is_caller_gone_) return;
      wait();
    }
  }

 private:
  void wait() {
    // Negative descriptors are passed over.
    std::array<pollfd, 3> items{{{is_caller_gone_ ? -1 : socket_, POLLIN, 0},
                                 {output_.get(), POLLIN, 0},
                                 {child_ ? child_->pidfd.get() : -1, POLLIN, 0}}};
    int patience = -1;
    if (child_ && !is_killed_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Steady::now());
      patience = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }
    if (::poll(items.data(), items.size(), patience) < 0) return;
    if (items[0].revents != 0) take_event();
    if (items[1].revents != 0) take_output();
    if (items[2].revents != 0) return finish();
    if (child_ && !is_killed_ && Steady::now() >= until_) {
      is_killed_ = true;
      ::kill(-child_->pid, SIGKILL);
      send_signal(child_->pidfd, SIGKILL);
    }
  }

  void take_event() {
    buffer_.resize(Notifier::k_event_bytes_max);
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      is_caller_gone_ = true;
    } else if (waiting_.size() >= limits_.waiting) {
      answer(k_not_delivered, "more than " + std::to_string(limits_.waiting) + " events wait");
    } else {
      waiting_.emplace_back(buffer_.data(), static_cast<std::size_t>(got));
    }
  }

  void take_output() {
    std::array<char, 4096> piece;
    const ssize_t got = ::read(output_.get(), piece.data(), piece.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return output_.reset();
    said_.append(piece.data(), static_cast<std::size_t>(got));
    if (said_.size() > k_output_kept) said_.erase(0, said_.size() - k_output_kept);
  }

  void start() {
    const std::string event = std::move(waiting_.front());
    waiting_.pop_front();
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
      return answer(k_not_delivered, describe_errno("pipe", errno));
    Fd reading(ends[0]);
    const Fd writing(ends[1]);
    ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
    const Fd input = file_with(event);
    if (!input) return answer(k_not_delivered, describe_errno("memory for an event", errno));
    Spawn command;
    command.argv = argv_;
    command.files = {argv_.data(), 1};
    command.environment = environment_;
    command.stdin_fd = input.get();
    command.stdout_fd = writing.get();
    command.stderr_fd = writing.get();
    SpawnOutcome outcome = spawner_.spawn(command);
    if (const auto* failure = std::get_if<SpawnFailure>(&outcome)) {
      return answer(k_not_delivered, describe_errno("/bin/sh", failure->error_number));
    }
    child_ = std::move(std::get<Child>(outcome));
    output_ = std::move(reading);
    until_ = Steady::now() + limits_.command;
    is_killed_ = false;
    said_.clear();
  }

  // What the command leaves behind (`cmd &`) is its own affair; its output is not waited for.
  void finish() {
    const ProcessEnd end = reap(*child_);
    child_.reset();
    constexpr int k_reads = 16;  // as much as the pipe holds
    for (int i = 0; i < k_reads && output_; ++i) take_output();
    output_.reset();
    if (end.exit_code == 0) return answer(k_delivered, {});
    std::string why = end.exit_code ? "exit " + std::to_string(*end.exit_code)
                                    : "signal " + std::to_string(*end.signal);
    if (is_killed_) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limits_.command);
      why = "it did not end within " + std::to_string(seconds.count()) + " s and was killed";
    }
    const std::string line = last_line(said_);
    answer(k_not_delivered, line.empty() ? why : why + ": " + line);
  }

  // A caller that is gone, or listens no more, is no reason to stop.
  void answer(char what, const std::string& why) const {
    const std::string text = what + why;
    static_cast<void>(::send(socket_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  std::vector<std::string> argv_;
  std::vector<std::string> environment_;
  NotifierLimits limits_;
  int socket_;
  Spawner spawner_;
  bool is_caller_gone_ = false;
  std::string buffer_;
  std::deque<std::string> waiting_;
  std::optional<Child> child_;
  Fd output_;
  std::string said_;
  Steady::time_point until_;
  bool is_killed_ = false;
};

// Nothing of the caller's stays open here, the standard streams included.
void keep_only(int socket) {
  const auto number = static_cast<unsigned>(socket);
  ::syscall(SYS_close_range, 0u, number - 1, 0u);
  ::syscall(SYS_close_range, number + 1, ~0u, 0u);
  for (int fd = 0; fd < 3; ++fd) static_cast<void>(::open("/dev/null", O_RDWR));
}

[[noreturn]] void notifier_main(const std::string& command, const NotifierLimits& limits,
                                int socket) {
  ::setsid();
  ::prctl(PR_SET_NAME, "dsched-notify", 0, 0, 0);
  for (const int number : {SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE}) {
    ::signal(number, SIG_IGN);
  }
  ::signal(SIGCHLD, SIG_DFL);  // a caller may have ignored it, and children would be lost
  keep_only(socket);
  NotifierLoop(command, limits, socket).run();
  ::_exit(0);
}

}  // namespace

Notifier::Notifier(std::string command, NotifierLimits limits) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw Error(ErrorKind::environment, describe_errno("notifier: socket", errno));
  }
  socket_ = Fd(ends[0]);
  const Fd theirs(ends[1]);
  const pid_t between = ::fork();
  if (between < 0) throw Error(ErrorKind::environment, describe_errno("notifier: fork", errno));
  if (between == 0) {
    // Its parent ends at once, so that it is nobody's child here.
    if (::fork() == 0) notifier_main(command, limits, theirs.get());
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }
}

void Notifier::tell(std::string_view event) {
  if (event.empty() || event.size() > k_event_bytes_max) {
    problems_.push_back("an event of " + std::to_string(event.size()) + " bytes was not told");
    return;
  }
  const ssize_t sent =
      ::send(socket_.get(), event.data(), event.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(event.size())) {
    ++under_way_;
    return;
  }
  problems_.push_back(describe_errno("the process that runs it does not listen", errno));
}

std::vector<std::string> Notifier::take_problems() {
  std::array<char, 2048> packet;
  while (under_way_ > 0) {
    const ssize_t got = ::recv(socket_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      under_way_ = 0;
      problems_.emplace_back("the process that runs it is gone");
      break;
    }
    --under_way_;
    const std::string_view text(packet.data(), static_cast<std::size_t>(got));
    if (text.front() == k_not_delivered) problems_.emplace_back(text.substr(1));
  }
  return std::exchange(problems_, {});
}

}  // namespace dsched::sys
