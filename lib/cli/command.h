// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every tool has in common: the common options, the exit codes, and how errors are told.
//
// run() parses the command line, calls the tool's body, and turns an Error into one line on stderr,
// an error document on stdout where JSON was asked for, and the exit code of its kind. It is one of
// the two places that catch Error (the other is the session's guard around one attempt).

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/style.h"
#include "wire/answer.h"

namespace dsched::cli {

// The same for every tool; documented in dsched(7). stored in scripts: never renumber
enum class Exit : int {
  done = 0,
  answer_is_no = 1,
  usage = 2,
  waiting = 3,
  surroundings = 4,
  damaged = 5,
  cancelled = 6,
  timed_out = 124,
  interrupted = 130,  // 128 + SIGINT
};
[[nodiscard]] Exit exit_for(ErrorKind kind);
// 128+n of the signal that the message of an interruption begins with: "terminated", "hung up",
// else it was an interrupt.
[[nodiscard]] int interrupted_code(std::string_view message);

enum class Format : std::uint8_t { automatic, text, json };

struct CommonOptions {
  std::string store;  // empty: DSCHED_STORE, else .dsched
  Format format = Format::automatic;
  ColorChoice color = ColorChoice::automatic;
  bool quiet = false;
  std::string folder;  // -C
};

// Adds the common options, --version and the exit codes at the end of --help.
void add_common_options(CLI::App& app, CommonOptions& options);

// What the body of a tool works with.
struct Context {
  CommonOptions options;
  bool json = false;  // the format that was asked for, or JSON off a terminal
  std::string tool;
  [[nodiscard]] wire::JsonWriter::Layout layout() const;
  [[nodiscard]] std::string store_folder() const;
  [[nodiscard]] std::string machine_folder() const;
};

// Arguments behind a lone "--" are taken out before parsing.
struct Arguments {
  std::vector<std::string> before;
  std::optional<std::vector<std::string>> after;
};
[[nodiscard]] Arguments split_arguments(int argc, char** argv);

// Parses, runs the body and gives the exit code.
int run(CLI::App& app, const Arguments& arguments, CommonOptions& options,
        const std::function<int(Context&)>& body);

// Standard output. A reader that went away ends this process by SIGPIPE, as people expect in a
// pipe.
void write_out(std::string_view bytes);
// "TOOL: MESSAGE", escaped, and the hint on a line of its own.
void tell_error(const Context& context, const Error& error);

// Usage: "what to do is missing: NAME, NAME or NAME", with the names of all subcommands.
[[noreturn]] void fail_without_subcommand(const CLI::App& app);

// How a tool with subcommands adds one: its call becomes the command's `call`.
template <class Command>
[[nodiscard]] auto subcommands_of(CLI::App& app, Command& command) {
  return [&app, &command](const char* name, const char* what, auto call) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->callback([&command, call] { command.call = call; });
    return sub;
  };
}

}  // namespace dsched::cli
