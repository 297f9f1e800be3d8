// SPDX-License-Identifier: Apache-2.0
#pragma once
// Slots leased from the machine, which other executions of this user share.

#include "machine/member.h"
#include "session/slots.h"

namespace dsched::session {

class MachineSlots final : public SlotSource {
 public:
  // Joins the machine, and leaves it in the end. Throws Error environment.
  MachineSlots(std::string folder, const sys::Clock& clock, sys::Host& host, machine::Member member,
               Priority priority);

  Allowance update(const engine::Demand& demand) override;
  [[nodiscard]] bool cares(const engine::Demand& demand) const override;
  [[nodiscard]] int fd() const override { return membership_.fd(); }
  bool has_news() override { return membership_.silence(); }
  [[nodiscard]] std::optional<Instant> next_look() const override {
    return membership_.next_look();
  }

 private:
  machine::Membership membership_;
  machine::Standing standing_;
  engine::Demand reported_;
  Priority priority_;
};

// Whether somebody could act on `now`, when `before` is what was reported last and `standing` what
// came of it:
//   - it wants more than it holds, and not as before;
//   - it has ceased to want more while others wait, who may be spared being asked for slots;
//   - it holds more than it wants or uses while others wait;
//   - something of what is due or lent has become free.
[[nodiscard]] bool is_worth_telling(const engine::Demand& before, const engine::Demand& now,
                                    const machine::Standing& standing);

}  // namespace dsched::session
