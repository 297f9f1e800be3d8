// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes of results and logs on standard output.

#include <string_view>

namespace dsched::cli {

// As they are for a file or pipe; a terminal gets nothing that moves its cursor, and a line end.
void write_bytes(std::string_view bytes, bool to_terminal);

}  // namespace dsched::cli
