// SPDX-License-Identifier: Apache-2.0
#pragma once
// The port through which a session gets the right to run nodes: slots.
//
// The session says what it could use and is told what it may use. Sources: all of -j without
// asking anybody (FixedSlots), leases of the machine (MachineSlots), tokens of GNU make's
// jobserver. Whoever is alone holds all it wants and is not asked again: it pays nothing.

#include <optional>
#include <string>
#include <vector>

#include "engine/arbiter.h"

namespace dsched::session {

struct Allowance {
  engine::Holding holding;
  Slots machine;  // slots of the whole machine
  Nanoseconds quantum = engine::k_quantum_default;
  engine::Preemption preemption = engine::Preemption::suspend;
  std::optional<Priority> priority;  // of the execution, when it was changed from outside
  // Attempts (by id) that wait for a nested dsched-run and need no slot meanwhile.
  std::vector<std::string> waiting_attempts;
};

class SlotSource {
 public:
  virtual ~SlotSource() = default;
  // Reports what the execution could use, and says what it may use from now on. To be called at
  // the start, after has_news(), at next_look(), and when the demand has changed while
  // cares().
  [[nodiscard]] virtual Allowance update(const engine::Demand& demand) = 0;
  // Whether a change of the demand from the last reported one interests anybody now: more is
  // wanted than held, or idle slots are held while others wait.
  [[nodiscard]] virtual bool cares(const engine::Demand& demand) const = 0;
  // Readable when there may be news; -1: never.
  [[nodiscard]] virtual int fd() const = 0;
  // Whether fd() was readable since the last call, so that update() is worth it.
  [[nodiscard]] virtual bool has_news() = 0;
  // When update() must be called though nothing happened; empty: never.
  [[nodiscard]] virtual std::optional<Instant> next_look() const = 0;
  // Called when attempts have ended, before others are started in their place.
  virtual void attempts_ended() {}
};

// All of -j, whoever else is there.
class FixedSlots final : public SlotSource {
 public:
  explicit FixedSlots(Slots width) : width_(width) {}
  Allowance update(const engine::Demand&) override {
    is_told_ = true;
    Allowance all;
    all.holding.held = width_;
    all.machine = width_;
    return all;
  }
  bool cares(const engine::Demand&) const override { return !is_told_; }
  int fd() const override { return -1; }
  bool has_news() override { return false; }
  std::optional<Instant> next_look() const override { return std::nullopt; }

 private:
  Slots width_;
  bool is_told_ = false;
};

}  // namespace dsched::session
