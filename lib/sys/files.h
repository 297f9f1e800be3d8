// SPDX-License-Identifier: Apache-2.0
#pragma once
// The port to files that the store needs, and the POSIX version of it.
//
// A file is made in two steps: stage() gives a file that nobody else can name, publish() gives it
// its name at once, whole. So nothing half-written is ever visible under a final name. Descriptors
// are real ones (children write into them), also in the simulated version, where they are memory
// files. What is not synced may be lost in a crash, its name included. Every function is safe from
// any thread; each throws Error of kind storage, naming the path and the cause.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/fd.h"

namespace dsched::sys {

struct FileInfo {
  enum class Kind : std::uint8_t { regular, folder, link, other };
  Kind kind = Kind::regular;
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t owner = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  // 0: the file system does not know; only from Files::info
};

// A file under construction. With a name (where the file system has no nameless files) it is
// unlinked when its owner goes.
class Staged {
 public:
  Staged() = default;
  Staged(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  Staged(Staged&& other) noexcept
      : fd_(std::move(other.fd_)), name_(std::exchange(other.name_, {})) {}
  Staged& operator=(Staged&& other) noexcept;
  ~Staged() { abandon(); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& name() const { return name_; }  // empty: it has none
  void forget_name() { name_.clear(); }  // it was renamed: nothing to unlink any more
  void abandon();
  // The descriptor for somebody else's keeping; the file has no name any more.
  [[nodiscard]] Fd release();

 private:
  Fd fd_;
  std::string name_;
};

enum class Existing : std::uint8_t { kept, replaced };

class Files {
 public:
  virtual ~Files() = default;
  // An empty file, open for reading and writing, on the file system of `folder`.
  [[nodiscard]] virtual Staged stage(const std::string& folder) = 0;
  // Writes all of `bytes` at `offset` of a staged file.
  virtual void write(const Staged& file, std::uint64_t offset, std::string_view bytes) = 0;
  // Gives the file its name and mode; makes the parent folder (0700) when it is missing. What has
  // the name already is kept (and the staged file goes) or replaced. The descriptor stays open.
  virtual void publish(Staged& file, const std::string& path, std::uint32_t mode,
                       Existing existing) = 0;
  // For reading; empty when there is no such file. Never follows a link in the last component.
  [[nodiscard]] virtual Fd open(const std::string& path) = 0;
  // False when there was no such file.
  virtual bool remove(const std::string& path) = 0;
  // The names in a folder, sorted; empty when it does not exist.
  [[nodiscard]] virtual std::vector<std::string> list(const std::string& folder) = 0;
  // About the name itself (a link is a link); empty when nothing has it.
  [[nodiscard]] virtual std::optional<FileInfo> info(const std::string& path) = 0;
  // Makes the bytes of a file, or the names in a folder, survive a crash.
  virtual void sync(const std::string& path) = 0;
};

class PosixFiles final : public Files {
 public:
  [[nodiscard]] Staged stage(const std::string& folder) override;
  void write(const Staged& file, std::uint64_t offset, std::string_view bytes) override;
  void publish(Staged& file, const std::string& path, std::uint32_t mode,
               Existing existing) override;
  [[nodiscard]] Fd open(const std::string& path) override;
  bool remove(const std::string& path) override;
  [[nodiscard]] std::vector<std::string> list(const std::string& folder) override;
  [[nodiscard]] std::optional<FileInfo> info(const std::string& path) override;
  void sync(const std::string& path) override;
};

// ---- on descriptors, whoever gave them ----

// Reads until `into` is full or the file ends; how many bytes were read.
[[nodiscard]] std::size_t read_at(int fd, std::uint64_t offset, std::span<char> into);
// Reads from the current position (pipes too); 0 at the end.
[[nodiscard]] std::size_t read_some(int fd, std::span<char> into);
// Writes all of `bytes` at the current position (pipes too); `what` names it in an Error.
void write_all(int fd, std::string_view bytes, std::string_view what);
[[nodiscard]] FileInfo info_of(int fd);
void truncate_to_nothing(int fd);  // and back to position 0

// The path as the kernel reaches an open file: /proc/self/fd/N.
[[nodiscard]] std::string path_of(int fd);

}  // namespace dsched::sys
