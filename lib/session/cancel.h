// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cancels, holds and releases executions from outside, and waits until that is so.
//
// Every wish is committed and synced before a runner's bell is rung, so none is lost, whatever
// happens to the asking process. What is then waited for:
//
//   cancel an execution  its run lock is free and its record says how it ended. A runner that does
//                        not take the wish within `reaction`, or does not end within `ending` after
//                        it, is killed; its keeper ends the trees; then the record is written here.
//                        The same for an execution without a runner that could have gone on.
//   cancel a node        the wish was taken, no process of the node is left, and the runner's news
//                        do not name it any more
//   pause, continue      the runner's news say so
//
// Without a runner, what is asked of a node and a pause wait in the store for whoever resumes.

#include <chrono>
#include <functional>
#include <string>

#include "journal/journal.h"
#include "store/store.h"
#include "wire/cancel_answer.h"

namespace dsched::session {

struct CancelPatience {
  Nanoseconds reaction = std::chrono::seconds{10};
  Nanoseconds ending = std::chrono::seconds{30};  // longer than nodes are given to end
};

struct CancelWorld {
  store::Store& store;
  journal::Journal& journal;
  std::function<void(const std::string& line)> note;  // for the person who waits
  CancelPatience patience{};
};

// Throws Error: interrupted when a signal ended the waiting (the wishes stay), usage for a name
// that fits several executions (then nothing was done).
[[nodiscard]] wire::CancelAnswer cancel(const CancelWorld& world,
                                        const wire::CancelRequest& request);

}  // namespace dsched::session
