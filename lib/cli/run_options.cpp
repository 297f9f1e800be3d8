// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

#include <charconv>
#include <filesystem>

#include "base/text.h"
#include "cli/imgql_command.h"
#include "cli/notify.h"
#include "cli/run_document.h"
#include "sys/cpus.h"
#include "sys/streams.h"

namespace dsched::cli {
namespace {

using session::RunRequest;

constexpr unsigned k_jobs_max = 4096;  // worker threads; the attempt table has as many slots

Priority priority_from(const std::string& name) {
  if (name == "low") return {2};
  if (name == "normal") return {5};
  if (name == "high") return {8};
  if (name == "urgent") return {10};
  unsigned level = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), level);
  if (error != std::errc{} || end != name.data() + name.size()) {
    throw Error(ErrorKind::usage,
                "--priority " + name + ": not low, normal, high, urgent or 0 to 10");
  }
  if (level > 10) {
    throw Error(ErrorKind::usage, "Priority " + std::to_string(level) + " exceeds maximum (10)");
  }
  return {static_cast<std::uint8_t>(level)};
}

std::optional<std::uint64_t> failure_limit(const std::vector<std::string>& keep_going) {
  if (keep_going.empty()) return 1;
  const std::string& last = keep_going.back();
  if (last.empty() || last == "true") return std::nullopt;
  std::uint64_t limit = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), limit);
  if (error != std::errc{} || end != last.data() + last.size() || limit == 0) {
    throw Error(ErrorKind::usage, "--keep-going=" + last + ": not a number from 1");
  }
  return limit;
}

session::JobserverStyle jobserver_style(const std::vector<std::string>& styles) {
  using session::JobserverStyle;
  if (styles.empty()) return JobserverStyle::none;
  const std::string& last = styles.back();
  if (last == "auto") return JobserverStyle::automatic;
  if (last == "fifo") return JobserverStyle::fifo;
  if (last == "pipe") return JobserverStyle::pipe;
  throw Error(ErrorKind::usage, "--jobserver=" + last + ": not auto, fifo or pipe");
}

std::vector<std::pair<std::string, std::string>> set_pairs(const std::vector<std::string>& set) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& assignment : set) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(ErrorKind::usage, "--set " + assignment + ": not NAME=VALUE");
    }
    pairs.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
  return pairs;
}

store::Options store_options(const RunCommand& command, const Context& context) {
  store::Options options;
  options.folder = context.store_folder();
  if (!command.storage_backend.empty()) {
    options.backend = store::backend_from(command.storage_backend);
  }
  if (!command.compression.empty()) {
    options.compression = *store::compression_from(command.compression);
  }
  options.results_folder = command.results;
  options.trust = command.trust_store ? store::Trust::adopt : store::Trust::own;
  return options;
}

// dsched-run -- COMMAND ARG...: a program of one node.
program::Source program_of(const std::vector<std::string>& words) {
  if (words.empty()) throw Error(ErrorKind::usage, "--: a command must follow");
  if (words.front().empty()) throw Error(ErrorKind::usage, "--: the command is empty");
  std::string argv;
  for (const std::string& word : words) {
    if (!is_utf8(word)) {
      throw Error(ErrorKind::usage, "-- " + words.front() + ": an argument is not UTF-8",
                  "run it through a script or a program file");
    }
    if (!argv.empty()) argv += ',';
    append_json_string(argv, word);
  }
  std::string name;
  append_json_string(name, std::filesystem::path(words.front()).filename().string());
  return program::source_from(R"({"dag_id":)" + name +
                              R"(,"nodes":[{"node_id":"command","operation":"exec",)" +
                              R"("parameters":{"argv":[)" + argv + "]}}]}");
}

void read_program_file(const std::string& file, const RunCommand& command, RunRequest& request) {
  if (is_imgql(command, file)) {
    request.program = imgql_source(command, file);
    request.folder = absolute_folder(".");
    return;
  }
  request.program = program::source_from(sys::read_whole_file(file));
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  request.folder = absolute_folder(folder.empty() ? "." : folder);
}

