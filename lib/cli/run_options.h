// SPDX-License-Identifier: Apache-2.0
#pragma once
// The command line of dsched-run, and the request it becomes.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/progress.h"
#include "session/request.h"

namespace dsched::cli {

struct RunCommand {
  CommonOptions common;
  std::string program;  // a file, "-", or empty
  std::optional<unsigned> jobs;
  std::string machine;
  std::vector<std::string> keep_going;  // one per flag: "" or "N"
  unsigned retries = 0;
  std::string priority = "normal";
  std::string storage_backend;
  std::string compression;
  std::string results;
  bool dry_run = false;
  bool explain = false;
  std::string resume;
  std::vector<std::string> targets;
  std::vector<std::string> set;
  bool no_cache = false;
  std::string result;
  bool full_results = false;
  std::string nodes = "notable";
  std::string progress = "auto";
  std::string operations;
  bool trust_store = false;
  std::string language = "auto";
  bool print_syntax = false;  // of a VoxLogica program
  std::string print_graph;    // json, dot, or empty
  bool strict = false;
  bool detach = false;
  bool no_wait = false;
  std::vector<std::string> jobserver;  // one per flag: a style
  std::optional<std::string> notify;   // a command; empty: that of cli/config.h
};

void add_run_options(CLI::App& app, RunCommand& command);

// Reads the program (a file, or standard input, which may be a request document) and checks what
// options say. `words` is the command behind "--". Throws Error (usage) naming the option and the
// cause.
[[nodiscard]] session::RunRequest run_request(const CLI::App& app, RunCommand& command,
                                              Context& context,
                                              const std::optional<std::vector<std::string>>& words);

// What options say about how things run, wherever these come from. Throws Error (usage).
void take_settings(const RunCommand& command, const Context& context, session::RunRequest& request);
[[nodiscard]] std::string absolute_folder(const std::filesystem::path& path);

// "NAME=VALUE" of this process.
[[nodiscard]] std::vector<std::string> environment_now();

// A command whose output passes through has the terminal to itself, unless progress was asked for.
[[nodiscard]] DisplayOptions display_options(const RunCommand& command, const Context& context,
                                             bool pass_through);

}  // namespace dsched::cli
