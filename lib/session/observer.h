// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a running session tells whoever watches: the progress display, plain lines, JSON lines.
//
// The session calls these from its own thread, after the facts are committed. An observer must not
// wait; it draws or writes and returns. Texts are raw: the observer escapes them for its terminal.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/ids.h"

namespace dsched::session {

struct Counts {
  std::uint64_t total = 0;
  std::uint64_t completed = 0;  // reused ones included
  std::uint64_t reused = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t running = 0;
  std::uint64_t pending = 0;  // total minus all of the above but reused
  auto operator<=>(const Counts&) const = default;
};

struct RunningNode {
  std::string_view node_id;
  Instant started;
  std::optional<Nanoseconds> expected;  // recorded or hinted duration
  std::uint32_t attempt = 1;
  bool suspended = false;
};

struct Progress {
  std::string_view dag_id;
  std::string_view execution_id;
  std::uint64_t execution = 0;
  Counts counts;
  double percentage = 0;  // 0 … 100, never goes back, 100 when nothing more will run
  std::optional<Nanoseconds> remaining;  // estimate from recorded durations; empty: unknown
  std::span<const RunningNode> running;  // longest running first
  Instant now;
  WallTime wall;
};

enum class NodeChange : std::uint8_t { started, completed, reused, failed, retrying, cancelled };

struct NodeReport {
  std::string_view node_id;
  NodeChange change = NodeChange::started;
  std::uint32_t attempt = 1;
  Nanoseconds wall{0};           // how long the attempt took
  std::string_view command;      // what ran, for failed ones; empty otherwise
  std::string_view cause;        // "exit 3", "signal 9 (killed)", "timeout after 2s", …
  std::string_view output_tail;  // the end of its stdout, for failed ones
  std::string_view log_tail;     // the end of the log, for failed ones
  Nanoseconds retry_in{0};       // for retrying
  std::string_view explanation;  // why it ran, with --explain; empty otherwise
};

// A node that cannot begin before people said yes (journal/approvals.h).
struct WaitingNode {
  std::string_view node_id;
  std::string_view reason;  // the program's; empty: none
  std::string command;      // what would run
  std::optional<WallTime> expires_at;
  Digest digest;
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void began(const Progress& progress) = 0;
  virtual void node(const NodeReport& report, const Progress& progress) = 0;
  // At every turn of the session's loop in which something changed, and at wake-ups it asked for.
  virtual void progress(const Progress& progress) = 0;
  // Nodes that wait for people from now on; each was told by note(), too.
  virtual void waits(std::span<const WaitingNode>, const Progress&) {}
  // A line for the person: "waiting for …", warnings, "interrupted: …".
  virtual void note(std::string_view line) = 0;
  // This process is about to stop itself (Ctrl-Z): the terminal is the shell's until the next call.
  virtual void pause() {}
  // When it wants progress() called though nothing changes (clocks on the screen); empty: never.
  [[nodiscard]] virtual std::optional<Instant> wake_up() const = 0;
  virtual void ended(const Progress& progress, std::string_view status, Nanoseconds wall) = 0;
};

}  // namespace dsched::session
