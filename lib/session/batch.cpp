// SPDX-License-Identifier: Apache-2.0
#include "session/batch.h"

#include <nlohmann/json.hpp>

#include "report/batch_record.h"
#include "session/batch_runner.h"
#include "session/execution_world.h"
#include "session/prepare.h"

namespace dsched::session {
namespace {

// What is kept as the program of a batch: none of its requests, which may be without end.
constexpr std::string_view k_program_of_batches = R"({"dag_id":"batch","nodes":[]})";

journal::ExecutionRecord new_record(const RunRequest& request, System& system) {
  journal::ExecutionRecord record;
  const WallTime now = system.clock.wall();
  record.id = sys::random_uuid_v7(system.entropy, now);
  record.dag_id = "batch";
  record.status = engine::ExecutionStatus::running;
  record.priority = request.run.priority;
  record.folder = request.folder;
  nlohmann::json settings = nlohmann::json::parse(settings_text(request));
  settings[report::k_batch_setting] = true;
  record.settings = settings.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  record.initiated_by = request.initiated_by;
  record.submitted_at = now;
  record.started_at = now;
  return record;
}

BatchEnd run_recorded(RunBase& base, const BatchCall& call, store::Store& store,
                      journal::Journal& journal, journal::ExecutionRecord& record,
                      Observer& observer) {
  const RunRequest& request = call.run;
  const System& system = base.system;
  const AttemptContext context{.folder = request.folder,
                               .store_folder = store.identity().folder,
                               .execution_id = to_text(record.id),
                               .attempt_prefix = base.runner_name + '-'};
  ExecutionWorld world(base, {.request = request,
                              .store = store,
                              .record = record,
                              .workers = call.workers,
                              .context = context,
                              .observer = observer});
  const std::string& machine = base.machine_folder;
  BatchArguments arguments({store, world.workspace(), base.system.files, request.folder, machine,
                            machine + '/' + base.runner_name});
  BatchMaker maker({.context = context,
                    .workers = call.workers,
                    .store_places = store_places(request),
                    .operations_folder = request.run.operations_folder,
                    .keeps_failed_output = call.form == BatchCall::Form::bytes},
                   world.environment(), world.workspace(), arguments);
  const BatchPorts ports{system.clock,      base.system.entropy, store,    world.executor(),
                         world.workspace(), world.slots(),       observer, world.waiter()};
  BatchRunner runner(call, ports, maker, journal, record);
  BatchEnd end = runner.run();
  world.finish(journal);
  return end;
}

}  // namespace

BatchEnd run_batch(BatchCall call, Observer& observer) {
  RunRequest& request = call.run;
  RunBase base(request, observer);
  request.store.mode = store::Mode::create;
  store::Store store(request.store, base.system.world);
  journal::Journal journal(store.database(), journal::Journal::Tables::make);
  journal::ExecutionRecord record = new_record(request, base.system);
  const store::RunLock lock =
      lock_execution(store, record, request.shares_machine ? base.machine_folder : std::string());
  {
    sys::Transaction transaction(store.database());
    record.program = keep_program(store, k_program_of_batches);
    journal.submit(record);
    transaction.commit();
  }
  return run_recorded(base, call, store, journal, record, observer);
}

}  // namespace dsched::session
