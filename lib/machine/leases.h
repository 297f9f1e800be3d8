// SPDX-License-Identifier: Apache-2.0
#pragma once
// The file `leases` of a machine folder: who runs here, and who holds which slots.
//
// Every change is one short decision: lock, read, apply engine::Arbiter, write, unlock, ring the
// bells of those whom it concerns. There is no daemon; whoever needs a decision makes it.
//
// Not a database: a decision needs nothing of it but atomicity, which two images and a checksum
// give (doc/DESIGN.md).
//
//   leases = header image image                       little-endian
//   header = "dsched leases 1\n" size:u32 settings sum:u64    at 0; 4,096 bytes, the rest zeros
//   image  = generation:u64 size:u64 sum:u64 table    at 4,096 + k · k_room, k = 0, 1
//
// machine/table.h has the grammar of settings and table. The header keeps the settings that a
// person chose: it is written only when they change. An image's sum is over the boot id, the first
// line of the header, generation, size and table, so images of another boot are bad: after a boot,
// or when both images are bad, the table starts anew with the settings of the header. The good
// image with the higher generation counts; the other one is written next. A writer that is killed
// leaves the one that counted. Another grammar of the table is another file name.
//
// Locks are of open file descriptions (sys/shared_file.h), on bytes that hold nothing: byte 2^40 is
// held during a decision, byte 2^40 + 1 + lessee as long as that lessee's runner lives. So a dead
// runner is known without a signal, and its slots go at anybody's next decision.
//
// A decision waits for the lock at most k_lock_patience (its holder may have been stopped at the
// wrong moment) and is then given up: the caller goes on as it was and tries again later. A lock
// that could not be had for k_lock_lost is left to its holder with the file: whoever finds that
// makes a new file, and everybody joins it when they look. The same happens when somebody removed
// the file or the folder.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "machine/table.h"
#include "sys/clock.h"
#include "sys/host.h"
#include "sys/shared_file.h"

namespace dsched::machine {

inline constexpr std::uint64_t k_header_size = 4096;
// The file is sparse; some 30,000 members with texts of usual length.
inline constexpr std::uint64_t k_room = std::uint64_t{8} << 20;
inline constexpr std::uint64_t k_decision_byte = std::uint64_t{1} << 40;
inline constexpr Nanoseconds k_lock_patience = std::chrono::milliseconds{500};
inline constexpr Nanoseconds k_lock_lost = std::chrono::seconds{5};

// A decision that was made.
struct Decision {
  engine::Arbiter arbiter;
  std::vector<Member> members;  // ascending by lessee
  Instant now;
};

class Leases {
 public:
  // Opens <folder>/leases, makes it (and the folder, 0700) when missing. Throws Error environment,
  // as do all functions when the folder cannot be used.
  Leases(std::string folder, const sys::Clock& clock, sys::Host& host);

  // One decision: `change` is called with the table after dead members were taken out and before
  // Arbiter::decide. A default number of slots is the most that a member (or this process, when
  // there is none) may use. Empty when the lock could not be had.
  struct Draft {
    engine::Arbiter& arbiter;
    std::vector<Member>& members;
    Instant now;
    std::vector<engine::LesseeId>& changed;  // are told, beside those whose Holding changed
  };
  [[nodiscard]] std::optional<Decision> decide(const std::function<void(Draft&)>& change);

  // What stands there, without deciding or writing; dead members are left out.
  [[nodiscard]] Table look();
  // Only while deciding: holds the byte that says that the lessee's runner lives, until the Leases
  // is destroyed, the file is replaced or another is claimed. False: somebody else holds it.
  [[nodiscard]] bool claim(engine::LesseeId lessee);
  // What was decided so far survives a crash of the machine.
  void sync() { file_->sync(); }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  struct Image {
    Table table;
    std::uint64_t generation = 0;                   // 0: neither is good
    std::uint64_t place = 1;                        // k of the one that counts
    std::optional<engine::MachineSettings> chosen;  // what the header says
  };
  [[nodiscard]] bool lock();
  void open();
  [[nodiscard]] Image read();
  void write(const Image& before, const std::string& table, const engine::MachineSettings& now);
  [[nodiscard]] std::vector<Member> take_out_dead(engine::Arbiter& arbiter,
                                                  std::vector<Member>& members, Instant now);
  [[nodiscard]] Slots default_slots(const std::vector<Member>& members);
  [[nodiscard]] std::uint64_t sum_of(std::uint64_t generation, std::string_view table) const;

  std::string folder_;
  const sys::Clock& clock_;
  std::string boot_id_;
  std::unique_ptr<sys::SharedFile> file_;
  std::optional<engine::LesseeId> claimed_;
  std::optional<engine::MachineSettings> known_settings_;  // for a new file
  std::optional<Instant> blocked_since_;
  std::uint32_t own_cpus_ = 0;  // 0: not asked yet
};

}  // namespace dsched::machine
