// SPDX-License-Identifier: Apache-2.0
#include "session/run.h"

#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "journal/approvals.h"
#include "report/batch_record.h"
#include "session/argument_files.h"
#include "session/auditing.h"
#include "session/detach.h"
#include "session/execution_world.h"
#include "session/prepare.h"
#include "session/resume.h"
#include "session/runner.h"
#include "store/read_ahead.h"
#include "sys/background.h"

namespace dsched::session {
namespace {

journal::ExecutionRecord new_record(const RunRequest& request, const Prepared& prepared,
                                    const System& system_const, sys::Entropy& entropy) {
  journal::ExecutionRecord record;
  const WallTime now = system_const.clock.wall();
  record.id = sys::random_uuid_v7(entropy, now);
  record.dag_id = prepared.dag.dag_id();
  record.status = engine::ExecutionStatus::running;
  record.priority = request.run.priority;
  record.folder = request.folder;
  record.settings = settings_text(request);
  record.initiated_by = request.initiated_by;
  record.submitted_at = now;
  record.started_at = now;
  record.counts.total = prepared.wanted.size();
  return record;
}

class RunInStore {
 public:
  RunInStore(RunBase& base, RunRequest& request, Observer& observer, const Recorded& recorded)
      : base_(base),
        system_(base.system),
        request_(request),
        observer_(observer),
        recorded_(recorded) {}

  std::variant<wire::RunAnswer, InvalidProgram> run_new() {
    auto ahead = read_ahead();
    auto prepared = prepare(*request_.program, request_);
    if (auto* invalid = std::get_if<InvalidProgram>(&prepared)) return std::move(*invalid);
    auto& plan = std::get<Prepared>(prepared);
    request_.store.mode = store::Mode::create;
    store::Store store(request_.store, system_.world);
    tell_of_other_store(store);
    tell_of_other_backend(store);
    journal::Journal journal(store.database(), journal::Journal::Tables::make);
    journal::ExecutionRecord record = new_record(request_, plan, system_, system_.entropy);
    const store::RunLock lock = lock_execution(store, record, machine_folder());
    auto log = begin_log(store, record);
    if (log) record.status = engine::ExecutionStatus::submitted;
    record.program = keep_program(store, request_.program->text);
    auto tables = ahead ? ahead->take() : nullptr;
    {
      sys::Transaction transaction(store.database());
      store.adopt(std::move(tables));
      journal.submit(record);
      transaction.commit();
    }
    if (log) announce(store, journal, record, *log);
    return run_recorded(store, journal, record, plan, {});
  }

  std::variant<wire::RunAnswer, InvalidProgram> run_again() {
    request_.store.mode = store::Mode::existing;
    store::Store store(request_.store, system_.world);
    journal::Journal journal(store.database(), journal::Journal::Tables::make);
    auto record = journal.find(*request_.resume);
    if (!record) fail_unknown(store);
    if (report::is_batch(*record)) {
      throw Error(ErrorKind::usage,
                  "execution " + std::to_string(record->number.value) +
                      ": is a batch, whose requests are not kept",
                  "send them again: dsched-run --batch");
    }
    const store::RunLock lock = lock_execution(store, *record, machine_folder());
    record = journal.find(record->number);  // its last runner may have ended just now
    if (!record) fail_unknown(store);
    std::vector<std::string> named = request_.run.targets;
    if (request_.fix != nullptr) {
      // Chosen for it, by rules that know of nodes that may not run twice.
      for (const auto& [node, subject] : request_.fix->retried) named.push_back(node);
      forget_consent(store, record->number);
    }
    const program::Source recorded = recorded_program(store, *record);
    const bool same = !request_.program || request_.program->text == recorded.text;
    apply_settings(record->settings, request_);
    if (same) request_.folder = record->folder;
    auto prepared = prepare(same ? recorded : *request_.program, request_);
    if (auto* invalid = std::get_if<InvalidProgram>(&prepared)) return std::move(*invalid);
    auto& plan = std::get<Prepared>(prepared);
    if (plan.dag.dag_id() != record->dag_id) {
      throw Error(ErrorKind::usage, "execution " + std::to_string(record->number.value) +
                                        ": runs DAG " + escape_for_terminal(record->dag_id) +
                                        ", and the program is DAG " +
                                        escape_for_terminal(plan.dag.dag_id()));
    }
    History history;
    if (same) {
      history = read_history(journal, *record, named, plan.dag);
    } else {
      RunRequest before = request_;
      before.run.targets.clear();
      before.answer.result_node.reset();
      auto old = prepare(recorded, before);
      if (auto* old_plan = std::get_if<Prepared>(&old)) {
        history = read_history(journal, *record, named, old_plan->dag);
        history = carry_over(std::move(history), old_plan->dag, plan.dag);
      }
      replace_program(store, journal, *record, history, plan.dag);
    }
    auto log = begin_log(store, *record);
    const engine::ExecutionStatus before = record->status;
    record->status = log ? engine::ExecutionStatus::submitted : engine::ExecutionStatus::running;
    record->finished_at.reset();
    record->counts = {.total = plan.wanted.size()};
    {
      sys::Transaction transaction(store.database());
      journal.update(*record);
      audit_recovery(store, *record, before);
      transaction.commit();
    }
    if (log) announce(store, journal, *record, *log);
    return run_recorded(store, journal, *record, plan, std::move(history));
  }

