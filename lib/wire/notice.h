// SPDX-License-Identifier: Apache-2.0
#pragma once
// Events that people are told of by a command of theirs (--notify), as values and as JSON lines
// (dsched-run(1), schemas/notify-event.schema.json).
//
// A document has a limited size whatever the program says: texts are cut, and of many nodes the
// first are named and all are counted. `text` says it in a sentence, under the name by which chats
// take it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "engine/execution.h"
#include "wire/fixit_answer.h"

namespace dsched::wire {

enum class NoticeKind : std::uint8_t {
  completed,      // an execution
  failed,         // an execution, or its runner had to give up
  waits,          // nodes of an execution wait for approval
  fix_it_failed,  // a node that fix-it ran again failed again
};
[[nodiscard]] std::string_view name_of(NoticeKind kind);

inline constexpr std::size_t k_notice_nodes_max = 20;  // that are named

// A node that failed, or waits.
struct NoticeNode {
  std::string node_id;
  std::string why;      // the cause of the failure, or the program's reason for asking
  std::string command;  // of one that waits
  std::optional<WallTime> expires_at;
  std::optional<Digest> digest;
};

struct ExecutionNotice {
  NoticeKind kind = NoticeKind::completed;
  WallTime at;
  std::string store;
  std::uint64_t execution = 0;
  std::string execution_id;
  std::string dag_id;
  std::string status;  // as in answers
  engine::Counts counts;
  std::vector<NoticeNode> nodes;  // at most k_notice_nodes_max
  std::uint64_t nodes_count = 0;  // all there are
};

// One line without a line feed.
[[nodiscard]] std::string notice_line(const ExecutionNotice& notice);
[[nodiscard]] std::string notice_line(const FixAnswer& answer, const std::string& store);

}  // namespace dsched::wire
