// SPDX-License-Identifier: Apache-2.0
#pragma once
// dsched-fixit's call: finds the nodes in trouble, chooses by the mode's rules, and resumes their
// executions, one after the other, so that the chosen nodes run again where they belong.
//
// Nothing is held open or locked between choosing and resuming: an execution that somebody else
// resumed meanwhile is left to him, with a warning.

#include <string>
#include <vector>

#include "session/observer.h"
#include "store/store.h"
#include "wire/fixit_answer.h"
#include "wire/fixit_request.h"

namespace dsched::session {

inline constexpr std::uint32_t k_fixes_a_minute = 10;

struct FixSetup {
  store::Options store;
  std::vector<std::string> environment;  // "NAME=VALUE"
  Slots width;                           // that the machine suggests
  bool shares_machine = true;
  std::uint32_t fixes_a_minute = k_fixes_a_minute;  // dry runs do not count
};

// Throws Error: not_found for an execution or node that does not exist, denied when there were too
// many runs lately, interrupted when a signal ended one.
[[nodiscard]] wire::FixAnswer fix(const FixSetup& setup, const wire::FixRequest& request,
                                  Observer& observer);

}  // namespace dsched::session
