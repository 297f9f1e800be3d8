// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs a person's command for each of a few events, beside this process and never in its way.
//
// A small process does it, forked before anything grows and not below this one, so it is part of no
// attempt's tree and outlives this process if it must. It has a session of its own, so keys pressed
// in a terminal do not reach it, and holds nothing of the caller's open: who reads our output sees
// its end. It runs `/bin/sh -c COMMAND` once per event, one after the other, in the order told. The
// event is the command's standard input, a file in memory, so a command that reads nothing holds up
// nobody; nothing of an event is in the command's words or its environment.
//
// Everything has a limit: the length of an event, how many wait, how long a command may take (then
// its process group is killed), how much of its output is kept. What went wrong comes back as a
// line. When this process is gone what was told is still delivered, and then the notifier ends.
//
// Between the two is a socket of packets. To the notifier: an event. Back, for each event: one byte
// (k_delivered or k_not_delivered) and, with the latter, why.

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sys/fd.h"

namespace dsched::sys {

struct NotifierLimits {
  std::chrono::milliseconds command{30'000};  // then it is killed
  std::size_t waiting = 100;                  // events; later ones are not delivered
};

class Notifier {
 public:
  // An event that is longer is not delivered.
  static constexpr std::size_t k_event_bytes_max = std::size_t{128} << 10;

  // To be made before threads are started and before AttemptTrees. Throws Error (environment) when
  // there can be no further process.
  explicit Notifier(std::string command, NotifierLimits limits = {});
  // Closes the socket and waits for nothing.
  ~Notifier() = default;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Hands an event over; never waits.
  void tell(std::string_view event);
  // What went wrong since the last call, a line each; never waits.
  [[nodiscard]] std::vector<std::string> take_problems();
  // Events that were told and of which nothing was heard yet.
  [[nodiscard]] std::size_t under_way() const { return under_way_; }
  // Readable when take_problems() would learn something.
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  Fd socket_;
  std::size_t under_way_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace dsched::sys
