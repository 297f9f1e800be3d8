// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tokens of GNU make's jobserver: bytes in a pipe or fifo, one for each job that may run beside the
// one that everybody may run.
//
// Who takes one must put the same byte back, whatever becomes of it. So a token is never in this
// process's memory: splice(2) moves it from make's pipe into a private one, and from there into a
// second private one when it is given back, each time in one system call that happens or does not.
// The keeper (sys/keeper.h) has ends of all three: it writes into make's pipe what arrives in the
// second, and when the runner is gone, what is left in both. So a runner that is killed between any
// two instructions loses no token and doubles none. (Splicing back into make's pipe would not do:
// each such byte occupies a whole buffer there, of which a pipe has 16.)
//
// No call here waits, and the flags of make's descriptors, which all its jobs share, are not
// touched: splice can be asked not to wait by the call.

#include <cstdint>
#include <memory>
#include <string>

#include "sys/fd.h"

namespace dsched::sys {

class JobTokens {
 public:
  // The ends of a pipe that this process inherited. Empty when they are not that: make closes them
  // for commands that it does not take for a make, and other files may have the numbers.
  [[nodiscard]] static std::unique_ptr<JobTokens> on_descriptors(int reading, int writing);
  // Empty when there is no fifo of that name that can be opened.
  [[nodiscard]] static std::unique_ptr<JobTokens> on_fifo(const std::string& path);
  // Gives everything back. To be destroyed after the keeper that shares it.
  ~JobTokens();
  JobTokens(const JobTokens&) = delete;
  JobTokens& operator=(const JobTokens&) = delete;

  // Takes up to `count` of the tokens that are there; how many it got.
  std::uint32_t take(std::uint32_t count);
  // Gives back `count` of those it holds.
  void give_back(std::uint32_t count);
  [[nodiscard]] std::uint32_t held() const { return held_; }
  // Readable while there is a token for somebody.
  [[nodiscard]] int fd() const { return reading_.get(); }

  // What the keeper needs; numbers only, valid until this is destroyed.
  struct ForKeeper {
    int make = -1;      // to be written to
    int held = -1;      // to be read: tokens that the runner holds
    int returned = -1;  // to be read: tokens on their way back
  };
  [[nodiscard]] ForKeeper for_keeper() const;

 private:
  JobTokens(Fd reading, Fd writing);
  Fd reading_;  // make's
  Fd writing_;
  Fd held_in_;
  Fd held_out_;
  Fd returned_in_;
  Fd returned_out_;
  std::uint32_t held_ = 0;
};

// Writes what the pipe `from` holds now into `to`.
void move_tokens(int from, int to);

}  // namespace dsched::sys
