// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "executor/request_pool.h"

// The part of RequestPool that touches files: results that are files, inputs, outputs. Nothing here
// is done while answers wait to be read.

namespace dsched::executor {

void RequestPool::run_finisher() {
  std::vector<AttemptEvent> done;
  while (true) {
    std::deque<RequestEnd> ends;
    {
      std::unique_lock lock(finisher_mutex_);
      finisher_wanted_.wait(lock, [this] { return !to_finish_.empty() || is_finisher_stopping_; });
      if (to_finish_.empty()) return;
      ends.swap(to_finish_);
    }
    for (RequestEnd& end : ends) {
      finish(end);
      if (end.ended.failure != FailureClass::none) failures_.fetch_add(1);
      done.emplace_back(std::move(end.ended));
      events_.push_all(done);
    }
  }
}

void RequestPool::finish(RequestEnd& end) const {
  Ended& ended = end.ended;
  try {
    if (end.result_path) read_result(*end.result_path, ended);
    if (options_.finisher == nullptr) return;
    if (ended.failure == FailureClass::none) options_.finisher->finish(end.attempt, ended);
    if (ended.failure != FailureClass::none) options_.finisher->clean_up(end.attempt);
  } catch (const Error& error) {
    fail_request(ended, FailureClass::lost, error.what());
    ended.broken = error.kind();
    ended.result = Captured{};
  }
}

// A worker may name any file that read_file could read, and no other.
void RequestPool::read_result(const std::string& named, Ended& ended) const {
  std::string path = named;
  if (!path.starts_with('/')) path = clean_relative_path(named).value_or(std::string());
  if (path.empty() || path.find('\0') != std::string::npos) {
    return fail_request(ended, FailureClass::refused,
                        "result file '" + escape_for_terminal(named) +
                            "' does not lie in the program's folder: name it by its absolute path");
  }
  auto read = options_.files->read(path);
  if (auto* captured = std::get_if<Captured>(&read)) {
    ended.result = std::move(*captured);
    return;
  }
  const auto& problem = std::get<sys::PathProblem>(read);
  const bool is_missing = problem.kind == sys::PathProblem::Kind::missing;
  fail_request(ended, is_missing ? FailureClass::output_missing : FailureClass::refused,
               "result file " + escape_for_terminal(problem.error));
}

}  // namespace dsched::executor
