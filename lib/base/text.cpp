// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/wildcard.h"

namespace dsched {
namespace {

constexpr char k_hex[] = "0123456789abcdef";
constexpr char k_base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

// Length of the well-formed UTF-8 sequence at `i`, 0 if there is none (Unicode table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t i) {
  const std::uint8_t lead = byte_at(text, i);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() - i < length) return 0;
  if (byte_at(text, i + 1) < low || byte_at(text, i + 1) > high) return 0;
  for (std::size_t k = 2; k < length; ++k) {
    if ((byte_at(text, i + k) & 0xC0) != 0x80) return 0;
  }
  return length;
}

void append_hex_escape(std::string& out, std::uint8_t byte) {
  out += "\\x";
  out += k_hex[byte >> 4];
  out += k_hex[byte & 15];
}

// A [...] set at pattern[i] (just behind the bracket) against `c`; moves `i` behind the set.
// Empty when the set is not closed, which makes the bracket an ordinary character.
std::optional<bool> set_matches(std::string_view pattern, std::size_t& i, char c) {
  std::size_t at = i;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  bool found = false;
  for (bool first = true; at < pattern.size(); first = false) {
    if (pattern[at] == ']' && !first) {
      i = at + 1;
      return found != negated;
    }
    const char low = pattern[at++];
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      high = pattern[at + 1];
      at += 2;
    }
    const auto u = [](char x) { return static_cast<unsigned char>(x); };
    if (u(low) <= u(c) && u(c) <= u(high)) found = true;
  }
  return std::nullopt;
}

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// A character of direction, which lets a text read otherwise than it stands there (U+061C, U+200E,
// U+200F, U+202A to U+202E, U+2066 to U+2069), or a line's end (U+2028, U+2029).
bool reorders(std::string_view character) {
  if (character == "\xD8\x9C") return true;
  if (!character.starts_with("\xE2\x80") && !character.starts_with("\xE2\x81")) return false;
  const std::uint8_t last = byte_at(character, 2);
  if (byte_at(character, 1) == 0x81) return last >= 0xA6 && last <= 0xA9;
  return last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE);
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8) {
      std::uint64_t word;
      std::memcpy(&word, text.data() + i, 8);
      if ((word & 0x8080808080808080ULL) == 0) {
        i += 8;
        continue;
      }
    }
    const std::size_t length = sequence_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t byte = byte_at(text, i);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && byte_at(text, i + 1) < 0xA0) return true;
  }
  return false;
}

std::string escape_for_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    const std::uint8_t byte = byte_at(text, i);
    const std::size_t length = sequence_length(text, i);
    if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (length == 0 || byte < 0x20 || byte == 0x7F) {
      append_hex_escape(out, byte);
    } else if ((byte == 0xC2 && byte_at(text, i + 1) < 0xA0) || reorders(text.substr(i, length))) {
      for (std::size_t k = 0; k < length; ++k) append_hex_escape(out, byte_at(text, i + k));
    } else {
      out.append(text, i, length);
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string as_utf8(std::string_view text) {
  return is_utf8(text) ? std::string(text) : escape_for_terminal(text);
}

void cut_to_whole_characters(std::string& text) {
  const auto invalid = find_invalid_utf8(text);
  constexpr std::size_t k_longest_sequence = 4;
  if (invalid && text.size() - *invalid < k_longest_sequence) text.resize(*invalid);
}

std::string first_characters(std::string_view text, std::size_t limit) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (text[i] & 0xC0) != 0x80;
    if (begins && ++characters > limit) return std::string(text.substr(0, i));
  }
  return std::string(text);
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view k_plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-";
  const bool is_plain = !text.empty() && text.find_first_not_of(k_plain) == std::string::npos;
  if (is_plain) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t byte = byte_at(text, i);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, start, i - start);
    start = i + 1;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += "\\u00";
        out += k_hex[byte >> 4];
        out += k_hex[byte & 15];
    }
  }
  out.append(text, start, text.size() - start);
  out += '"';
}

