// SPDX-License-Identifier: Apache-2.0
#include "session/fixit.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "base/time_text.h"
#include "report/batch_record.h"
#include "report/failures.h"
#include "session/approve.h"
#include "session/auditing.h"
#include "session/fix_plan.h"
#include "session/run.h"
#include "session/run_world.h"

namespace dsched::session {
namespace {

using report::TroubledNode;
using wire::FixedTask;
using wire::FixResult;

constexpr Nanoseconds k_rate_window = std::chrono::minutes{1};

// What is to be done in one execution.
struct Chosen {
  ExecutionNumber number;
  FixPlan plan;
  std::vector<FixedTask> tasks;
  std::map<std::string, std::uint32_t> attempts;  // made before, by node id
};

std::string task_id_of(ExecutionNumber number, std::string_view node_id) {
  return std::to_string(number.value) + '/' + std::string(node_id);
}

// What was asked for, by execution; no nodes: all that are in trouble.
using Wanted = std::map<std::uint64_t, std::set<std::string>>;

std::string action_text(const wire::FixRequest& request, const engine::FixSubject& subject,
                        const dag::Dag& dag, NodeIndex node) {
  const dag::Settings& settings = dag.settings(node);
  std::string text = request.dry_run ? "would retry" : "retried";
  const auto limit = engine::first_timeout(request.mode, subject, settings.timeout);
  if (limit != settings.timeout) text += ", timeout doubled to " + short_duration(*limit);
  const bool recomputes = request.mode == engine::FixMode::greedy && !dag.arguments(node).empty();
  if (recomputes) text += ", its arguments computed anew";
  return text;
}

class Choosing {
 public:
  Choosing(const FixSetup& setup, const wire::FixRequest& request, System& system,
           wire::FixAnswer& answer)
      : setup_(setup), request_(request), system_(system), answer_(answer) {}

  std::vector<Chosen> choose() {
    store::Options options = setup_.store;
    options.mode = request_.dry_run ? store::Mode::read_only : store::Mode::existing;
    store::Store store(options, system_.world);
    using Tables = journal::Journal::Tables;
    journal::Journal journal(store.database(), request_.dry_run ? Tables::expect : Tables::make);
    const report::Book book{store, journal};
    if (request_.auto_approve) refuse_within_attempt(store, setup_.environment);
    const Wanted wanted = wanted_in(book);
    if (!request_.dry_run) note_begin(store);
    std::vector<Chosen> chosen;
    for (const auto& [number, nodes] : wanted) {
      const auto record = journal.find(ExecutionNumber{number});
      if (!record) continue;
      Chosen one = choose_in(book, *record, nodes);
      if (!one.tasks.empty()) chosen.push_back(std::move(one));
    }
    answer_.audit_head = journal::audit_head_text(store.database());
    return chosen;
  }

 private:
  Wanted wanted_in(report::Book book) const {
    Wanted wanted;
    for (const std::string& name : request_.executions) {
      wanted[report::find_execution(book, name).number.value];
    }
    for (const wire::NodeName& target : request_.targets) {
      const auto record = report::find_execution(book, target.execution);
      wanted[record.number.value].insert(target.node_id);
    }
    if (!wanted.empty()) return wanted;
    book.journal.each(std::numeric_limits<std::int64_t>::max(),
                      [&](const journal::ExecutionRecord& record) {
                        if (record.status != engine::ExecutionStatus::completed) {
                          wanted[record.number.value];
                        }
                      });
    return wanted;
  }

  // The beginning is what the limit counts, so that a run that hangs counts too.
  void note_begin(store::Store& store) const {
    sys::Transaction transaction(store.database());
    const WallTime now = system_.clock.wall();
    const auto last =
        journal::newest_audits(store.database(), {"fix-it", "begun"}, setup_.fixes_a_minute);
    const bool is_full = last.size() >= setup_.fixes_a_minute && last.back() <= now &&
                         now < last.back() + k_rate_window;
    if (is_full) {
      throw Error(ErrorKind::denied,
                  std::to_string(setup_.fixes_a_minute) +
                      " runs of fix-it in the last minute are the limit of this store",
                  "again after " + to_rfc3339(last.back() + k_rate_window));
    }
    audit(store, {.action = "fix-it",
                  .object = object(),
                  .outcome = "begun",
                  .details = {{"by", request_.by},
                              {"mode", std::string(name_of(request_.mode))},
                              {"run", answer_.id}}});
    transaction.commit();
    store.sync();
  }

