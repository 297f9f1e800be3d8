// SPDX-License-Identifier: Apache-2.0
#include "session_world.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "journal/audit.h"

namespace dsched::sim {

using session::Prepared;
using session::RunRequest;

session::RunOptions patient_options() {
  session::RunOptions options;
  options.width = Slots{2};
  options.failure_limit.reset();
  return options;
}

std::string Outcome::summary() const {
  if (error) return "error " + std::string(name_of(*error)) + ": " + message;
  if (!answer) return runner_lost ? "the runner was lost" : "no answer";
  std::string out(engine::name_of(answer->status));
  if (answer->error) out += ": " + answer->error->message;
  for (const wire::NodeAnswer& node : answer->nodes) {
    if (node.status == engine::NodeState::completed) continue;
    out += "; " + node.node_id + " " + std::string(engine::name_of(node.status)) + ' ' +
           std::string(engine::name_of(node.reason)) + ' ' + node.error;
  }
  for (const std::string& note : notes) out += "; " + note;
  return out;
}

const wire::NodeAnswer* Outcome::node(std::string_view id) const {
  if (!answer) return nullptr;
  for (const wire::NodeAnswer& node : answer->nodes) {
    if (node.node_id == id) return &node;
  }
  return nullptr;
}

std::optional<std::string> Outcome::result(std::string_view id) const {
  if (!answer) return std::nullopt;
  for (const wire::ResultAnswer& result : answer->results) {
    if (result.node_id == id) return result.bytes;
  }
  return std::nullopt;
}

// What lives as long as one dsched-run.
struct World::Session {
  Session(World& world, const Wishes& wishes)
      : request(world.request(wishes)),
        store(world.open()),
        argument_files(world.chaos_),
        executor({world.clock_, world.disk, store, world.program, argument_files, world.files,
                  world.history, world.chaos_, wishes.run.width.count}),
        workspace(world.files, store, world.chaos_),
        waiter(world.clock_, executor, world.disk, world.chaos_),
        slots(wishes.run.width),
        told(world.disk, world.chaos_) {
    for (const auto& [wait, wish] : wishes.requests) waiter.request_at(wait, wish);
    if (wishes.visitor) waiter.set_visitor([this, visit = wishes.visitor] { visit(store); });
  }
  RunRequest request;
  store::Store store;
  SimArgumentFiles argument_files;
  SimExecutor executor;
  SimWorkspace workspace;
  SimWaiter waiter;
  session::FixedSlots slots;
  Told told;
  std::optional<wire::RunAnswer> answer;
};

store::Store World::open() {
  store::Options options;
  options.folder = "/sim/.dsched";
  options.backend = backend_;
  return store::Store(options, store::World{clock_, dice_, disk, disk, disk.vfs()});
}

RunRequest World::request(const Wishes& wishes) const {
  RunRequest request;
  request.program = program::source_from(program.text());
  request.folder = "/sim";
  request.run = wishes.run;
  request.answer.nodes = session::AnswerOptions::Nodes::all;
  request.answer.full_results = true;
  return request;
}

Outcome World::run(const Wishes& wishes) {
  promised_.clear();
  return guarded(wishes, false);
}

Outcome World::resume(const Wishes& wishes) {
  return guarded(wishes, true);
}

Outcome World::go_on(const Wishes& wishes) {
  bool has_execution = false;
  {
    store::Store store = open();
    journal::Journal journal(store.database(), journal::Journal::Tables::make);
    has_execution = journal.find("@latest").has_value();
  }
  return has_execution ? resume(wishes) : run(wishes);
}

// One dsched-run, whichever way it ends.
Outcome World::guarded(const Wishes& wishes, bool again) {
  Outcome outcome;
  std::unique_ptr<Session> session;
  chaos_.lose_runner_at(wishes.lose_runner_at);
  try {
    session = std::make_unique<Session>(*this, wishes);
    run_in_store(*session, again);
    if (!session->executor.is_idle()) wrong_.push_back("attempts were left behind");
    outcome.answer = std::move(session->answer);
  } catch (const RunnerLost&) {
    outcome.runner_lost = true;
  } catch (const Error& error) {
    outcome.error = error.kind();
    outcome.message = error.what();
  } catch (const std::logic_error& error) {
    wrong_.push_back(error.what());
  }
  chaos_.never();
  if (session) {
    note_promises(*session);
    outcome.told = session->told.lines;
    outcome.notes = session->told.notes;
    const std::vector<std::string>& wrong = session->told.wrong;
    wrong_.insert(wrong_.end(), wrong.begin(), wrong.end());
  }
  session.reset();
  check_promises(outcome);
  return outcome;
}

// As session/run.cpp does it, without processes and locks.
void World::run_in_store(Session& session, bool again) {
  store::Store& store = session.store;
  journal::Journal journal(store.database(), journal::Journal::Tables::make);
  if (again) {
    auto record = journal.find("@latest");
    if (!record) throw Error(ErrorKind::not_found, "there is no execution");
    auto text = store::read_blob(store.blobs(), record->program.hash);
    if (!text) throw Error(ErrorKind::damaged, "the program is no longer in the store");
    session.request.program = program::source_from(std::move(*text));
    record->status = engine::ExecutionStatus::running;
    record->finished_at.reset();
    journal.update(*record);
    return run_recorded(session, journal, *record, again);
  }
  journal::ExecutionRecord record;
  record.id = sys::random_uuid_v7(dice_, clock_.wall());
  record.dag_id = "simulated";
  record.status = engine::ExecutionStatus::running;
  record.folder = session.request.folder;
  record.settings = session::settings_text(session.request);
  record.submitted_at = clock_.wall();
  const std::string_view text = session.request.program->text;
  record.program = {sha256(text), text.size()};
  store.blobs().put(text);
  {
    sys::Transaction transaction(store.database());
    journal.submit(record);
    transaction.commit();
  }
  run_recorded(session, journal, record, again);
}

void World::run_recorded(Session& session, journal::Journal& journal,
                         journal::ExecutionRecord& record, bool again) {
  auto prepared = session::prepare(*session.request.program, session.request);
  auto* plan = std::get_if<Prepared>(&prepared);
  DSCHED_ASSERT(plan != nullptr, "a simulated program has no faults");
  session::History recalled;
  if (again) {
    recalled = session::read_history(journal, record, session.request.run.targets, plan->dag);
  }
  const session::Environment environment({}, session.store.identity().secret);
  const session::Ports ports{clock_,
                             dice_,
                             session.store,
                             session.executor,
                             session.workspace,
                             session.argument_files,
                             session.waiter,
                             session.slots,
                             session.told};
  const session::RunPlan run_plan{.dag = plan->dag,
                                  .options = session.request.run,
                                  .answer = session.request.answer,
                                  .environment = environment,
                                  .context = {.folder = "/sim",
                                              .store_folder = "/sim/.dsched",
                                              .execution_id = to_text(record.id),
                                              .attempt_prefix = "sim-",
                                              .pass_through = false},
                                  .goals = plan->goals,
                                  .wanted = plan->wanted,
                                  .operations = {},
                                  .inner_targets = plan->inner_targets,
                                  .partly_wanted = plan->partly_wanted};
  session::Runner runner(run_plan, ports, journal, record);
  runner.recall(std::move(recalled));
  session.answer = runner.run();
}

void World::note_promises(const Session& session) {
  for (auto& [id, promise] : promised_) {
    promise.is_synced = promise.is_synced || session.waiter.whole_syncs() > 0;
  }
  for (const Told::Line& line : session.told.lines) {
    if (line.change != session::NodeChange::completed) continue;
    if (program.node(line.node_id).does != Does::command) continue;
    Promise& promise = promised_[line.node_id];
    promise.begun = begun(line.node_id);
    promise.is_synced = line.syncs < session.waiter.whole_syncs();
  }
}

// Nobody begins again what was told completed, unless its result was lost, which is told too.
void World::check_promises(const Outcome& outcome) {
  for (const auto& [id, promise] : promised_) {
    const auto is_about_it = [&, name = " " + id + " "](const std::string& note) {
      return note.find("damaged or gone") != std::string::npos &&
             note.find(name) != std::string::npos;
    };
    const bool was_lost = std::any_of(outcome.notes.begin(), outcome.notes.end(), is_about_it);
    if (begun(id) > promise.begun && !was_lost) wrong_.push_back(id + " ran again");
  }
}

void World::crash() {
  disk.crash();
  std::erase_if(promised_, [](const auto& entry) { return !entry.second.is_synced; });
  clock_.advance_to(clock_.now() + std::chrono::minutes{1});
}

std::string make_token_in(store::Store& store, const std::string& id) {
  journal::Journal journal(store.database(), journal::Journal::Tables::make);
  const wire::TokenRequest request{
      .tasks = {{"@latest", id}}, .type = "node", .valid = std::chrono::hours{1}, .by = "ann"};
  return session::make_token({store, journal, "ann"}, request).token;
}

wire::ApprovalStatus answer_in(store::Store& store, wire::ApprovalAction action,
                               const std::string& token) {
  journal::Journal journal(store.database(), journal::Journal::Tables::make);
  const wire::ApprovalRequest request{
      .action = action, .token = token, .task = {}, .by = "ann", .by_id = {}, .notes = {}};
  return session::answer_approval({store, journal, "ann"}, request).status;
}

std::string World::make_token(const std::string& id) {
  store::Store store = open();
  return make_token_in(store, id);
}

std::optional<wire::ApprovalStatus> World::answer(wire::ApprovalAction action,
                                                  const std::string& token) {
  try {
    store::Store store = open();
    return answer_in(store, action, token);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::size_t World::decisions() {
  store::Store store = open();
  for (const std::string& fault : journal::verify_audit(store.database())) FAIL_CHECK(fault);
  std::size_t count = 0;
  journal::each_audit(store.database(), {}, [&count](const journal::AuditRecord& record) {
    if (record.outcome == "approved" || record.outcome == "denied") ++count;
  });
  return count;
}

std::uint32_t World::begun(const std::string& id) const {
  const auto found = history.begun.find(id);
  return found == history.begun.end() ? 0 : found->second;
}

bool World::is_synced(const std::string& id) const {
  const auto found = promised_.find(id);
  return found != promised_.end() && found->second.is_synced;
}

std::vector<journal::Outcome> World::recorded() {
  store::Store store = open();
  journal::Journal journal(store.database(), journal::Journal::Tables::make);
  std::vector<journal::Outcome> outcomes;
  journal.each_outcome(journal.find("@latest")->number,
                       [&](journal::Outcome&& outcome) { outcomes.push_back(std::move(outcome)); });
  return outcomes;
}

bool World::damage_result(std::string_view id) {
  const std::string bytes = program.expected(id, files);
  // Of an empty result nothing is stored; a value in memory stands in the program and the journal.
  if (bytes.empty() || program.node(id).does != Does::command) return false;
  const bool in_file = damage_file(bytes);
  const bool in_database = damage_database(bytes);
  return in_file || in_database;
}

bool World::damage_file(const std::string& bytes) {
  const std::string hex = to_hex(sha256(bytes));
  const std::string path = "/sim/.dsched/blobs/" + hex.substr(0, 2) + "/" + hex;
  if (!disk.info(path)) return false;
  std::string damaged = bytes;
  damaged[dice_.next() % damaged.size()] ^= 1;
  sys::Staged file = disk.stage("/sim/.dsched/tmp");
  disk.write(file, 0, damaged);
  disk.publish(file, path, 0444, sys::Existing::replaced);
  return true;
}

// SQLite has no checksums of its own, so only the store can notice.
bool World::damage_database(const std::string& bytes) {
  const std::string_view part = std::string_view(bytes).substr(0, 60);
  bool found = false;
  for (auto& [path, file] : disk.databases()) {
    for (std::size_t at = file->bytes.find(part); at != std::string::npos;
         at = file->bytes.find(part, at + 1)) {
      file->bytes[at + 20] ^= 1;
      found = true;
    }
  }
  return found;
}

void World::check_results(const Outcome& outcome) const {
  for (const NodeSketch& node : program.nodes()) {
    const auto bytes = outcome.result(node.id);
    if (!bytes) continue;
    CHECK_MESSAGE(*bytes == program.expected(node.id, files), "the result of ", node.id);
  }
}

store::Verification World::verify() {
  store::Store store = open();
  return store::verify(store, store::Repair::none);
}

void World::check_quiet() {
  for (const std::string& wrong : history.wrong) FAIL_CHECK(wrong);
  for (const std::string& wrong : wrong_) FAIL_CHECK(wrong);
  for (const store::Damage& damage : verify().damage) {
    FAIL_CHECK("verify: ", store::name_of(damage.kind), ": ", damage.what);
  }
}

}  // namespace dsched::sim
