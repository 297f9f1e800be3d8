// SPDX-License-Identifier: Apache-2.0
#include "machine/leases.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "machine/doorbell.h"
#include "sys/cpus.h"
#include "sys/private_folder.h"

namespace dsched::machine {
namespace {

using engine::LesseeId;
using engine::MachineSettings;

constexpr std::string_view k_first_line = "dsched leases 1\n";
constexpr std::size_t k_image_head = 24;
constexpr std::size_t k_read_at_once = 8192;  // header and a small image in one call
constexpr int k_opens_max = 100;
// While a lock is known to be stuck nobody waits for it again and again.
constexpr Nanoseconds k_stuck_patience = std::chrono::milliseconds{1};

std::uint64_t byte_of(LesseeId lessee) {
  return k_decision_byte + 1 + lessee.value;
}

std::uint64_t place_of(std::uint64_t place) {
  return k_header_size + place * k_room;
}

std::uint64_t first_word(const Digest& digest) {
  std::uint64_t word = 0;
  for (int i = 0; i < 8; ++i) word |= std::uint64_t{digest.bytes[i]} << (8 * i);
  return word;
}

std::string header_of(const MachineSettings& settings) {
  std::string header(k_first_line);
  ByteWriter(header).text(encode_settings(settings));
  const std::uint64_t sum = first_word(sha256(header));
  ByteWriter(header).u64(sum);
  return header;
}

std::optional<MachineSettings> settings_in(std::string_view header) {
  if (!header.starts_with(k_first_line)) return std::nullopt;
  ByteReader reader(header.substr(k_first_line.size()));
  const std::optional<MachineSettings> settings = decode_settings(reader.text());
  if (!settings || !header.starts_with(header_of(*settings))) return std::nullopt;
  return settings;
}

// A guessed number of slots is nothing to keep.
MachineSettings to_keep(MachineSettings settings) {
  if (!settings.slots_are_chosen) settings.slots = Slots{1};
  return settings;
}

Table new_table(const MachineSettings& settings) {
  Table table;
  table.arbiter.settings = settings;
  table.arbiter.slots.resize(settings.slots.count);
  return table;
}

bool has_member(const std::vector<Member>& members, const std::string& execution_id) {
  return std::any_of(members.begin(), members.end(),
                     [&](const Member& member) { return member.execution_id == execution_id; });
}

// The members in whose attempts runners came or went.
void add_parents(const std::vector<Member>& before, const std::vector<Member>& after,
                 std::vector<LesseeId>& changed) {
  const auto add = [&](const Member& child) {
    if (child.parent_attempt.empty()) return;
    for (const Member& member : after) {
      if (child.parent_attempt.starts_with(member.runner_name + "-")) {
        changed.push_back(member.lessee);
      }
    }
  };
  auto old = before.begin();
  for (const Member& member : after) {
    for (; old != before.end() && old->lessee < member.lessee; ++old) add(*old);
    if (old != before.end() && old->lessee == member.lessee) {
      ++old;
    } else {
      add(member);
    }
  }
  for (; old != before.end(); ++old) add(*old);
}

class Unlock {
 public:
  explicit Unlock(sys::SharedFile& file) : file_(file) {}
  Unlock(const Unlock&) = delete;
  Unlock& operator=(const Unlock&) = delete;
  ~Unlock() {
    try {
      file_.unlock(k_decision_byte);
    } catch (const Error&) {
      // Unlocking what is locked does not fail; a file system that forgets locks has none to free.
    }
  }

