// SPDX-License-Identifier: Apache-2.0
#pragma once
// An executor with real processes, and attempts that default everything but what a test is about.

#include <poll.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "executor/process_executor.h"
#include "support/temp_folder.h"
#include "sys/clock.h"
#include "sys/files.h"

namespace dsched::executor {

class ProcessWorld {
 public:
  explicit ProcessWorld(unsigned width = 2, Finisher* finisher = nullptr,
                        FileAccess* files = nullptr, std::array<int, 3> shown = {0, 1, 2},
                        std::vector<WorkerCommand> workers = {})
      : trees_(table_) {
    ProcessExecutorOptions options;
    options.width = width;
    options.stage = [this] { return store::StagedFile(files_.stage(folder_.path())); };
    options.files = files;
    options.finisher = finisher;
    options.clock = &clock_;
    options.table = &table_;
    options.trees = &trees_;
    options.shown = shown;
    for (WorkerCommand& worker : workers) worker.folder = folder_.path();
    options.workers = std::move(workers);
    executor_ = std::make_unique<ProcessExecutor>(std::move(options));
  }

  [[nodiscard]] ProcessExecutor& executor() { return *executor_; }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] const sys::AttemptTable& table() const { return table_; }

  [[nodiscard]] ProcessWork shell(const std::string& command) const {
    ProcessWork work;
    work.argv = {"/bin/sh", "-c", command};
    work.file = "/bin/sh";
    work.environment = {"PATH=/usr/bin:/bin"};
    work.folder = folder_.path();
    return work;
  }

  NodeIndex start(Work work) {
    Attempt attempt;
    attempt.node = NodeIndex{next_++};
    attempt.id = "test-" + std::to_string(attempt.node.value);
    if (auto* process = std::get_if<ProcessWork>(&work)) {
      process->environment.push_back("DSCHED_ATTEMPT_ID=" + attempt.id);
    }
    attempt.work = std::move(work);
    executor_->start(attempt);
    return NodeIndex{next_ - 1};
  }

  // Waits for events; each attempt must be Started once and then Ended once.
  Ended wait(NodeIndex node) {
    while (ended_.find(node) == ended_.end()) take(-1);
    Ended result = std::move(ended_.at(node));
    ended_.erase(node);
    started_.erase(node);
    return result;
  }
  void wait_started(NodeIndex node) {
    while (started_.find(node) == started_.end()) take(-1);
  }
  [[nodiscard]] Ended run(Work work) { return wait(start(std::move(work))); }
  [[nodiscard]] Ended run(const std::string& command) { return run(Work{shell(command)}); }

 private:
  void take(int timeout) {
    pollfd item{executor_->event_fd(), POLLIN, 0};
    REQUIRE(::poll(&item, 1, timeout) == 1);
    std::vector<AttemptEvent> events;
    executor_->take_events(events);
    REQUIRE(!events.empty());
    for (AttemptEvent& event : events) {
      if (const auto* started = std::get_if<Started>(&event)) {
        REQUIRE(started_.count(started->node) == 0);
        started_[started->node] = *started;
      } else {
        Ended& ended = std::get<Ended>(event);
        REQUIRE(started_.count(ended.node) == 1);
        REQUIRE(ended.started == started_[ended.node].at);
        const NodeIndex node = ended.node;
        ended_.emplace(node, std::move(ended));
      }
    }
  }

  testing::TempFolder folder_;
  sys::PosixFiles files_;
  sys::PosixClock clock_;
  sys::AttemptTable table_;
  sys::AttemptTrees trees_;
  std::unique_ptr<ProcessExecutor> executor_;
  std::uint32_t next_ = 0;
  std::map<NodeIndex, Started> started_;
  std::map<NodeIndex, Ended> ended_;
};

}  // namespace dsched::executor
