// SPDX-License-Identifier: Apache-2.0
#include "session/approve.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "machine/doorbell.h"
#include "report/progress.h"
#include "session/auditing.h"
#include "session/environment.h"
#include "store/run_locks.h"
#include "sys/host.h"
#include "sys/process_list.h"

namespace dsched::session {
namespace {

using engine::ExecutionStatus;
using journal::Gate;
using journal::GateState;
using wire::ApprovalStatus;

constexpr std::size_t k_hint_characters = 8;
constexpr std::size_t k_token_bytes = 32;

std::string task_id(ExecutionNumber execution, std::string_view node_id) {
  return std::to_string(execution.value) + '/' + std::string(node_id);
}

// RFC 4648 section 5, without padding.
std::string url_safe(std::string text) {
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

std::string new_token(sys::Entropy& entropy) {
  std::array<std::uint8_t, k_token_bytes> bytes;
  std::string token;
  // One that begins like an option would not be understood behind --token.
  do {
    entropy.fill(bytes);
    token = url_safe(base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  } while (token.front() == '-');
  return token;
}

// Never all of it, whatever somebody gave us as a token.
std::string hint_of(const std::string& token) {
  return token.substr(0, std::min(k_hint_characters, token.size() / 2)) + "...";
}

bool is_window_open(const Gate& gate, WallTime now) {
  return !gate.expires_at || now < *gate.expires_at;
}

// What was completed or cancelled waits for nobody.
bool may_go_on(const ApproveWorld& world, ExecutionNumber execution) {
  const auto record = world.journal.find(execution);
  return record && record->status != ExecutionStatus::completed &&
         record->status != ExecutionStatus::cancelled;
}

bool is_limited(sys::Database& database, WallTime now) {
  const std::vector<WallTime> unknown =
      journal::newest_audits(database, {"token", "refused"}, k_unknown_tokens_max);
  // A clock that was set back must not lock anybody out.
  return unknown.size() == k_unknown_tokens_max && unknown.front() <= now &&
         now < unknown.front() + k_token_window &&
         unknown.front() - unknown.back() <= k_token_window;
}

// One transaction's worth of an answer.
class Answering {
 public:
  Answering(const ApproveWorld& world, const wire::ApprovalRequest& request)
      : world_(world), request_(request), now_(world.store.world().clock.wall()) {
    answer_.action = request.action;
    answer_.by = request.by;
    answer_.at = now_;
    if (request.task) answer_.task_id = request.task->execution + '/' + request.task->node_id;
  }

  wire::ApprovalAnswer decide() {
    sys::Database& database = world_.store.database();
    sys::Transaction transaction(database);
    if (is_limited(database, now_)) {
      answer_.status = ApprovalStatus::rate_limited;
    } else if (const auto token = journal::find_token(database, sha256(request_.token))) {
      decide_with(*token);
    } else {
      answer_.status = ApprovalStatus::invalid_token;
      audit(world_.store, {.action = "token",
                           .object = answer_.task_id,
                           .outcome = "refused",
                           .details = {{"by", request_.by}, {"token", hint_of(request_.token)}}});
    }
    answer_.audit_head = journal::audit_head_text(database);
    transaction.commit();
    return std::move(answer_);
  }

  // Of those whose node was decided.
  [[nodiscard]] const std::vector<ExecutionNumber>& decided() const { return decided_; }
  [[nodiscard]] bool is_no_approver() const { return is_no_approver_; }

 private:
  void decide_with(const journal::Token& token) {
    std::vector<journal::TokenNode> asked = nodes_asked_for(token);
    // A token for several is used up one by one; what is left of it is what "all" means.
    if (!request_.task && asked.size() > 1) {
      std::erase_if(asked, [](const journal::TokenNode& node) { return node.used_at.has_value(); });
      if (asked.empty()) asked = {token.nodes.front()};
    }
    std::optional<ApprovalStatus> first_problem;
    for (const journal::TokenNode& node : asked) {
      const ApprovalStatus status = decide_node(token, node);
      note(token, node, status);
      if (status == done()) continue;
      if (!first_problem) first_problem = status;
    }
    const bool any = !answer_.tasks.empty();
    if (!any && answer_.task_id.empty()) {
      const journal::TokenNode& only = token.nodes.front();
      answer_.task_id = token.nodes.size() > 1 ? "multiple" : task_id(only.execution, only.node_id);
    }
    answer_.status = any ? done() : first_problem.value_or(ApprovalStatus::not_found);
    if (!any) answer_.warnings.clear();  // the status says it
    if (asked.empty()) {
      audit(world_.store, {.action = std::string(wire::name_of(request_.action)),
                           .object = answer_.task_id,
                           .outcome = std::string(wire::name_of(answer_.status)),
                           .details = {{"by", request_.by}, {"token", token.hint}}});
    }
  }

  std::vector<journal::TokenNode> nodes_asked_for(const journal::Token& token) const {
    if (!request_.task) return token.nodes;
    const auto record = world_.journal.find(request_.task->execution);
    std::vector<journal::TokenNode> found;
    for (const journal::TokenNode& node : token.nodes) {
      const bool is_it =
          record && node.execution == record->number && node.node_id == request_.task->node_id;
      if (is_it) found.push_back(node);
    }
    return found;
  }

  [[nodiscard]] ApprovalStatus done() const {
    return request_.action == wire::ApprovalAction::approve ? ApprovalStatus::approved
                                                            : ApprovalStatus::denied;
  }

  ApprovalStatus decide_node(const journal::Token& token, const journal::TokenNode& node) {
    sys::Database& database = world_.store.database();
    if (node.used_at) return ApprovalStatus::used;
    if (now_ >= token.expires_at) return ApprovalStatus::expired;
    const auto gate = journal::find_gate(database, node.execution, node.node_id);
    if (!gate || !may_go_on(world_, node.execution)) return ApprovalStatus::not_found;
    if (!equal_in_constant_time(gate->digest, node.digest)) return ApprovalStatus::stale;
    if (gate->state == GateState::expired) return ApprovalStatus::expired;
    if (gate->state != GateState::waiting) return ApprovalStatus::used;
    if (!is_window_open(*gate, now_)) return ApprovalStatus::expired;
    const auto& approvers = gate->approvers;
    if (!approvers.empty() &&
        std::find(approvers.begin(), approvers.end(), world_.user) == approvers.end()) {
      is_no_approver_ = true;
      return ApprovalStatus::not_found;
    }
    const bool approves = request_.action == wire::ApprovalAction::approve;
    const bool is_ours = journal::decide_gate(
        database, node.execution, node.node_id,
        {approves ? GateState::approved : GateState::denied, now_, request_.by});
    DSCHED_ASSERT(is_ours, "it waited a moment ago, in this transaction");
    journal::use_token(database, token, node, now_);
    return done();
  }

  void note(const journal::Token& token, const journal::TokenNode& node, ApprovalStatus status) {
    const std::string id = task_id(node.execution, node.node_id);
    Audited record{
        .action = std::string(wire::name_of(request_.action)),
        .object = id,
        .outcome = std::string(is_no_approver_ && status == ApprovalStatus::not_found
                                   ? "not_an_approver"
                                   : wire::name_of(status)),
        .details = {{"by", request_.by}, {"digest", to_hex(node.digest)}, {"token", token.hint}}};
    if (!request_.by_id.empty()) record.details.emplace_back("by_id", request_.by_id);
    if (!request_.notes.empty()) record.details.emplace_back("notes", request_.notes);
    audit(world_.store, record);
    if (status != done()) {
      answer_.warnings.push_back(id + ": " + record.outcome);
      return;
    }
    answer_.tasks.push_back({id, node.node_id, token.type});
    if (std::find(decided_.begin(), decided_.end(), node.execution) == decided_.end()) {
      decided_.push_back(node.execution);
    }
  }

  const ApproveWorld& world_;
  const wire::ApprovalRequest& request_;
  WallTime now_;
  wire::ApprovalAnswer answer_;
  std::vector<ExecutionNumber> decided_;
  bool is_no_approver_ = false;
};

void ring(const ApproveWorld& world, ExecutionNumber execution) {
  const auto record = world.journal.find(execution);
  if (!record) return;
  const std::string id = to_text(record->id);
  const auto holder = store::runner_of(world.store, id);
  if (!holder || holder->machine_folder.empty()) return;  // it looks by itself
  machine::ring(holder->machine_folder, std::span(&id, 1));
}

}  // namespace

std::vector<wire::PendingApproval> pending_approvals(const ApproveWorld& world) {
  const WallTime now = world.store.world().clock.wall();
  std::vector<Gate> gates;
  journal::each_gate(world.store.database(), std::nullopt, [&](Gate&& gate) {
    if (gate.state == GateState::waiting && is_window_open(gate, now)) {
      gates.push_back(std::move(gate));
    }
  });
  std::vector<wire::PendingApproval> pending;
  for (Gate& gate : gates) {
    if (!may_go_on(world, gate.execution)) continue;
    pending.push_back({.task_id = task_id(gate.execution, gate.node_id),
                       .name = gate.node_id,
                       .reason = std::move(gate.reason),
                       .command = std::move(gate.command),
                       .arguments = std::move(gate.arguments),
                       .waiting_since = gate.asked_at,
                       .expires_at = gate.expires_at,
                       .digest = gate.digest,
                       .approvers = std::move(gate.approvers)});
  }
  return pending;
}

wire::TokenAnswer make_token(const ApproveWorld& world, const wire::TokenRequest& request,
                             const std::optional<Digest>& shown) {
  sys::Database& database = world.store.database();
  const WallTime now = world.store.world().clock.wall();
  wire::TokenAnswer answer;
  answer.token = new_token(world.store.world().entropy);
  answer.type = request.type;
  answer.expires_at = now + request.valid;
  sys::Transaction transaction(database);
  journal::Token token{.hash = sha256(answer.token),
                       .hint = hint_of(answer.token),
                       .type = request.type,
                       .made_at = now,
                       .expires_at = answer.expires_at,
                       .made_by = request.by,
                       .nodes = {}};
  for (const wire::NodeName& task : request.tasks) {
    const auto record = world.journal.find(task.execution);
    const auto gate =
        record ? journal::find_gate(database, record->number, task.node_id) : std::optional<Gate>();
    const bool waits = gate && gate->state == GateState::waiting && is_window_open(*gate, now) &&
                       may_go_on(world, record->number);
    if (!waits) {
      throw Error(ErrorKind::not_found,
                  "task " + escape_for_terminal(task.execution + '/' + task.node_id) +
                      ": does not wait for approval",
                  "dsched-approve list shows those that do");
    }
    const std::string id = task_id(record->number, task.node_id);
    if (shown && *shown != gate->digest) {
      throw Error(ErrorKind::denied,
                  "task " + escape_for_terminal(id) + ": what would run has changed meanwhile");
    }
    if (std::find(answer.task_ids.begin(), answer.task_ids.end(), id) != answer.task_ids.end()) {
      continue;
    }
    answer.task_ids.push_back(id);
    token.nodes.push_back({record->number, task.node_id, gate->digest, std::nullopt});
    audit(world.store, {.action = "token",
                        .object = id,
                        .outcome = "made",
                        .details = {{"by", request.by},
                                    {"digest", to_hex(gate->digest)},
                                    {"task_type", request.type},
                                    {"token", token.hint}}});
  }
  journal::add_token(database, token);
  answer.audit_head = journal::audit_head_text(database);
  transaction.commit();
  world.store.sync();
  return answer;
}

wire::ApprovalAnswer answer_approval(const ApproveWorld& world,
                                     const wire::ApprovalRequest& request) {
  Answering answering(world, request);
  wire::ApprovalAnswer answer = answering.decide();
  world.store.sync();
  for (const ExecutionNumber execution : answering.decided()) ring(world, execution);
  if (!answer.is_success() && answering.is_no_approver()) {
    throw Error(ErrorKind::denied,
                "user " + world.user + " is none of the approvers that the program names");
  }
  return answer;
}

void refuse_within_attempt(const store::Store& store, const std::vector<std::string>& environment) {
  const char* hint = "programs of a node cannot give consent; a person has to";
  if (Environment(environment, {}).get("DSCHED_ATTEMPT_ID")) {
    throw Error(ErrorKind::denied, "this command runs in a node (DSCHED_ATTEMPT_ID is set)", hint);
  }
  const std::vector<store::Running> runners = store::all_running(store);
  // Up to the first process; a limit, should the table change meanwhile.
  constexpr int k_ancestors_max = 1000;
  pid_t pid = sys::process_id();
  for (int i = 0; i < k_ancestors_max && pid > 1; ++i) {
    const auto process = sys::process_info(pid);
    if (!process) return;
    pid = process->parent;
    const bool is_runner =
        sys::program_name(pid) == "dsched-run" ||
        std::any_of(runners.begin(), runners.end(),
                    [pid](const store::Running& one) { return one.holder.pid == pid; });
    if (!is_runner) continue;
    throw Error(ErrorKind::denied,
                "this command runs in a node (of dsched-run, process " + std::to_string(pid) + ")",
                hint);
  }
}

}  // namespace dsched::session
