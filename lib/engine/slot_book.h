// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an execution has leased and what its attempts occupy: how many may start, how many have to
// stand still, and which.
//
// An attempt occupies its slots from the moment it is handed over (`used`), and uses them while it
// runs (`running`). The book counts; it does not know the attempts: whoever keeps it says each
// change, and asks. An execution without a lease has its whole width, or nothing when it is to be
// leased.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "engine/facts.h"

namespace dsched::engine {

// Attempts handed over beyond the slots, so that a worker need not wait for the session, and the
// session need not wake for each end: 0.69 s with 8, 0.71 with 6, 0.78 with 2 for 2,000 commands at
// width 2, beside ninja's 0.75 (2 cores, Debian 12, 2026-11-21, bench/run.sh --rows 1).
inline constexpr std::uint32_t k_ahead_max = 8;

// A running attempt that may be suspended, and what is known of it.
struct Stoppable {
  NodeIndex node;
  Priority priority;
  Instant started;
  Nanoseconds stood_still{0};
  Nanoseconds expected{0};  // what it takes; 0: unknown
};

class SlotBook {
 public:
  struct Terms {
    Slots width{1};
    bool is_leased = false;              // no slots until a Leased says so
    bool is_as_wide_as_machine = false;  // `width` follows the machine's slots
  };
  enum class Stage : std::uint8_t { handed_over, running };

  explicit SlotBook(const Terms& terms) : terms_(terms) {}
  void lease(const Leased& fact);
  [[nodiscard]] const std::optional<Leased>& lease() const { return lease_; }

  // ---- what is occupied
  void take(Instant now, Slots slots, Stage stage);
  void drop(Instant now, Slots slots, Stage stage);
  // An attempt began: the slot that was lent for one has been used.
  void note_start() {
    if (lease_ && lease_->holding.lent) lent_used_ = 1;
  }
  [[nodiscard]] std::uint32_t used() const { return used_; }
  [[nodiscard]] std::uint32_t running() const { return running_; }
  // Slot time used since the last call.
  [[nodiscard]] Nanoseconds take_time(Instant now);

  // ---- what may be
  [[nodiscard]] Slots width() const { return terms_.width; }
  [[nodiscard]] std::uint32_t run_limit() const;    // slots that running attempts may occupy
  [[nodiscard]] std::uint32_t start_limit() const;  // slots that may be occupied by starting
  // Attempts that may run at once: what is leased and not due.
  [[nodiscard]] Slots width_now() const { return {std::min(run_limit(), terms_.width.count)}; }
  // What something that asks for `slots` needs: a node wider than the machine takes all of it.
  [[nodiscard]] Slots need(Slots slots) const;
  [[nodiscard]] bool is_full() const { return used_ >= start_limit(); }
  [[nodiscard]] bool fits(Slots slots) const { return used_ + slots.count <= start_limit(); }
  // All slots are taken, and one attempt of one slot more may be handed over ahead of its turn.
  // Slots that must go back or were lent for one node are not to be used for another.
  [[nodiscard]] bool allows_ahead() const;
  // Slots of attempts that were handed over beyond what may start now.
  [[nodiscard]] std::uint32_t ahead() const {
    return used_ > start_limit() ? used_ - start_limit() : 0;
  }

  // ---- what has to go back
  // Slots of attempts that are to be taken back before they begin.
  [[nodiscard]] std::uint32_t to_take_back() const;
  [[nodiscard]] bool must_suspend() const {
    return lease_ && running_ > run_limit() && lease_->preemption != Preemption::boundary;
  }
  // Of these attempts those that may be suspended now, first whom it harms least. Notes when to
  // look again for the others.
  [[nodiscard]] std::vector<NodeIndex> victims(Instant now, std::vector<Stoppable> attempts);
  [[nodiscard]] std::optional<Instant> look_at() const { return look_at_; }
  void forget_look() { look_at_.reset(); }

  // What is in use and wanted, when attempts that occupy `begun` slots have begun and `more` could
  // be used beside them.
  [[nodiscard]] Demand demand(Slots begun, Slots more) const;

 private:
  Terms terms_;
  std::optional<Leased> lease_;
  std::uint32_t used_ = 0;       // slots of attempts that were handed over or run
  std::uint32_t running_ = 0;    // of those that run
  std::uint32_t wide_ = 0;       // attempts that occupy more than one
  std::uint32_t lent_used_ = 0;  // whether the slot that was lent has been used: 0 or 1
  std::optional<Instant> look_at_;
  Nanoseconds time_{0};  // slot time until `time_at_`
  Instant time_at_;
};

}  // namespace dsched::engine
