// SPDX-License-Identifier: Apache-2.0
#include "cli/approve_command.h"

#include "base/text.h"
#include "base/time_text.h"
#include "cli/opened_store.h"
#include "cli/run_options.h"
#include "session/approve.h"
#include "sys/cpus.h"
#include "sys/streams.h"
#include "sys/terminal.h"

namespace dsched::cli {
namespace {

constexpr std::string_view k_standard_input = "-";

std::optional<std::string> said(const std::string& option) {
  return option.empty() ? std::nullopt : std::optional(option);
}

void check_request_word(const ApproveCommand& command) {
  if (command.request.empty() || command.request == k_standard_input) return;
  throw Error(ErrorKind::usage, "unexpected " + escape_for_terminal(command.request),
              "- reads a request from standard input; see dsched-approve --help");
}

session::ApproveWorld world_of(OpenedStore& opened) {
  return {.store = opened.store, .journal = opened.journal, .user = sys::user_name()};
}

int list(const ApproveCommand&, Context& context) {
  OpenedStore opened(context, store::Mode::read_only, store::Trust::own);
  const auto pending = session::pending_approvals(world_of(opened));
  if (context.json) {
    write_out(wire::pending_document(pending, context.layout()));
    return 0;
  }
  for (const wire::PendingApproval& one : pending) {
    write_out(escape_for_terminal(one.task_id) + "  since " + to_rfc3339(one.waiting_since) +
              (one.reason.empty() ? "" : "  " + escape_for_terminal(one.reason)) + "\n    " +
              escape_for_terminal(one.command) + '\n');
  }
  if (pending.empty()) write_out("nothing waits for approval\n");
  return 0;
}

int make_token(const ApproveCommand& command, Context& context) {
  check_request_word(command);
  wire::TokenWords words;
  if (command.request == k_standard_input) {
    words = wire::read_token_request(sys::read_all(0, "standard input"));
  }
  if (!command.tasks.empty()) words.tasks = command.tasks;
  if (auto type = said(command.task_type)) words.type = std::move(type);
  if (auto hours = said(command.hours)) words.hours = std::move(hours);
  if (auto by = said(command.by)) words.by = std::move(by);
  const wire::TokenRequest request = wire::token_request(words, sys::user_name());
  OpenedStore opened(context, store::Mode::existing, store::Trust::own);
  session::refuse_within_attempt(opened.store, environment_now());
  const wire::TokenAnswer answer = session::make_token(world_of(opened), request);
  write_out(context.json ? wire::token_document(answer, context.layout()) : answer.token + '\n');
  return 0;
}

std::string token_in_file(const std::string& path) {
  std::string token = sys::read_whole_file(path);
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  return token;
}

wire::ApprovalRequest approval_of(const ApproveCommand& command, wire::ApprovalAction action) {
  check_request_word(command);
  if (!command.token.empty() && !command.token_file.empty()) {
    throw Error(ErrorKind::usage, "only one of --token and --token-file");
  }
  wire::ApprovalWords words;
  if (command.request == k_standard_input) {
    words = wire::read_approval_request(sys::read_all(0, "standard input"), action);
  }
  if (auto token = said(command.token)) words.token = std::move(token);
  if (!command.token_file.empty()) words.token = token_in_file(command.token_file);
  if (auto task = said(command.task)) words.task = std::move(task);
  if (auto by = said(command.by)) words.by = std::move(by);
  if (auto by_id = said(command.by_id)) words.by_id = std::move(by_id);
  if (auto notes = said(command.notes)) words.notes = std::move(notes);
  return wire::approval_request(action, words, sys::user_name());
}

int decide(const ApproveCommand& command, Context& context, wire::ApprovalAction action) {
  const wire::ApprovalRequest request = approval_of(command, action);
  OpenedStore opened(context, store::Mode::existing, store::Trust::own);
  session::refuse_within_attempt(opened.store, environment_now());
  const wire::ApprovalAnswer answer = session::answer_approval(world_of(opened), request);
  const std::string message = wire::message_of(answer);
  for (const std::string& warning : answer.warnings) {
    tell_error(context, Error(ErrorKind::denied, "warning: " + warning));
  }
  if (!answer.is_success()) tell_error(context, Error(ErrorKind::denied, message));
  if (context.json) {
    write_out(wire::approval_document(answer, context.layout()));
  } else if (answer.is_success()) {
    write_out(message + '\n');
  }
  return answer.is_success() ? 0 : static_cast<int>(Exit::answer_is_no);
}

int approve(const ApproveCommand& command, Context& context) {
  return decide(command, context, wire::ApprovalAction::approve);
}

int deny(const ApproveCommand& command, Context& context) {
  return decide(command, context, wire::ApprovalAction::deny);
}

int without_command(const ApproveCommand& command, Context& context) {
  constexpr int k_input = 0;
  constexpr int k_output = 1;
  if (sys::is_terminal(k_input) && sys::is_terminal(k_output)) {
    return approve_in_dialogue(command, context);
  }
  throw Error(ErrorKind::usage, "what to do is missing: list, token, approve or deny",
              "see dsched-approve --help");
}

void add_answer_options(CLI::App* sub, ApproveCommand& command) {
  sub->add_option("REQUEST", command.request, "- reads the request from standard input")
      ->type_name("");
  sub->add_option("--token", command.token, "The token; others may see it in the process list")
      ->type_name("TOKEN");
  sub->add_option("--token-file", command.token_file, "A file that holds the token")
      ->type_name("FILE");
  sub->add_option("--task", command.task, "Only this task; default: all of the token")
      ->type_name("EXECUTION/NODE_ID");
  sub->add_option("--by", command.by, "Who answers; default: the user's name")->type_name("NAME");
  sub->add_option("--by-id", command.by_id, "A number or address of whoever answers")
      ->type_name("ID");
  sub->add_option("--notes", command.notes, "Why; kept in the audit")->type_name("TEXT");
}

}  // namespace

void add_approve_commands(CLI::App& app, ApproveCommand& command) {
  // Not required: in a terminal a dialogue begins.
  app.require_subcommand(0, 1);
  command.call = without_command;
  app.fallthrough();
  const auto add = subcommands_of(app, command);
  add("list", "What waits for approval, and what exactly would run", list);
  CLI::App* token = add("token", "Make a token with which somebody may answer", make_token);
  token->add_option("REQUEST", command.request, "- reads the request from standard input")
      ->type_name("");
  token->add_option("--task", command.tasks, "For this task; may be repeated")
      ->type_name("EXECUTION/NODE_ID")
      ->expected(1, 1000)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  token->add_option("--task-type", command.task_type, "A word that the answer repeats")
      ->type_name("T");
  token->add_option("--expires-in-hours", command.hours, "How long it is valid: 1 to 720")
      ->type_name("N");
  token->add_option("--by", command.by, "Who makes it; default: the user's name")
      ->type_name("NAME");
  add_answer_options(add("approve", "Let tasks run", approve), command);
  add_answer_options(add("deny", "Refuse tasks: they fail, and what needs them is cancelled", deny),
                     command);
}

}  // namespace dsched::cli
