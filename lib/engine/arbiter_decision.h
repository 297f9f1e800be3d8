// SPDX-License-Identifier: Apache-2.0
#pragma once
// One decision: free slots are granted, and slots are asked back for those who still wait.
//
// In this order: overdue leases are ended; free slots are granted, set aside and lent; slots beyond
// the machine's are asked back; dues that nobody needs any more are kept; arrivals preempt; and
// leases whose quantum has ended meet those who wait (engine/arbiter_contest.h).

#include <cstdint>

#include "engine/arbiter_books.h"

namespace dsched::engine {

// A holder that has not reported for so long while others wait is overdue.
[[nodiscard]] Nanoseconds overdue_after(Nanoseconds quantum);

class Decision {
 public:
  Decision(Books& books, Instant now) : books_(books), now_(now) {}
  void make();

 private:
  void end_overdue();
  void end_leases(std::size_t who);
  void hand_out();
  void lend_out(std::uint32_t need);
  enum class Lending : std::uint8_t { no, yes };
  void give(LesseeId lessee, Lending lending);
  void recall_surplus();
  [[nodiscard]] std::uint64_t dues_needed() const;  // lent ones apart
  void keep_needless_dues();
  void preempt_for_arrivals();
  void preempt_for(LesseeId lessee, std::uint64_t since);
  // The lease that goes first of those with a lower holder, granted before.
  [[nodiscard]] std::optional<std::uint32_t> lowest_lease(Priority below,
                                                          std::uint64_t granted_before) const;

  Books& books_;
  Instant now_;
  std::uint32_t on_their_way_ = 0;  // slots recalled for arrivals that nobody was counted for yet
  std::uint64_t missing_ = 0;       // dues that are needed beyond those there are
};

}  // namespace dsched::engine
