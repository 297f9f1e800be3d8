// SPDX-License-Identifier: Apache-2.0
#pragma once
// A jobserver of our own: a fifo with a token for each job that commands may run beside their own.
//
// It is the maker's who knows how many tokens there should be; this counts bytes. Clients open it
// by name (make from 4.4 on, ninja from 1.13 on, cargo), or use the two descriptors that commands
// inherit (every make): those have open file descriptions of their own, so whoever changes their
// mode does not change ours.

#include <cstdint>
#include <string>

#include "sys/fd.h"

namespace dsched::sys {

class JobFifo {
 public:
  // Makes the fifo, mode 0600; the folder must exist. Throws Error (environment).
  explicit JobFifo(std::string path);
  ~JobFifo();  // removes it
  JobFifo(const JobFifo&) = delete;
  JobFifo& operator=(const JobFifo&) = delete;

  // Neither waits.
  void put(std::uint32_t count);
  // Takes up to `count` of the tokens that nobody has; how many it got.
  std::uint32_t take(std::uint32_t count);
  // How many nobody has now.
  [[nodiscard]] std::uint32_t idle() const;
  // Readable while there is one.
  [[nodiscard]] int fd() const { return both_.get(); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int reading_for_commands() const { return reading_.get(); }
  [[nodiscard]] int writing_for_commands() const { return writing_.get(); }

 private:
  std::string path_;
  Fd both_;
  Fd reading_;
  Fd writing_;
};

}  // namespace dsched::sys
