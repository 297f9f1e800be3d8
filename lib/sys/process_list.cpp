// SPDX-License-Identifier: Apache-2.0
#include "sys/process_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>
#include <memory>

namespace dsched::sys {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using OpenFolder = std::unique_ptr<DIR, CloseFolder>;

std::string proc_path(pid_t pid, std::string_view file) {
  std::string path = "/proc/" + std::to_string(pid) + '/';
  path += file;
  return path;
}

// Splits "a b c" and reads the wanted word as a number.
template <class Number>
bool number_at(std::string_view text, int word, Number& value) {
  for (; word > 0; --word) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return false;
    text.remove_prefix(space + 1);
  }
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc();
}

std::optional<pid_t> pid_from(const char* name) {
  pid_t pid = 0;
  const char* end = name + std::strlen(name);
  const auto result = std::from_chars(name, end, pid);
  if (result.ec != std::errc() || result.ptr != end || pid <= 0) return std::nullopt;
  return pid;
}

}  // namespace

std::optional<ProcessInfo> process_info(pid_t pid) {
  const Fd file(::open(proc_path(pid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::array<char, 1024> buffer;
  const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
  if (got <= 0) return std::nullopt;
  std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  // The name in parentheses may hold anything, parentheses and blanks included: proc(5).
  const std::size_t close = text.rfind(')');
  if (close == std::string_view::npos || close + 2 >= text.size()) return std::nullopt;
  text.remove_prefix(close + 2);
  ProcessInfo info;
  info.pid = pid;
  info.state = text[0];
  if (!number_at(text, 1, info.parent) || !number_at(text, 2, info.group) ||
      !number_at(text, 3, info.session) || !number_at(text, 19, info.start_ticks)) {
    return std::nullopt;
  }
  return info;
}

std::string program_name(pid_t pid) {
  const Fd file(::open(proc_path(pid, "comm").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  std::array<char, 64> buffer;
  const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
  if (got <= 0) return {};
  std::string name(buffer.data(), static_cast<std::size_t>(got));
  if (name.back() == '\n') name.pop_back();
  return name;
}

std::vector<pid_t> list_pids() {
  std::vector<pid_t> pids;
  const OpenFolder folder(::opendir("/proc"));
  if (folder == nullptr) return pids;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (const std::optional<pid_t> pid = pid_from(entry->d_name)) pids.push_back(*pid);
  }
  return pids;
}

std::vector<ProcessInfo> list_processes() {
  std::vector<pid_t> pids = list_pids();
  std::sort(pids.begin(), pids.end());
  std::vector<ProcessInfo> processes;
  processes.reserve(pids.size());
  for (const pid_t pid : pids) {
    if (const std::optional<ProcessInfo> info = process_info(pid)) processes.push_back(*info);
  }
  return processes;
}

namespace {

// Whether `holds` is true of an entry of the environment that the process was started with.
template <class Holds>
bool any_entry(pid_t pid, const Holds& holds) {
  const Fd file(::open(proc_path(pid, "environ").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  std::string text;
  std::array<char, 16384> buffer;
  ssize_t got = 0;
  while ((got = ::read(file.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\0', start), text.size());
    if (holds(std::string_view(text).substr(start, end - start))) return true;
    start = end + 1;
  }
  return false;
}

}  // namespace

bool environment_has(pid_t pid, std::string_view prefix) {
  return any_entry(pid, [&](std::string_view entry) { return entry.starts_with(prefix); });
}

bool environment_has_all(pid_t pid, std::span<const std::string> entries) {
  std::vector<std::string_view> missing(entries.begin(), entries.end());
  return any_entry(pid, [&](std::string_view entry) {
    std::erase(missing, entry);
    return missing.empty();
  });
}

namespace {

// `name` relative to `folder`, or the descriptor itself when it is empty; links are followed.
std::optional<FileId> look_at(int folder, const char* name) {
  struct statx found;
  if (::statx(folder, name, AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &found) != 0) return {};
  FileId id{::gnu_dev_makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino};
  if ((found.stx_mask & STATX_BTIME) != 0) {
    id.birth_ns = found.stx_btime.tv_sec * 1'000'000'000 + found.stx_btime.tv_nsec;
  }
  return id;
}

}  // namespace

std::optional<FileId> file_id(int fd) {
  return look_at(fd, "");
}

bool has_open(pid_t pid, int fd) {
  const std::optional<FileId> file = file_id(fd);
  return file && has_open(pid, std::span(&*file, 1));
}

bool has_open(pid_t pid, std::span<const FileId> files) {
  const OpenFolder folder(::opendir(proc_path(pid, "fd").c_str()));
  if (folder == nullptr) return false;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::optional<FileId> id = look_at(::dirfd(folder.get()), entry->d_name);
    if (id && std::find(files.begin(), files.end(), *id) != files.end()) return true;
  }
  return false;
}

std::vector<pid_t> children_of(pid_t pid) {
  const std::string name = "task/" + std::to_string(pid) + "/children";
  const Fd file(::open(proc_path(pid, name).c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while (file && (got = ::read(file.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  std::vector<pid_t> children;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (pid_t child = 0; at < end;) {
    const auto [next, error] = std::from_chars(at, end, child);
    if (error != std::errc()) break;
    children.push_back(child);
    at = std::min(next + 1, end);  // a blank follows each
  }
  return children;
}

PidCounter::PidCounter() : loadavg_(::open("/proc/loadavg", O_RDONLY | O_CLOEXEC)) {}

std::optional<pid_t> PidCounter::last() const {
  std::array<char, 128> buffer;
  const ssize_t got = ::pread(loadavg_.get(), buffer.data(), buffer.size(), 0);
  if (got <= 0) return std::nullopt;
  pid_t pid = 0;
  if (!number_at(std::string_view(buffer.data(), static_cast<std::size_t>(got)), 4, pid)) {
    return std::nullopt;
  }
  return pid;
}

std::uint64_t ticks_from_boot_ns(std::int64_t ns) {
  const std::int64_t per_second = ::sysconf(_SC_CLK_TCK);
  return static_cast<std::uint64_t>(ns / (1'000'000'000 / per_second));
}

std::int64_t boot_time_ns() {
  timespec now;
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Fd open_process(const ProcessInfo& process) {
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd) return pidfd;
  const std::optional<ProcessInfo> now = process_info(process.pid);
  if (!now || now->start_ticks != process.start_ticks) pidfd.reset();
  return pidfd;
}

bool signal_process(const ProcessInfo& process, int signal) {
  const Fd pidfd = open_process(process);
  return pidfd && ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

}  // namespace dsched::sys
