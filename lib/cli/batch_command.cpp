// SPDX-License-Identifier: Apache-2.0
#include "cli/batch_command.h"

#include <csignal>

#include "base/text.h"
#include "cli/notify.h"
#include "cli/run_output.h"
#include "program/worker_reader.h"
#include "session/batch.h"
#include "session/run.h"
#include "sys/fd.h"
#include "sys/flow.h"
#include "sys/signals.h"
#include "sys/streams.h"
#include "sys/terminal.h"

namespace dsched::cli {
namespace {

using engine::ExecutionStatus;
using session::BatchCall;

constexpr int k_stdin = 0;
constexpr int k_stdout = 1;
constexpr int k_stderr = 2;

// Options that say something about a program.
constexpr const char* k_of_programs[] = {
    "--dry-run", "--explain", "--resume",   "--target",  "--set",          "--result",
    "--detach",  "--nodes",   "--language", "--no-wait", "--print-syntax", "--print-graph"};
constexpr const char* k_of_batches[] = {"--ordered",   "--sequential", "--parallel",
                                        "--fail-fast", "--null",       "--workers"};

void check(const CLI::App& app, const BatchOptions& options, const RunCommand& command) {
  const char* what = options.each.empty() ? "--batch" : "--each";
  if (!options.each.empty() && !options.batch.empty()) {
    throw Error(ErrorKind::usage, "--each: --batch reads requests, and --each makes its own");
  }
  if (options.batch.size() > 1 || options.each.size() > 1) {
    throw Error(ErrorKind::usage, std::string(what) + ": stands twice");
  }
  // "--batch -j 4 FILE" says clearly enough what is meant.
  const bool names_input = !options.batch.empty() && options.batch.front().empty();
  if (!command.program.empty() && !names_input) {
    throw Error(
        ErrorKind::usage,
        std::string(what) + ": stands instead of a program, and there is " +
            escape_for_terminal(command.program),
        options.each.empty() ? "requests are read from: --batch FILE" : "words stand behind :::");
  }
  for (const char* option : k_of_programs) {
    if (app.get_option(option)->count() == 0) continue;
    throw Error(ErrorKind::usage, std::string(option) + ": is for programs, not for " + what);
  }
  if (options.sequential && options.parallel) {
    throw Error(ErrorKind::usage, "--sequential: --parallel is the opposite");
  }
  if (options.each.empty() && options.null) {
    throw Error(ErrorKind::usage, "--null: is for the words of --each");
  }
  if (options.each.empty()) return;
  if (app.get_option("--workers")->count() > 0) {
    throw Error(ErrorKind::usage, "--workers: is for requests, and --each runs a shell command");
  }
  const std::string& text = options.each.front();
  if (text.empty()) throw Error(ErrorKind::usage, "--each: the command is empty");
  if (!is_utf8(text)) throw Error(ErrorKind::usage, "--each: the command is not UTF-8");
}

session::EachCall each_call(const BatchOptions& options, EachWords&& words) {
  session::EachCall each;
  each.command = options.each.front();
  each.groups = std::move(words.groups);
  if (options.null) each.delimiter = '\0';
  return each;
}

std::variant<std::vector<dag::Worker>, session::InvalidProgram> workers_from(
    const std::string& file, bool is_input_stdin) {
  if (file == "-" && is_input_stdin) {
    throw Error(ErrorKind::usage, "--workers -: standard input has the requests");
  }
  auto read = program::read_workers_text(file == "-" ? sys::read_all(0, "standard input")
                                                     : sys::read_whole_file(file));
  if (auto* faults = std::get_if<std::vector<program::Diagnostic>>(&read)) {
    session::InvalidProgram invalid;
    invalid.diagnostics = std::move(*faults);
    return invalid;
  }
  return std::move(std::get<std::vector<dag::Worker>>(read));
}

// Lines unless bytes were asked for; of --each the other way round.
BatchCall::Form form_of(const BatchOptions& options, const Context& context) {
  const Format format = context.options.format;
  if (format == Format::json) return BatchCall::Form::lines;
  if (format == Format::text || !options.each.empty()) return BatchCall::Form::bytes;
  return BatchCall::Form::lines;
}

// A bar only where it cannot be taken for output: between lines of answers nobody could read it.
DisplayOptions display_for(const RunCommand& command, const Context& context) {
  DisplayOptions display = display_options(command, context, false);
  if (display.mode == ProgressMode::automatic) {
    const bool shows = sys::is_terminal(k_stderr) && !sys::is_terminal(k_stdout);
    display.mode = shows ? ProgressMode::bar : ProgressMode::none;
  }
  return display;
}

int exit_code(const session::BatchEnd& end) {
  switch (end.status) {
    case ExecutionStatus::interrupted:
      return interrupted_code(end.stopped_by);
    case ExecutionStatus::cancelled:
      return static_cast<int>(Exit::cancelled);
    default:
      break;
  }
  if (!end.stopped_by.empty()) return interrupted_code(end.stopped_by);
  if (end.summary.failed == 0 && end.summary.skipped == 0) return static_cast<int>(Exit::done);
  return static_cast<int>(end.summary.failed == end.cancelled && end.summary.skipped == 0
                              ? Exit::cancelled
                              : Exit::answer_is_no);
}

}  // namespace

EachWords take_words(int argc, char** argv) {
  constexpr std::string_view k_separator = ":::";
  constexpr std::string_view k_joined = "--each=";
  EachWords words;
  words.argc = argc;
  bool has_each = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") break;
    if (has_each && word == k_separator) {
      words.argc = i;
      break;
    }
    if (word.starts_with(k_joined)) has_each = true;
    if (word == "--each") {
      has_each = true;
      ++i;  // the command, whatever it is
    }
  }
  for (int i = words.argc; i < argc; ++i) {
    if (argv[i] == k_separator) {
      words.groups.emplace_back();
    } else {
      words.groups.back().emplace_back(argv[i]);
    }
  }
  return words;
}

