// SPDX-License-Identifier: Apache-2.0
#include "sys/detached.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "sys/files.h"

namespace dsched::sys {
namespace {

constexpr int k_stdin = 0;
constexpr int k_stdout = 1;
constexpr int k_stderr = 2;
// A file on standard input that has these is one of start_detached(): nobody types it.
constexpr int k_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorKind::environment, describe_errno(std::string("--detach: ") + what, errno));
}

// Layout: 8 bytes, the size of the settings in the machine's byte order; the settings; the text.
Fd request_file(std::string_view settings, std::string_view text) {
  Fd file(::memfd_create("dsched-request", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) fail("memory for the request");
  std::array<char, sizeof(std::uint64_t)> size{};
  const std::uint64_t settings_size = settings.size();
  std::memcpy(size.data(), &settings_size, size.size());
  write_all(file.get(), {size.data(), size.size()}, "--detach: request");
  write_all(file.get(), settings, "--detach: request");
  write_all(file.get(), text, "--detach: request");
  if (::fcntl(file.get(), F_ADD_SEALS, k_seals) != 0) fail("seal the request");
  return file;
}

std::string read_part(std::uint64_t offset, std::uint64_t size) {
  std::string part(size, '\0');
  if (read_at(k_stdin, offset, part) != size) {
    throw Error(ErrorKind::environment, "--detached: the request is cut short");
  }
  return part;
}

void put_in_place(int fd, int target) {
  if (::dup2(fd, target) < 0) fail("exchange the standard streams");
}

}  // namespace

DetachedChild start_detached(std::span<const std::string> argv,
                             std::span<const std::string> environment, std::string_view settings,
                             std::string_view text) {
  const Fd request = request_file(settings, text);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  DetachedChild started;
  started.reply = Fd(ends[0]);
  const Fd writing(ends[1]);
  // Even when the file was replaced or removed meanwhile, this is the program that is running.
  const std::string self = "/proc/self/exe";
  Spawner spawner;
  Spawn process;
  process.argv = argv;
  process.files = {&self, 1};
  process.environment = environment;
  process.stdin_fd = request.get();
  process.stdout_fd = writing.get();
  process.stderr_fd = k_stderr;
  // A leader of a group could not make a session of its own.
  process.group = Spawn::Group::callers;
  SpawnOutcome outcome = spawner.spawn(process);
  if (const auto* failure = std::get_if<SpawnFailure>(&outcome)) {
    errno = failure->error_number;
    fail("start a process");
  }
  started.child = std::move(std::get<Child>(outcome));
  return started;
}

HandedOver begin_detached() {
  const int seals = ::fcntl(k_stdin, F_GET_SEALS);
  if (seals < 0 || (seals & k_seals) != k_seals) {
    throw Error(ErrorKind::usage, "--detached: only dsched-run itself starts a process like this",
                "to run a program in the background: --detach");
  }
  // Executed through /proc/self/exe, it would be listed as "exe".
  ::prctl(PR_SET_NAME, "dsched-run", 0, 0, 0);
  ::signal(SIGHUP, SIG_IGN);
  if (::setsid() < 0) fail("make a session");
  const std::uint64_t whole = info_of(k_stdin).size;
  std::uint64_t settings_size = 0;
  const std::string size = read_part(0, sizeof settings_size);
  std::memcpy(&settings_size, size.data(), sizeof settings_size);
  const std::uint64_t text_begin = sizeof settings_size + settings_size;
  DSCHED_ASSERT(text_begin <= whole, "a sealed request is as its starter wrote it");
  return {read_part(sizeof settings_size, settings_size),
          read_part(text_begin, whole - text_begin)};
}

bool starter_waits() {
  pollfd item{k_stdout, 0, 0};
  return ::poll(&item, 1, 0) == 0;
}

LogFile::LogFile(std::string path) : path_(std::move(path)) {
  constexpr int k_flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
  fd_ = Fd(::open(path_.c_str(), k_flags | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR));
  is_new_ = static_cast<bool>(fd_);
  if (!fd_ && errno == EEXIST) fd_ = Fd(::open(path_.c_str(), k_flags));
  if (!fd_) throw Error(ErrorKind::storage, describe_errno("log " + path_, errno));
}

LogFile::~LogFile() {
  if (is_new_) ::unlink(path_.c_str());
}

void cut_loose(LogFile& log, std::string_view reply) {
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) fail("/dev/null");
  put_in_place(null.get(), k_stdin);
  put_in_place(log.fd(), k_stderr);
  while (!reply.empty()) {
    const ssize_t done = ::write(k_stdout, reply.data(), reply.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) break;
    reply.remove_prefix(static_cast<std::size_t>(done));
  }
  put_in_place(log.fd(), k_stdout);
}

}  // namespace dsched::sys
