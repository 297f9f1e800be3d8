// SPDX-License-Identifier: Apache-2.0
#include "sys/beneath.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"

namespace dsched::sys {
namespace {

constexpr std::string_view k_temporary_prefix = ".dsched-tmp-";
// The kernel asks to try again when something was renamed under its feet while it resolved a path
// (openat2(2), EAGAIN); a folder in which that happens a thousand times in a row is being attacked.
constexpr int k_openat2_tries = 1000;
// Names that runners killed in the middle may have left; one more than that is a full folder.
constexpr int k_temporary_tries = 10000;

PathProblem problem(std::string_view path, int error_number) {
  if (error_number == EXDEV) {
    return {PathProblem::Kind::refused, error_number,
            std::string(path) + ": leaves the folder through a link or '..'"};
  }
  if (error_number == ELOOP) {
    return {
        PathProblem::Kind::refused, error_number,
        std::string(path) + ": goes through too many links, or through one that cannot be used"};
  }
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  return {missing ? PathProblem::Kind::missing : PathProblem::Kind::failed, error_number,
          describe_errno(path, error_number)};
}

int call_openat2(int folder, const char* path, const open_how& how) {
  for (int tries = 0;; ++tries) {
    const long fd = ::syscall(SYS_openat2, folder, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno != EINTR && (errno != EAGAIN || tries >= k_openat2_tries)) return -1;
  }
}

// A path or a name with a NUL in it would silently mean another one.
bool has_nul(std::string_view path) {
  return path.find('\0') != std::string_view::npos;
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

OrProblem<std::vector<Entry>> list_fd(Fd fd, std::string_view path) {
  const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
  if (!dir) return problem(path, errno);
  (void)fd.release();  // closedir closes it from here on
  std::vector<Entry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
  }
  if (errno != 0) return problem(path, errno);
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

// Removes `name` in the open folder and everything below it; never follows a link.
std::optional<PathProblem> remove_at(int parent, const std::string& name, const std::string& path) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return std::nullopt;
  if (errno != EISDIR && errno != EPERM) return problem(path, errno);
  Fd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return problem(path, errno);
  struct stat status {};
  if (::fstat(folder.get(), &status) == 0 && (status.st_mode & S_IRWXU) != S_IRWXU) {
    // A command may have made its folder read-only; it is ours to remove all the same.
    (void)::fchmod(folder.get(), status.st_mode | S_IRWXU);
  }
  Fd again(::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again) return problem(path, errno);
  OrProblem<std::vector<Entry>> entries = list_fd(std::move(again), path);
  if (auto* why = std::get_if<PathProblem>(&entries)) return std::move(*why);
  for (const Entry& entry : std::get<std::vector<Entry>>(entries)) {
    if (auto why = remove_at(folder.get(), entry.name, path + "/" + entry.name)) return why;
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return std::nullopt;
  return problem(path, errno);
}

std::optional<PathProblem> rename_over(const Parent& parent, const std::string& from,
                                       const std::string& path) {
  const int folder = parent.folder.get();
  if (::renameat(folder, from.c_str(), folder, parent.name.c_str()) == 0) return std::nullopt;
  if (errno != EISDIR) return problem(path, errno);
  if (auto why = remove_at(folder, parent.name, path)) return why;
  if (::renameat(folder, from.c_str(), folder, parent.name.c_str()) == 0) return std::nullopt;
  return problem(path, errno);
}

// Calls `make` with one temporary name after the other until it does not say "exists".
template <class Make>
std::optional<std::string> with_free_name(const Make& make) {
  for (int number = 0; number < k_temporary_tries; ++number) {
    std::string name = std::string(k_temporary_prefix) + std::to_string(number);
    if (make(name)) return name;
    if (errno != EEXIST) return std::nullopt;
  }
  return std::nullopt;
}

std::string_view folder_part(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view(".") : path.substr(0, slash);
}

// Makes the parent's folders only when they are missing, which is the rare case.
OrProblem<Parent> make_parent(const Folder& folder, std::string_view path) {
  OrProblem<Parent> parent = open_parent_beneath(folder, path);
  const auto* why = std::get_if<PathProblem>(&parent);
  if (why == nullptr || why->kind != PathProblem::Kind::missing) return parent;
  if (auto cannot = make_folders_beneath(folder, folder_part(path))) return *cannot;
  return open_parent_beneath(folder, path);
}

}  // namespace

Folder::Folder(std::string name) : name_(std::move(name)), resolve_flags_(RESOLVE_BENEATH) {
  fd_ = Fd(::open(name_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd_) throw Error(ErrorKind::environment, describe_errno("folder " + name_, errno));
}

Folder::Folder(std::string name, Fd fd, std::uint64_t resolve_flags)
    : name_(std::move(name)), fd_(std::move(fd)), resolve_flags_(resolve_flags) {}

Folder Folder::root() {
  Fd fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw Error(ErrorKind::environment, describe_errno("folder /", errno));
  return Folder("/", std::move(fd), 0);
}

OrProblem<Fd> open_beneath(const Folder& folder, std::string_view path, int flags, unsigned mode) {
  if (has_nul(path)) return problem(path, EINVAL);
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  // A FIFO that nobody writes would hold a reader for ever.
  if ((flags & (O_PATH | O_ACCMODE)) == O_RDONLY) how.flags |= O_NONBLOCK;
  if ((flags & O_CREAT) != 0) how.mode = mode;
  how.resolve = RESOLVE_NO_MAGICLINKS | folder.resolve_flags();
  Fd fd(call_openat2(folder.fd(), std::string(path).c_str(), how));
  if (!fd) return problem(path, errno);
  return fd;
}

OrProblem<struct stat> status_beneath(const Folder& folder, std::string_view path, Links links) {
  OrProblem<Fd> opened =
      open_beneath(folder, path, O_PATH | (links == Links::keep ? O_NOFOLLOW : 0));
  if (auto* why = std::get_if<PathProblem>(&opened)) return std::move(*why);
  struct stat status {};
  if (::fstat(std::get<Fd>(opened).get(), &status) != 0) return problem(path, errno);
  return status;
}

OrProblem<std::string> read_link_beneath(const Folder& folder, std::string_view path) {
  OrProblem<Fd> opened = open_beneath(folder, path, O_PATH | O_NOFOLLOW);
  if (auto* why = std::get_if<PathProblem>(&opened)) return std::move(*why);
  std::array<char, 4097> text{};  // PATH_MAX and one, so that a longer text would be noticed
  const ssize_t size = ::readlinkat(std::get<Fd>(opened).get(), "", text.data(), text.size());
  if (size < 0) return problem(path, errno);
  if (static_cast<std::size_t>(size) == text.size()) return problem(path, ENAMETOOLONG);
  return std::string(text.data(), static_cast<std::size_t>(size));
}

OrProblem<std::vector<Entry>> list_beneath(const Folder& folder, std::string_view path) {
  OrProblem<Fd> opened = open_beneath(folder, path, O_RDONLY | O_DIRECTORY);
  if (auto* why = std::get_if<PathProblem>(&opened)) return std::move(*why);
  return list_fd(std::move(std::get<Fd>(opened)), path);
}

std::optional<PathProblem> make_folders_beneath(const Folder& folder, std::string_view path) {
  const OrProblem<Fd> there = open_beneath(folder, path, O_PATH | O_DIRECTORY);
  const auto* why = std::get_if<PathProblem>(&there);
  if (why == nullptr) return std::nullopt;
  if (why->error_number != ENOENT || path == ".") return *why;
  if (auto above = make_folders_beneath(folder, folder_part(path))) return above;
  OrProblem<Parent> parent = open_parent_beneath(folder, path);
  if (auto* cannot = std::get_if<PathProblem>(&parent)) return std::move(*cannot);
  const Parent& at = std::get<Parent>(parent);
  if (::mkdirat(at.folder.get(), at.name.c_str(), 0777) == 0) return std::nullopt;
  if (errno != EEXIST) return problem(path, errno);
  // Made by somebody else meanwhile, or a link to nothing, which then says so.
  const OrProblem<Fd> now = open_beneath(folder, path, O_PATH | O_DIRECTORY);
  if (const auto* still = std::get_if<PathProblem>(&now)) return *still;
  return std::nullopt;
}

OrProblem<Parent> open_parent_beneath(const Folder& folder, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return PathProblem{PathProblem::Kind::refused, EINVAL,
                       std::string(path) + ": does not name a file below the folder"};
  }
  if (has_nul(path)) return problem(path, EINVAL);
  OrProblem<Fd> opened = open_beneath(folder, folder_part(path), O_PATH | O_DIRECTORY);
  if (auto* why = std::get_if<PathProblem>(&opened)) return problem(path, why->error_number);
  return Parent{std::move(std::get<Fd>(opened)), std::string(name)};
}

std::optional<PathProblem> remove_beneath(const Folder& folder, std::string_view path) {
  OrProblem<Parent> parent = open_parent_beneath(folder, path);
  if (auto* why = std::get_if<PathProblem>(&parent)) {
    if (why->kind == PathProblem::Kind::missing) return std::nullopt;
    return std::move(*why);
  }
  const Parent& at = std::get<Parent>(parent);
  return remove_at(at.folder.get(), at.name, std::string(path));
}

NewFile::NewFile(std::string target, Parent parent, std::string temporary, Fd file)
    : target_(std::move(target)),
      parent_(std::move(parent)),
      temporary_(std::move(temporary)),
      file_(std::move(file)) {}

NewFile::~NewFile() {
  if (parent_.folder && !temporary_.empty()) {
    ::unlinkat(parent_.folder.get(), temporary_.c_str(), 0);
  }
}

OrProblem<NewFile> NewFile::beside(const Folder& folder, std::string_view target) {
  OrProblem<Parent> parent = make_parent(folder, target);
  if (auto* why = std::get_if<PathProblem>(&parent)) return std::move(*why);
  Parent& at = std::get<Parent>(parent);
  Fd file;
  const std::optional<std::string> temporary = with_free_name([&](const std::string& name) {
    file = Fd(::openat(at.folder.get(), name.c_str(),
                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    return static_cast<bool>(file);
  });
  if (!temporary) return problem(target, errno);
  return NewFile(std::string(target), std::move(at), *temporary, std::move(file));
}

std::optional<PathProblem> NewFile::commit(Executable executable) {
  if (executable == Executable::yes) {
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) return problem(target_, errno);
    // Whoever the umask lets read it may execute it.
    const mode_t mode = (status.st_mode & 07777) | ((status.st_mode & 0444) >> 2);
    if (::fchmod(file_.get(), mode) != 0) return problem(target_, errno);
  }
  if (auto why = rename_over(parent_, temporary_, target_)) return why;
  temporary_.clear();
  return std::nullopt;
}

std::optional<PathProblem> make_link_beneath(const Folder& folder, std::string_view target,
                                             const std::string& text) {
  OrProblem<Parent> parent = make_parent(folder, target);
  if (auto* why = std::get_if<PathProblem>(&parent)) return std::move(*why);
  const Parent& at = std::get<Parent>(parent);
  const std::optional<std::string> temporary = with_free_name([&](const std::string& name) {
    return ::symlinkat(text.c_str(), at.folder.get(), name.c_str()) == 0;
  });
  if (!temporary) return problem(target, errno);
  auto why = rename_over(at, *temporary, std::string(target));
  if (why) ::unlinkat(at.folder.get(), temporary->c_str(), 0);
  return why;
}

bool is_own_name(std::string_view name) {
  return name == ".dsched" || name.substr(0, k_temporary_prefix.size()) == k_temporary_prefix;
}

}  // namespace dsched::sys