  [[nodiscard]] std::string object() const {
    if (!request_.targets.empty()) {
      return request_.targets.front().execution + '/' + request_.targets.front().node_id;
    }
    return request_.executions.empty() ? "store" : request_.executions.front();
  }

  Chosen choose_in(report::Book book, const journal::ExecutionRecord& record,
                   const std::set<std::string>& named) {
    Chosen chosen;
    chosen.number = record.number;
    if (report::is_batch(record)) return chosen;  // its requests are not kept
    const bool is_asked_for = !request_.executions.empty() || !named.empty();
    const report::Sighting sighting = report::sight(book, record);
    if (sighting.runner == report::RunnerState::lives) {
      if (is_asked_for) {
        answer_.warnings.push_back("execution " + std::to_string(record.number.value) +
                                   " is running: it is left alone");
      }
      return chosen;
    }
    const report::RecordedProgram program = report::program_of(book, record);
    check_names(program, record, named);
    std::vector<TroubledNode> troubled = report::inspect(book, sighting, program).troubled;
    chosen.plan = {.mode = request_.mode,
                   .attempts_max = request_.max_retries,
                   .auto_approve = request_.auto_approve,
                   .by = request_.by,
                   .retried = {},
                   .left = {}};
    std::set<std::string> unseen = named;
    for (TroubledNode& node : troubled) {
      const std::string id(program.dag.node(node.node).node_id);
      unseen.erase(id);
      consider(chosen, program.dag, node, named.empty() || named.contains(id), named.contains(id));
    }
    for (const std::string& id : unseen) {
      chosen.tasks.push_back({.task_id = task_id_of(record.number, id),
                              .name = id,
                              .previous_status = "completed",
                              .new_status = "completed",
                              .action = "skipped",
                              .retries = 0,
                              .reason = "it is in no trouble",
                              .result = FixResult::skipped});
    }
    return chosen;
  }

  void check_names(const report::RecordedProgram& program, const journal::ExecutionRecord& record,
                   const std::set<std::string>& named) const {
    for (const std::string& id : named) {
      if (program.dag.find(id)) continue;
      throw Error(
          ErrorKind::not_found,
          "task " + escape_for_terminal(task_id_of(record.number, id)) + ": there is no such node");
    }
  }

  void consider(Chosen& chosen, const dag::Dag& dag, TroubledNode& node, bool is_wanted,
                bool is_named) {
    const std::string id(dag.node(node.node).node_id);
    node.subject.is_named = is_named;
    const engine::FixVerdict verdict = engine::fix_verdict(request_.mode, node.subject);
    // Nobody asks for nodes that people cancelled, unless the mode does.
    const bool is_subject =
        is_wanted && (!node.subject.is_cancelled || verdict.retries || is_named);
    const bool retries = is_subject && verdict.retries;
    if (!retries && node.trouble != report::Trouble::lost) {
      chosen.plan.left[id] = node.trouble == report::Trouble::failed;
    }
    if (!is_subject) return;
    FixedTask task{.task_id = task_id_of(chosen.number, id),
                   .name = id,
                   .previous_status = std::string(name_of(node.trouble)),
                   .new_status = std::string(name_of(node.trouble)),
                   .action = "skipped",
                   .retries = 0,
                   .reason = verdict.reason,
                   .result = FixResult::skipped};
    if (retries) {
      task.action = action_text(request_, node.subject, dag, node.node);
      task.result = FixResult::would_retry;
      chosen.attempts[id] = node.attempts;
      chosen.plan.retried.emplace(id, std::move(node.subject));
    }
    chosen.tasks.push_back(std::move(task));
  }

