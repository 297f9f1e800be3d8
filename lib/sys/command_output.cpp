// SPDX-License-Identifier: Apache-2.0
#include "sys/command_output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "sys/process.h"

namespace dsched::sys {

std::string output_of(std::span<const std::string> argv, std::span<const std::string> environment,
                      std::chrono::milliseconds patience) {
  constexpr std::size_t k_most = 4096;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const std::vector<std::string> files = search_path(argv.front(), environment);
  if (files.empty()) return {};
  Spawner spawner;
  Spawn command;
  command.argv = argv;
  command.files = files;
  command.environment = environment;
  command.stdout_fd = writing.get();
  SpawnOutcome outcome = spawner.spawn(command);
  writing.reset();
  const auto* child = std::get_if<Child>(&outcome);
  if (child == nullptr) return {};
  std::string text;
  const auto end = std::chrono::steady_clock::now() + patience;
  while (text.size() < k_most) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd item{reading.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&item, 1, static_cast<int>(left.count())) <= 0) {
      text.clear();
      break;
    }
    char piece[512];
    const ssize_t got = ::read(reading.get(), piece, sizeof piece);
    if (got <= 0) break;
    text.append(piece, static_cast<std::size_t>(got));
  }
  send_signal(child->pidfd, SIGKILL);
  static_cast<void>(reap(*child));
  return text;
}

}  // namespace dsched::sys
