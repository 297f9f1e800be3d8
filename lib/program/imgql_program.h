// SPDX-License-Identifier: Apache-2.0
#pragma once
// A VoxLogica program with all it imports.
//
// import "name" opens a namespace; import "path" with a dot or a slash in it stands for the
// commands of a file, each file once. The file is sought beside the importing one, then in the
// current folder. This module reads no files: it asks for them.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "program/diagnostic.h"
#include "program/imgql_parser.h"

namespace dsched::imgql {

struct ProgramFile {
  std::string name;  // the same for the same file, however it was asked for
  std::string text;
};

class ProgramFiles {
 public:
  virtual ~ProgramFiles() = default;
  // A relative path is one from the current folder. Empty: it cannot be read.
  [[nodiscard]] virtual std::optional<ProgramFile> read(const std::string& path) = 0;
};

// Places are 32 bits wide.
inline constexpr std::size_t k_text_max = std::size_t{1} << 30;  // bytes of all sources

[[nodiscard]] Syntax read_program(ProgramFile main, ProgramFiles& files, Dialect dialect,
                                  std::vector<Fault>& faults);

// FILE:LINE:COLUMN: CODE: message, the line (of a very long one a part) and a caret below the
// place; fit for a terminal.
[[nodiscard]] std::string fault_text(const Syntax& syntax, const Fault& fault);
// By place, as they are shown.
void sort_faults(std::vector<Fault>& faults);

}  // namespace dsched::imgql
