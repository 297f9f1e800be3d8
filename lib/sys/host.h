// SPDX-License-Identifier: Apache-2.0
#pragma once
// The port to what a store asks of the machine beside files: who we are, which boot this is, what
// kind of file system a folder is on, folders and locks.
//
// Locks are OFD locks on an open file (fcntl(2)): they end with the process (or the last copy of
// the descriptor; all are close-on-exec), so a file's mere existence never means locked. Unlike
// those of flock(2), they can be asked about without being taken.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/fd.h"

namespace dsched::sys {

enum class LockMode : std::uint8_t { shared, exclusive };

class Host {
 public:
  virtual ~Host() = default;
  // The effective user's number.
  [[nodiscard]] virtual std::uint32_t user() const = 0;
  // Differs after each start of the machine.
  [[nodiscard]] virtual std::string boot_id() const = 0;
  // The name of the network file system that the folder (or its nearest existing parent) is on,
  // such as "nfs"; empty when it is a local one.
  [[nodiscard]] virtual std::optional<std::string> network_file_system(
      const std::string& folder) const = 0;
  // With mode 0700, parents too; nothing happens when it exists.
  virtual void make_folder(const std::string& folder) = 0;
  [[nodiscard]] virtual std::optional<Fd> try_lock(const std::string& path, LockMode mode) = 0;
  // Whether somebody holds a lock on the file, shared or not; false when there is no such file.
  [[nodiscard]] virtual bool is_locked(const std::string& path) const = 0;
  // Folders in which a user's private state may be kept, the best first.
  [[nodiscard]] virtual std::vector<std::string> state_folders() const = 0;
  // Absolute, with links in its existing part resolved, but never the last component.
  [[nodiscard]] virtual std::string absolute(const std::string& path) const = 0;
};

class PosixHost final : public Host {
 public:
  [[nodiscard]] std::uint32_t user() const override;
  [[nodiscard]] std::string boot_id() const override;
  [[nodiscard]] std::optional<std::string> network_file_system(
      const std::string& folder) const override;
  void make_folder(const std::string& folder) override;
  [[nodiscard]] std::optional<Fd> try_lock(const std::string& path, LockMode mode) override;
  [[nodiscard]] bool is_locked(const std::string& path) const override;
  [[nodiscard]] std::vector<std::string> state_folders() const override;
  [[nodiscard]] std::string absolute(const std::string& path) const override;
};

// Replaces the content of an open lock file: who holds it.
void write_note(const Fd& lock, const std::string& text);
[[nodiscard]] int process_id();

}  // namespace dsched::sys
