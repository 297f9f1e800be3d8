// SPDX-License-Identifier: Apache-2.0
#pragma once
// What people do about nodes that wait for consent: see them, make a token, answer with it.
//
// An answer is one transaction: the token is looked up by its SHA-256, what it is for is compared
// with what waits, the gate is decided, the token used up, and the audit written. Of any number of
// answers exactly one counts. Only then is the runner rung; should that be lost, it looks by
// itself. Nothing is kept of a token but its hash and its first 8 characters.

#include <string>
#include <vector>

#include "journal/approvals.h"
#include "journal/journal.h"
#include "store/store.h"
#include "wire/approve_answer.h"
#include "wire/approve_request.h"

namespace dsched::session {

// After so many unknown tokens within k_token_window everybody is refused for as long.
inline constexpr std::size_t k_unknown_tokens_max = 10;
inline constexpr Nanoseconds k_token_window = std::chrono::minutes{1};

struct ApproveWorld {
  store::Store& store;
  journal::Journal& journal;
  std::string user;  // the real one
};

// Gates that wait in executions that can go on, and whose window is open; longest first.
[[nodiscard]] std::vector<wire::PendingApproval> pending_approvals(const ApproveWorld& world);
// Throws Error: not_found when one of the tasks does not wait, denied when `shown` is given and is
// not what would run now.
[[nodiscard]] wire::TokenAnswer make_token(const ApproveWorld& world,
                                           const wire::TokenRequest& request,
                                           const std::optional<Digest>& shown = std::nullopt);
// Throws Error denied when the node names approvers and the user is none of them.
[[nodiscard]] wire::ApprovalAnswer answer_approval(const ApproveWorld& world,
                                                   const wire::ApprovalRequest& request);

// Throws Error denied when this process belongs to a node: it has DSCHED_ATTEMPT_ID, or a
// dsched-run is among its ancestors. Keeps programs from approving themselves by accident.
void refuse_within_attempt(const store::Store& store, const std::vector<std::string>& environment);

}  // namespace dsched::session
