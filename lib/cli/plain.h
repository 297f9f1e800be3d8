// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress as plain lines, for logs and pipes: one line per state change of a node.
//
// Three exceptions keep a log of a large execution readable and cheap. Reused nodes are counted and
// told once a second ("1,234 nodes reused"). In any one second the first k_lines_per_second_max
// changes have lines of their own and the rest are counted the same way; failures and retries
// always have their own. After 30 s without a line one line names the longest running nodes.
// Lines of one turn of the session's loop go out in one write.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/style.h"
#include "session/observer.h"
#include "sys/terminal.h"

namespace dsched::cli {

inline constexpr std::uint32_t k_lines_per_second_max = 1000;

class PlainDisplay : public session::Observer {
 public:
  PlainDisplay(std::unique_ptr<sys::Screen> screen, Style style);
  void began(const session::Progress& progress) override;
  void node(const session::NodeReport& report, const session::Progress& progress) override;
  void progress(const session::Progress& progress) override;
  void note(std::string_view line) override;
  [[nodiscard]] std::optional<Instant> wake_up() const override;
  void ended(const session::Progress& progress, std::string_view status, Nanoseconds wall) override;

 private:
  // Changes that have no line of their own yet.
  struct Counted {
    std::uint64_t reused = 0;
    std::uint64_t started = 0;
    std::uint64_t completed = 0;
    std::uint64_t cancelled = 0;
    auto operator<=>(const Counted&) const = default;
  };

  void count(session::NodeChange change);
  void tell_counted(const session::Progress& progress);
  void tell_silence(const session::Progress& progress);
  void add_line(std::string_view text, const session::Progress& progress);
  void flush();

  std::unique_ptr<sys::Screen> screen_;
  Style style_;
  std::string pending_;  // whole lines, not yet written
  Counted counted_;
  Instant second_began_;  // of the second that the line budget and the counts belong to
  std::uint32_t lines_in_second_ = 0;
  Instant last_line_;
  bool ended_ = false;
};

}  // namespace dsched::cli
