// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the journal says of one attempt at a node, and how that is written down in a segment.
//
// A segment is one row of the journal: up to 8,192 outcomes in the order they happened.
//
//   segment = version:u8 (1, 2 or 3) outcome* sum:u64
//   outcome = kind:u8 node:varint attempt:varint body
//   kind    = 1 started | 2 completed | 3 failed (another attempt may follow) | 4 withdrawn | 5
//   kept
//             (completed under an earlier program: counts only if the key is still the same)
//           | 6 expanded (version 3)
//   body of started           = at:time
//   body of completed, kept   = flags:u8 times [usage] [key:32] result [outputs] [log]
//   body of failed            = class:u8 flags:u8 times [usage] exit:varint signal:varint
//                               error:text [log]
//   body of expanded          = at:time first:varint elements:varint content (of the list)
//   times   = at:time took:time [waited:time] [suspended:time]     (waited: version 2; flag 64)
//   usage   = user:time system:time peak_kib:varint                (flag 1)
//   key     = 32 bytes                                             (flag 2)
//   result  = text (flag 4: the value itself) | content            (flag 8: of no bytes, absent)
//   outputs = count:varint output*                                 (flag 16)
//   output  = path:text kind:u8 executable:u8 content members:varint content*
//   log     = content                                              (flag 32)
//   flag 128 of completed: it ended with those that read its stream, and nothing of it was kept
//   exit    = code + 1, 0: none; signal: number, 0: none
//   content = hash:32 size:varint
//
// varint, text, time and sum are those of journal/fields.h. `at` counts from the submission of the
// execution, `took` from `at`, `waited` up to `at`. stored: no version ever changes; version 2 is
// written, and 3 where a map was expanded.
//
// Nodes are named by their indices in the Dag. A map node that is expanded gets nodes whose indices
// are not in the program (dag/maps.h), so its expansion stands before all outcomes of these:
// whoever repeats the expansions of an execution in this order gives the nodes the same indices.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "base/ids.h"
#include "store/record.h"

namespace dsched::journal {

struct Outcome {
  // stored: never renumber
  enum class Kind : std::uint8_t {
    started = 1,
    completed = 2,
    failed = 3,
    withdrawn = 4,
    kept = 5,
    expanded = 6
  };
  Kind kind = Kind::completed;
  NodeIndex node;  // in the program recorded with the execution
  std::uint32_t attempt = 1;
  Nanoseconds at{0};         // start of the attempt, since the execution was submitted
  Nanoseconds took{0};       // wall time, suspended time included
  Nanoseconds waited{0};     // from ready to started; waiting for approval is not counted
  Nanoseconds suspended{0};  // of `took`
  Nanoseconds user{0};
  Nanoseconds system{0};
  std::uint64_t peak_memory_kib = 0;
  std::optional<Digest> key;         // completed: empty for in-process values
  std::optional<std::string> value;  // completed: a small value of an in-process node
  store::Content content;  // completed: of the result, when `value` is empty; expanded: of the list
  std::vector<store::OutputEntry> outputs;
  std::optional<store::Content> log;  // stderr, when it said something
  FailureClass failure = FailureClass::none;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string error;  // one line
  NodeIndex first;    // expanded: of the values of the elements
  std::uint32_t elements = 0;
  // completed: it ended with those that read its stream, and no result of it was kept
  bool is_unread = false;
};

inline constexpr std::size_t k_segment_outcomes_max = 8192;

// When an in-process node was evaluated, which takes no time worth recording.
struct ValueTimes {
  Nanoseconds at{0};
  Nanoseconds waited{0};
};

// Collects outcomes into the bytes of a segment.
class SegmentWriter {
 public:
  void append(const Outcome& outcome);
  // Like append() for a completed in-process node, without making an Outcome (a million of them).
  void append_value(NodeIndex node, const ValueTimes& times, std::string_view value);
  [[nodiscard]] std::size_t outcomes() const { return outcomes_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
  // The finished segment; the writer is empty again.
  [[nodiscard]] std::string take();

 private:
  std::string bytes_;
  std::size_t outcomes_ = 0;
};

// False when the bytes are no whole segment; `visit` has then been called for none of it.
[[nodiscard]] bool read_segment(std::string_view segment,
                                const std::function<void(Outcome&&)>& visit);

}  // namespace dsched::journal
