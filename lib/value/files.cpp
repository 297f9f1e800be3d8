// SPDX-License-Identifier: Apache-2.0
#include "value/files.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/wildcard.h"
#include "value/code_points.h"
#include "value/failure.h"
#include "value/primitives.h"
#include "value/text.h"

namespace dsched::value {
namespace {

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// With its dot; of ".profile" and "a." nothing.
std::string suffix_of(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) return {};
  return lower_case(name.substr(dot));
}

bool ends_line(std::uint32_t code) {
  return (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

// As str.splitlines has them.
Value lines_of(std::string_view text) {
  std::vector<Value> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    if (!ends_line(point.code)) {
      at += point.length;
      continue;
    }
    lines.push_back(Value::text(std::string(text.substr(begin, at - begin))));
    at += text.substr(at).starts_with("\r\n") ? 2 : point.length;
    begin = at;
  }
  if (begin < text.size()) lines.push_back(Value::text(std::string(text.substr(begin))));
  return Value::list(std::move(lines));
}

bool flag_of(const Value& value, std::string_view name) {
  if (value.is(Kind::boolean) || value.is(Kind::integer) || value.is(Kind::number)) {
    return is_true(value);
  }
  if (value.is(Kind::text)) {
    constexpr std::string_view k_space = " \t\n\r\f\v";
    std::string word = lower_case(value.as_text());
    word.erase(0, std::min(word.find_first_not_of(k_space), word.size()));
    word.erase(word.find_last_not_of(k_space) + 1);
    for (const std::string_view yes : {"true", "1", "yes", "on"}) {
      if (word == yes) return true;
    }
    for (const std::string_view no : {"false", "0", "no", "off"}) {
      if (word == no) return false;
    }
  }
  fail("default.dir: " + std::string(name) + " must be true or false");
}

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.push_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

// ---- one component, as fnmatch has it

using Characters = std::vector<std::string_view>;

// The end of the set that begins behind the bracket before `at`; npos: the bracket is a character.
std::size_t end_of_set(const Characters& pattern, std::size_t at) {
  if (at < pattern.size() && pattern[at] == "!") ++at;
  if (at < pattern.size() && pattern[at] == "]") ++at;
  while (at < pattern.size() && pattern[at] != "]") ++at;
  return at == pattern.size() ? std::string_view::npos : at;
}

bool is_in_set(const Characters& pattern, std::size_t at, std::size_t end,
               std::string_view character) {
  const bool is_negated = pattern[at] == "!";
  if (is_negated) ++at;
  const auto code = [](std::string_view c) { return code_point_at(c, 0).code; };
  bool is_found = false;
  while (at < end) {
    const bool is_range = at + 2 < end && pattern[at + 1] == "-";
    const std::size_t last = is_range ? at + 2 : at;
    is_found |= code(pattern[at]) <= code(character) && code(character) <= code(pattern[last]);
    at = last + 1;
  }
  return is_found != is_negated;
}

// Whether one character fits the pattern at `at`, which then moves behind it.
bool matches_one(const Characters& pattern, std::size_t& at, std::string_view character) {
  if (pattern[at] == "[") {
    const std::size_t end = end_of_set(pattern, at + 1);
    if (end != std::string_view::npos) {
      const bool fits = is_in_set(pattern, at + 1, end, character);
      at = end + 1;
      return fits;
    }
  }
  const std::string_view wanted = pattern[at++];
  return wanted == "?" || wanted == character;
}

bool part_matches(std::string_view pattern_text, std::string_view name_text) {
  const Characters pattern = characters_of(pattern_text);
  const Characters name = characters_of(name_text);
  return wildcard_matches(
      pattern.size(), name.size(), [&](std::size_t p) { return pattern[p] == "*"; },
      [&](std::size_t& p, std::size_t n) { return matches_one(pattern, p, name[n]); },
      [](std::size_t) { return true; });
}

// ---- whole paths

struct Pattern {
  std::vector<std::string_view> parts;
  bool only_folders = false;
};

Pattern pattern_of(const Listing& listing) {
  const std::string_view text = listing.pattern;
  Pattern pattern{parts_of(text), text.ends_with('/')};
  if (text.starts_with('/') || pattern.parts.empty()) {
    fail("default.dir: the pattern must be a path below the folder, not '" + listing.pattern + "'");
  }
  for (const std::string_view part : pattern.parts) {
    if (part == "..") fail("default.dir: the pattern climbs out of the folder");
    if (part != "**" && part.find("**") != std::string_view::npos) {
      fail("default.dir: ** must stand between slashes");
    }
  }
  if (listing.recursion == Recursion::whole_tree) {
    pattern.parts.insert(pattern.parts.begin(), "**");
  }
  pattern.only_folders |= pattern.parts.back() == "**";
  return pattern;
}

bool path_matches(const std::vector<std::string_view>& pattern,
                  const std::vector<std::string_view>& path) {
  const auto fits = [&](std::size_t& p, std::size_t n) {
    return part_matches(pattern[p], path[n]) && ++p != 0;
  };
  return wildcard_matches(
      pattern.size(), path.size(), [&](std::size_t p) { return pattern[p] == "**"; }, fits,
      [](std::size_t) { return true; });
}

}  // namespace

Value loaded(std::string_view path, std::string content) {
  const std::string suffix = suffix_of(path);
  const bool is_json = suffix == ".json";
  if (!is_json && suffix != ".txt" && suffix != ".csv") return Value::bytes(std::move(content));
  const std::string name = "default.load: " + escape_for_terminal(path) + ": ";
  if (!is_utf8(content)) fail(name + "this is not UTF-8");
  if (!is_json) return lines_of(content);
  try {
    return from_json(content);
  } catch (const Error& cause) {
    throw Error(cause.kind(), name + cause.what());
  }
}

Listing listing_of(std::span<const Value> arguments) {
  if (arguments.empty() || arguments.size() > 4) fail("default.dir: takes 1 to 4 arguments");
  Listing listing;
  listing.root = text_of(arguments[0]);
  if (arguments.size() > 1) listing.pattern = text_of(arguments[1]);
  if (arguments.size() > 2 && flag_of(arguments[2], "recursive")) {
    listing.recursion = Recursion::whole_tree;
  }
  if (arguments.size() > 3 && flag_of(arguments[3], "full_paths")) listing.style = PathStyle::full;
  static_cast<void>(pattern_of(listing));
  return listing;
}

std::size_t levels_needed(const Listing& listing) {
  const Pattern pattern = pattern_of(listing);
  const bool is_deep =
      std::find(pattern.parts.begin(), pattern.parts.end(), "**") != pattern.parts.end();
  return is_deep ? 0 : pattern.parts.size();
}

std::vector<std::string> matching(const Listing& listing, std::span<const Entry> entries) {
  const Pattern pattern = pattern_of(listing);
  std::vector<std::string> out;
  if (path_matches(pattern.parts, {})) out.emplace_back(".");
  for (const Entry& entry : entries) {
    if (pattern.only_folders && !entry.is_folder) continue;
    if (path_matches(pattern.parts, parts_of(entry.path))) out.push_back(entry.path);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace dsched::value
