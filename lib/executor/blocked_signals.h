// SPDX-License-Identifier: Apache-2.0
#pragma once
// Blocks all signals while a thread is made, which inherits that: signals to the runner are read by
// the session's thread alone.

#include <csignal>

namespace dsched::executor {

class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace dsched::executor
