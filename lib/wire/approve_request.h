// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a person asks of dsched-approve, from the words of a command line or as a JSON document,
// checked.
//
// Whatever is wrong is an Error of kind invalid_request that names the field. Lengths count
// characters (code points), not bytes. A text never contains the token it was given.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/cancel_request.h"

namespace dsched::wire {

inline constexpr std::int64_t k_token_hours_max = 720;

// As much of it as was said.
struct TokenWords {
  std::vector<std::string> tasks;
  std::optional<std::string> type;
  std::optional<std::string> hours;
  std::optional<std::string> by;
};
struct TokenRequest {
  std::vector<NodeName> tasks;
  std::string type;
  std::chrono::hours valid{24};
  std::string by;
};
// {"task_ids" (or "task_id"),"task_type","expires_in_hours","by"}.
[[nodiscard]] TokenWords read_token_request(std::string_view json);
[[nodiscard]] TokenRequest token_request(const TokenWords& words, const std::string& user);

enum class ApprovalAction : std::uint8_t { approve, deny };
[[nodiscard]] std::string_view name_of(ApprovalAction action);

struct ApprovalWords {
  std::optional<std::string> token;
  std::optional<std::string> task;
  std::optional<std::string> by;
  std::optional<std::string> by_id;
  std::optional<std::string> notes;
};
struct ApprovalRequest {
  ApprovalAction action = ApprovalAction::approve;
  std::string token;
  std::optional<NodeName> task;  // empty: all of the token
  std::string by;
  std::string by_id;
  std::string notes;
};
// {"token","task_id","approved_by","approved_by_id","notes","action"}; also what dsched-approve
// token answered, so that the two can be joined by a pipe.
[[nodiscard]] ApprovalWords read_approval_request(std::string_view json, ApprovalAction action);
[[nodiscard]] ApprovalRequest approval_request(ApprovalAction action, const ApprovalWords& words,
                                               const std::string& user);

// ---- for other requests of people

struct Length {
  std::size_t min = 0;
  std::size_t max = 0;
};
// The text, or refuse_field(): not UTF-8, or not as long as that.
[[nodiscard]] std::string text_within(std::string_view field, const std::string& text,
                                      const Length& length);
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
};
[[nodiscard]] std::int64_t number_within(std::string_view field, const std::string& text,
                                         const Range& range);

}  // namespace dsched::wire
