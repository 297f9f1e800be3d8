// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <cstdlib>
#include <filesystem>

#include "base/text.h"
#include "sys/allocation.h"
#include "sys/files.h"
#include "sys/private_folder.h"
#include "sys/streams.h"
#include "sys/terminal.h"

#ifndef DSCHED_VERSION
#define DSCHED_VERSION "0.1.0"
#endif

namespace dsched::cli {
namespace {

constexpr const char* k_exit_codes =
    "Exit codes: 0 done; 1 the answer is no (a node failed, no such execution); 2 usage or an\n"
    "invalid program; 3 waiting for approval or a decision; 4 the surroundings failed (disk,\n"
    "database); 5 stored data damaged; 6 cancelled; 124 a wait timed out; 128+n ended by signal n.";

constexpr int k_stdout_of_command = 1;
constexpr int k_stderr_of_command = 2;

Format format_from(const std::string& name) {
  return name == "json" ? Format::json : name == "text" ? Format::text : Format::automatic;
}

bool wants_json(Format format) {
  if (format == Format::automatic) {
    const char* value = std::getenv("DSCHED_FORMAT");
    if (value != nullptr) format = format_from(value);
  }
  if (format == Format::automatic) return !sys::is_terminal(k_stdout_of_command);
  return format == Format::json;
}

void check_format_variable() {
  const char* value = std::getenv("DSCHED_FORMAT");
  const std::string_view name = value != nullptr ? value : "";
  if (name.empty() || name == "auto" || name == "text" || name == "json") return;
  throw Error(ErrorKind::usage,
              "DSCHED_FORMAT=" + std::string(name) + ": not one of auto, text, json");
}

void answer_error(const Context& context, const Error& error) {
  tell_error(context, error);
  if (!context.json) return;
  wire::write_error({error.kind(), error.what(), error.hint(), {}}, context.layout(), write_out);
}

// What --format says, as far as that can be told before the command line is understood.
Format format_before_parsing(const std::vector<std::string>& words) {
  Format format = Format::automatic;
  constexpr std::string_view k_joined = "--format=";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--format" && i + 1 < words.size()) format = format_from(words[i + 1]);
    if (words[i].starts_with(k_joined)) format = format_from(words[i].substr(k_joined.size()));
  }
  return format;
}

int parse(CLI::App& app, const Arguments& arguments) {
  std::vector<std::string> reversed(arguments.before.rbegin(), arguments.before.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    write_out(app.help());
    return -1;
  } catch (const CLI::CallForAllHelp&) {
    write_out(app.help("", CLI::AppFormatMode::All));
    return -1;
  } catch (const CLI::CallForVersion& version) {
    write_out(std::string(version.what()) + '\n');
    return -1;
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    if (!message.empty() && message.back() == '\n') message.pop_back();
    throw Error(ErrorKind::usage, message, "see " + app.get_name() + " --help");
  }
  return 0;
}

}  // namespace

Exit exit_for(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::invalid_program:
    case ErrorKind::invalid_request:
      return Exit::usage;
    case ErrorKind::not_found:
    case ErrorKind::node_failed:
    case ErrorKind::denied:
      return Exit::answer_is_no;
    case ErrorKind::waiting:
      return Exit::waiting;
    case ErrorKind::cancelled:
      return Exit::cancelled;
    case ErrorKind::interrupted:
      return Exit::interrupted;
    case ErrorKind::timeout:
      return Exit::timed_out;
    case ErrorKind::damaged:
      return Exit::damaged;
    case ErrorKind::busy:
    case ErrorKind::storage:
    case ErrorKind::environment:
    case ErrorKind::untrusted_store:
    case ErrorKind::internal:
      return Exit::surroundings;
  }
  return Exit::surroundings;
}

int interrupted_code(std::string_view message) {
  constexpr int k_signal_base = 128;
  if (message.starts_with("terminated")) return k_signal_base + 15;
  if (message.starts_with("hung up")) return k_signal_base + 1;
  return static_cast<int>(Exit::interrupted);
}

