// SPDX-License-Identifier: Apache-2.0
#include "session/run_world.h"

#include <signal.h>

#include <array>

#include "base/error.h"
#include "base/text.h"
#include "base/time_text.h"
#include "session/environment.h"
#include "session/machine_slots.h"
#include "sys/copy.h"
#include "sys/private_folder.h"

namespace dsched::session {

std::vector<Request> take_requests(sys::Signals& signals) {
  std::vector<Request> requests;
  for (const sys::SignalEvent& event : signals.take()) {
    const bool by_terminal = event.origin == sys::SignalEvent::Origin::terminal;
    switch (event.signal) {
      case SIGINT:
      case SIGQUIT:
        requests.push_back(by_terminal ? Request::interrupt_received : Request::interrupt);
        break;
      case SIGTERM:
        requests.push_back(Request::terminate);
        break;
      case SIGHUP:
        requests.push_back(Request::hang_up);
        break;
      case SIGTSTP:
        requests.push_back(Request::suspend);
        break;
      default:
        break;  // SIGWINCH, SIGCONT: waking up is enough
    }
  }
  return requests;
}

std::string make_runner_name(sys::Entropy& entropy) {
  std::array<std::uint8_t, 8> bytes;
  entropy.fill(bytes);
  return hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string machine_folder_of(const RunRequest& request) {
  const Environment environment(request.environment, {});
  return sys::machine_folder({.dsched_machine = environment.get("DSCHED_MACHINE"),
                              .xdg_runtime_dir = environment.get("XDG_RUNTIME_DIR"),
                              .tmpdir = environment.get("TMPDIR")});
}

store::RunLock lock_execution(const store::Store& store, const journal::ExecutionRecord& record,
                              const std::string& machine_folder) {
  auto attempt = store::try_run_lock(
      store, {.execution_id = to_text(record.id), .machine_folder = machine_folder});
  if (auto* lock = std::get_if<store::RunLock>(&attempt)) return std::move(*lock);
  const auto& holder = std::get<store::LockHolder>(attempt);
  std::string who = "execution " + std::to_string(record.number.value) + ": is running";
  if (holder.pid > 0) who += " (dsched-run, process " + std::to_string(holder.pid) + ")";
  if (holder.since) who += ", since " + to_rfc3339(*holder.since);
  throw Error(ErrorKind::busy, who);
}

store::Content keep_program(store::Store& store, std::string_view text) {
  if (text.size() < store::k_file_min) return store.blobs().put(text);
  const store::Content content{sha256(text), text.size()};
  if (store.blobs().note_use(content.hash)) return content;
  store::StagedFile staged = store.stage();
  sys::write_all(staged.fd(), text, "store: program");
  store.blobs().keep(std::move(staged), content);
  return content;
}

std::unique_ptr<SlotSource> make_slots(const SlotsFor& whom, System& system, Observer& observer) {
  const RunRequest& request = whom.request;
  if (!request.shares_machine) return std::make_unique<FixedSlots>(request.run.width);
  machine::Member member;
  member.pid = sys::process_id();
  member.execution_id = to_text(whom.record.id);
  member.execution = whom.record.number.value;
  member.dag_id = whom.record.dag_id;
  member.store = whom.store.identity().folder;
  member.runner_name = whom.runner_name;
  if (!request.run.is_width_chosen) member.cpus = request.run.width.count;
  const Environment environment(request.environment, {});
  member.parent_attempt = environment.get("DSCHED_ATTEMPT_ID").value_or("");
  try {
    return std::make_unique<MachineSlots>(whom.machine_folder, system.clock, system.host,
                                          std::move(member), whom.record.priority);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::environment) throw;
    observer.note(std::string("warning: ") + error.what() +
                  "; its slots are not shared with other executions");
    return std::make_unique<FixedSlots>(request.run.width);
  }
}

void save_digests(store::Store& store) {
  if (!store.file_digests().has_queued()) return;
  sys::Transaction transaction(store.database());
  store.file_digests().write();
  transaction.commit();
}

}  // namespace dsched::session
