// SPDX-License-Identifier: Apache-2.0
#include "machine/leases.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "machine_world.h"

namespace dsched::machine {
namespace {

using engine::MachineSettings;

constexpr std::size_t k_image_head = 24;

std::string bytes_at(const std::string& path, std::uint64_t offset, std::size_t size) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(size, '\0');
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

void put_at(const std::string& path, std::uint64_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
}

std::uint64_t number(const std::string& bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i > 0; --i) {
    value = value << 8 | static_cast<std::uint8_t>(bytes.at(at + i - 1));
  }
  return value;
}

std::uint64_t place_of(std::uint64_t k) {
  return k_header_size + k * k_room;
}

// Which of the two images counts.
std::uint64_t newer_of(const std::string& path) {
  const std::string first = bytes_at(path, place_of(0), k_image_head);
  const std::string second = bytes_at(path, place_of(1), k_image_head);
  const std::uint64_t generation = second.empty() ? 0 : number(second, 0);
  return generation > number(first, 0) ? 1 : 0;
}

std::string image_at(const std::string& path, std::uint64_t k) {
  const std::string head = bytes_at(path, place_of(k), k_image_head);
  if (head.size() < k_image_head) return {};
  return bytes_at(path, place_of(k), k_image_head + number(head, 8));
}

struct LeasesWorld : MachineWorld {
  std::string path = folder + "/leases";