void add_common_options(CLI::App& app, CommonOptions& options) {
  app.set_version_flag("--version", app.get_name() + " " DSCHED_VERSION);
  app.add_option("--store", options.store, "The store's folder (DSCHED_STORE, else ./.dsched)")
      ->check([](const std::string& folder) {
        // Most likely a shell variable that is not set.
        return folder.empty() ? std::string("must name a folder") : std::string();
      })
      ->type_name("DIR");
  app.add_option_function<std::string>(
         "--format", [&options](const std::string& name) { options.format = format_from(name); },
         "auto (text on a terminal, JSON otherwise), text or json; DSCHED_FORMAT")
      ->check(CLI::IsMember({"auto", "text", "json"}))
      ->type_name("FORMAT");
  app.add_option_function<std::string>(
         "--color",
         [&options](const std::string& name) {
           options.color = name == "always"  ? ColorChoice::always
                           : name == "never" ? ColorChoice::never
                                             : ColorChoice::automatic;
         },
         "auto, always or never; NO_COLOR is honoured")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.add_flag("-q,--quiet", options.quiet, "No progress and no warnings");
  app.add_option("-C", options.folder, "Change to this folder first")->type_name("DIR");
  app.footer(k_exit_codes);
}

wire::JsonWriter::Layout Context::layout() const {
  return sys::is_terminal(k_stdout_of_command) ? wire::JsonWriter::Layout::indented
                                               : wire::JsonWriter::Layout::compact;
}

std::string Context::store_folder() const {
  if (!options.store.empty()) return options.store;
  const char* value = std::getenv("DSCHED_STORE");
  return value != nullptr && *value != '\0' ? value : ".dsched";
}

std::string Context::machine_folder() const {
  const auto variable = [](const char* name) -> std::optional<std::string_view> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return value;
  };
  return sys::machine_folder({.dsched_machine = variable("DSCHED_MACHINE"),
                              .xdg_runtime_dir = variable("XDG_RUNTIME_DIR"),
                              .tmpdir = variable("TMPDIR")});
}

Arguments split_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (arguments.after) {
      arguments.after->emplace_back(word);
    } else if (word == "--") {
      arguments.after.emplace();
    } else {
      arguments.before.emplace_back(word);
    }
  }
  return arguments;
}

void write_out(std::string_view bytes) {
  sys::write_all(k_stdout_of_command, bytes, "standard output");
}

void tell_error(const Context& context, const Error& error) {
  std::string text = context.tool + ": " + escape_for_terminal(error.what()) + '\n';
  if (!error.hint().empty()) text += "  " + escape_for_terminal(error.hint()) + '\n';
  sys::screen_on(k_stderr_of_command)->write(text);
}

void fail_without_subcommand(const CLI::App& app) {
  std::string names;
  const auto all = app.get_subcommands({});
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (at > 0) names += at + 1 == all.size() ? " or " : ", ";
    names += all[at]->get_name();
  }
  throw Error(ErrorKind::usage, "what to do is missing: " + names,
              "see " + app.get_name() + " --help");
}

int run(CLI::App& app, const Arguments& arguments, CommonOptions& options,
        const std::function<int(Context&)>& body) {
  sys::secure_standard_streams();
  sys::keep_freed_memory();
  Context context;
  context.tool = app.get_name();
  context.json = wants_json(format_before_parsing(arguments.before));
  try {
    try {
      if (parse(app, arguments) != 0) return static_cast<int>(Exit::done);
      context.options = options;
      check_format_variable();
      context.json = wants_json(options.format);
      if (!options.folder.empty()) {
        std::error_code problem;
        std::filesystem::current_path(options.folder, problem);
        if (problem) {
          throw Error(ErrorKind::usage, describe_errno("-C " + options.folder, problem.value()));
        }
      }
      return body(context);
    } catch (const std::bad_alloc&) {
      throw Error(ErrorKind::environment, "out of memory");
    } catch (const std::filesystem::filesystem_error& problem) {
      throw Error(ErrorKind::environment, problem.what());
    } catch (const std::system_error& problem) {
      // A thread that cannot be started: a limit of processes or of memory.
      throw Error(ErrorKind::environment, describe_errno("start a thread", problem.code().value()));
    }
  } catch (const Error& error) {
    const int code = error.kind() == ErrorKind::interrupted
                         ? interrupted_code(error.what())
                         : static_cast<int>(exit_for(error.kind()));
    try {
      answer_error(context, error);
    } catch (const Error&) {
      // Standard output is gone as well; the exit code still tells.
      return code;
    }
    return code;
  }
}

}  // namespace dsched::cli
