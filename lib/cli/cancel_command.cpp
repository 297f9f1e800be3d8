// SPDX-License-Identifier: Apache-2.0
#include "cli/cancel_command.h"

#include "cli/opened_store.h"
#include "session/cancel.h"
#include "sys/streams.h"
#include "wire/cancel_answer.h"
#include "wire/cancel_request.h"

namespace dsched::cli {
namespace {

wire::CancelRequest request_of(const CancelCommand& command) {
  const bool by_document = command.executions == std::vector<std::string>{"-"};
  wire::CancelWords words;
  words.nodes = command.nodes;
  if (!by_document) {
    // No name of an execution has a slash.
    for (const std::string& name : command.executions) {
      (name.find('/') == std::string::npos ? words.executions : words.nodes).push_back(name);
    }
  }
  if (command.all) words.all = true;
  if (command.pause) words.pause = true;
  if (command.go_on) words.go_on = true;
  if (by_document) {
    words = wire::merged(wire::read_cancel_request(sys::read_all(0, "standard input")),
                         std::move(words));
  }
  return wire::cancel_request(words);
}

}  // namespace

void add_cancel_options(CLI::App& app, CancelCommand& command) {
  app.add_option("EXECUTION", command.executions,
                 "Number, id or @latest; - reads the request from standard input")
      ->type_name("");
  app.add_option("--node", command.nodes, "Cancel one node and what depends on it; may be repeated")
      ->type_name("EXECUTION/NODE_ID")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--all", command.all, "Everything that is queued or running");
  app.add_flag("--pause", command.pause, "Hold instead: what runs stands still, nothing starts");
  app.add_flag("--continue", command.go_on, "Release what was held");
}

int cancel(const CancelCommand& command, Context& context) {
  const wire::CancelRequest request = request_of(command);
  OpenedStore opened(context, store::Mode::existing, store::Trust::own);
  const auto note = [&context](const std::string& line) {
    if (!context.options.quiet) tell_error(context, Error(ErrorKind::environment, line));
  };
  const wire::CancelAnswer answer =
      session::cancel({.store = opened.store, .journal = opened.journal, .note = note}, request);
  for (const wire::ErrorAnswer& error : wire::errors_of(answer)) {
    tell_error(context, Error(error.kind, error.message));
  }
  write_out(context.json ? wire::cancel_document(answer, context.layout())
                         : wire::cancel_lines(answer));
  const auto errors = wire::errors_of(answer);
  return errors.empty() ? 0 : static_cast<int>(exit_for(errors.front().kind));
}

}  // namespace dsched::cli
