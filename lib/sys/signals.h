// SPDX-License-Identifier: Apache-2.0
#pragma once
// Signals to the runner as events on a descriptor.
//
// INT, TERM, HUP, QUIT, TSTP, CONT and WINCH are blocked in the thread that makes the object, and
// so in all threads started after it, and read from a signalfd. SIGPIPE is ignored: a reader that
// went away is an error of write. A signal that was ignored when the program started (nohup) stays
// ignored and is not reported.

#include <csignal>
#include <cstdint>
#include <vector>

#include "sys/fd.h"

namespace dsched::sys {

struct SignalEvent {
  enum class Origin : std::uint8_t {
    terminal,  // a key or the line's hang-up: every process in the foreground group got it too
    process,   // kill(2): only this process got it
  };
  int signal = 0;
  Origin origin = Origin::process;
};

class Signals {
 public:
  // Throws Error (environment). At most one object at a time.
  Signals();
  ~Signals();  // restores the mask and SIGPIPE
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Readable while take() would give something.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // The signals that have arrived, in the order the kernel gives them; does not wait.
  [[nodiscard]] std::vector<SignalEvent> take();

 private:
  Fd fd_;
  sigset_t before_;                     // the thread's mask
  void (*pipe_before_)(int) = nullptr;  // SIGPIPE's disposition
};

// Stops this process as Ctrl-Z does by default; returns when it has been continued. The SIGCONT
// that did it is not reported as an event. To be called by the thread that made the Signals.
void stop_self();

// Ends this process by `signal`, as if it had never been handled, so that the parent sees it.
[[noreturn]] void end_self_by(int signal);

}  // namespace dsched::sys
