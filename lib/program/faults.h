// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gathers what is wrong with a program while it is read, and makes Diagnostics of it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "program/diagnostic.h"

namespace dsched::program {

struct Fault {
  std::string_view code;
  std::string message;
  std::string pointer;
  // Where in the text; empty: wherever the pointer leads.
  std::optional<std::size_t> offset = std::nullopt;
  std::string hint = {};
  // Not about the text at all (a --set).
  bool is_outside = false;
};

class Faults {
 public:
  void add(Fault fault);
  // Faults that were found but are not told one by one.
  void add_more(std::size_t count) { more_ += count; }
  void append(Faults other);
  [[nodiscard]] bool empty() const { return faults_.empty(); }
  // In the order of the text; at most k_diagnostics_max and one that counts the rest.
  [[nodiscard]] std::vector<Diagnostic> diagnostics(std::string_view text) &&;

 private:
  std::vector<Fault> faults_;
  std::size_t more_ = 0;
};

// "did you mean 'x'?" about the nearest of the candidates, else "".
[[nodiscard]] std::string suggest(std::string_view name,
                                  const std::vector<std::string_view>& candidates);

}  // namespace dsched::program
