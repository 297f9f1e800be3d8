// SPDX-License-Identifier: Apache-2.0
#pragma once
// The program's variables, and putting their values in place of {"variable": NAME}.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/canonical_json.h"
#include "program/values.h"

namespace dsched::program {

class Variables {
 public:
  // Reads the top-level `variables`.
  void read(const Path& path, Values& values);
  // Gives the variables the values of --set; what is wrong with those is added to `faults`.
  void set(std::span<const std::pair<std::string, std::string>> assignments, Faults& faults);
  // The canonical text of a variable's value, or null.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  [[nodiscard]] std::string suggest(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;  // canonical JSON texts
};

// Puts variables in the parameters of one node.
class VariableReplacement final : public JsonReplacement {
 public:
  VariableReplacement(const Variables& variables, Faults& faults)
      : variables_(variables), faults_(faults) {}
  // Where the parameters are that come next.
  void begin(const Path* path) {
    path_ = path;
    has_failed_ = false;
  }
  // Whether something was left in place since begin(), so that types cannot be judged.
  [[nodiscard]] bool has_failed() const { return has_failed_; }
  [[nodiscard]] std::optional<std::string_view> replacement(std::string_view object,
                                                            std::size_t offset) override;

 private:
  const Variables& variables_;
  Faults& faults_;
  const Path* path_ = nullptr;
  bool has_failed_ = false;
};

}  // namespace dsched::program
