// SPDX-License-Identifier: Apache-2.0
#pragma once
// The table of a machine, who runs here and who holds which slots, and its bytes.
//
//   table    = settings counters sequence:u64 next-lessee:u32
//              count:u32 member* count:u32 slot*                       little-endian
//   settings = policy:u8 quantum-ns:i64 preemption:u8 slots:u32 slots-are-chosen:u8
//   counters = total-scheduled:u64 context-switches:u64 preemptions:u64
//   member   = lessee:u32 priority:u8 demand virtual-time:i64 slot-time:i64 waits-since:u64
//              waits-from:i64 reported-at:i64 generation:u64 present:u8
//              pid:u32 cpus:u32 execution:u64 execution-id:text dag-id:text store:text
//              runner-name:text parent-attempt:text
//   demand   = wanted:u32 in-use:u32 next-need:u32 next-is-short:u8 slot-time:i64
//   slot     = holder:u32 last-holder:u32 reserved-for:u32 (0: nobody) granted-at:i64
//              granted-seq:u64 flags:u8 (1 due, 2 at once, 4 lent)
//   text     = size:u32 byte*, at most 4,096 of them
//
// Times are nanoseconds, moments of CLOCK_MONOTONIC. What does not fit the grammar or its limits is
// no table: decode_table answers nothing, and never throws.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/arbiter.h"

namespace dsched::machine {

inline constexpr std::size_t k_text_max = 4096;
inline constexpr std::uint32_t k_members_max = 16'384;

// What is known of a runner beside its slots. Text is limited to k_text_max bytes each.
struct Member {
  engine::LesseeId lessee;
  std::int32_t pid = 0;         // of its dsched-run
  std::uint32_t cpus = 0;       // that it may use; 0: Membership asks sys/cpus.h
  std::string execution_id;     // also its doorbell's name
  std::uint64_t execution = 0;  // its number in its store
  std::string dag_id;
  std::string store;        // absolute folder
  std::string runner_name;  // its attempt ids begin with it and '-'
  // The attempt of another member in which it was started; empty: none. While it lives, that
  // attempt's node only waits, so its slots are free for others.
  std::string parent_attempt;
  bool operator==(const Member&) const = default;
};

struct Table {
  engine::ArbiterState arbiter;
  std::vector<Member> members;  // ascending by lessee, the same as arbiter.lessees
  bool operator==(const Table&) const = default;
};

// A text that is too long is cut.
[[nodiscard]] std::string encode_table(const engine::ArbiterState& arbiter,
                                       const std::vector<Member>& members);
[[nodiscard]] std::optional<Table> decode_table(std::string_view bytes);

[[nodiscard]] std::string encode_settings(const engine::MachineSettings& settings);
[[nodiscard]] std::optional<engine::MachineSettings> decode_settings(std::string_view bytes);

}  // namespace dsched::machine
