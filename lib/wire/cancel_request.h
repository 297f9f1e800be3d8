// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a person asks of executions from outside: cancel, hold, release; from the words of a command
// line or as a JSON document, checked.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsched::wire {

enum class CancelAction : std::uint8_t { cancel, pause, go_on };
// "cancel", "pause", "continue".
[[nodiscard]] std::string_view name_of(CancelAction action);

struct NodeName {
  std::string execution;  // as people name one
  std::string node_id;
  bool operator==(const NodeName&) const = default;
};
// "EXECUTION/NODE_ID", split at the first slash; empty when a part is missing.
[[nodiscard]] std::optional<NodeName> node_name_from(std::string_view text);

struct CancelRequest {
  CancelAction action = CancelAction::cancel;
  bool all = false;                     // everything that is queued or running
  std::vector<std::string> executions;  // as people name them
  std::vector<NodeName> nodes;
};

// As much as was said, by words or by a document.
struct CancelWords {
  std::vector<std::string> executions;
  std::vector<std::string> nodes;  // "EXECUTION/NODE_ID"
  std::optional<bool> all;
  std::optional<bool> pause;
  std::optional<bool> go_on;
};
// {"executions","nodes","all","pause","continue"}, all of them optional; a string stands for a list
// of one. Throws Error (invalid_request).
[[nodiscard]] CancelWords read_cancel_request(std::string_view json);
// What `over` says, and else what `base` says.
[[nodiscard]] CancelWords merged(CancelWords base, CancelWords over);
// Throws Error (usage) when it names nothing, or what does not go together.
[[nodiscard]] CancelRequest cancel_request(const CancelWords& words);

}  // namespace dsched::wire