std::string hex(std::string_view bytes) {
  std::string out(2 * bytes.size(), '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = k_hex[byte_at(bytes, i) >> 4];
    out[2 * i + 1] = k_hex[byte_at(bytes, i) & 15];
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const std::uint32_t group =
        static_cast<std::uint32_t>(byte_at(bytes, i) << 16) |
        static_cast<std::uint32_t>(left > 1 ? byte_at(bytes, i + 1) << 8 : 0) |
        static_cast<std::uint32_t>(left > 2 ? byte_at(bytes, i + 2) : 0);
    out += k_base64[group >> 18];
    out += k_base64[(group >> 12) & 63];
    out += left > 1 ? k_base64[(group >> 6) & 63] : '=';
    out += left > 2 ? k_base64[group & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::array<std::int8_t, 256> value;
  value.fill(-1);
  for (int i = 0; i < 64; ++i)
    value[static_cast<unsigned char>(k_base64[i])] = static_cast<std::int8_t>(i);
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = !last ? 0 : text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const bool is_padding = k + static_cast<std::size_t>(padding) >= 4;
      const int v = is_padding ? 0 : value[byte_at(text, i + k)];
      if (v < 0) return std::nullopt;
      group = (group << 6) | static_cast<std::uint32_t>(v);
    }
    out += static_cast<char>(group >> 16);
    if (padding < 2) out += static_cast<char>((group >> 8) & 255);
    if (padding < 1) out += static_cast<char>(group & 255);
  }
  return out;
}

bool is_glob(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[') {
      return true;
    }
  }
  return false;
}

bool glob_component_matches(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.') && !pattern.starts_with("\\."))
    return false;
  const auto fits = [&](std::size_t& p, std::size_t n) {
    const char c = pattern[p];
    std::size_t next = p + 1;
    bool is_fit = c == name[n];
    if (c == '?') {
      is_fit = true;
    } else if (c == '[') {
      is_fit = set_matches(pattern, next, name[n]).value_or(name[n] == '[');
    } else if (c == '\\' && next < pattern.size()) {
      is_fit = pattern[next++] == name[n];
    }
    if (is_fit) p = next;
    return is_fit;
  };
  return wildcard_matches(
      pattern.size(), name.size(), [&](std::size_t p) { return pattern[p] == '*'; }, fits,
      [](std::size_t) { return true; });
}

bool glob_matches(std::string_view pattern, std::string_view path) {
  const std::vector<std::string_view> want = components(pattern);
  const std::vector<std::string_view> have = components(path);
  const auto fits = [&](std::size_t& w, std::size_t h) {
    return glob_component_matches(want[w], have[h]) && ++w != 0;
  };
  return wildcard_matches(
      want.size(), have.size(), [&](std::size_t w) { return want[w] == "**"; }, fits,
      [&](std::size_t h) { return !have[h].starts_with('.'); });
}

std::optional<std::string_view> nearest(std::string_view name,
                                        std::span<const std::string_view> candidates) {
  constexpr std::size_t k_longest = 64;  // longer names are not slips of the finger
  if (name.size() > k_longest) return std::nullopt;
  std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::optional<std::string_view> found;
  for (const std::string_view candidate : candidates) {
    const std::size_t longer = std::max(candidate.size(), name.size());
    const std::size_t shorter = std::min(candidate.size(), name.size());
    if (longer - shorter >= best) continue;
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::optional<std::string> clean_relative_path(std::string_view path) {
  if (path.starts_with('/') || path.empty()) return std::nullopt;
  std::vector<std::string_view> kept;
  for (const std::string_view part : components(path)) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (kept.empty()) return std::nullopt;
      kept.pop_back();
    } else {
      kept.push_back(part);
    }
  }
  if (kept.empty()) return ".";
  std::string out;
  for (const std::string_view part : kept) {
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace dsched
