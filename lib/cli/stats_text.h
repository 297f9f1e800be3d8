// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the commands of dsched-stats share: how they open a store, and how they show things to
// people.

#include <optional>
#include <string>

#include "cli/opened_store.h"
#include "cli/stats_command.h"
#include "cli/table.h"
#include "report/load.h"
#include "wire/stats_answer.h"

namespace dsched::cli {

// For reading; what does not exist looks empty.
[[nodiscard]] OpenedStore open_for_stats(const StatsCommand& command, const Context& context);

[[nodiscard]] bool output_is_terminal();
[[nodiscard]] Style output_style(const Context& context);
// Of the terminal on standard output; empty when it is none.
[[nodiscard]] std::optional<std::size_t> output_width();

[[nodiscard]] Paint paint_of(engine::ExecutionStatus status);
[[nodiscard]] Paint paint_of(engine::NodeState state);

// --since: a time or an age. Throws Error usage.
[[nodiscard]] WallTime since_from(const std::string& text, WallTime now);

// The part of the machine's slots that is in use: 0 to 1.
[[nodiscard]] double slot_utilization(const Context& context, OpenedStore& opened,
                                      const std::vector<report::Living>& living);

// "12s ago"; "now" for less than a second.
[[nodiscard]] std::string age_text(Nanoseconds age);

// One line, without its end: "wordcount 45.6%: 12 of 30 completed, 1 failed, 4 running; done in
// about 40s".
[[nodiscard]] std::string progress_sentence(const wire::ProgressAnswer& answer, WallTime now);

}  // namespace dsched::cli
