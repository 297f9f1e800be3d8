// SPDX-License-Identifier: Apache-2.0
#include "cli/json_lines.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/progress_text.h"

namespace dsched::cli {
namespace {

using session::Progress;

constexpr std::chrono::milliseconds k_between_lines{50};

// One digit behind the point, rounded down: 100.0 means that nothing more will run.
std::string percentage_text(double percentage) {
  const long tenths = std::lround(std::floor(percentage * 10.0));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

}  // namespace

std::string progress_json(const Progress& progress) {
  const session::Counts& counts = progress.counts;
  std::string out = "{\"dag_id\":";
  append_json_string(out, progress.dag_id);
  out += ",\"execution_id\":";
  append_json_string(out, progress.execution_id);
  const auto number = [&](std::string_view name, std::uint64_t value) {
    out += ",\"";
    out += name;
    out += "\":" + std::to_string(value);
  };
  number("total_nodes", counts.total);
  number("completed_nodes", counts.completed);
  number("failed_nodes", counts.failed);
  number("running_nodes", counts.running);
  number("pending_nodes", counts.pending);
  number("cancelled_nodes", counts.cancelled);
  number("reused_nodes", counts.reused);
  out += ",\"progress_percentage\":" + percentage_text(progress.percentage);
  out += ",\"estimated_completion\":";
  if (progress.remaining) {
    append_json_string(out, to_rfc3339(progress.wall + *progress.remaining));
  } else {
    out += "null";
  }
  return out + "}";
}

JsonDisplay::JsonDisplay(std::unique_ptr<sys::Screen> screen) : screen_(std::move(screen)) {}

void JsonDisplay::began(const Progress& progress) {
  write(progress);
}

void JsonDisplay::node(const session::NodeReport&, const Progress& progress) {
  this->progress(progress);
}

void JsonDisplay::progress(const Progress& progress) {
  if (told_ == progress.counts) return;
  if (progress.now >= next_line_) {
    write(progress);
  } else {
    wake_up_ = next_line_;
  }
}

void JsonDisplay::note(std::string_view line) {
  screen_->write(note_line(line));
}

void JsonDisplay::ended(const Progress& progress, std::string_view, Nanoseconds) {
  write(progress);
  wake_up_.reset();
}

void JsonDisplay::write(const Progress& progress) {
  screen_->write(progress_json(progress) + "\n");
  told_ = progress.counts;
  next_line_ = progress.now + k_between_lines;
  wake_up_.reset();
}

}  // namespace dsched::cli
