// SPDX-License-Identifier: Apache-2.0
// The store on a disk that fails: at every write, and with the power cut at every write and after
// every sync, for each backend.
#include <doctest/doctest.h>

#include <optional>

#include "base/error.h"
#include "disk.h"
#include "store/gc.h"
#include "store/store.h"
#include "store/verify.h"

namespace dsched {
namespace {

using namespace store;
using sim::Fault;

class FixedClock final : public sys::Clock {
 public:
  Instant now() const override { return Instant{}; }
  WallTime wall() const override { return WallTime{std::chrono::hours{24 * 365 * 50}}; }
};

class CountingEntropy final : public sys::Entropy {
 public:
  void fill(std::span<std::uint8_t> bytes) override {
    for (std::uint8_t& byte : bytes) byte = ++count_;
  }

 private:
  std::uint8_t count_ = 0;
};

struct Run {
  Backend backend = Backend::hybrid;
  Fault fault;
  std::uint64_t seed = 1;
};

constexpr std::size_t k_results = 8;

std::string bytes_for(std::size_t i) {
  if (i % 3 == 2) return std::string(k_file_min + i, static_cast<char>('a' + i));
  if (i == 4) return std::string(k_chunked_min + 5, 'x');
  return "result " + std::to_string(i);
}

Record record_for(std::size_t i, const Content& content) {
  Record record;
  record.key = sha256("key " + std::to_string(i));
  record.base_key = record.key;
  record.node_id = "node " + std::to_string(i);
  record.dag_id = "dag";
  record.content = content;
  record.digest = content.hash;
  return record;
}

class World {
 public:
  explicit World(const Run& run) : disk(run.seed), backend_(run.backend) {}

  Store open() {
    Options options;
    options.folder = "/sim/.dsched";
    options.backend = backend_;
    return Store(options, store::World{clock_, entropy_, disk, disk, disk.vfs()});
  }

  // Puts results until the disk fails. `committed` and `synced` count those that were
  // acknowledged.
  void work() {
    Store store = open();
    for (std::size_t i = 0; i < k_results; ++i) {
      put(store, i);
      committed = i + 1;
      if (i % 2 == 1) {
        store.sync();
        synced = committed;
      }
    }
  }

  sim::Disk disk;
  std::size_t committed = 0;
  std::size_t synced = 0;

 private:
  static void put(Store& store, std::size_t i) {
    const std::string bytes = bytes_for(i);
    if (i % 2 == 0) {
      StagedFile staged = store.stage();
      sys::write_all(staged.fd(), bytes, "test");
      store.blobs().keep(std::move(staged), {sha256(bytes), bytes.size()});
    }
    sys::Transaction transaction(store.database());
    store.results().put(record_for(i, store.blobs().put(bytes)));
    transaction.commit();
  }

  FixedClock clock_;
  CountingEntropy entropy_;
  Backend backend_;
};

// Every result up to `count` is there, and what else is there is whole.
void check_store(World& world, std::size_t count) {
  Store store = world.open();
  for (std::size_t i = 0; i < k_results; ++i) {
    CAPTURE(i);
    const std::optional<Record> record = store.results().find(sha256("key " + std::to_string(i)));
    if (i < count) CHECK(record);
    if (!record) continue;
    const std::optional<std::string> bytes = read_blob(store.blobs(), record->content.hash);
    CHECK(bytes.has_value());
    CHECK((bytes && *bytes == bytes_for(i)));
  }
  const Verification verification = verify(store, Repair::none);
  for (const Damage& damage : verification.damage) {
    FAIL_CHECK("verify: ", name_of(damage.kind), ": ", damage.what);
  }
}

std::string describe(const Run& run) {
  return "backend " + std::string(name_of(run.backend)) + " fault " +
         std::to_string(static_cast<int>(run.fault.kind)) + " at " + std::to_string(run.fault.at) +
         " seed " + std::to_string(run.seed);
}

// Runs the work against one fault and checks what is left. False when the fault was never reached.
bool survive(const Run& run) {
  INFO("reproduce: ", describe(run));
  World world(run);
  world.disk.set_fault(run.fault);
  bool has_failed = false;
  try {
    world.work();
  } catch (const Error& error) {
    INFO(error.what());
    has_failed = true;
    CHECK((error.kind() == ErrorKind::storage || error.kind() == ErrorKind::environment ||
           error.kind() == ErrorKind::damaged));
  }
  const bool is_power_cut = run.fault.kind == Fault::Kind::power_at_write ||
                            run.fault.kind == Fault::Kind::power_after_sync;
  const bool was_reached = has_failed || world.disk.is_off();
  if (is_power_cut) world.disk.crash();
  world.disk.set_fault({});
  try {
    check_store(world, is_power_cut ? world.synced : world.committed);
  } catch (const Error& error) {
    FAIL_CHECK("reopen: ", std::string(error.what()));
  }
  return was_reached;
}

constexpr Backend k_backends[] = {Backend::hybrid, Backend::sqlite, Backend::filesystem};

// Sanitizers make everything several times slower: they see every fifth.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t k_every = 5;
#else
constexpr std::uint64_t k_every = 1;
#endif

void survive_every(Fault::Kind kind, std::uint64_t seeds) {
  for (const Backend backend : k_backends) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      // Some failures are harmless (at closing), so a few unreached in a row mean the end.
      int unreached = 0;
      for (std::uint64_t at = k_every > 1 ? 1 + seed % k_every : 1; unreached < 12; at += k_every) {
        unreached = survive({backend, {kind, at}, seed}) ? 0 : unreached + 1;
      }
    }
  }
}

TEST_CASE("sim: the store keeps every committed result when the n-th write finds no space") {
  survive_every(Fault::Kind::no_space, 1);
}

TEST_CASE("sim: the store keeps every committed result when the n-th write fails") {
  survive_every(Fault::Kind::io_error, 1);
}

TEST_CASE("sim: the store keeps every synced result when the power is cut at the n-th write") {
  survive_every(Fault::Kind::power_at_write, 2);
}

TEST_CASE("sim: the store keeps every synced result when the power is cut after the n-th sync") {
  survive_every(Fault::Kind::power_after_sync, 3);
}

}  // namespace
}  // namespace dsched