// The program from the command line or from standard input; a request document there fills in
// options.
void read_program(const CLI::App& app, RunCommand& command, RunRequest& request) {
  if (command.program != "-") return read_program_file(command.program, command, request);
  std::string standard_input = sys::read_all(0, "standard input");
  request.folder = absolute_folder(".");
  if (is_imgql_text(command, standard_input)) {
    request.program = imgql_source(command, "-", std::move(standard_input));
    return;
  }
  program::Source text = program::source_from(std::move(standard_input));
  const auto document = apply_document(text, app, command);
  if (!document) {
    request.program = std::move(text);
  } else if (document->source) {
    request.program = document->source;
  } else {
    read_program_file(document->file, command, request);
  }
}

// Before anything is read: standard input can be read only once.
void check_detach(const RunCommand& command) {
  if (!command.detach) return;
  if (command.dry_run) throw Error(ErrorKind::usage, "--detach: --dry-run runs nothing");
  if (!command.result.empty()) {
    throw Error(ErrorKind::usage, "--detach: --result would have nobody to write to",
                "when it has ended: dsched-run --resume EXECUTION --result NODE");
  }
}

}  // namespace

std::string absolute_folder(const std::filesystem::path& path) {
  return std::filesystem::weakly_canonical(path).string();
}

std::vector<std::string> environment_now() {
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    variables.emplace_back(*entry);
  }
  return variables;
}

void add_run_options(CLI::App& app, RunCommand& command) {
  app.add_option("PROGRAM", command.program,
                 "A program file; - reads standard input; instead of it: -- COMMAND ARG ...")
      ->type_name("");
  app.add_option("--machine", command.machine,
                 "Folder by which executions share slots; none: share with nobody")
      ->type_name("DIR|none");
  app.add_option("-j,--jobs", command.jobs, "Nodes running at once (default: the machine's slots)")
      ->check(CLI::Range(1U, k_jobs_max))
      ->type_name("N");
  app.add_flag("-k{true},--keep-going{true}", command.keep_going,
               "Go on with what no failure touches; --keep-going=N: until N nodes failed");
  app.add_option("--retries", command.retries, "Retries of a failed node that does not say")
      ->check(CLI::Range(0U, 1000U))
      ->type_name("N");
  app.add_option("--priority", command.priority, "low, normal, high, urgent or 0 to 10")
      ->type_name("P");
  app.add_option("--storage-backend", command.storage_backend, "hybrid, sqlite or filesystem")
      ->check(CLI::IsMember({"hybrid", "sqlite", "filesystem"}))
      ->type_name("B");
  app.add_option("--compression", command.compression, "off, auto or zstd")
      ->check(CLI::IsMember({"off", "auto", "zstd"}))
      ->type_name("C");
  app.add_option("--results", command.results, "Where the filesystem backend keeps its data")
      ->type_name("DIR");
  app.add_flag("-n,--dry-run", command.dry_run, "Say what would run and why; run nothing");
  app.add_flag("--explain", command.explain, "Say for each node that runs why it does");
  app.add_option("--resume", command.resume, "Go on with this execution")->type_name("EXECUTION");
  app.add_option("--target", command.targets, "Only what this node, or this output, needs")
      ->allow_extra_args(false)
      ->type_name("NODE-or-OUTPUT");
  app.add_option("--set", command.set, "Give a variable of the program a value")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  app.add_flag("--no-cache", command.no_cache, "Reuse nothing; results are still stored");
  app.add_option("--result", command.result, "Write this node's bytes instead of the answer")
      ->type_name("NODE");
  app.add_flag("--full-results", command.full_results, "Do not cut results above 64 KiB");
  app.add_option("--nodes", command.nodes, "Which nodes the answer lists: notable or all")
      ->check(CLI::IsMember({"notable", "all"}))
      ->type_name("WHICH");
  app.add_option("--progress", command.progress, "auto, bar, plain, json or none")
      ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
      ->type_name("MODE");
  app.add_option("--operations", command.operations, "Where dsched-op-NAME is looked for first")
      ->type_name("DIR");
  app.add_flag("--trust-store", command.trust_store, "Use a store that was made elsewhere");
  app.add_option("--language", command.language, "The program's language: auto, json or imgql")
      ->check(CLI::IsMember({"auto", "json", "imgql"}))
      ->type_name("LANGUAGE");
  app.add_flag("--print-syntax", command.print_syntax,
               "Show the canonical text of an imgql program, and run nothing");
  app.add_option("--print-graph", command.print_graph,
                 "Show the graph that an imgql program is reduced to: json or dot")
      ->check(CLI::IsMember({"json", "dot"}))
      ->type_name("FORMAT");
  app.add_flag("--strict", command.strict, "Refuse what only this implementation of imgql accepts");
  app.add_flag("--no-wait", command.no_wait,
               "End with exit code 3 where only approvals are left, instead of waiting for them");
  add_notify_option(app, command.notify);
  app.add_flag("--jobserver{auto}", command.jobserver,
               "Offer slots to makes within nodes; =fifo or =pipe: how they are told");
  app.add_flag("--detach", command.detach,
               "Answer as soon as the execution is recorded; it goes on without a terminal");
}

