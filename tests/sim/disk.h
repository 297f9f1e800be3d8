// SPDX-License-Identifier: Apache-2.0
#pragma once
// A simulated disk: files and SQLite databases in memory, that can fail and lose what was not
// synced.
//
// The model. Writes (of staged files, of names, of database bytes) and syncs are counted. A fault
// makes the n-th write fail once (no space, or an I/O error), or cuts the power at the n-th write
// or right after the n-th sync: from then on everything fails until crash(). Or the process is
// killed at its n-th write or sync: nothing works until restart(), and all that was written stays.
// crash() keeps what was synced and, by the dice of its seed, each unsynced write or name or not; a
// file whose bytes were not synced may also come back short or as zeros. Locks are always granted:
// one process at a time.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sys/files.h"
#include "sys/host.h"

struct sqlite3_vfs;

namespace dsched::sim {

struct Fault {
  enum class Kind : std::uint8_t {
    none,
    no_space,
    io_error,
    power_at_write,
    power_after_sync,
    killed,
  };
  Kind kind = Kind::none;
  std::uint64_t at = 0;  // counting from 1
};

class Disk final : public sys::Files, public sys::Host {
 public:
  explicit Disk(std::uint64_t seed);
  ~Disk() override;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  [[nodiscard]] const std::string& vfs() const { return vfs_name_; }
  void set_fault(const Fault& fault);  // counting starts anew
  [[nodiscard]] std::uint64_t writes() const { return writes_; }
  [[nodiscard]] std::uint64_t syncs() const { return syncs_; }
  [[nodiscard]] bool is_off() const { return is_off_; }
  // The power comes back: what was not synced is partly gone, and a new boot begins.
  void crash();
  // Another process begins.
  void restart();

  // sys::Files
  sys::Staged stage(const std::string& folder) override;
  void write(const sys::Staged& file, std::uint64_t offset, std::string_view bytes) override;
  void publish(sys::Staged& file, const std::string& path, std::uint32_t mode,
               sys::Existing existing) override;
  sys::Fd open(const std::string& path) override;
  bool remove(const std::string& path) override;
  std::vector<std::string> list(const std::string& folder) override;
  std::optional<sys::FileInfo> info(const std::string& path) override;
  void sync(const std::string& path) override;

  // sys::Host
  std::uint32_t user() const override { return 1000; }
  std::string boot_id() const override { return "boot " + std::to_string(boot_); }
  std::optional<std::string> network_file_system(const std::string&) const override { return {}; }
  void make_folder(const std::string& folder) override;
  std::optional<sys::Fd> try_lock(const std::string& path, sys::LockMode mode) override;
  bool is_locked(const std::string&) const override { return false; }
  std::vector<std::string> state_folders() const override { return {"/state"}; }
  std::string absolute(const std::string& path) const override { return path; }

  // For the database side (disk_vfs.cpp). Both answer false when the operation must fail.
  [[nodiscard]] bool count_write();
  [[nodiscard]] bool count_sync();
  [[nodiscard]] bool failed_for_space() const { return fault_.kind == Fault::Kind::no_space; }

  struct Change {  // of a database file; no bytes: cut to `offset`
    std::uint64_t offset = 0;
    std::optional<std::string> bytes;
  };
  struct DatabaseFile {
    std::string bytes;
    std::string synced;
    std::vector<Change> unsynced;
    std::vector<std::unique_ptr<std::vector<char>>> shared;  // regions of the WAL index
    void apply(const Change& change);
  };
  std::map<std::string, std::shared_ptr<DatabaseFile>>& databases() { return databases_; }

 private:
  struct Node {
    sys::Fd fd;  // a memory file
    std::uint32_t mode = 0600;
    bool is_synced = false;
  };
  struct NameChange {  // not yet synced
    std::string path;
    std::shared_ptr<Node> before;  // none: the name was free
  };
  bool toss();
  std::uint64_t next();
  [[noreturn]] void fail(const std::string& what) const;
  std::shared_ptr<Node> damaged_copy(const Node& node);

  std::uint64_t dice_;
  Fault fault_;
  bool is_off_ = false;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t boot_ = 1;
  std::map<std::string, std::shared_ptr<Node>> nodes_;  // shared: an undone name keeps its file
  std::set<std::string> folders_;
  std::vector<NameChange> name_changes_;
  std::map<std::string, std::shared_ptr<DatabaseFile>> databases_;
  std::string vfs_name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
};

// Registers a VFS over the disk's databases (disk_vfs.cpp).
std::unique_ptr<sqlite3_vfs> register_vfs(Disk& disk, const std::string& name);
void unregister_vfs(sqlite3_vfs& vfs);

}  // namespace dsched::sim