 private:
  // An execution that was left behind goes on.
  static void audit_recovery(store::Store& store, const journal::ExecutionRecord& record,
                             engine::ExecutionStatus before) {
    const bool was_left = before == engine::ExecutionStatus::interrupted ||
                          before == engine::ExecutionStatus::running ||
                          before == engine::ExecutionStatus::submitted;
    if (!was_left) return;
    audit(store, {.action = "recover",
                  .object = std::to_string(record.number.value),
                  .outcome = "resumed",
                  .details = {{"execution_id", to_text(record.id)}}});
  }

  // fix-it does not take a consent that was given for another try.
  void forget_consent(store::Store& store, ExecutionNumber number) const {
    sys::Transaction transaction(store.database());
    for (const auto& [node, subject] : request_.fix->retried) {
      auto gate = journal::find_gate(store.database(), number, node);
      if (!gate || gate->state != journal::GateState::approved) continue;
      gate->state = journal::GateState::expired;
      journal::put_gate(store.database(), *gate);
    }
    transaction.commit();
  }

  // Where others look for this runner.
  std::string machine_folder() const {
    return request_.shares_machine ? base_.machine_folder : std::string();
  }

  [[noreturn]] void fail_unknown(const store::Store& store) const {
    throw Error(ErrorKind::not_found, "execution " + escape_for_terminal(*request_.resume) +
                                          ": there is none in store " + store.identity().folder);
  }

  // Of a detached execution; nothing for one that somebody waits for.
  std::unique_ptr<sys::LogFile> begin_log(const store::Store& store,
                                          const journal::ExecutionRecord& record) {
    if (!recorded_) return nullptr;
    if (!sys::starter_waits()) throw Error(ErrorKind::interrupted, "the starter is gone");
    return std::make_unique<sys::LogFile>(log_path(store.identity().folder, to_text(record.id)));
  }

  void announce(store::Store& store, journal::Journal& journal, journal::ExecutionRecord& record,
                sys::LogFile& log) {
    store.sync();
    recorded_({.execution_id = to_text(record.id), .execution = record.number.value}, log);
    log.keep();  // the starter knows of it
    record.status = engine::ExecutionStatus::running;
    sys::Transaction transaction(store.database());
    journal.update(record);
    transaction.commit();
  }

  void tell_of_other_backend(const store::Store& store) {
    const store::Backend backend = store.identity().backend;
    if (!request_.store.backend || *request_.store.backend == backend) return;
    observer_.note("warning: store " + store.identity().folder + " was made with the backend " +
                   std::string(store::name_of(backend)) + " and keeps it");
  }

  // A person who changed the folder wonders why everything runs again.
  void tell_of_other_store(const store::Store& store) {
    const std::string beside = request_.folder + "/.dsched";
    if (!store.identity().is_new || beside == store.identity().folder) return;
    if (!system_.files.info(beside + "/identity")) return;
    observer_.note("using the new store " + store.identity().folder +
                   "; the program's folder has one of its own: --store " + beside);
  }

  using Ahead = sys::Background<std::unique_ptr<store::ReadAhead>>;