  std::size_t members() { return leases().look().members.size(); }
  MachineSettings settings() { return leases().look().arbiter.settings; }
};

TEST_CASE("machine: a new machine has the defaults, and nobody else can look into it") {
  LeasesWorld world;
  const Table table = world.leases().look();
  CHECK(table.members.empty());
  CHECK(table.arbiter.settings.policy == engine::Policy::fair);
  CHECK(table.arbiter.settings.quantum == engine::k_quantum_default);
  CHECK(table.arbiter.settings.slots.count >= 1);
  CHECK_FALSE(table.arbiter.settings.slots_are_chosen);
  struct stat status {};
  REQUIRE(::stat(world.folder.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  REQUIRE(::stat(world.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("machine: a folder that others may have made is refused") {
  LeasesWorld world;
  SUBCASE("others can write to it") {
    world.temporary.make_folder("machine");
    REQUIRE(::chmod(world.folder.c_str(), 0777) == 0);
    CHECK_THROWS_AS(world.leases(), Error);
  }
  SUBCASE("it is a link") {
    world.temporary.make_folder("elsewhere");
    world.temporary.link("machine", "elsewhere");
    CHECK_THROWS_AS(world.leases(), Error);
  }
  SUBCASE("it is another user's") {
    // A process of the superuser can give a folder away; else the superuser's own one will do.
    world.temporary.make_folder("machine");
    const bool given = ::chown(world.folder.c_str(), 12345, 12345) == 0;
    if (!given) world.folder = "/usr";
    CHECK_THROWS_WITH_AS(world.leases(), doctest::Contains("another user"), Error);
  }
  SUBCASE("it is on a network file system") {
    world.host.network = "nfs";
    CHECK_THROWS_WITH_AS(world.leases(), doctest::Contains("(nfs)"), Error);
  }
  SUBCASE("the file is another user's, or a link") {
    world.temporary.make_folder("machine");
    world.temporary.write("target", "");
    world.temporary.link("machine/leases", "../target");
    CHECK_THROWS_AS(world.leases(), Error);
  }
}

TEST_CASE("machine: looking changes nothing") {
  LeasesWorld world;
  const auto member = world.join("a");
  (void)member->report(demand_of(2));
  const std::string before = image_at(world.path, newer_of(world.path));
  (void)world.leases().look();
  CHECK(image_at(world.path, newer_of(world.path)) == before);
}

TEST_CASE("machine: a writer killed anywhere leaves what was decided before") {
  LeasesWorld world;
  const auto first = world.join("first");
  (void)first->report(demand_of(2));
  const std::uint64_t counts = newer_of(world.path);
  const std::string old = image_at(world.path, 1 - counts);
  const auto second = world.join("second");
  const std::string whole = image_at(world.path, 1 - counts);
  REQUIRE(newer_of(world.path) == 1 - counts);
  REQUIRE(world.members() == 2);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    const std::string rest = cut < old.size() ? old.substr(cut) : std::string();
    put_at(world.path, place_of(1 - counts), whole.substr(0, cut) + rest);
    // Bytes of the new image that were there before: as if they had not been written.
    if (cut >= old.size()) {
      put_at(world.path, place_of(1 - counts) + cut, std::string(whole.size() - cut, '\0'));
    }
    const bool is_whole = image_at(world.path, 1 - counts) == whole;  // it may end with zeros
    const std::size_t members = world.members();
    if (members != (is_whole ? 2U : 1U)) CHECK(members == (is_whole ? 2U : 1U));
  }
  put_at(world.path, place_of(1 - counts), whole);
  CHECK(world.members() == 2);
}

TEST_CASE("machine: an image with any byte changed does not count") {
  LeasesWorld world;
  const auto first = world.join("first");
  const auto second = world.join("second");
  const std::uint64_t counts = newer_of(world.path);
  const std::string good = image_at(world.path, counts);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    put_at(world.path, place_of(counts), bad);
    if (world.members() != 1) CHECK_MESSAGE(world.members() == 1, "changed byte ", i);
  }
  put_at(world.path, place_of(counts), good);
  CHECK(world.members() == 2);
}

TEST_CASE("machine: when both images are damaged the table starts anew with the settings") {
  LeasesWorld world;
  world.choose_slots(7);
  const auto member = world.join("a");
  (void)member->report(demand_of(1));
  for (const std::uint64_t k : {0U, 1U}) put_at(world.path, place_of(k) + 30, "damage");
  CHECK(world.members() == 0);
  CHECK(world.settings().slots == Slots{7});
  CHECK(world.settings().slots_are_chosen);
  put_at(world.path, 3, "damage");
  CHECK_FALSE(world.settings().slots_are_chosen);
}

TEST_CASE("machine: a file of nonsense is started anew, whatever its length") {
  LeasesWorld world;
  { (void)world.leases(); }
  for (const std::size_t size : {1U, 16U, 4095U, 4096U, 4100U, 4120U, 9000U, 20000U}) {
    for (const char byte : {'\0', '\1', '\x7f', '\xff'}) {
      std::ofstream(world.path, std::ios::binary | std::ios::trunc) << std::string(size, byte);
      CHECK(world.members() == 0);
      const auto member = world.join("a");
      CHECK(member->report(demand_of(2)).holding.held == Slots{2});
    }
  }
}

TEST_CASE("machine: after a boot only the settings are kept") {
  LeasesWorld world;
  world.choose_slots(5);
  const auto member = world.join("a");
  (void)member->report(demand_of(3));
  CHECK(world.leases().look().arbiter.counters.total_scheduled == 3);
  world.host.boot = "00000000-0000-4000-8000-000000000002";
  const Table table = world.leases().look();
  CHECK(table.members.empty());
  CHECK(table.arbiter.slots.size() == 5);
  for (const engine::SlotState& slot : table.arbiter.slots) CHECK_FALSE(slot.holder);
  CHECK(table.arbiter.settings.slots == Slots{5});
  CHECK(table.arbiter.settings.slots_are_chosen);
  CHECK(table.arbiter.counters == engine::Counters{});
}

TEST_CASE("machine: slots that nobody chose are the most that a runner may use") {
  LeasesWorld world;
  Member small = member_named("small");
  small.cpus = 1;
  Member large = member_named("large");
  large.cpus = 6;
  const auto one = world.join(small);
  CHECK(world.settings().slots == Slots{1});
  {
    const auto other = world.join(large);
    CHECK(world.settings().slots == Slots{6});
    CHECK(one->report(demand_of(1)).settings.slots == Slots{6});
  }
  CHECK(one->report(demand_of(1)).settings.slots == Slots{1});
  world.choose_slots(3);
  const auto other = world.join(large);
  CHECK(world.settings().slots == Slots{3});
}

TEST_CASE("machine: a decision is given up when its lock is held, and the file when it stays so") {
  LeasesWorld world;
  world.choose_slots(4);
  const auto member = world.join("a");
  CHECK(member->report(demand_of(4)).holding.held == Slots{4});
  sys::SharedFile stopped(world.path);
  REQUIRE(stopped.try_lock(k_decision_byte));

  const engine::Holding before = member->report(demand_of(2)).holding;
  CHECK(before.held == Slots{4});  // as it was
  CHECK(member->next_look() == world.clock.now() + engine::k_quantum_default);
  CHECK(member->report(demand_of(2)).holding == before);
  CHECK(stopped.is_in_place());

  world.clock.advance(k_lock_lost);
  const Standing after = member->report(demand_of(2));
  CHECK(after.holding.held == Slots{2});
  CHECK(after.settings.slots == Slots{4});  // it knew them
  CHECK_FALSE(stopped.is_in_place());
  CHECK(world.members() == 1);
}

TEST_CASE("machine: looking does not wait for ever for who holds the lock") {
  LeasesWorld world;
  const auto member = world.join("a");
  sys::SharedFile stopped(world.path);
  REQUIRE(stopped.try_lock(k_decision_byte));
  CHECK(world.members() == 1);
}

}  // namespace
}  // namespace dsched::machine
