// SPDX-License-Identifier: Apache-2.0
#include "session/notices.h"

#include <algorithm>
#include <array>
#include <csignal>

#include "session/tracker.h"
#include "sys/signals.h"
#include "sys/wait_readable.h"

namespace dsched::session {
namespace {

// How often it is asked what became of an event while one is under way.
constexpr Nanoseconds k_notice_look_interval = std::chrono::milliseconds{200};

bool ends_waiting(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

}  // namespace

Notices::~Notices() {
  if (is_under_way_) tell(wire::NoticeKind::failed, "interrupted");
}

void Notices::began(const Progress& progress) {
  known_ = {};
  remember(progress);
  is_under_way_ = true;
  inner_.began(progress);
}

void Notices::node(const NodeReport& report, const Progress& progress) {
  if (report.change == NodeChange::failed) {
    ++known_.nodes_count;
    if (known_.nodes.size() < wire::k_notice_nodes_max) {
      known_.nodes.push_back({.node_id = std::string(report.node_id),
                              .why = std::string(report.cause),
                              .command = {},
                              .expires_at = {},
                              .digest = {}});
    }
  }
  inner_.node(report, progress);
}

void Notices::progress(const Progress& progress) {
  now_ = progress.now;
  inner_.progress(progress);
  report_problems();
}

void Notices::waits(std::span<const WaitingNode> nodes, const Progress& progress) {
  inner_.waits(nodes, progress);
  remember(progress);
  wire::ExecutionNotice notice = known_;
  notice.kind = wire::NoticeKind::waits;
  notice.status = "waiting";
  notice.nodes.clear();
  notice.nodes_count = nodes.size();
  for (const WaitingNode& node : nodes.first(std::min(nodes.size(), wire::k_notice_nodes_max))) {
    notice.nodes.push_back({.node_id = std::string(node.node_id),
                            .why = std::string(node.reason),
                            .command = node.command,
                            .expires_at = node.expires_at,
                            .digest = node.digest});
  }
  notifier_.tell(wire::notice_line(notice));
  report_problems();
}

std::optional<Instant> Notices::wake_up() const {
  const std::optional<Instant> inner = inner_.wake_up();
  if (notifier_.under_way() == 0) return inner;
  const Instant mine = now_ + k_notice_look_interval;
  return inner ? std::min(*inner, mine) : mine;
}

void Notices::ended(const Progress& progress, std::string_view status, Nanoseconds wall) {
  remember(progress);
  is_under_way_ = false;
  using engine::ExecutionStatus;
  if (status == engine::name_of(ExecutionStatus::completed)) {
    tell(wire::NoticeKind::completed, status);
  } else if (status == engine::name_of(ExecutionStatus::failed)) {
    tell(wire::NoticeKind::failed, status);
  }
  inner_.ended(progress, status, wall);
}

void Notices::remember(const Progress& progress) {
  now_ = progress.now;
  known_.at = progress.wall;
  known_.store = store_;
  known_.execution = progress.execution;
  known_.execution_id = progress.execution_id;
  known_.dag_id = progress.dag_id;
  known_.counts = counts_of(progress);
}

void Notices::tell(wire::NoticeKind kind, std::string_view status) {
  known_.kind = kind;
  known_.status = status;
  known_.nodes_count = std::max(known_.nodes_count, known_.counts.failed);
  notifier_.tell(wire::notice_line(known_));
}

void Notices::report_problems() {
  for (const std::string& problem : notifier_.take_problems()) {
    inner_.note("warning: --notify: " + problem);
  }
}

std::vector<std::string> wait_for_notifier(sys::Notifier& notifier, Nanoseconds patience) {
  const sys::PosixClock clock;
  sys::Signals signals;
  std::vector<std::string> problems = notifier.take_problems();
  const Instant until = clock.now() + patience;
  bool is_told_to_end = false;
  while (notifier.under_way() > 0 && clock.now() < until && !is_told_to_end) {
    const std::array<int, 2> fds{notifier.fd(), signals.fd()};
    sys::wait_readable(fds, until);
    for (std::string& problem : notifier.take_problems()) problems.push_back(std::move(problem));
    for (const sys::SignalEvent& event : signals.take()) {
      if (event.signal == SIGTSTP) sys::stop_self();
      is_told_to_end = is_told_to_end || ends_waiting(event.signal);
    }
  }
  if (notifier.under_way() > 0) {
    problems.push_back("it is still at work, and is not waited for any longer");
  }
  return problems;
}

}  // namespace dsched::session
