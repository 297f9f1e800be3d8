// SPDX-License-Identifier: Apache-2.0
#pragma once
// Leases whose quantum has ended compete with those who wait; the losers' slots are asked back.
//
// Slots that will be free anyway (set aside, lent or due) are for the best of those who wait, a
// node at a time; who gets one goes behind the others. The next one, the *challenger*, meets the
// leases in the order they were granted, and each slot it wins brings it nearer to its node.
//
// Two lessees never just exchange slots: who lost one in this contest keeps it instead of winning
// another one; and as long as the next in line only waits because it lost one, the leases that are
// left are kept.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/arbiter_books.h"

namespace dsched::engine {

class Contest {
 public:
  Contest(Books& books, Instant now) : books_(books), now_(now) {}
  void hold();

 private:
  struct Claim {
    std::uint32_t left = 0;  // slots it still waits for
    std::uint32_t won = 0;
    std::uint32_t lost = 0;
    bool only_lost = false;  // it did not wait before
  };
  Claim& claim(LesseeId lessee);
  // False when all who wait will be served.
  [[nodiscard]] bool find_challenger();
  void meet(std::uint32_t slot);
  [[nodiscard]] bool beats(LesseeId holder) const;
  void lose(std::uint32_t slot);
  // Where it stands after a node of so many slots.
  [[nodiscard]] QueueRank behind(const QueueRank& rank, std::uint32_t slots);
  void settle();

  Books& books_;
  Instant now_;
  std::optional<WaitWalk> walk_;
  std::map<LesseeId, Claim> claims_;
  std::uint32_t coming_ = 0;
  std::uint64_t places_ = 0;  // places at the back taken by this contest
  QueueRank challenger_;
  std::uint32_t node_ = 0;     // slots of the challenger's node
  std::uint32_t missing_ = 0;  // of those; 0: there is no challenger
  std::vector<std::uint32_t> lost_;
  std::vector<std::uint32_t> kept_;
  std::vector<std::uint32_t> lent_;  // go back whoever waits
};

}  // namespace dsched::engine
