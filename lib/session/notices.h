// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tells a person's command (--notify) what becomes of an execution, beside whoever watches it.
//
// An observer in front of another one: all it hears it passes on, and of what it hears it makes the
// events of wire/notice.h: completed, failed, waiting for approval. A runner that gives up says
// nothing; then an execution that began and did not end has failed. An execution that was
// interrupted or cancelled makes no event: somebody did that.
//
// The command runs in another process (sys/notifier.h). It cannot hold up or fail an execution;
// what went wrong with it is noted where people look, within a second while the execution runs, and
// else by wait_for_notifier().

#include <string>
#include <vector>

#include "session/observer.h"
#include "sys/clock.h"
#include "sys/notifier.h"
#include "wire/notice.h"

namespace dsched::session {

class Notices final : public Observer {
 public:
  // `store` is the store's folder, for the reader of an event.
  Notices(Observer& inner, sys::Notifier& notifier, std::string store)
      : inner_(inner), notifier_(notifier), store_(std::move(store)) {}
  // Tells of an execution that was given up.
  ~Notices() override;
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;

  void began(const Progress& progress) override;
  void node(const NodeReport& report, const Progress& progress) override;
  void progress(const Progress& progress) override;
  void waits(std::span<const WaitingNode> nodes, const Progress& progress) override;
  void note(std::string_view line) override { inner_.note(line); }
  void pause() override { inner_.pause(); }
  [[nodiscard]] std::optional<Instant> wake_up() const override;
  void ended(const Progress& progress, std::string_view status, Nanoseconds wall) override;

 private:
  void remember(const Progress& progress);
  void tell(wire::NoticeKind kind, std::string_view status);
  void report_problems();

  Observer& inner_;
  sys::Notifier& notifier_;
  std::string store_;
  bool is_under_way_ = false;
  Instant now_;
  wire::ExecutionNotice known_;  // of the execution under way, with the nodes that failed
};

// When everything is over: waits until what was told has been delivered, but no longer than
// `patience`, and not beyond a signal that would end this process (which then does nothing else).
// Gives what went wrong, a line each.
[[nodiscard]] std::vector<std::string> wait_for_notifier(sys::Notifier& notifier,
                                                         Nanoseconds patience);

}  // namespace dsched::session
