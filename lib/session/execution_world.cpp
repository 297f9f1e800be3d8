// SPDX-License-Identifier: Apache-2.0
#include "session/execution_world.h"

#include "base/error.h"
#include "session/jobserver_offer.h"
#include "session/jobserver_slots.h"
#include "session/retention.h"
#include "session/worker_commands.h"
#include "sys/flow.h"

namespace dsched::session {
namespace {

std::unique_ptr<sys::JobTokens> join(RunRequest& request, Observer& observer) {
  std::unique_ptr<sys::JobTokens> tokens = join_jobserver(request, observer);
  settle_style(request);
  return tokens;
}

sys::KeeperOptions keeper_options(const RunBase& base) {
  sys::KeeperOptions keeper;
  keeper.environment_mark = "DSCHED_ATTEMPT_ID=" + base.runner_name + '-';
  keeper.temporary_folder = base.machine_folder + '/' + base.runner_name;
  if (base.tokens) keeper.tokens = base.tokens->for_keeper();
  return keeper;
}

Environment environment_of(const RunRequest& request, const store::Store& store) {
  Environment environment(request.environment, store.identity().secret);
  if (const auto flags = makeflags_for_commands(request.environment)) {
    environment.pass_instead("MAKEFLAGS", *flags);
  }
  return environment;
}

std::function<store::StagedFile()> stage_in(store::Store& store) {
  return [&store] { return store.stage(); };
}

std::unique_ptr<SlotSource> slots_for(RunBase& base, const ExecutionWorld::For& what,
                                      sys::JobFifo* fifo) {
  std::unique_ptr<SlotSource> slots = make_slots({.request = what.request,
                                                  .store = what.store,
                                                  .record = what.record,
                                                  .runner_name = base.runner_name,
                                                  .machine_folder = base.machine_folder},
                                                 base.system, what.observer);
  if (base.tokens) {
    slots = std::make_unique<JobserverSlots>(std::move(slots), *base.tokens, base.system.clock);
  }
  if (fifo != nullptr) {
    std::optional<Slots> width;
    if (what.request.run.is_width_chosen) width = what.request.run.width;
    slots = std::make_unique<OfferedSlots>(std::move(slots), *fifo, base.processes.table,
                                           base.system.clock, width);
  }
  return slots;
}

}  // namespace

std::vector<Request> SystemWaiter::wait(std::optional<Instant> until,
                                        std::span<const sys::Awaited> also) {
  using For = sys::Awaited::For;
  awaited_.assign({{fds_.executor, For::reading},
                   {signals_.fd(), For::reading},
                   {slots_.fd(), For::reading},
                   {fds_.workspace, For::reading}});
  awaited_.insert(awaited_.end(), also.begin(), also.end());
  sys::wait_for_any(awaited_, until);
  return take_requests(signals_);
}

void SystemWaiter::stop_here() {
  sys::stop_self();
}

RunBase::RunBase(RunRequest& request, Observer& observer)
    : tokens(join(request, observer)),
      runner_name(make_runner_name(system.entropy)),
      machine_folder(machine_folder_of(request)),
      processes(keeper_options(*this)) {}

ExecutionWorld::ExecutionWorld(RunBase& base, const For& what)
    : base_(base),
      store_(what.store),
      environment_(environment_of(what.request, what.store)),
      fifo_(offer_jobserver(what.request, base.machine_folder, base.runner_name, environment_)),
      examiner_(what.request.folder, what.store.file_digests(), base.system.clock),
      workspace_(examiner_, what.store.blobs()),
      finisher_(examiner_, stage_in(what.store)),
      access_(examiner_, stage_in(what.store)),
      executor_({.width = what.request.run.width.count,
                 .stage = stage_in(what.store),
                 .files = &access_,
                 .finisher = &finisher_,
                 .clock = &base.system.clock,
                 .table = &base.processes.table,
                 .trees = &base.processes.trees,
                 .passed = descriptors_for_commands(what.request, fifo_.get()),
                 .keeper = &base.processes.keeper,
                 .workers = worker_commands(what.workers, environment_, what.context)}),
      slots_(slots_for(base, what, fifo_.get())),
      waiter_(base.processes.signals, *slots_,
              {.executor = executor_.event_fd(), .workspace = workspace_.news_fd()}) {}

void ExecutionWorld::finish(journal::Journal& journal) {
  if (!base_.system.files.info(store_.identity().folder + "/identity")) {
    throw Error(ErrorKind::storage, "store " + store_.identity().folder +
                                        ": was removed while it was in use; nothing was kept");
  }
  examiner_.settle();
  save_digests(store_);
  collect_now_and_then(store_, journal);
}

}  // namespace dsched::session
