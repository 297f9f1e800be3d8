// SPDX-License-Identifier: Apache-2.0
#include "executor/outputs.h"

#include <array>
#include <charconv>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace dsched::executor {
namespace {

constexpr std::string_view k_manifest_head("dsched folder 1\0", 16);

std::array<char, 8> little_endian(std::uint64_t value) {
  std::array<char, 8> bytes{};
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return bytes;
}

char letter_of(FolderEntry::Kind kind) {
  switch (kind) {
    case FolderEntry::Kind::file:
      return 'f';
    case FolderEntry::Kind::executable:
      return 'x';
    case FolderEntry::Kind::link:
      return 'l';
    case FolderEntry::Kind::folder:
      return 'd';
  }
  return '?';
}

bool is_file(FolderEntry::Kind kind) {
  return kind == FolderEntry::Kind::file || kind == FolderEntry::Kind::executable;
}

// Takes what stands before the next `end` off the front of `text`; empty when there is no `end`.
std::optional<std::string_view> take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

std::optional<std::uint64_t> size_from(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return size;
}

// One entry off the front of `text`, its own form only.
std::optional<FolderEntry> take_entry(std::string_view& text) {
  if (text.size() < 2 || text[1] != ' ') return std::nullopt;
  const char letter = text[0];
  text.remove_prefix(2);
  FolderEntry entry;
  if (letter == 'f' || letter == 'x') {
    entry.kind = letter == 'f' ? FolderEntry::Kind::file : FolderEntry::Kind::executable;
    const auto size_text = take_until(text, ' ');
    const auto size = size_text ? size_from(*size_text) : std::nullopt;
    const auto hash_text = take_until(text, ' ');
    const auto hash = hash_text ? digest_from_hex(*hash_text) : std::nullopt;
    // Digits in capitals would be a second way to write the same manifest.
    if (!size || !hash || to_hex(*hash) != *hash_text) return std::nullopt;
    entry.content = {*hash, *size};
  } else if (letter == 'l') {
    entry.kind = FolderEntry::Kind::link;
  } else if (letter == 'd') {
    entry.kind = FolderEntry::Kind::folder;
  } else {
    return std::nullopt;
  }
  const auto path = take_until(text, '\0');
  if (!path) return std::nullopt;
  entry.path = *path;
  if (letter == 'l') {
    const auto link_text = take_until(text, '\0');
    if (!link_text || link_text->empty()) return std::nullopt;
    entry.link_text = *link_text;
  }
  return entry;
}

// Whether the entry's path is clean and lies in a folder that was listed.
bool is_well_placed(const std::string& path, const std::set<std::string, std::less<>>& folders) {
  if (path == "." || clean_relative_path(path) != path) return false;
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || folders.contains(std::string_view(path).substr(0, slash));
}

}  // namespace

Digest node_digest(const Digest& result, std::span<const OutputRecord> outputs) {
  Sha256 hash;
  hash.update(result);
  for (const OutputRecord& output : outputs) {
    const std::array<char, 8> length = little_endian(output.path.size());
    hash.update({length.data(), length.size()});
    hash.update(output.path);
    const std::array<char, 2> kind{static_cast<char>(output.kind),
                                   static_cast<char>(output.executable ? 1 : 0)};
    hash.update({kind.data(), kind.size()});
    hash.update(output.content.hash);
  }
  return hash.finish();
}

std::string to_manifest(std::span<const FolderEntry> entries) {
  std::string text(k_manifest_head);
  const std::string* before = nullptr;
  for (const FolderEntry& entry : entries) {
    DSCHED_ASSERT(before == nullptr || *before < entry.path, "a manifest has one order only");
    before = &entry.path;
    text += letter_of(entry.kind);
    text += ' ';
    if (is_file(entry.kind)) {
      text += std::to_string(entry.content.size) + ' ' + to_hex(entry.content.hash) + ' ';
    }
    text += entry.path;
    text += '\0';
    if (entry.kind == FolderEntry::Kind::link) {
      text += entry.link_text;
      text += '\0';
    }
  }
  return text;
}

std::optional<std::vector<FolderEntry>> folder_from_manifest(std::string_view text) {
  if (text.substr(0, k_manifest_head.size()) != k_manifest_head) return std::nullopt;
  text.remove_prefix(k_manifest_head.size());
  std::vector<FolderEntry> entries;
  std::set<std::string, std::less<>> folders;
  while (!text.empty()) {
    std::optional<FolderEntry> entry = take_entry(text);
    if (!entry || !is_well_placed(entry->path, folders)) return std::nullopt;
    if (!entries.empty() && !(entries.back().path < entry->path)) return std::nullopt;
    if (entry->kind == FolderEntry::Kind::folder) folders.insert(entry->path);
    entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace dsched::executor