void add_batch_options(CLI::App& app, BatchOptions& options) {
  app.add_option("--batch", options.batch,
                 "Requests instead of a program: JSON lines or an array; - or none: standard input")
      ->expected(0, 1)
      ->type_name("[FILE|-]");
  app.add_option("--each", options.each,
                 "This shell command for each word behind :::, or each line of standard input")
      ->allow_extra_args(false)
      ->type_name("COMMAND");
  app.add_flag("--ordered", options.ordered, "Answer requests in the order of the input");
  app.add_flag("--sequential", options.sequential, "One request after another");
  app.add_flag("--parallel", options.parallel, "As many requests at once as there are slots");
  app.add_flag("--fail-fast", options.fail_fast, "Begin no request after the first that failed");
  app.add_flag("-0,--null", options.null, "Words of --each end with a null character");
  app.add_option("--workers", options.workers,
                 "Persistent workers that requests may name; see dsched-worker(7)")
      ->type_name("FILE");
}

bool is_batch(const CLI::App& app, const BatchOptions& options) {
  if (app.get_option("--batch")->count() > 0 || !options.each.empty()) return true;
  for (const char* option : k_of_batches) {
    if (app.get_option(option)->count() == 0) continue;
    throw Error(ErrorKind::usage, std::string(option) + ": is for --batch and --each");
  }
  return false;
}

int run_batch(const CLI::App& app, const BatchOptions& options, RunCommand& command,
              Context& context, EachWords&& words) {
  check(app, options, command);
  Notify notify(notify_command(command.notify));
  BatchCall call;
  call.run.folder = absolute_folder(".");
  take_settings(command, context, call.run);
  call.failure_limit = command.keep_going.empty() ? std::nullopt : call.run.run.failure_limit;
  if (options.fail_fast) call.failure_limit = 1;
  if (options.sequential) call.running = engine::BatchOptions::Running::sequential;
  if (options.ordered) call.answers = engine::BatchOptions::Answers::in_order;
  call.form = form_of(options, context);
  call.tool = context.tool;
  const bool needs_input = options.each.empty() || words.groups.empty();
  if (!options.each.empty()) call.each = each_call(options, std::move(words));
  sys::Fd named;
  std::string file = options.batch.empty() ? std::string() : options.batch.front();
  if (file.empty()) file = command.program;
  if (app.get_option("--workers")->count() > 0) {
    const bool is_input_stdin = file.empty() || file == "-";
    auto workers = workers_from(options.workers, is_input_stdin);
    if (const auto* invalid = std::get_if<session::InvalidProgram>(&workers)) {
      return show(*invalid, {.program_name = options.workers}, context);
    }
    call.workers = std::move(std::get<std::vector<dag::Worker>>(workers));
  }
  if (!file.empty() && file != "-") {
    named = sys::Fd(sys::open_named_file(file));
    call.input_name = file;
  }
  call.input_fd = !needs_input ? -1 : named ? named.get() : k_stdin;
  const auto display = make_display(display_for(command, context), k_stderr);
  session::Observer& observer = notify.in_front_of(*display, call.run.store.folder);
  const session::BatchEnd end = session::run_batch(std::move(call), observer);
  const int code = notify.finish(exit_code(end), context);
  if (end.is_reader_gone) sys::end_self_by(SIGPIPE);
  return code;
}

}  // namespace dsched::cli