 private:
  sys::SharedFile& file_;
};

}  // namespace

Leases::Leases(std::string folder, const sys::Clock& clock, sys::Host& host)
    : folder_(std::move(folder)), clock_(clock), boot_id_(host.boot_id()) {
  open();
  if (const std::optional<std::string> network = host.network_file_system(folder_)) {
    throw Error(ErrorKind::environment,
                "machine " + folder_ + ": it is on a network file system (" + *network + ")",
                "name a folder of this computer with DSCHED_MACHINE");
  }
}

void Leases::open() {
  claimed_.reset();
  // Whoever removes the folder may do so between our two calls.
  for (int i = 0;; ++i) {
    sys::make_private_folder(folder_);
    try {
      file_ = std::make_unique<sys::SharedFile>(folder_ + "/leases");
      return;
    } catch (const Error&) {
      if (i == 3) throw;
    }
  }
}

bool Leases::lock() {
  for (int i = 0; i < k_opens_max; ++i) {
    if (file_->lock(k_decision_byte, blocked_since_ ? k_stuck_patience : k_lock_patience)) {
      blocked_since_.reset();
      if (file_->is_in_place()) return true;
    } else if (file_->is_in_place()) {
      const Instant now = clock_.now();
      if (!blocked_since_) blocked_since_ = now;
      if (now - *blocked_since_ < k_lock_lost) return false;
      file_->remove();
      blocked_since_.reset();
    }
    open();
  }
  throw Error(ErrorKind::environment, folder_ + "/leases: is replaced again and again");
}

std::uint64_t Leases::sum_of(std::uint64_t generation, std::string_view table) const {
  std::string head = boot_id_;
  head.append(k_first_line);
  ByteWriter writer(head);
  writer.u64(generation);
  writer.u64(table.size());
  Sha256 sum;
  sum.update(head);
  sum.update(table);
  return first_word(sum.finish());
}

Leases::Image Leases::read() {
  std::array<std::string, 2> read = {file_->read(0, k_header_size + k_read_at_once),
                                     file_->read(place_of(1), k_read_at_once)};
  Image image;
  image.chosen = settings_in(std::string_view(read[0]).substr(0, k_header_size));
  read[0].erase(0, k_header_size);
  std::array<std::uint64_t, 2> generations{};
  for (std::size_t k = 0; k < 2; ++k) generations[k] = ByteReader(read[k]).u64();
  const std::size_t newer = generations[1] > generations[0] ? 1 : 0;
  for (const std::size_t k : {newer, 1 - newer}) {
    ByteReader head(read[k]);
    const std::uint64_t generation = head.u64();
    const std::uint64_t size = head.u64();
    const std::uint64_t sum = head.u64();
    if (!head.ok() || generation == 0 || size > k_room - k_image_head) continue;
    std::string& bytes = read[k];
    if (bytes.size() - k_image_head < size) {
      bytes = file_->read(place_of(k), k_image_head + size);
      if (bytes.size() - k_image_head < size) continue;
    }
    const std::string_view table = std::string_view(bytes).substr(k_image_head, size);
    if (sum_of(generation, table) != sum) continue;
    std::optional<Table> decoded = decode_table(table);
    if (!decoded) continue;
    image.table = std::move(*decoded);
    image.generation = generation;
    image.place = k;
    return image;
  }
  image.table = new_table(image.chosen.value_or(known_settings_.value_or(MachineSettings{})));
  return image;
}

void Leases::write(const Image& before, const std::string& table, const MachineSettings& now) {
  if (table.size() > k_room - k_image_head) {
    throw Error(ErrorKind::environment, "machine " + folder_ + ": too many executions at once");
  }
  const std::uint64_t generation = before.generation + 1;
  std::string bytes;
  bytes.reserve(k_image_head + table.size());
  ByteWriter writer(bytes);
  writer.u64(generation);
  writer.u64(table.size());
  writer.u64(sum_of(generation, table));
  bytes.append(table);
  file_->write(place_of(1 - before.place), bytes);
  known_settings_ = to_keep(now);
  if (before.chosen != known_settings_) file_->write(0, header_of(*known_settings_));
}

std::vector<Member> Leases::take_out_dead(engine::Arbiter& arbiter, std::vector<Member>& members,
                                          Instant now) {
  std::vector<Member> dead;
  for (const Member& member : members) {
    if (member.lessee == claimed_ || file_->is_locked(byte_of(member.lessee))) continue;
    arbiter.leave(now, member.lessee);
    dead.push_back(member);
  }
  std::erase_if(members, [&](const Member& member) {
    return std::any_of(dead.begin(), dead.end(),
                       [&](const Member& other) { return other.lessee == member.lessee; });
  });
  return dead;
}

Slots Leases::default_slots(const std::vector<Member>& members) {
  std::uint32_t cpus = 0;
  for (const Member& member : members) cpus = std::max(cpus, member.cpus);
  if (cpus == 0) {
    if (own_cpus_ == 0) own_cpus_ = sys::usable_cpus();
    cpus = own_cpus_;
  }
  return Slots{std::min(cpus, engine::k_slots_max)};
}

std::optional<Decision> Leases::decide(const std::function<void(Draft&)>& change) {
  std::vector<LesseeId> changed;
  std::vector<std::string> bells;
  std::optional<Decision> decision;
  if (!lock()) return decision;
  {
    const Unlock unlock(*file_);
    Image image = read();
    const std::vector<Member> before = image.table.members;
    decision.emplace(Decision{.arbiter = engine::Arbiter(std::move(image.table.arbiter)),
                              .members = std::move(image.table.members),
                              .now = clock_.now()});
    const Instant now = decision->now;
    std::vector<Member>& members = decision->members;
    const std::vector<Member> dead = take_out_dead(decision->arbiter, members, now);
    Draft draft{.arbiter = decision->arbiter, .members = members, .now = now, .changed = changed};
    change(draft);
    MachineSettings settings = decision->arbiter.state().settings;
    if (!settings.slots_are_chosen) {
      settings.slots = default_slots(members);
      decision->arbiter.set_settings(now, settings);
    }
    decision->arbiter.decide(now, changed);
    write(image, encode_table(decision->arbiter.state(), members), settings);
    add_parents(before, members, changed);
    for (const Member& member : dead) {
      // While deciding: a successor of the same name makes its bell after it has joined.
      if (!has_member(members, member.execution_id)) remove_doorbell(folder_, member.execution_id);
    }
    std::sort(changed.begin(), changed.end());
    for (const Member& member : members) {
      if (member.lessee != claimed_ &&
          std::binary_search(changed.begin(), changed.end(), member.lessee)) {
        bells.push_back(member.execution_id);
      }
    }
  }
  ring(folder_, bells);
  return decision;
}

Table Leases::look() {
  if (!file_->is_in_place()) open();
  // A writer that stands still does not disturb: the image that counts is not the one it writes.
  const bool locked = file_->lock(k_decision_byte, k_lock_patience);
  Table table;
  {
    std::optional<Unlock> unlock;
    if (locked) unlock.emplace(*file_);
    table = read().table;
  }
  const Instant now = clock_.now();
  engine::Arbiter arbiter(std::move(table.arbiter));
  (void)take_out_dead(arbiter, table.members, now);
  MachineSettings settings = arbiter.state().settings;
  if (!settings.slots_are_chosen) {
    settings.slots = default_slots(table.members);
    arbiter.set_settings(now, settings);
  }
  table.arbiter = arbiter.state();
  return table;
}

bool Leases::claim(LesseeId lessee) {
  if (!file_->try_lock(byte_of(lessee))) return false;
  if (claimed_ && *claimed_ != lessee) file_->unlock(byte_of(*claimed_));
  claimed_ = lessee;
  return true;
}

}  // namespace dsched::machine
