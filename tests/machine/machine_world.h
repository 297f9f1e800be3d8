// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of the machine share: a clock and a boot that stand still until told, and members.

#include <atomic>
#include <string>
#include <utility>

#include "machine/member.h"
#include "support/temp_folder.h"
#include "sys/host.h"

namespace dsched::machine {

class ManualClock final : public sys::Clock {
 public:
  [[nodiscard]] Instant now() const override { return Instant{Nanoseconds{now_.load()}}; }
  [[nodiscard]] WallTime wall() const override { return WallTime{}; }
  void advance(Nanoseconds by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_{std::int64_t{1} << 40};
};

class BootHost final : public sys::Host {
 public:
  [[nodiscard]] std::uint32_t user() const override { return real_.user(); }
  [[nodiscard]] std::string boot_id() const override { return boot; }
  [[nodiscard]] std::optional<std::string> network_file_system(const std::string&) const override {
    return network;
  }
  void make_folder(const std::string& folder) override { real_.make_folder(folder); }
  [[nodiscard]] std::optional<sys::Fd> try_lock(const std::string& path,
                                                sys::LockMode mode) override {
    return real_.try_lock(path, mode);
  }
  [[nodiscard]] bool is_locked(const std::string& path) const override {
    return real_.is_locked(path);
  }
  [[nodiscard]] std::vector<std::string> state_folders() const override { return {}; }
  [[nodiscard]] std::string absolute(const std::string& path) const override { return path; }

  std::string boot = "00000000-0000-4000-8000-000000000001";
  std::optional<std::string> network;

 private:
  sys::PosixHost real_;
};

inline Member member_named(const std::string& name) {
  Member member;
  member.pid = 1000;
  member.cpus = 2;
  member.execution_id = name;
  member.execution = 7;
  member.dag_id = "dag of " + name;
  member.store = "/store";
  member.runner_name = "runner." + name;
  return member;
}

inline engine::Demand demand_of(std::uint32_t wanted, std::uint32_t in_use = 0) {
  engine::Demand demand;
  demand.wanted = Slots{wanted};
  demand.in_use = Slots{in_use};
  return demand;
}

// A folder with a machine, and the ways to it.
struct MachineWorld {
  testing::TempFolder temporary;
  std::string folder = temporary / "machine";
  ManualClock clock;
  BootHost host;

  [[nodiscard]] Leases leases() { return Leases(folder, clock, host); }
  // Runners of this machine may use 2 processors.
  [[nodiscard]] std::unique_ptr<Membership> join(const std::string& name, Priority priority = {}) {
    return join(member_named(name), priority);
  }
  [[nodiscard]] std::unique_ptr<Membership> join(Member member, Priority priority = {}) {
    return std::make_unique<Membership>(folder, clock, host, std::move(member), priority);
  }
  void choose_slots(std::uint32_t slots) {
    Leases tool = leases();
    set_settings(tool, [&](engine::MachineSettings& settings) {
      settings.slots = Slots{slots};
      settings.slots_are_chosen = true;
    });
  }
};

}  // namespace dsched::machine
