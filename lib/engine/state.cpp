// SPDX-License-Identifier: Apache-2.0
#include "engine/state.h"

namespace dsched::engine {

std::string_view name_of(NodeState state) {
  switch (state) {
    case NodeState::pending:
      return "pending";
    case NodeState::running:
      return "running";
    case NodeState::completed:
      return "completed";
    case NodeState::failed:
      return "failed";
    case NodeState::cancelled:
      return "cancelled";
  }
  return "";
}

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::none:
      return "";
    case Reason::ready:
      return "ready";
    case Reason::awaiting_approval:
      return "awaiting_approval";
    case Reason::suspended:
      return "suspended";
    case Reason::backoff:
      return "backoff";
    case Reason::reused:
      return "reused";
    case Reason::dependency_failed:
      return "dependency_failed";
    case Reason::timeout:
      return "timeout";
    case Reason::denied:
      return "denied";
    case Reason::lost:
      return "lost";
    case Reason::needs_decision:
      return "needs_decision";
  }
  return "";
}

std::string_view name_of(ExecutionStatus status) {
  switch (status) {
    case ExecutionStatus::submitted:
      return "submitted";
    case ExecutionStatus::running:
      return "running";
    case ExecutionStatus::waiting:
      return "waiting";
    case ExecutionStatus::completed:
      return "completed";
    case ExecutionStatus::failed:
      return "failed";
    case ExecutionStatus::cancelled:
      return "cancelled";
    case ExecutionStatus::interrupted:
      return "interrupted";
  }
  return "";
}

}  // namespace dsched::engine
