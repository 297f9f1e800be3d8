// SPDX-License-Identifier: Apache-2.0
#include "sys/peak_memory.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <string>
#include <string_view>

#include "sys/fd.h"

namespace dsched::sys {

std::uint64_t peak_memory_kib(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/status";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return 0;
  char buffer[4096];  // the file has about 1,500 bytes
  const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
  if (got <= 0) return 0;
  std::string_view text(buffer, static_cast<std::size_t>(got));
  constexpr std::string_view k_name = "VmHWM:";
  const std::size_t at = text.find(k_name);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + k_name.size());
  const std::size_t digit = text.find_first_not_of(" \t");
  if (digit == std::string_view::npos) return 0;
  std::uint64_t value = 0;
  std::from_chars(text.data() + digit, text.data() + text.size(), value);
  return value;
}

std::uint64_t own_peak_memory_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss);
}

}  // namespace dsched::sys
