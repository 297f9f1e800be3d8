// SPDX-License-Identifier: Apache-2.0
#include "executor/direct_command.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>

namespace dsched::executor {
namespace {

// Everything dash (and bash and busybox, where they are /bin/sh) understands by itself: reserved
// words and built-in utilities. A program of the same name would not be what the shell runs. true,
// false, echo, printf, test, kill and pwd are built into dash too, but `true` and `false` given by
// path are not.
constexpr std::array<std::string_view, 69> k_shell_words = {
    "!",       ".",       ":",      "[",        "[[",      "alias",  "bg",      "bind",
    "break",   "builtin", "caller", "case",     "cd",      "chdir",  "command", "continue",
    "declare", "dirs",    "disown", "do",       "done",    "echo",   "elif",    "else",
    "enable",  "esac",    "eval",   "exec",     "exit",    "export", "false",   "fc",
    "fg",      "fi",      "for",    "function", "getopts", "hash",   "help",    "history",
    "if",      "in",      "jobs",   "kill",     "let",     "local",  "logout",  "mapfile",
    "printf",  "pwd",     "read",   "readonly", "return",  "select", "set",     "shift",
    "source",  "suspend", "test",   "then",     "time",    "times",  "trap",    "true",
    "type",    "typeset", "ulimit", "umask",    "unalias"};
constexpr std::array<std::string_view, 9> k_more_shell_words = {
    "unset", "until", "wait", "while", "{", "}", "popd", "pushd", "shopt"};

// No shell gives any of these a meaning of their own inside a word. A tilde, a hash or an equals
// sign can mean something at the start of a word only, but is left out altogether where it may.
bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-+./,:@%=").find(c) != std::string_view::npos;
}

bool is_shell_word(std::string_view word) {
  return std::find(k_shell_words.begin(), k_shell_words.end(), word) != k_shell_words.end() ||
         std::find(k_more_shell_words.begin(), k_more_shell_words.end(), word) !=
             k_more_shell_words.end();
}

bool is_name(std::string_view text) {
  const auto is_start = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (text.empty() || !is_start(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_start(c) || (c >= '0' && c <= '9'); });
}

bool are_same_folder(const std::string& one, const std::string& other) {
  struct stat first, second;
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

std::optional<std::vector<std::string>> direct_argv(std::string_view command) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < command.size();) {
    if (command[at] == ' ' || command[at] == '\t') {
      ++at;
      continue;
    }
    const std::size_t start = at;
    while (at < command.size() && is_plain(command[at])) ++at;
    if (at < command.size() && command[at] != ' ' && command[at] != '\t') return std::nullopt;
    words.emplace_back(command.substr(start, at - start));
  }
  if (words.empty() || is_shell_word(words[0])) return std::nullopt;
  // "NAME=value" is an assignment; "%1" is a job to shells that know jobs.
  if (words[0].find('=') != std::string::npos || words[0][0] == '%') return std::nullopt;
  return words;
}

bool make_shell_environment(std::vector<std::string>& environment, const std::string& folder) {
  std::map<std::string, std::string, std::less<>> kept;
  for (std::string& entry : environment) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view name = std::string_view(entry).substr(0, equals);
    if (!is_name(name)) continue;
    if (name == "IFS" || name == "OPTIND" || name == "LINENO" || name == "PPID") return false;
    kept.insert_or_assign(std::string(name), std::move(entry));
  }
  const auto inherited = kept.find("PWD");
  if (inherited != kept.end()) {
    const std::string path = inherited->second.substr(4);
    if (!path.starts_with('/') || !are_same_folder(path, folder)) kept.erase(inherited);
  }
  if (kept.find("PWD") == kept.end()) {
    // As getcwd would say it: without links.
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(folder.c_str(), nullptr),
                                                           &std::free);
    if (real == nullptr) return false;
    kept.emplace("PWD", std::string("PWD=") + real.get());
  }
  environment.clear();
  for (auto& [name, entry] : kept) environment.push_back(std::move(entry));
  return true;
}

}  // namespace dsched::executor
