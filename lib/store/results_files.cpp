// SPDX-License-Identifier: Apache-2.0
#include "store/results_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace dsched::store {
namespace {

using nlohmann::json;

constexpr std::uint32_t k_record_mode = 0600;
constexpr std::uint64_t k_record_size_max = 256 * 1024 * 1024;

json text_value(const std::string& text) {
  if (is_utf8(text)) return text;
  return {{"base64", base64(text)}};
}

std::optional<std::string> text_from(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object() || !value.contains("base64")) return std::nullopt;
  return base64_decode(value["base64"].get<std::string>());
}

std::string sum_of(const json& record) {
  const std::uint64_t sum = checksum(record.dump());
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(sum >> shift));
  return hex(bytes);
}

std::string to_text(const Record& record) {
  const json body = {{"key", to_hex(record.key)},
                     {"base_key", to_hex(record.base_key)},
                     {"packed", base64(pack(record))},
                     {"last_used_ns", record.last_used_at.time_since_epoch().count()},
                     {"key_text", text_value(record.key_text)},
                     {"metadata", text_value(record.metadata)},
                     {"node_id", text_value(record.node_id)},
                     {"dag_id", text_value(record.dag_id)},
                     {"content_hash", to_hex(record.content.hash)},
                     {"size", record.content.size}};
  return json{{"sum", sum_of(body)}, {"record", body}}.dump(1) + "\n";
}

std::optional<Record> record_from(const json& whole) {
  const json& body = whole.at("record");
  if (whole.at("sum") != sum_of(body)) return std::nullopt;
  const auto key = digest_from_hex(body.at("key").get<std::string>());
  const auto base_key = digest_from_hex(body.at("base_key").get<std::string>());
  const auto packed = base64_decode(body.at("packed").get<std::string>());
  const auto key_text = text_from(body.at("key_text"));
  const auto metadata = text_from(body.at("metadata"));
  if (!key || !base_key || !packed || !key_text || !metadata) return std::nullopt;
  std::optional<Record> record = unpack(*key, *base_key, *packed);
  if (!record) return std::nullopt;
  record->last_used_at = WallTime{Nanoseconds{body.at("last_used_ns").get<std::int64_t>()}};
  record->key_text = *key_text;
  record->metadata = *metadata;
  return record;
}

std::optional<Record> from_text(const std::string& text) {
  const json whole = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!whole.is_object()) return std::nullopt;
  try {
    return record_from(whole);
  } catch (const json::exception&) {
    return std::nullopt;  // a member is missing or of another type
  }
}

// A record without what only details() gives.
Record narrow(Record record) {
  record.key_text.clear();
  record.metadata.clear();
  return record;
}

}  // namespace

std::string FileResults::path_for(const Digest& key) const {
  const std::string name = to_hex(key);
  return folder_ + "/" + name.substr(0, 2) + "/" + name + ".json";
}

std::optional<Record> FileResults::read(const Digest& key) {
  if (loaded_) {
    const auto found = records_.find(key);
    return found == records_.end() ? std::nullopt : std::optional(found->second);
  }
  const std::string path = path_for(key);
  const sys::Fd fd = files_.open(path);
  if (!fd) return std::nullopt;
  const std::uint64_t size = sys::info_of(fd.get()).size;
  std::optional<Record> record;
  if (size <= k_record_size_max) {
    std::string text(size, '\0');
    text.resize(sys::read_at(fd.get(), 0, text));
    record = from_text(text);
  }
  if (record && record->key == key) return record;
  ++damaged_;
  return std::nullopt;
}

std::vector<Digest> FileResults::all_keys() {
  std::vector<Digest> keys;
  for (const std::string& shelf : files_.list(folder_)) {
    const auto info = files_.info(folder_ + "/" + shelf);
    if (!info || info->kind != sys::FileInfo::Kind::folder) continue;  // not ours
    for (const std::string& name : files_.list(folder_ + "/" + shelf)) {
      constexpr std::string_view k_suffix = ".json";
      if (name.size() <= k_suffix.size()) continue;
      const auto key = digest_from_hex(name.substr(0, name.size() - k_suffix.size()));
      if (key && path_for(*key) == folder_ + "/" + shelf + "/" + name) keys.push_back(*key);
    }
  }
  return keys;
}

