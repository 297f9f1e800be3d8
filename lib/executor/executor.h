// SPDX-License-Identifier: Apache-2.0
#pragma once
// The port through which the session runs attempts. It decides nothing: how many run, which, and
// when one must end is the engine's business.
//
// Protocol: start() hands over an attempt; exactly one Started (when it really begins) and then one
// Ended comes back through next_events(), in that order, whatever happens. Attempts handed over
// beyond the width wait in first-in order, not yet started, and can be taken back; a suspended
// attempt does not count. Once an attempt has failed none of them begins until start() is called
// after that failure was taken, so that "nothing new after a failure" is the session's to decide:
// it takes back those that wait. All functions are called from the session's thread.
//
// For a request to a worker, interrupt, terminate, kill, suspend and resume are meant for the whole
// instance that has it in flight; told more than once they count once. Requests are handed on by
// hand_over(), so that many of them cost one wake-up.

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "executor/attempt.h"

namespace dsched::executor {

struct Started {
  NodeIndex node;
  std::uint32_t number = 1;
  Instant at;
};
// Between the two, of an attempt whose stream has a limit: its slowest reader has fallen behind, or
// caught up.
struct ReadersLag {
  enum class Now : std::uint8_t { behind, caught_up };
  NodeIndex node;
  std::uint32_t number = 1;
  Now now = Now::behind;
};
using AttemptEvent = std::variant<Started, Ended, ReadersLag>;

enum class Control : std::uint8_t {
  interrupt,  // SIGINT, once, to the attempt's process group
  terminate,  // SIGTERM to every process of the attempt tree
  kill,       // SIGKILL to every process of the attempt tree, until nothing new is found
  suspend,    // SIGSTOP to every process
  resume,     // SIGCONT to every process
  cancel,     // of a request to a worker: asks the worker to give it up
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual void start(Attempt attempt) = 0;
  // Nothing more is started for the moment.
  virtual void hand_over() {}
  // How many attempts may run at once from now on; what runs already is not touched.
  virtual void set_width(Slots width) = 0;
  // Takes back an attempt that has not started; false when it has (its Started is on the way).
  [[nodiscard]] virtual bool withdraw(NodeIndex node) = 0;
  // No effect when the attempt has ended meanwhile.
  virtual void control(NodeIndex node, Control what) = 0;
  // Returns when all controls given so far have taken effect, as far as they can: before this
  // process stops itself, what it started must stand still.
  virtual void wait_until_obeyed() {}
  // The events that have arrived, without waiting; appended to `out`.
  virtual void take_events(std::vector<AttemptEvent>& out) = 0;
  // Readable (level-triggered) when take_events() gives something that should not wait; -1: poll by
  // calling it.
  [[nodiscard]] virtual int event_fd() const = 0;
};

}  // namespace dsched::executor
