// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a running session needs from the world, as ports: the real ones are put together in
// session/run.cpp, simulated ones in tests/sim.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "executor/executor.h"
#include "executor/workspace.h"
#include "session/observer.h"
#include "session/slots.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/flow.h"

namespace dsched::session {

// What people and systems ask of a running execution by signals.
enum class Request : std::uint8_t {
  interrupt,           // SIGINT; a second one means: end everything now
  interrupt_received,  // SIGINT from the terminal: processes in the foreground group got it already
  terminate,           // SIGTERM
  hang_up,             // SIGHUP
  suspend,             // Ctrl-Z
};

class Waiter {
 public:
  virtual ~Waiter() = default;
  // Returns when the executor has events, a request has come, one of `also` is ready, or `until`
  // has passed (empty: no limit); at once when that is so already. Gives the requests in the order
  // they came.
  [[nodiscard]] virtual std::vector<Request> wait(std::optional<Instant> until,
                                                  std::span<const sys::Awaited> also) = 0;
  [[nodiscard]] std::vector<Request> wait(std::optional<Instant> until) { return wait(until, {}); }
  // Stops this process until it is continued.
  virtual void stop_here() = 0;
};

// Files with the bytes of small results, for commands that read their arguments by path. They live
// in memory where the system allows and go with the runner.
class ArgumentFiles {
 public:
  virtual ~ArgumentFiles() = default;
  // The path of a file with these bytes, made on first use. `name` is the same for equal bytes.
  [[nodiscard]] virtual std::string file_for(const std::string& name, std::string_view bytes) = 0;
  // The same for a blob that is too large for memory or stored in another form.
  [[nodiscard]] virtual std::string file_for(const std::string& name, store::BlobReader& blob) = 0;
};

struct Ports {
  const sys::Clock& clock;
  sys::Entropy& entropy;
  store::Store& store;
  executor::Executor& executor;
  executor::Workspace& workspace;
  ArgumentFiles& argument_files;
  Waiter& waiter;
  SlotSource& slots;
  Observer& observer;
};

}  // namespace dsched::session
