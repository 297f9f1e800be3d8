// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every kind of run makes of the real world, whatever it runs: clock, keeper, signals, the
// right to an execution, the source of its slots.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.h"
#include "session/observer.h"
#include "session/ports.h"
#include "session/request.h"
#include "store/run_locks.h"
#include "store/store.h"
#include "sys/attempt_table.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/files.h"
#include "sys/host.h"
#include "sys/keeper.h"
#include "sys/process_tree.h"
#include "sys/signals.h"

namespace dsched::session {

// The system's side of a run, made before anything grows or starts a thread: the keeper is a copy
// of this process, and threads inherit the signal mask.
struct System {
  sys::PosixClock clock;
  sys::SystemEntropy entropy;
  sys::PosixFiles files;
  sys::PosixHost host;
  store::World world{.clock = clock, .entropy = entropy, .files = files, .host = host};
};

struct Processes {
  explicit Processes(const sys::KeeperOptions& options) : keeper(table, options), trees(table) {}
  sys::AttemptTable table;
  sys::Keeper keeper;
  sys::Signals signals;
  sys::AttemptTrees trees;
};

// The signals that have come, as requests.
[[nodiscard]] std::vector<Request> take_requests(sys::Signals& signals);

// A name for this runner that no other one has.
[[nodiscard]] std::string make_runner_name(sys::Entropy& entropy);
[[nodiscard]] std::string machine_folder_of(const RunRequest& request);

// The right to run the execution. Throws Error busy when somebody runs it already.
[[nodiscard]] store::RunLock lock_execution(const store::Store& store,
                                            const journal::ExecutionRecord& record,
                                            const std::string& machine_folder);

// The program's text is kept with the execution, so that a resume needs no file. It counts as just
// used, so gc leaves it until the record of the execution names it.
[[nodiscard]] store::Content keep_program(store::Store& store, std::string_view text);

// Who an execution is, for the machine.
struct SlotsFor {
  const RunRequest& request;
  const store::Store& store;
  const journal::ExecutionRecord& record;
  const std::string& runner_name;
  const std::string& machine_folder;
};
// Leases of the machine. One that cannot be shared is no reason not to run: then -j is all there
// is.
[[nodiscard]] std::unique_ptr<SlotSource> make_slots(const SlotsFor& whom, System& system,
                                                     Observer& observer);

// What was learnt of files, for the next run.
void save_digests(store::Store& store);

}  // namespace dsched::session
