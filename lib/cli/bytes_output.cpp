// SPDX-License-Identifier: Apache-2.0
#include "cli/bytes_output.h"

#include <string>

#include "base/text.h"
#include "cli/command.h"

namespace dsched::cli {

void write_bytes(std::string_view bytes, bool to_terminal) {
  if (!to_terminal) return write_out(bytes);
  std::string shown;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= bytes.size(); ++i) {
    if (i < bytes.size() && bytes[i] != '\n' && bytes[i] != '\t') continue;
    shown += escape_for_terminal(bytes.substr(start, i - start));
    if (i < bytes.size()) shown += bytes[i];
    start = i + 1;
  }
  if (!shown.ends_with('\n')) shown += '\n';
  write_out(shown);
}

}  // namespace dsched::cli
