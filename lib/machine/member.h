// SPDX-License-Identifier: Apache-2.0
#pragma once
// A runner's membership in the machine: what it may use, and news about it.
//
// One per running execution. Other processes ring its bell when something changed for it; a bell
// carries no facts and may be lost, so it also looks by itself: each quantum while somebody waits
// (less often among many), else each second. Every look is a decision (machine/leases.h), which
// also renews its leases.
//
// Whoever finds that it is not in the table any more (somebody removed or replaced the file) joins
// again, without its slots. While no decision can be had it goes on with what it was told last, if
// that was at least a slot; what it used meanwhile is charged later.
//
// All functions are called by one thread; none blocks for longer than leases' k_lock_patience.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "machine/doorbell.h"
#include "machine/leases.h"

namespace dsched::machine {

struct Standing {
  engine::Holding holding;
  engine::MachineSettings settings;
  Priority priority;  // may have been changed from outside
  // Own attempts (their ids) that only wait for a nested dsched-run: they need no slot.
  std::vector<std::string> waiting_attempts;
  bool is_alone = true;  // nobody else runs here
};

class Membership {
 public:
  // Joins: the member's `lessee` is filled in. The doorbell is named after the execution id.
  // Throws Error environment.
  Membership(std::string folder, const sys::Clock& clock, sys::Host& host, Member member,
             Priority priority);
  // Leaves: its slots are free, and those who wait are told.
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // Reports and decides. Throws Error environment when it holds nothing and the machine's folder
  // cannot be used.
  [[nodiscard]] Standing report(const engine::Demand& demand);
  void set_priority(Priority priority);
  // Readable when somebody rang; silence() before looking. The number never changes.
  [[nodiscard]] int fd() const { return doorbell_->fd(); }
  bool silence() { return doorbell_->silence(); }  // false: nobody had
  // When to look again though nobody rang.
  [[nodiscard]] Instant next_look() const { return next_look_; }

 private:
  void join();
  void take_seat(Leases::Draft& draft);
  void learn(const Decision& decision, const engine::Demand& demand);

  const sys::Clock& clock_;
  Member self_;
  Leases leases_;
  std::unique_ptr<Doorbell> doorbell_;  // after joining; never empty then
  Standing standing_;
  Nanoseconds unreported_{0};  // slot time of reports that came to nothing
  Instant next_look_;
  bool is_new_ = false;  // the decision under way (or the last one) gave it a seat
};

// ---- for the tools

// Applies new settings and tells everybody; synced. Returns those now in force.
engine::MachineSettings set_settings(Leases& leases,
                                     const std::function<void(engine::MachineSettings&)>& change);
// The contract's schedule_next; empty: nobody wants a slot.
[[nodiscard]] std::optional<Member> schedule_next(Leases& leases);
// False when no living member runs that execution.
bool set_priority(Leases& leases, const std::string& execution_id, Priority priority);

}  // namespace dsched::machine
