// SPDX-License-Identifier: Apache-2.0
#pragma once
// Environment variables: those a node is given, and those that are part of its key.
//
// A command sees the caller's environment, then what its node sets, then DSCHED_*. Keyed are LANG,
// LC_* and TZ, what the node sets or names, and a keyed hash of what it names as secret. PATH is
// not.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dag/node.h"

namespace dsched::session {

using OwnVariables = std::vector<std::pair<std::string, std::string>>;

// "NAME=VALUE" for a command: what all nodes that set nothing share, which stands in the
// Environment for as long as that lives, then its own.
struct CommandEnvironment {
  std::span<const std::string> shared;
  std::vector<std::string> own;
};

class Environment {
 public:
  // `secret` is the store's, for the keyed hash.
  Environment(const std::vector<std::string>& variables, std::string secret);

  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  // What commands get in place of the variable's value. Keys do not know of it.
  void pass_instead(const std::string& name, const std::string& value);
  // For KeyParts::environment: the members of a JSON object, sorted by name. The text stands in
  // `room`, or here when the node adds nothing.
  [[nodiscard]] std::string_view keyed(const dag::Settings& settings, std::string& room) const;
  // `own` are the DSCHED_* variables, always of the same names.
  [[nodiscard]] CommandEnvironment for_command(const dag::Settings& settings,
                                               const OwnVariables& own) const;
  // The same as /bin/sh would pass it on from `folder`; empty when only the shell itself can tell
  // (executor/direct_command.h). Costs system calls once per folder, not once per node.
  [[nodiscard]] std::optional<CommandEnvironment> for_direct_command(
      const dag::Settings& settings, const OwnVariables& own, const std::string& folder) const;
  // The PATH in which the node's executable is searched.
  [[nodiscard]] std::string search_path(const dag::Settings& settings) const;

 private:
  std::map<std::string, std::string, std::less<>> variables_;
  std::map<std::string, std::string, std::less<>> passed_;  // the same, as commands get it
  std::map<std::string, std::string> keyed_always_;         // value as JSON text
  std::string keyed_always_text_;
  std::string secret_;
  [[nodiscard]] std::vector<std::string> inherited(const dag::Settings& settings,
                                                   const OwnVariables& own) const;

  struct ShellBase {
    bool direct = false;                 // false: use the shell
    std::vector<std::string> variables;  // without `own`
  };
  // Of nodes that set nothing; made on first use, never changed.
  mutable std::optional<std::vector<std::string>> shared_;
  mutable std::map<std::string, ShellBase> shell_bases_;  // by folder
};

}  // namespace dsched::session
