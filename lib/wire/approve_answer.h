// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-approve answers, as values, as JSON documents and as lines for people. The fields are
// the contract's (dsched-approve(1), which names the schemas).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "base/ids.h"
#include "wire/approve_request.h"
#include "wire/json_writer.h"

namespace dsched::wire {

struct PendingApproval {
  std::string task_id;
  std::string name;
  std::string reason;  // empty: none
  std::string command;
  std::string arguments;  // a JSON array
  WallTime waiting_since;
  std::optional<WallTime> expires_at;
  Digest digest;
  std::vector<std::string> approvers;
};
[[nodiscard]] std::string pending_document(const std::vector<PendingApproval>& pending,
                                           JsonWriter::Layout layout);

struct TokenAnswer {
  std::string token;
  std::vector<std::string> task_ids;
  std::string type;
  WallTime expires_at;
  std::string audit_head;
};
[[nodiscard]] std::string token_document(const TokenAnswer& answer, JsonWriter::Layout layout);

enum class ApprovalStatus : std::uint8_t {
  approved,
  denied,
  invalid_token,  // nobody made it
  expired,        // the token, or the time to answer
  used,           // this token was, or somebody else answered
  stale,          // what would run is not what was shown
  not_found,      // the token is not for this task, or it does not wait
  rate_limited,   // too many unknown tokens lately
};
[[nodiscard]] std::string_view name_of(ApprovalStatus status);

struct ApprovedTask {
  std::string task_id;
  std::string name;
  std::string type;
};
struct ApprovalAnswer {
  ApprovalStatus status = ApprovalStatus::not_found;
  ApprovalAction action = ApprovalAction::approve;
  std::string task_id;  // of one that was asked for; empty: see `tasks`
  std::vector<ApprovedTask> tasks;
  std::string by;
  WallTime at;
  std::vector<std::string> warnings;
  std::string audit_head;
  [[nodiscard]] bool is_success() const {
    return status == ApprovalStatus::approved || status == ApprovalStatus::denied;
  }
};
[[nodiscard]] std::string message_of(const ApprovalAnswer& answer);
// What the exit code goes by when it is no success.
[[nodiscard]] ErrorKind error_kind_of(ApprovalStatus status);
[[nodiscard]] std::string approval_document(const ApprovalAnswer& answer,
                                            JsonWriter::Layout layout);

}  // namespace dsched::wire