void FileResults::load_all() {
  loaded_ = false;
  records_.clear();
  std::unordered_map<Digest, Record> all;
  for (const Digest& key : all_keys()) {
    if (std::optional<Record> record = read(key)) all.emplace(key, std::move(*record));
  }
  records_ = std::move(all);
  loaded_ = true;
}

std::vector<std::string> FileResults::damaged_records(Sweep sweep) {
  const bool was_loaded = std::exchange(loaded_, false);
  std::vector<std::string> paths;
  for (const Digest& key : all_keys()) {
    if (!read(key)) paths.push_back(path_for(key));
  }
  loaded_ = was_loaded;
  if (sweep == Sweep::drop) {
    for (const std::string& path : paths) files_.remove(path);
  }
  return paths;
}

void FileResults::put(const Record& record) {
  const std::string path = path_for(record.key);
  sys::Staged staged = files_.stage(staging_);
  files_.write(staged, 0, to_text(record));
  files_.publish(staged, path, k_record_mode, sys::Existing::replaced);
  unsynced_.push_back(path);
  if (loaded_) records_.insert_or_assign(record.key, record);
}

bool FileResults::remove(const Digest& key) {
  records_.erase(key);
  return files_.remove(path_for(key));
}

std::optional<Record> FileResults::find(const Digest& key) {
  std::optional<Record> record = read(key);
  if (record) record = narrow(std::move(*record));
  return record;
}

std::vector<Record> FileResults::find_candidates(const Digest& base_key) {
  if (!loaded_) load_all();
  std::vector<Record> candidates;
  for (const auto& [key, record] : records_) {
    if (record.base_key == base_key) candidates.push_back(narrow(record));
  }
  std::sort(candidates.begin(), candidates.end(), [](const Record& a, const Record& b) {
    return a.created_at != b.created_at ? a.created_at > b.created_at : a.key < b.key;
  });
  return candidates;
}

std::optional<Record> FileResults::details(const Digest& key) {
  std::optional<Record> record = read(key);
  if (!record) return std::nullopt;
  if (const auto info = blobs_.info(record->content.hash)) record->compression = info->codec;
  return record;
}

std::optional<Record> FileResults::latest(std::string_view dag_id, std::string_view node_id) {
  if (!loaded_) load_all();
  const Record* newest = nullptr;
  for (const auto& [key, record] : records_) {
    if (record.dag_id != dag_id || record.node_id != node_id) continue;
    const auto order = [](const Record& r) { return std::pair(r.created_at, r.key); };
    if (newest == nullptr || order(record) > order(*newest)) newest = &record;
  }
  return newest == nullptr ? std::nullopt : std::optional(*newest);
}

void FileResults::each(const std::function<void(const Record&)>& visit) {
  if (!loaded_) load_all();
  std::vector<const Record*> sorted;
  sorted.reserve(records_.size());
  for (const auto& [key, record] : records_) sorted.push_back(&record);
  std::sort(sorted.begin(), sorted.end(),
            [](const Record* a, const Record* b) { return a->key < b->key; });
  for (const Record* record : sorted) visit(narrow(*record));
}

std::vector<Digest> FileResults::with_prefix(std::string_view hex_digits, std::size_t limit) {
  const std::optional<KeyRange> range = keys_with_prefix(hex_digits);
  std::vector<Digest> keys;
  if (!range) return keys;
  for (const Digest& key : all_keys()) {
    if (key < range->first || range->last < key) continue;
    keys.push_back(key);
    if (keys.size() == limit) break;
  }
  return keys;
}

bool FileResults::update_metadata(const Digest& key, std::string_view json_text) {
  std::optional<Record> record = read(key);
  if (!record) return false;
  record->metadata = json_text;
  put(*record);
  return true;
}

void FileResults::touch(const Record& record, WallTime now) {
  if (now - record.last_used_at < k_touch_interval) return;
  std::optional<Record> whole = read(record.key);
  if (!whole) return;
  whole->last_used_at = now;
  put(*whole);
}

}  // namespace dsched::store
