// SPDX-License-Identifier: Apache-2.0
#include "cli/fixit_command.h"

#include "cli/config.h"
#include "cli/notify.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "session/fixit.h"
#include "sys/cpus.h"
#include "sys/streams.h"

namespace dsched::cli {
namespace {

wire::FixRequest request_of(const FixitCommand& command) {
  const bool by_document = command.executions == std::vector<std::string>{"-"};
  wire::FixWords words;
  if (!by_document) words.executions = command.executions;
  words.targets = command.targets;
  if (!command.mode.empty()) words.mode = command.mode;
  if (!command.max_retries.empty()) words.max_retries = command.max_retries;
  if (!command.by.empty()) words.by = command.by;
  if (command.auto_approve) words.auto_approve = true;
  if (command.dry_run) words.dry_run = true;
  if (by_document) {
    words =
        wire::merged(wire::read_fix_request(sys::read_all(0, "standard input")), std::move(words));
  }
  return wire::fix_request(words, sys::user_name());
}

std::uint32_t runs_a_minute(const FixitCommand& command) {
  if (command.runs_a_minute) return *command.runs_a_minute;
  return read_config().fixit_runs_a_minute.value_or(session::k_fixes_a_minute);
}

DisplayOptions display_of(const FixitCommand& command, const Context& context) {
  DisplayOptions options;
  options.mode = progress_mode_from(command.progress).value_or(ProgressMode::automatic);
  options.color = context.options.color;
  if (context.options.quiet) options.volume = DisplayOptions::Volume::quiet;
  return options;
}

}  // namespace

void add_fixit_options(CLI::App& app, FixitCommand& command) {
  app.add_option("EXECUTION", command.executions,
                 "Number, id or @latest; default: all; - reads the request from standard input")
      ->type_name("");
  app.add_option("--mode", command.mode, "conservative, balanced (default) or greedy")
      ->type_name("M");
  app.add_option("--target", command.targets, "Only this node; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("EXECUTION/NODE_ID");
  app.add_option("--max-retries", command.max_retries, "Attempts at each node: 1 to 10")
      ->type_name("N");
  app.add_flag("-n,--dry-run", command.dry_run, "Say what would be done and why; change nothing");
  app.add_flag("--auto-approve", command.auto_approve,
               "Give consent to nodes that need it, instead of asking anew");
  app.add_option("--by", command.by, "Who does this; default: the user's name")->type_name("NAME");
  app.add_option("--runs-a-minute", command.runs_a_minute, "More are refused; default 10")
      ->check(CLI::Range(1U, 1000U))
      ->type_name("N");
  add_notify_option(app, command.notify);
  app.add_option("--progress", command.progress, "auto, bar, plain, json or none")
      ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
      ->type_name("MODE");
}

int fixit(const FixitCommand& command, Context& context) {
  Notify notify(command.dry_run ? std::string() : notify_command(command.notify));
  const wire::FixRequest request = request_of(command);
  session::FixSetup setup;
  setup.store.folder = context.store_folder();
  setup.environment = environment_now();
  setup.width = {sys::usable_cpus()};
  setup.fixes_a_minute = runs_a_minute(command);
  const auto display = make_display(display_of(command, context), 2);
  session::Observer& observer = notify.in_front_of(*display, setup.store.folder);
  const wire::FixAnswer answer = session::fix(setup, request, observer);
  notify.fix_it_ended(answer, setup.store.folder);
  for (const std::string& warning : answer.warnings) {
    if (!context.options.quiet) {
      tell_error(context, Error(ErrorKind::environment, "warning: " + warning));
    }
  }
  if (!answer.is_success()) tell_error(context, Error(ErrorKind::node_failed, answer.message()));
  write_out(context.json ? wire::fix_document(answer, context.layout()) : wire::fix_lines(answer));
  return notify.finish(answer.is_success() ? 0 : static_cast<int>(Exit::answer_is_no), context);
}

}  // namespace dsched::cli
