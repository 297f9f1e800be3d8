// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sentences about nodes and executions that the displays share. Pure; all texts of programs and
// commands are escaped here, so nothing a program names can move the cursor.

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/style.h"
#include "session/observer.h"

namespace dsched::cli {

// How much of a failed node's command and log is shown; the rest is in the store.
inline constexpr std::size_t k_shown_log_lines_max = 20;
inline constexpr std::size_t k_shown_command_lines_max = 10;
inline constexpr std::size_t k_shown_line_bytes_max = 1000;

// "1,234,567": easier to read in the middle of a line that changes.
[[nodiscard]] std::string grouped(std::uint64_t number);

// One line, without its end: "words completed in 0.4s", "words retries in 1.0s: exit 3 (attempt
// 1)".
[[nodiscard]] std::string describe(const session::NodeReport& report, Style style);

// For a failed node: describe(), its command and the end of its log, each line ended by "\n".
[[nodiscard]] std::string failure_block(const session::NodeReport& report, Style style);

// The one line that stays when the execution has ended, without its end:
// "wordcount completed after 3.4s: 30 of 30 nodes completed (12 reused); execution 17".
[[nodiscard]] std::string summary_line(const session::Progress& progress, std::string_view status,
                                       Nanoseconds wall, Style style);

// A note as people know it from other tools: "dsched-run: LINE\n".
[[nodiscard]] std::string note_line(std::string_view line);

}  // namespace dsched::cli
