// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/approve_command.h"
#include "cli/opened_store.h"
#include "cli/run_options.h"
#include "session/approve.h"
#include "sys/cpus.h"
#include "sys/streams.h"

// dsched-approve in a terminal: shows each task that waits, and asks.

namespace dsched::cli {
namespace {

using nlohmann::json;

// A line of standard input without its end; empty at the end of the input.
std::optional<std::string> read_line() {
  const std::string line = sys::read_line(0, "standard input");
  if (line.empty()) return std::nullopt;
  return line.substr(0, line.find('\n'));
}

void show_arguments(const std::string& text) {
  const json arguments = json::parse(text, nullptr, false);
  if (!arguments.is_array()) return;
  for (const json& argument : arguments) {
    std::string shown = argument.value("text", std::string());
    if (argument.contains("base64")) shown = "(binary)";
    if (argument.value("truncated", false)) shown += "...";
    write_out("  argument " + escape_for_terminal(argument.value("node_id", std::string())) + " (" +
              std::to_string(argument.value("size", std::uint64_t{0})) +
              " bytes): " + escape_for_terminal(shown) + '\n');
  }
}

void show(const wire::PendingApproval& one) {
  write_out("\n" + escape_for_terminal(one.task_id) + " waits since " +
            to_rfc3339(one.waiting_since) + '\n');
  if (!one.reason.empty()) write_out("  reason   " + escape_for_terminal(one.reason) + '\n');
  if (one.expires_at) write_out("  until    " + to_rfc3339(*one.expires_at) + '\n');
  write_out("  command  " + escape_for_terminal(one.command) + '\n');
  show_arguments(one.arguments);
  write_out("  digest   " + to_hex(one.digest).substr(0, 16) + '\n');
}

enum class Choice : std::uint8_t { approve, deny, later, quit };

Choice ask() {
  while (true) {
    write_out("approve, deny, later or quit? [a/d/l/q] ");
    const auto line = read_line();
    if (!line || *line == "q" || *line == "quit") return Choice::quit;
    if (*line == "a" || *line == "approve") return Choice::approve;
    if (*line == "d" || *line == "deny") return Choice::deny;
    if (*line == "l" || *line == "later") return Choice::later;
  }
}

}  // namespace

int approve_in_dialogue(const ApproveCommand&, Context& context) {
  OpenedStore opened(context, store::Mode::existing, store::Trust::own);
  session::refuse_within_attempt(opened.store, environment_now());
  const session::ApproveWorld world{
      .store = opened.store, .journal = opened.journal, .user = sys::user_name()};
  const auto pending = session::pending_approvals(world);
  if (pending.empty()) write_out("nothing waits for approval\n");
  for (const wire::PendingApproval& one : pending) {
    show(one);
    const Choice choice = ask();
    if (choice == Choice::quit) break;
    if (choice == Choice::later) continue;
    const auto name = wire::node_name_from(one.task_id);
    const wire::TokenRequest wanted{
        .tasks = {*name}, .type = "node", .valid = std::chrono::hours{1}, .by = world.user};
    // Bound to what was shown: were it to change meanwhile, the answer is stale.
    const wire::ApprovalRequest request{
        .action =
            choice == Choice::approve ? wire::ApprovalAction::approve : wire::ApprovalAction::deny,
        .token = session::make_token(world, wanted, one.digest).token,
        .task = name,
        .by = world.user,
        .by_id = {},
        .notes = {}};
    write_out(wire::message_of(session::answer_approval(world, request)) + '\n');
  }
  return 0;
}

}  // namespace dsched::cli
