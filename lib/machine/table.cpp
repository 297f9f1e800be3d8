// SPDX-License-Identifier: Apache-2.0
#include "machine/table.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "machine/doorbell.h"

namespace dsched::machine {
namespace {

using engine::Lessee;
using engine::LesseeId;
using engine::MachineSettings;
using engine::SlotState;

constexpr std::uint8_t k_due = 1;
constexpr std::uint8_t k_at_once = 2;
constexpr std::uint8_t k_lent = 4;

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void settings(const MachineSettings& settings) {
    out_.u8(static_cast<std::uint8_t>(settings.policy));
    out_.i64(settings.quantum.count());
    out_.u8(static_cast<std::uint8_t>(settings.preemption));
    out_.u32(settings.slots.count);
    out_.u8(settings.slots_are_chosen ? 1 : 0);
  }
  void counters(const engine::Counters& counters) {
    out_.u64(counters.total_scheduled);
    out_.u64(counters.context_switches);
    out_.u64(counters.preemptions);
  }
  void lessee(const Lessee& lessee) {
    out_.u32(lessee.id.value);
    out_.u8(lessee.priority.level);
    out_.u32(lessee.demand.wanted.count);
    out_.u32(lessee.demand.in_use.count);
    out_.u32(lessee.demand.next_need.count);
    out_.u8(lessee.demand.next_is_short ? 1 : 0);
    out_.i64(lessee.demand.slot_time.count());
    out_.i64(lessee.virtual_time.count());
    out_.i64(lessee.slot_time.count());
    out_.u64(lessee.waits_since);
    moment(lessee.waits_from);
    moment(lessee.reported_at);
    out_.u64(lessee.generation);
    out_.u8(lessee.present ? 1 : 0);
  }
  void member(const Member& member) {
    out_.u32(static_cast<std::uint32_t>(member.pid));
    out_.u32(member.cpus);
    out_.u64(member.execution);
    for (const std::string* part : {&member.execution_id, &member.dag_id, &member.store,
                                    &member.runner_name, &member.parent_attempt}) {
      out_.text(std::string_view(*part).substr(0, k_text_max));
    }
  }
  void slot(const SlotState& slot) {
    for (const std::optional<LesseeId>& id : {slot.holder, slot.last_holder, slot.reserved_for}) {
      out_.u32(id ? id->value : 0);
    }
    moment(slot.granted_at);
    out_.u64(slot.granted_seq);
    out_.u8(static_cast<std::uint8_t>((slot.due ? k_due : 0) | (slot.at_once ? k_at_once : 0) |
                                      (slot.lent ? k_lent : 0)));
  }
  ByteWriter& plain() { return out_; }

 private:
  void moment(Instant at) { out_.i64(at.time_since_epoch().count()); }

  ByteWriter out_;
};

// Reads values and checks their limits; what is wrong once stays wrong.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : in_(bytes) {}

  MachineSettings settings() {
    MachineSettings settings;
    settings.policy = static_cast<engine::Policy>(at_most(in_.u8(), 2));
    settings.quantum = Nanoseconds{in_.i64()};
    settings.preemption = static_cast<engine::Preemption>(at_most(in_.u8(), 1));
    settings.slots.count = in_.u32();
    settings.slots_are_chosen = flag();
    demand_that(settings.quantum >= engine::k_quantum_min &&
                settings.quantum <= engine::k_quantum_max);
    demand_that(settings.slots.count >= 1 && settings.slots.count <= engine::k_slots_max);
    return settings;
  }
  engine::Counters counters() {
    engine::Counters counters;
    counters.total_scheduled = in_.u64();
    counters.context_switches = in_.u64();
    counters.preemptions = in_.u64();
    return counters;
  }
  Lessee lessee() {
    Lessee lessee;
    lessee.id.value = in_.u32();
    lessee.priority.level = at_most(in_.u8(), engine::k_priority_max);
    lessee.demand.wanted.count = in_.u32();
    lessee.demand.in_use.count = in_.u32();
    lessee.demand.next_need.count = in_.u32();
    lessee.demand.next_is_short = flag();
    lessee.demand.slot_time = span();
    lessee.virtual_time = span();
    lessee.slot_time = span();
    lessee.waits_since = in_.u64();
    lessee.waits_from = moment();
    lessee.reported_at = moment();
    lessee.generation = in_.u64();
    lessee.present = flag();
    return lessee;
  }
  Member member(LesseeId lessee) {
    Member member;
    member.lessee = lessee;
    member.pid = static_cast<std::int32_t>(in_.u32());
    member.cpus = in_.u32();
    member.execution = in_.u64();
    for (std::string* part : {&member.execution_id, &member.dag_id, &member.store,
                              &member.runner_name, &member.parent_attempt}) {
      const std::string_view text = in_.text();
      demand_that(text.size() <= k_text_max);
      if (ok()) *part = text;
    }
    demand_that(is_doorbell_name(member.execution_id));
    return member;
  }
  SlotState slot() {
    SlotState slot;
    for (std::optional<LesseeId>* id : {&slot.holder, &slot.last_holder, &slot.reserved_for}) {
      const std::uint32_t value = in_.u32();
      if (value != 0) *id = LesseeId{value};
    }
    slot.granted_at = moment();
    slot.granted_seq = in_.u64();
    const std::uint8_t flags = at_most(in_.u8(), k_due | k_at_once | k_lent);
    slot.due = (flags & k_due) != 0;
    slot.at_once = (flags & k_at_once) != 0;
    slot.lent = (flags & k_lent) != 0;
    return slot;
  }
  ByteReader& plain() { return in_; }
  void demand_that(bool holds) { ok_ = ok_ && holds; }
  [[nodiscard]] bool ok() const { return ok_ && in_.ok(); }
  [[nodiscard]] bool is_whole() const { return ok_ && in_.at_end(); }

