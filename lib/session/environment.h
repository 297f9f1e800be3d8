// SPDX-License-Identifier: Apache-2.0
#pragma once
// Environment variables: those a node is given, and those that are part of its key.
//
// A command sees the caller's environment, then what its node sets, then DSCHED_*. Keyed are LANG,
// LC_* and TZ, what the node sets or names, and a keyed hash of what it names as secret. PATH is
// not.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dag/node.h"

namespace dsched::session {

class Environment {
 public:
  // `secret` is the store's, for the keyed hash.
  Environment(const std::vector<std::string>& variables, std::string secret);

  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  // For KeyParts::environment: the members of a JSON object, sorted by name. The text stands in
  // `room`, or here when the node adds nothing.
  [[nodiscard]] std::string_view keyed(const dag::Settings& settings, std::string& room) const;
  // "NAME=VALUE" for the command; `own` are the DSCHED_* variables.
  [[nodiscard]] std::vector<std::string> for_command(
      const dag::Settings& settings,
      const std::vector<std::pair<std::string, std::string>>& own) const;
  // The same as /bin/sh would pass it on from `folder`; empty when only the shell itself can tell
  // (executor/direct_command.h). Costs system calls once per folder, not once per node.
  [[nodiscard]] std::optional<std::vector<std::string>> for_direct_command(
      const dag::Settings& settings, const std::vector<std::pair<std::string, std::string>>& own,
      const std::string& folder) const;
  // The PATH in which the node's executable is searched.
  [[nodiscard]] std::string search_path(const dag::Settings& settings) const;

 private:
  std::map<std::string, std::string, std::less<>> variables_;
  std::map<std::string, std::string> keyed_always_;  // value as JSON text
  std::string keyed_always_text_;
  std::string secret_;
  struct ShellBase {
    std::string folder;
    bool direct = false;                 // false: use the shell
    std::vector<std::string> variables;  // without DSCHED_*
  };
  mutable std::optional<ShellBase> shell_base_;  // of nodes that set nothing; made on first use
};

}  // namespace dsched::session
