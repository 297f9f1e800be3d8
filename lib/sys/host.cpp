// SPDX-License-Identifier: Apache-2.0
#include "sys/host.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace dsched::sys {
namespace {

[[noreturn]] void give_up(const std::string& what, int error_number) {
  throw Error(ErrorKind::storage, describe_errno(what, error_number));
}

// statfs(2)'s f_type of file systems whose locks, shared memory or renames other machines see late
// or never. 9p is one too, though it often comes from the same machine's hypervisor.
constexpr std::array<std::pair<unsigned long, std::string_view>, 11> k_network = {{
    {0x6969, "nfs"},
    {0xFF534D42, "cifs"},
    {0xFE534D42, "smb2"},
    {0x517B, "smb"},
    {0x01021997, "9p"},
    {0x00C36400, "ceph"},
    {0x0BD00BD0, "lustre"},
    {0x47504653, "gpfs"},
    {0x5346414F, "afs"},
    {0x73757245, "coda"},
    {0x564C, "ncp"},
}};
constexpr unsigned long k_fuse = 0x65735546;

// FUSE serves local file systems too (ntfs-3g, bindfs), so its kind decides: what mountinfo calls
// fuse.sshfs, fuse.s3fs and so on. Only kinds known to be local are let through.
std::optional<std::string> fuse_kind(const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return std::nullopt;
  const std::string device =
      std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
  std::ifstream mounts("/proc/self/mountinfo");
  std::string line;
  while (std::getline(mounts, line)) {
    std::istringstream words(line);
    std::string id, parent, number, word;
    words >> id >> parent >> number;
    if (number != device) continue;
    while (words >> word && word != "-") {
    }
    words >> word;
    for (const std::string_view local :
         {"fuseblk", "fuse.bindfs", "fuse.ntfs-3g", "fuse.ext2", "fuse.fuse-overlayfs",
          "fuse.mergerfs", "fuse.gocryptfs", "fuse.encfs", "fuse.lxcfs"}) {
      if (word == local) return std::nullopt;
    }
    return word;
  }
  return "fuse";
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

struct flock whole_file(short type) {
  struct flock lock {};  // offset, size and pid 0: all of it, as OFD locks want it
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): never changed
  return value == nullptr || *value != '/' ? std::string() : std::string(value);
}

}  // namespace

std::uint32_t PosixHost::user() const {
  return ::geteuid();
}

std::string PosixHost::boot_id() const {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::optional<std::string> PosixHost::network_file_system(const std::string& folder) const {
  std::string existing = folder;
  struct statfs status {};
  while (::statfs(existing.c_str(), &status) != 0) {
    if (errno != ENOENT) give_up(existing + ": statfs", errno);
    if (existing == "/" || existing == ".") return std::nullopt;
    existing = parent_of(existing);
  }
  const auto type = static_cast<unsigned long>(status.f_type) & 0xFFFFFFFFUL;
  for (const auto& [magic, name] : k_network) {
    if (type == magic) return std::string(name);
  }
  return type == k_fuse ? fuse_kind(existing) : std::nullopt;
}

void PosixHost::make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return;
  if (errno != ENOENT) give_up(folder + ": mkdir", errno);
  make_folder(parent_of(folder));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) give_up(folder + ": mkdir", errno);
}

std::optional<Fd> PosixHost::try_lock(const std::string& path, LockMode mode) {
  Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) give_up(path + ": open", errno);
  struct flock lock = whole_file(mode == LockMode::shared ? F_RDLCK : F_WRLCK);
  const int command = mode == LockMode::shared ? F_OFD_SETLKW : F_OFD_SETLK;
  int done = ::fcntl(fd.get(), command, &lock);
  while (done != 0 && errno == EINTR) done = ::fcntl(fd.get(), command, &lock);
  if (done == 0) return fd;
  if (errno == EAGAIN || errno == EACCES) return std::nullopt;
  give_up(path + ": lock", errno);
}

bool PosixHost::is_locked(const std::string& path) const {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    give_up(path + ": open", errno);
  }
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(fd.get(), F_OFD_GETLK, &lock) != 0) give_up(path + ": look at its lock", errno);
  return lock.l_type != F_UNLCK;
}

std::vector<std::string> PosixHost::state_folders() const {
  std::vector<std::string> folders;
  const std::string state = from_environment("XDG_STATE_HOME");
  if (!state.empty()) folders.push_back(state + "/dsched");
  const std::string home = from_environment("HOME");
  if (!home.empty()) folders.push_back(home + "/.local/state/dsched");
  const passwd* const entry = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe): at start
  if (entry != nullptr && entry->pw_dir != nullptr && entry->pw_dir[0] == '/' &&
      entry->pw_dir != home) {
    folders.push_back(std::string(entry->pw_dir) + "/.local/state/dsched");
  }
  folders.push_back("/var/tmp/dsched-" + std::to_string(::geteuid()));
  return folders;
}

std::string PosixHost::absolute(const std::string& path) const {
  std::string clean = path.empty() ? "." : path;
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  const std::size_t slash = clean.rfind('/');
  const std::string name = slash == std::string::npos ? clean : clean.substr(slash + 1);
  if (name == "." || name == "..") {
    const std::unique_ptr<char, void (*)(void*)> whole{::realpath(clean.c_str(), nullptr), ::free};
    return whole ? std::string(whole.get()) : clean;
  }
  const std::unique_ptr<char, void (*)(void*)> parent{::realpath(parent_of(clean).c_str(), nullptr),
                                                      ::free};
  if (!parent) {
    if (clean.front() == '/') return clean;
    const std::unique_ptr<char, void (*)(void*)> here{::realpath(".", nullptr), ::free};
    return here ? std::string(here.get()) + "/" + clean : clean;
  }
  const std::string base = parent.get();
  return (base == "/" ? std::string() : base) + "/" + name;
}

void write_note(const Fd& lock, const std::string& text) {
  if (::ftruncate(lock.get(), 0) != 0) give_up("lock file: truncate", errno);
  if (::pwrite(lock.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    give_up("lock file: write", errno);
  }
}

int process_id() {
  return ::getpid();
}

}  // namespace dsched::sys
