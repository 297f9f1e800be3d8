// SPDX-License-Identifier: Apache-2.0
#include "store/storage.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace dsched::store {
namespace {

void check_is_object(std::string_view text) {
  if (nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false).is_object()) return;
  throw Error(ErrorKind::invalid_request, "metadata: must be a JSON object");
}

}  // namespace

Record Storage::store_result(const Digest& key, ResultBytes bytes, const NewResult& about) {
  if (!about.metadata.empty()) check_is_object(about.metadata);
  Record record;
  if (auto* const hashed = std::get_if<HashedFile>(&bytes)) {
    record.content = hashed->content;
    store_.blobs().keep(std::move(hashed->file), hashed->content);
  }
  sys::Transaction transaction(store_.database());
  if (const auto* const text = std::get_if<std::string_view>(&bytes)) {
    record.content = store_.blobs().put(*text);
  }
  record.key = key;
  record.base_key = key;
  record.node_id = about.node_id;
  record.dag_id = about.dag_id;
  record.digest = record.content.hash;
  record.data_type = about.data_type.value_or(data_type_of_bytes(record.content.size));
  record.created_at = store_.world().clock.wall();
  record.last_used_at = record.created_at;
  record.metadata = about.metadata;
  store_.results().put(record);
  transaction.commit();
  return record;
}

std::optional<std::string> Storage::retrieve_result(const Digest& key) {
  const std::optional<Record> record = store_.results().find(key);
  if (!record) return std::nullopt;
  std::optional<std::string> bytes = read_blob(store_.blobs(), record->content.hash);
  if (!bytes) {
    throw Error(ErrorKind::damaged, "result " + to_hex(key) + ": its bytes are missing");
  }
  return bytes;
}

bool Storage::stream_result(const Digest& key, const std::function<bool(std::string_view)>& take,
                            std::size_t chunk_size) {
  if (chunk_size == 0) {
    throw Error(ErrorKind::invalid_request, "chunk size: must be greater than 0");
  }
  const std::optional<Record> record = store_.results().find(key);
  if (!record) return false;
  const std::unique_ptr<BlobReader> reader = store_.blobs().open(record->content.hash);
  if (!reader) {
    throw Error(ErrorKind::damaged, "result " + to_hex(key) + ": its bytes are missing");
  }
  std::string piece(chunk_size, '\0');
  std::uint64_t offset = 0;
  while (const std::size_t got = reader->read(offset, piece)) {
    if (!take(std::string_view(piece).substr(0, got))) break;
    offset += got;
  }
  return true;
}

bool Storage::exists(const Digest& key) {
  return store_.results().find(key).has_value();
}

bool Storage::delete_result(const Digest& key) {
  return store_.results().remove(key);
}

std::vector<Record> Storage::list_results(const std::optional<std::string>& dag_id) {
  std::vector<Record> records;
  store_.results().each([&](const Record& record) {
    if (!dag_id || record.dag_id == *dag_id) records.push_back(record);
  });
  return records;
}

std::optional<Record> Storage::get_metadata(const Digest& key) {
  return store_.results().details(key);
}

bool Storage::update_metadata(const Digest& key, std::string_view json) {
  check_is_object(json);
  return store_.results().update_metadata(key, json);
}

}  // namespace dsched::store
