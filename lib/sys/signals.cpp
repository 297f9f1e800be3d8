// SPDX-License-Identifier: Apache-2.0
#include "sys/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/error.h"

namespace dsched::sys {
namespace {

constexpr int k_reported[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

bool is_ignored(int signal) {
  struct sigaction action;
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t only(int signal) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : k_reported) {
    if (!is_ignored(signal)) ::sigaddset(&set, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    throw Error(ErrorKind::environment, describe_errno("signalfd", errno));
  }
  pipe_before_ = ::signal(SIGPIPE, SIG_IGN);
}

Signals::~Signals() {
  ::signal(SIGPIPE, pipe_before_);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::vector<SignalEvent> Signals::take() {
  std::vector<SignalEvent> events;
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    SignalEvent event;
    event.signal = static_cast<int>(info.ssi_signo);
    event.origin =
        info.ssi_code == SI_KERNEL ? SignalEvent::Origin::terminal : SignalEvent::Origin::process;
    events.push_back(event);
  }
  return events;
}

void stop_self() {
  // SIGSTOP cannot be blocked and tells the parent shell the same as SIGTSTP: stopped.
  ::raise(SIGSTOP);
  // Continued. The SIGCONT that did it is pending for the signalfd; so may be others, which stay.
  const sigset_t set = only(SIGCONT);
  const timespec at_once{0, 0};
  ::sigtimedwait(&set, nullptr, &at_once);
}

void end_self_by(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  const sigset_t set = only(signal);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::_exit(128 + signal);  // only for a signal whose default is not to end a process
}

}  // namespace dsched::sys
