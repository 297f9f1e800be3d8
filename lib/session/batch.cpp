// SPDX-License-Identifier: Apache-2.0
#include "session/batch.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "executor/file_finisher.h"
#include "executor/posix_workspace.h"
#include "executor/process_executor.h"
#include "report/batch_record.h"
#include "session/batch_runner.h"
#include "session/jobserver_offer.h"
#include "session/jobserver_slots.h"
#include "session/prepare.h"
#include "session/retention.h"
#include "session/run_world.h"

namespace dsched::session {
namespace {

// What is kept as the program of a batch: none of its requests, which may be without end.
constexpr std::string_view k_program_of_batches = R"({"dag_id":"batch","nodes":[]})";

class SystemBatchWaiter final : public BatchWaiter {
 public:
  SystemBatchWaiter(sys::Signals& signals, int executor_fd, const SlotSource& slots)
      : signals_(signals), executor_fd_(executor_fd), slots_(slots) {}

  std::vector<Request> wait(std::optional<Instant> until,
                            std::span<const sys::Awaited> also) override {
    using For = sys::Awaited::For;
    awaited_.assign(
        {{executor_fd_, For::reading}, {signals_.fd(), For::reading}, {slots_.fd(), For::reading}});
    awaited_.insert(awaited_.end(), also.begin(), also.end());
    sys::wait_for_any(awaited_, until);
    return take_requests(signals_);
  }
  void stop_here() override { sys::stop_self(); }

 private:
  sys::Signals& signals_;
  int executor_fd_;
  const SlotSource& slots_;
  std::vector<sys::Awaited> awaited_;
};

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

struct Here {
  System& system;
  Processes& processes;
  Observer& observer;
  const std::string& runner_name;
  sys::JobTokens* tokens;
};

BatchEnd run_recorded(const Here& here, const BatchCall& call, store::Store& store,
                      journal::Journal& journal, journal::ExecutionRecord& record) {
  const RunRequest& request = call.run;
  Environment environment(request.environment, store.identity().secret);
  if (const auto flags = makeflags_for_commands(request.environment)) {
    environment.pass_instead("MAKEFLAGS", *flags);
  }
  const std::string machine = machine_folder_of(request);
  const auto fifo = offer_jobserver(request, machine, here.runner_name, environment);
  executor::FileExaminer examiner(request.folder, store.file_digests(), here.system.clock);
  executor::PosixWorkspace workspace(examiner, store.blobs());
  const auto stage = [&store] { return store.stage(); };
  executor::FileFinisher finisher(examiner, stage);
  executor::BeneathFileAccess access(examiner, stage);
  executor::ProcessExecutor executor({.width = request.run.width.count,
                                      .stage = stage,
                                      .files = &access,
                                      .finisher = &finisher,
                                      .clock = &here.system.clock,
                                      .table = &here.processes.table,
                                      .trees = &here.processes.trees,
                                      .passed = descriptors_for_commands(request, fifo.get()),
                                      .keeper = &here.processes.keeper,
                                      .workers = {}});
  std::unique_ptr<SlotSource> slots = make_slots({.request = request,
                                                  .store = store,
                                                  .record = record,
                                                  .runner_name = here.runner_name,
                                                  .machine_folder = machine},
                                                 here.system, here.observer);
  if (here.tokens != nullptr) {
    slots = std::make_unique<JobserverSlots>(std::move(slots), *here.tokens, here.system.clock);
  }
  if (fifo) {
    const auto width =
        request.run.is_width_chosen ? std::optional(request.run.width) : std::optional<Slots>();
    slots = std::make_unique<OfferedSlots>(std::move(slots), *fifo, here.processes.table,
                                           here.system.clock, width);
  }
  SystemBatchWaiter waiter(here.processes.signals, executor.event_fd(), *slots);
  BatchArguments arguments({store, workspace, here.system.files, request.folder, machine,
                            machine + '/' + here.runner_name});
  BatchMaker maker({.folder = request.folder,
                    .store_folder = store.identity().folder,
                    .execution_id = to_text(record.id),
                    .attempt_prefix = here.runner_name + '-',
                    .store_places = store_places(request),
                    .operations_folder = request.run.operations_folder,
                    .keeps_failed_output = call.form == BatchCall::Form::bytes},
                   environment, workspace, arguments);
  const BatchPorts ports{
      here.system.clock, here.system.entropy, store, executor, *slots, here.observer, waiter};
  BatchRunner runner(call, ports, maker, journal, record);
  BatchEnd end = runner.run();
  if (!here.system.files.info(store.identity().folder + "/identity")) {
    throw Error(ErrorKind::storage, "store " + store.identity().folder +
                                        ": was removed while it was in use; nothing was kept");
  }
  examiner.settle();
  save_digests(store);
  collect_now_and_then(store, journal);
  return end;
}

}  // namespace

BatchEnd run_batch(BatchCall call, Observer& observer) {
  RunRequest& request = call.run;
  const std::unique_ptr<sys::JobTokens> tokens = join_jobserver(request, observer);
  settle_style(request);
  System system;
  const std::string name = make_runner_name(system.entropy);
  const std::string machine = machine_folder_of(request);
  sys::KeeperOptions keeper;
  keeper.environment_mark = "DSCHED_ATTEMPT_ID=" + name + '-';
  keeper.temporary_folder = machine + '/' + name;
  if (tokens) keeper.tokens = tokens->for_keeper();
  Processes processes(keeper);
  request.store.mode = store::Mode::create;
  store::Store store(request.store, system.world);
  journal::Journal journal(store.database(), journal::Journal::Tables::make);
  journal::ExecutionRecord record = new_record(request, system);
  const store::RunLock lock =
      lock_execution(store, record, request.shares_machine ? machine : std::string());
  {
    sys::Transaction transaction(store.database());
    record.program = keep_program(store, k_program_of_batches);
    journal.submit(record);
    transaction.commit();
  }
  return run_recorded({system, processes, observer, name, tokens.get()}, call, store, journal,
                      record);
}

}  // namespace dsched::session
