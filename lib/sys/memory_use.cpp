// SPDX-License-Identifier: Apache-2.0
#include "sys/memory_use.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

namespace dsched::sys {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

// The folder of this process's group in the unified hierarchy; empty: there is none.
std::string cgroup_folder() {
  const std::string groups = text_of("/proc/self/cgroup");
  constexpr std::string_view k_unified = "0::";
  std::size_t at = groups.starts_with(k_unified) ? 0 : groups.find("\n0::");
  if (at == std::string::npos) return {};
  if (at > 0) ++at;
  at += k_unified.size();
  return "/sys/fs/cgroup" + groups.substr(at, groups.find('\n', at) - at);
}

}  // namespace

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    const std::size_t digit = line.find_first_not_of(": \t");
    if (digit == 0 || digit == std::string_view::npos) continue;
    return number_of(line.substr(digit));
  }
  return std::nullopt;
}

std::optional<MemoryUse> memory_use_from(std::string_view meminfo) {
  constexpr std::uint64_t k_kib = 1024;
  const auto total = number_after(meminfo, "MemTotal");
  const auto available = number_after(meminfo, "MemAvailable");
  if (!total || !available) return std::nullopt;
  return MemoryUse{(*total - std::min(*available, *total)) * k_kib, *total * k_kib};
}

MemoryUse memory_use() {
  MemoryUse use = memory_use_from(text_of("/proc/meminfo")).value_or(MemoryUse{});
  // A limit holds for everything below it, so each folder on the way up may be the tightest.
  constexpr std::string_view k_root = "/sys/fs/cgroup";
  for (std::string folder = cgroup_folder(); folder.size() > k_root.size();
       folder.resize(folder.rfind('/'))) {
    const auto limit = number_of(text_of(folder + "/memory.max"));  // "max": none
    const auto current = number_of(text_of(folder + "/memory.current"));
    if (!limit || !current || *limit >= use.total) continue;
    const auto cached = number_after(text_of(folder + "/memory.stat"), "inactive_file");
    use = {*current - std::min(cached.value_or(0), *current), *limit};
  }
  return use;
}

}  // namespace dsched::sys
