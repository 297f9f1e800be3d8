// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of sources of slots share: a machine that gives what is asked for, demands, a clock.

#include <algorithm>
#include <utility>

#include "session/slots.h"
#include "sys/clock.h"

namespace dsched::session {

// Gives what is asked for, up to a limit that the test changes.
class Lessor final : public SlotSource {
 public:
  explicit Lessor(std::uint32_t& slots) : slots_(slots) {}
  Allowance update(const engine::Demand& demand) override {
    asked = demand;
    charged += demand.slot_time;
    Allowance allowance;
    allowance.holding.held = {std::min(demand.wanted.count, slots_)};
    allowance.holding.due = due;
    allowance.holding.contended = contended;
    allowance.machine = {machine.value_or(slots_)};
    return allowance;
  }
  bool cares(const engine::Demand& demand) const override { return demand.wanted != asked.wanted; }
  int fd() const override { return -1; }
  bool has_news() override { return std::exchange(has_rung, false); }
  std::optional<Instant> next_look() const override { return std::nullopt; }

  engine::Demand asked;
  Nanoseconds charged{0};
  Slots due;
  bool contended = false;
  bool has_rung = false;
  std::optional<std::uint32_t> machine;  // its slots; empty: as many as may be given

 private:
  std::uint32_t& slots_;
};

class HandClock final : public sys::Clock {
 public:
  Instant now() const override { return at; }
  WallTime wall() const override { return {}; }
  Instant at;
};

inline engine::Demand demand_of(std::uint32_t wanted, std::uint32_t in_use,
                                std::uint32_t next = 1) {
  engine::Demand demand;
  demand.wanted = {wanted};
  demand.in_use = {in_use};
  demand.next_need = {next};
  return demand;
}

}  // namespace dsched::session