  // Reads the store's tables while a large program is read: two of the three long parts of a run
  // in which nothing changed. For a small one a thread costs more than it saves.
  std::optional<Ahead> read_ahead() {
    constexpr std::size_t k_large_program_bytes = std::size_t{1} << 20;
    if (request_.program->text.size() < k_large_program_bytes) return std::nullopt;
    try {
      return std::optional<Ahead>(std::in_place, [options = request_.store, this] {
        return store::ReadAhead::read(options, system_.world);
      });
    } catch (const std::system_error&) {
      return std::nullopt;  // no thread to spare: the tables are read when they are needed
    }
  }

  program::Source recorded_program(store::Store& store, const journal::ExecutionRecord& record) {
    auto text = store::read_blob(store.blobs(), record.program.hash);
    if (!text && record.program.size > 0) {
      throw Error(ErrorKind::damaged, "execution " + std::to_string(record.number.value) +
                                          ": its program is no longer in the store");
    }
    return program::source_from(std::move(text).value_or(std::string{}));
  }

  void replace_program(store::Store& store, journal::Journal& journal,
                       journal::ExecutionRecord& record, const History& history,
                       const dag::Dag& dag) {
    record.folder = request_.folder;
    record.settings = settings_text(request_);
    record.program = keep_program(store, request_.program->text);
    sys::Transaction transaction(store.database());
    journal.drop_segments(record.number);
    write_kept(journal, record.number, history, dag);
    journal.update(record);
    transaction.commit();
  }

  wire::RunAnswer run_recorded(store::Store& store, journal::Journal& journal,
                               journal::ExecutionRecord& record, Prepared& prepared,
                               History&& history) {
    const std::string& machine = base_.machine_folder;
    MachineArgumentFiles argument_files(machine, machine + '/' + base_.runner_name,
                                        store.identity().folder + "/tmp", system_.files);
    ExecutionWorld world(base_, {.request = request_,
                                 .store = store,
                                 .record = record,
                                 .workers = prepared.dag.workers(),
                                 .context = attempt_context(store, record),
                                 .observer = observer_});
    const Ports ports{system_.clock,    system_.entropy,   store,
                      world.executor(), world.workspace(), argument_files,
                      world.waiter(),   world.slots(),     observer_};
    const RunPlan plan{.dag = prepared.dag,
                       .options = go_on_with_other_goals(prepared),
                       .answer = request_.answer,
                       .environment = world.environment(),
                       .context = attempt_context(store, record),
                       .goals = prepared.goals,
                       .shown = prepared.result_node,
                       .wanted = prepared.wanted,
                       .operations = prepared.operations,
                       .inner_targets = prepared.inner_targets,
                       .partly_wanted = prepared.partly_wanted,
                       .fix = request_.fix};
    Runner runner(plan, ports, journal, record);
    runner.recall(std::move(history));
    wire::RunAnswer answer = runner.run();
    world.finish(journal);
    auto shown = prepared.result_node;
    if (request_.answer.result_node && !shown) {
      shown = prepared.dag.find(*request_.answer.result_node);
    }
    if (answer.success && shown && !runner.write_result(*shown, request_.answer.result_fd)) {
      throw Error(ErrorKind::damaged,
                  "the result of " + *request_.answer.result_node + " is no longer in the store");
    }
    return answer;
  }

  // A goal of a VoxLogica program that fails does not stop the others.
  const RunOptions& go_on_with_other_goals(const Prepared& prepared) {
    const bool is_default = !request_.run.is_failure_limit_chosen;
    if (is_default && prepared.language == program::Language::imgql) {
      request_.run.failure_limit.reset();
    }
    return request_.run;
  }

  AttemptContext attempt_context(const store::Store& store,
                                 const journal::ExecutionRecord& record) const {
    return {.folder = request_.folder,
            .store_folder = store.identity().folder,
            .execution_id = to_text(record.id),
            .attempt_prefix = base_.runner_name + '-',
            .pass_through = request_.pass_through};
  }

  RunBase& base_;
  System& system_;
  RunRequest& request_;
  Observer& observer_;
  const Recorded& recorded_;  // empty: somebody waits for the end
};

}  // namespace

std::variant<wire::RunAnswer, InvalidProgram> run(RunRequest request, Observer& observer) {
  return run_detached(std::move(request), observer, nullptr);
}

std::variant<wire::RunAnswer, InvalidProgram> run_detached(RunRequest request, Observer& observer,
                                                           const Recorded& recorded) {
  RunBase base(request, observer);
  RunInStore run_in_store(base, request, observer, recorded);
  return request.resume ? run_in_store.run_again() : run_in_store.run_new();
}

}  // namespace dsched::session
