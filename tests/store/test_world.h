// SPDX-License-Identifier: Apache-2.0
#pragma once
// A world for tests of the store: real files in a temporary folder, a clock that stands still until
// it is moved, and dice that always fall the same way.

#include <string>
#include <vector>

#include "store/store.h"
#include "support/temp_folder.h"

namespace dsched::test {

class StillClock final : public sys::Clock {
 public:
  Instant now() const override { return Instant{} + offset_; }
  // Far enough ahead of real file times that no file counts as young.
  WallTime wall() const override { return WallTime{std::chrono::hours{24 * 365 * 100}} + offset_; }
  void advance(Nanoseconds by) { offset_ += by; }

 private:
  Nanoseconds offset_{0};
};

// A 64-bit linear congruential generator (Knuth's MMIX constants).
class SeededEntropy final : public sys::Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> bytes) override {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(next() >> 33);
  }
  std::uint64_t next() { return state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL; }

 private:
  std::uint64_t state_;
};

// The real host, with a boot id that tests can change.
class TestHost final : public sys::Host {
 public:
  std::uint32_t user() const override { return user_number.value_or(posix_.user()); }
  std::string boot_id() const override { return boot; }
  std::optional<std::string> network_file_system(const std::string&) const override {
    return network;
  }
  void make_folder(const std::string& folder) override { posix_.make_folder(folder); }
  std::optional<sys::Fd> try_lock(const std::string& path, sys::LockMode mode) override {
    return posix_.try_lock(path, mode);
  }
  bool is_locked(const std::string& path) const override { return posix_.is_locked(path); }
  std::vector<std::string> state_folders() const override { return states; }
  std::string absolute(const std::string& path) const override { return posix_.absolute(path); }

  std::string boot = "first boot";
  std::optional<std::string> network;
  std::optional<std::uint32_t> user_number;
  std::vector<std::string> states;

 private:
  sys::PosixHost posix_;
};

struct TestWorld {
  testing::TempFolder folder;
  StillClock clock;
  SeededEntropy entropy{1};
  sys::PosixFiles files;
  TestHost host;

  TestWorld() { host.states = {folder.path() + "/state"}; }
  store::World world() { return {clock, entropy, files, host, {}}; }
  std::string store_path() const { return folder.path() + "/.dsched"; }
  store::Options options(store::Backend backend = store::Backend::hybrid) const {
    store::Options options;
    options.folder = store_path();
    options.backend = backend;
    return options;
  }
  std::unique_ptr<store::Store> open(const store::Options& options) {
    return std::make_unique<store::Store>(options, world());
  }
  std::unique_ptr<store::Store> open(store::Backend backend = store::Backend::hybrid) {
    return open(options(backend));
  }
};

// Bytes that do not compress, the same for the same seed.
inline std::string noise(std::size_t size, std::uint64_t seed = 7) {
  std::string bytes(size, '\0');
  SeededEntropy entropy(seed);
  entropy.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

// A record of these bytes whose key is the hash of `name`.
inline store::Record record_of(const std::string& name, const store::Content& content) {
  store::Record record;
  record.key = sha256("key of " + name);
  record.base_key = record.key;
  record.node_id = name;
  record.dag_id = "dag";
  record.content = content;
  record.digest = sha256("digest of " + name);
  record.created_at = WallTime{std::chrono::seconds{1'000'000}};
  record.last_used_at = record.created_at;
  record.key_text = "{\"node\":\"" + name + "\"}";
  return record;
}

}  // namespace dsched::test
