// SPDX-License-Identifier: Apache-2.0
#include "session/makeflags.h"

#include <charconv>
#include <vector>

namespace dsched::session {
namespace {

constexpr std::string_view k_auth = "--jobserver-auth=";
constexpr std::string_view k_fds = "--jobserver-fds=";
constexpr std::string_view k_fifo = "fifo:";

struct Words {
  std::vector<std::string_view> words;
  std::string_view definitions;  // with its "--"; empty: none
};

Words split(std::string_view makeflags) {
  Words found;
  std::size_t begin = 0;
  while (begin < makeflags.size()) {
    if (makeflags[begin] == ' ') {
      ++begin;
      continue;
    }
    const std::size_t end = std::min(makeflags.find(' ', begin), makeflags.size());
    const std::string_view word = makeflags.substr(begin, end - begin);
    if (word == "--") {
      found.definitions = makeflags.substr(begin);
      break;
    }
    found.words.push_back(word);
    begin = end;
  }
  return found;
}

std::optional<std::string_view> auth_of(std::string_view word) {
  for (const std::string_view name : {k_auth, k_fds}) {
    if (word.starts_with(name)) return word.substr(name.size());
  }
  return std::nullopt;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The N of -jN; 0 for a lone -j, which means without a limit.
std::optional<std::uint32_t> jobs_of(std::string_view word) {
  if (word == "-j" || word == "--jobs") return 0;
  if (word.starts_with("--jobs=")) return number<std::uint32_t>(word.substr(7));
  return word.starts_with("-j") ? number<std::uint32_t>(word.substr(2)) : std::nullopt;
}

std::variant<JobDescriptors, JobFifo> where(std::string_view auth) {
  if (auth.starts_with(k_fifo)) return JobFifo{std::string(auth.substr(k_fifo.size()))};
  const std::size_t comma = auth.find(',');
  if (comma == std::string_view::npos) return JobDescriptors{};
  const auto reading = number<int>(auth.substr(0, comma));
  const auto writing = number<int>(auth.substr(comma + 1));
  if (!reading || !writing || *reading < 0 || *writing < 0) return JobDescriptors{};
  return JobDescriptors{*reading, *writing};
}

std::string join(const Words& parts) {
  std::string text;
  for (const std::string_view word : parts.words) {
    // Without letters in front it begins with a blank, as make writes it.
    if (!text.empty() || word.starts_with('-')) text += ' ';
    text += word;
  }
  if (!parts.definitions.empty()) (text += ' ') += parts.definitions;
  return text;
}

Words without(std::string_view makeflags) {
  Words parts = split(makeflags);
  std::erase_if(parts.words, [](std::string_view word) { return auth_of(word) || jobs_of(word); });
  return parts;
}

}  // namespace

std::optional<Jobserver> jobserver_in(std::string_view makeflags) {
  std::optional<Jobserver> found;
  std::optional<std::uint32_t> jobs;
  for (const std::string_view word : split(makeflags).words) {
    if (const auto auth = auth_of(word)) found = Jobserver{where(*auth), std::string(*auth), {}};
    if (const auto count = jobs_of(word); count && *count > 0) jobs = count;
  }
  if (found) found->jobs = jobs;
  return found;
}

bool knows_fifos(std::string_view version_text) {
  constexpr std::string_view k_name = "GNU Make ";
  if (!version_text.starts_with(k_name)) return false;
  version_text.remove_prefix(k_name.size());
  const std::size_t dot = version_text.find('.');
  if (dot == std::string_view::npos) return false;
  const auto major = number<unsigned>(version_text.substr(0, dot));
  const std::string_view rest = version_text.substr(dot + 1);
  const auto minor = number<unsigned>(rest.substr(0, rest.find_first_not_of("0123456789")));
  return major && minor && (*major > 4 || (*major == 4 && *minor >= 4));
}

std::string without_jobserver(std::string_view makeflags) {
  return join(without(makeflags));
}

std::string with_jobserver(std::string_view makeflags, std::uint32_t jobs, std::string_view auth) {
  Words parts = without(makeflags);
  const std::string count = "-j" + std::to_string(jobs);
  const std::string server = std::string(k_auth) + std::string(auth);
  parts.words.push_back(count);
  parts.words.push_back(server);
  return join(parts);
}

}  // namespace dsched::session