void take_settings(const RunCommand& command, const Context& context, RunRequest& request) {
  request.run.width = {command.jobs.value_or(sys::usable_cpus())};
  request.run.is_width_chosen = command.jobs.has_value();
  request.shares_machine = command.machine != "none";
  request.run.failure_limit = failure_limit(command.keep_going);
  request.run.is_failure_limit_chosen = !command.keep_going.empty();
  request.run.retries = command.retries;
  request.run.priority = priority_from(command.priority);
  request.run.targets = command.targets;
  if (!command.operations.empty()) {
    if (!std::filesystem::is_directory(command.operations)) {
      throw Error(ErrorKind::usage, "--operations " + command.operations + ": not a folder");
    }
    request.run.operations_folder = std::filesystem::absolute(command.operations).string();
  }
  request.run.use_cache = !command.no_cache;
  request.run.explain = command.explain;
  request.run.waits_for_consent = !command.no_wait;
  request.run.jobserver = jobserver_style(command.jobserver);
  request.answer.full_results = command.full_results;
  request.answer.full_prints = !context.json;
  if (command.nodes == "all") request.answer.nodes = session::AnswerOptions::Nodes::all;
  if (!command.result.empty()) {
    request.answer.result_node = command.result;
    request.answer.result_fd = 1;
    request.answer.with_results = false;
  }
  request.program_options.set = set_pairs(command.set);
  request.store = store_options(command, context);
  if (!command.machine.empty() && request.shares_machine) {
    // Executions that its nodes start share the same slots, and so does this one when it detaches.
    const std::string folder = std::filesystem::absolute(command.machine).string();
    ::setenv("DSCHED_MACHINE", folder.c_str(), 1);
  }
  request.environment = environment_now();
  request.initiated_by = sys::user_name();
}

RunRequest run_request(const CLI::App& app, RunCommand& command, Context& context,
                       const std::optional<std::vector<std::string>>& words) {
  check_detach(command);
  RunRequest request;
  if (!command.resume.empty()) request.resume = command.resume;
  if (words) {
    if (!command.program.empty() || request.resume) {
      throw Error(ErrorKind::usage, "--: a command stands instead of a program");
    }
    request.program = program_of(*words);
    request.folder = absolute_folder(".");
    request.pass_through = context.options.format != Format::json && !command.detach;
  } else if (!command.program.empty()) {
    read_program(app, command, request);
    context.options = command.common;
  } else if (!request.resume) {
    throw Error(ErrorKind::usage, "a program is missing", "see dsched-run --help");
  }
  take_settings(command, context, request);
  return request;
}

DisplayOptions display_options(const RunCommand& command, const Context& context,
                               bool pass_through) {
  DisplayOptions options;
  options.mode = progress_mode_from(command.progress).value_or(ProgressMode::automatic);
  if (pass_through && options.mode == ProgressMode::automatic) options.mode = ProgressMode::none;
  options.color = context.options.color;
  if (context.options.quiet) options.volume = DisplayOptions::Volume::quiet;
  return options;
}

}  // namespace dsched::cli