  const FixSetup& setup_;
  const wire::FixRequest& request_;
  System& system_;
  wire::FixAnswer& answer_;
};

// What the run made of a chosen task.
void settle(FixedTask& task, const Chosen& chosen, const wire::NodeAnswer* node) {
  if (task.result != FixResult::would_retry) return;
  task.result = FixResult::failed;
  if (node == nullptr) return;
  task.new_status = engine::name_of(node->status);
  const std::uint32_t before = chosen.attempts.at(task.name);
  task.retries = node->attempts > before ? node->attempts - before : 0;
  if (node->status == engine::NodeState::completed) {
    task.result = FixResult::fixed;
  } else if (node->reason == engine::Reason::awaiting_approval) {
    task.result = FixResult::skipped;
    task.action = "asked for approval";
    task.reason = "needs a new approval; answer with dsched-approve, then: dsched-run --resume " +
                  std::to_string(chosen.number.value);
  } else if (!node->error.empty()) {
    task.reason = node->error;
  } else if (!node->because.empty()) {
    task.reason = node->because + " failed";
  }
}

void run_chosen(const FixSetup& setup, Chosen& chosen, wire::FixAnswer& answer,
                Observer& observer) {
  RunRequest request;
  request.resume = std::to_string(chosen.number.value);
  request.store = setup.store;
  request.environment = setup.environment;
  request.shares_machine = setup.shares_machine;
  request.initiated_by = chosen.plan.by;
  const bool one_by_one = chosen.plan.mode == engine::FixMode::conservative;
  request.run.width = one_by_one ? Slots{1} : setup.width;
  request.run.is_width_chosen = one_by_one;
  request.run.failure_limit.reset();
  request.run.waits_for_consent = false;
  request.answer.nodes = AnswerOptions::Nodes::all;
  request.answer.with_results = false;
  request.fix = &chosen.plan;
  std::map<std::string_view, const wire::NodeAnswer*> nodes;
  std::variant<wire::RunAnswer, InvalidProgram> ended;
  try {
    ended = run(std::move(request), observer);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::busy) throw;
    answer.warnings.emplace_back(error.what());
  }
  if (const auto* run_answer = std::get_if<wire::RunAnswer>(&ended)) {
    for (const wire::NodeAnswer& node : run_answer->nodes) nodes[node.node_id] = &node;
    if (run_answer->status == engine::ExecutionStatus::interrupted) {
      throw Error(ErrorKind::interrupted, run_answer->error->message, run_answer->error->hint);
    }
  }
  for (FixedTask& task : chosen.tasks) {
    const auto node = nodes.find(task.name);
    settle(task, chosen, node == nodes.end() ? nullptr : node->second);
  }
}

void note_end(const FixSetup& setup, System& system, wire::FixAnswer& answer) {
  store::Options options = setup.store;
  options.mode = store::Mode::existing;
  store::Store store(options, system.world);
  sys::Transaction transaction(store.database());
  audit(store, {.action = "fix-it",
                .object = "store",
                .outcome = std::string(answer.status()),
                .details = {{"by", answer.by},
                            {"failed", std::to_string(answer.count(FixResult::failed))},
                            {"fixed", std::to_string(answer.count(FixResult::fixed))},
                            {"run", answer.id},
                            {"skipped", std::to_string(answer.count(FixResult::skipped))}}});
  answer.audit_head = journal::audit_head_text(store.database());
  transaction.commit();
  store.sync();
}

}  // namespace

wire::FixAnswer fix(const FixSetup& setup, const wire::FixRequest& request, Observer& observer) {
  System system;
  wire::FixAnswer answer;
  answer.mode = request.mode;
  answer.dry_run = request.dry_run;
  answer.by = request.by;
  answer.began = system.clock.wall();
  answer.id = to_text(sys::random_uuid_v7(system.entropy, answer.began));
  if (request.mode == engine::FixMode::greedy) {
    answer.warnings.emplace_back(
        "Greedy mode may impact schedule quality. Review results carefully.");
  }
  if (request.auto_approve) {
    answer.warnings.emplace_back(
        "Auto-approve is enabled. Changes will be applied without review.");
  }
  std::vector<Chosen> chosen = Choosing(setup, request, system, answer).choose();
  for (Chosen& one : chosen) {
    if (!request.dry_run && !one.plan.retried.empty()) {
      run_chosen(setup, one, answer, observer);
    }
    std::move(one.tasks.begin(), one.tasks.end(), std::back_inserter(answer.tasks));
  }
  if (!request.dry_run) note_end(setup, system, answer);
  answer.ended = system.clock.wall();
  return answer;
}

}  // namespace dsched::session
