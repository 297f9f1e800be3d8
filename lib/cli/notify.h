// SPDX-License-Identifier: Apache-2.0
#pragma once
// --notify COMMAND, for the tools that run executions: who is told, and how a tool ends with it.
//
// The command is --notify's, else that of cli/config.h; an empty one tells nobody. Make one before
// anything large is read (a process is forked), put it in front of the display, and let finish()
// give the exit code, behind the answer.

#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "session/notices.h"

namespace dsched::cli {

// The command that is told; empty: nobody is. In a node only what --notify says counts, or an event
// would come for each execution within an execution. Throws Error (usage).
[[nodiscard]] std::string notify_command(const std::optional<std::string>& option);

void add_notify_option(CLI::App& app, std::optional<std::string>& option);

class Notify {
 public:
  explicit Notify(const std::string& command);

  // `display`, or an observer in front of it.
  [[nodiscard]] session::Observer& in_front_of(session::Observer& display,
                                               const std::string& store_folder);
  void fix_it_ended(const wire::FixAnswer& answer, const std::string& store_folder);
  // Waits a little for what is under way, unless somebody interrupted us; says what went wrong.
  // Gives `exit_code`, whatever that was.
  [[nodiscard]] int finish(int exit_code, const Context& context);

 private:
  std::unique_ptr<sys::Notifier> notifier_;
  std::unique_ptr<session::Notices> notices_;  // goes first: it may have something to tell
};

}  // namespace dsched::cli
