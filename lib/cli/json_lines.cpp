// SPDX-License-Identifier: Apache-2.0
#include "cli/json_lines.h"

#include <utility>

#include "cli/progress_text.h"
#include "session/tracker.h"
#include "wire/stats_answer.h"

namespace dsched::cli {
namespace {

using session::Progress;

constexpr std::chrono::milliseconds k_between_lines{50};

}  // namespace

std::string progress_json(const Progress& progress) {
  wire::ProgressAnswer answer;
  answer.dag_id = progress.dag_id;
  answer.execution_id = progress.execution_id;
  answer.counts = session::counts_of(progress);
  answer.percentage = progress.percentage;
  if (progress.remaining) answer.estimated_completion = progress.wall + *progress.remaining;
  return wire::to_json(answer);
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
