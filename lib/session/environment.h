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
  // For KeyParts::environment: sorted by name, values as JSON text.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> keyed(
      const dag::Settings& settings) const;
  // "NAME=VALUE" for the command; `own` are the DSCHED_* variables.
  [[nodiscard]] std::vector<std::string> for_command(
      const dag::Settings& settings,
      const std::vector<std::pair<std::string, std::string>>& own) const;
  // The PATH in which the node's executable is searched.
  [[nodiscard]] std::string search_path(const dag::Settings& settings) const;

 private:
  std::map<std::string, std::string, std::less<>> variables_;
  std::vector<std::pair<std::string, std::string>> keyed_always_;
  std::string secret_;
};

}  // namespace dsched::session