 private:
  // Sums of such spans cannot overflow: 2^62 ns are 146 years.
  static constexpr std::int64_t k_longest = std::int64_t{1} << 62;

  std::uint8_t at_most(std::uint8_t value, std::uint8_t limit) {
    demand_that(value <= limit);
    return value;
  }
  bool flag() { return at_most(in_.u8(), 1) == 1; }
  Nanoseconds span() {
    const std::int64_t value = in_.i64();
    demand_that(value >= 0 && value <= k_longest);
    return Nanoseconds{value};
  }
  Instant moment() { return Instant{span()}; }

  ByteReader in_;
  bool ok_ = true;
};

bool has_lessee(const std::vector<Lessee>& lessees, LesseeId id) {
  const auto at = std::lower_bound(lessees.begin(), lessees.end(), id,
                                   [](const Lessee& lessee, LesseeId x) { return lessee.id < x; });
  return at != lessees.end() && at->id == id;
}

// What each part for itself cannot say.
bool fits_together(const engine::ArbiterState& state) {
  LesseeId before{0};
  for (const Lessee& lessee : state.lessees) {
    if (lessee.id <= before || lessee.id.value >= state.next_lessee) return false;
    before = lessee.id;
  }
  if (state.slots.size() < state.settings.slots.count) return false;
  return std::all_of(state.slots.begin(), state.slots.end(), [&](const SlotState& slot) {
    return (!slot.holder || has_lessee(state.lessees, *slot.holder)) &&
           (!slot.reserved_for || has_lessee(state.lessees, *slot.reserved_for)) &&
           (!slot.last_holder || slot.last_holder->value < state.next_lessee);
  });
}

}  // namespace

std::string encode_table(const engine::ArbiterState& arbiter, const std::vector<Member>& members) {
  DSCHED_ASSERT(arbiter.lessees.size() == members.size(), "every member is a lessee");
  std::string bytes;
  bytes.reserve(128 + 256 * members.size() + 64 * arbiter.slots.size());
  Writer writer(bytes);
  writer.settings(arbiter.settings);
  writer.counters(arbiter.counters);
  writer.plain().u64(arbiter.sequence);
  writer.plain().u32(arbiter.next_lessee);
  writer.plain().u32(static_cast<std::uint32_t>(members.size()));
  for (std::size_t i = 0; i < members.size(); ++i) {
    DSCHED_ASSERT(arbiter.lessees[i].id == members[i].lessee, "both ascend by lessee");
    writer.lessee(arbiter.lessees[i]);
    writer.member(members[i]);
  }
  writer.plain().u32(static_cast<std::uint32_t>(arbiter.slots.size()));
  for (const SlotState& slot : arbiter.slots) writer.slot(slot);
  return bytes;
}

std::optional<Table> decode_table(std::string_view bytes) {
  Table table;
  Reader reader(bytes);
  table.arbiter.settings = reader.settings();
  table.arbiter.counters = reader.counters();
  table.arbiter.sequence = reader.plain().u64();
  table.arbiter.next_lessee = reader.plain().u32();
  const std::uint32_t members = reader.plain().u32();
  reader.demand_that(members <= k_members_max);
  for (std::uint32_t i = 0; reader.ok() && i < members; ++i) {
    table.arbiter.lessees.push_back(reader.lessee());
    table.members.push_back(reader.member(table.arbiter.lessees.back().id));
  }
  const std::uint32_t slots = reader.ok() ? reader.plain().u32() : 0;
  reader.demand_that(slots <= engine::k_slots_max);
  for (std::uint32_t i = 0; reader.ok() && i < slots; ++i) {
    table.arbiter.slots.push_back(reader.slot());
  }
  if (!reader.is_whole() || !fits_together(table.arbiter)) return std::nullopt;
  return table;
}

std::string encode_settings(const MachineSettings& settings) {
  std::string bytes;
  Writer(bytes).settings(settings);
  return bytes;
}

std::optional<MachineSettings> decode_settings(std::string_view bytes) {
  Reader reader(bytes);
  const MachineSettings settings = reader.settings();
  if (!reader.is_whole()) return std::nullopt;
  return settings;
}

}  // namespace dsched::machine
