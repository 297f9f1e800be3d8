// SPDX-License-Identifier: Apache-2.0
#include "session/store_operations.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "base/time_text.h"
#include "sys/transfer.h"

namespace dsched::session {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t k_prefix_min = 4;

[[noreturn]] void fail_unknown(std::string_view name) {
  throw Error(ErrorKind::not_found,
              "result " + escape_for_terminal(name) + ": there is no such result");
}

std::optional<std::uint64_t> number_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Names in programs may hold any UTF-8, but a record that another tool stored may hold any bytes.
std::string shown(const std::string& text) {
  return as_utf8(text);
}

}  // namespace

Digest resolve_result(store::Store& store, ResultNames& names, std::string_view name) {
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
    const auto key = names.key_of(name.substr(0, slash), name.substr(slash + 1));
    if (!key) fail_unknown(name);
    return *key;
  }
  if (const auto key = digest_from_hex(name)) {
    if (!store.results().find(*key)) fail_unknown(name);
    return *key;
  }
  if (name.size() < k_prefix_min || !store::keys_with_prefix(name)) {
    throw Error(ErrorKind::invalid_request,
                "result " + escape_for_terminal(name) +
                    ": not a key, a prefix of at least 4 digits, or EXECUTION/NODE_ID");
  }
  const std::vector<Digest> keys = store.results().with_prefix(name, 2);
  if (keys.empty()) fail_unknown(name);
  if (keys.size() > 1) {
    throw Error(ErrorKind::invalid_request,
                "result " + std::string(name) + ": several keys start with it");
  }
  return keys.front();
}

store::Record put_result(store::Store& store, std::string_view key_name, int fd,
                         const store::NewResult& about) {
  const std::optional<Digest> named = digest_from_hex(key_name);
  if (!named && key_name != "-") {
    throw Error(ErrorKind::invalid_request,
                "key " + escape_for_terminal(key_name) +
                    ": must be 64 hexadecimal digits, or - for the hash of the content");
  }
  store::StagedFile staged = store.stage();
  const sys::HashedBytes hashed = sys::copy_and_hash(fd, staged.fd(), "store: put");
  const store::Content content{hashed.hash, hashed.size};
  return store::Storage(store).store_result(named.value_or(content.hash),
                                            store::HashedFile{std::move(staged), content}, about);
}

std::optional<ByteRange> byte_range_from(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto start = number_from(text.substr(0, colon));
  if (!start) return std::nullopt;
  const std::string_view size_text = text.substr(colon + 1);
  if (size_text.empty()) return ByteRange{*start, std::nullopt};
  const auto size = number_from(size_text);
  if (!size) return std::nullopt;
  return ByteRange{*start, size};
}

std::uint64_t get_result(store::Store& store, const Digest& key, const ByteRange& range, int fd) {
  const std::optional<store::Record> record = store.results().find(key);
  if (!record) fail_unknown(to_hex(key));
  const std::unique_ptr<store::BlobReader> reader = store.blobs().open(record->content.hash);
  if (!reader) throw Error(ErrorKind::damaged, "result " + to_hex(key) + ": its bytes are missing");
  const std::uint64_t start = std::min(range.start, reader->size());
  std::uint64_t left = std::min(range.size.value_or(UINT64_MAX), reader->size() - start);
  const std::string what = "result " + to_hex(key);
  if (store.identity().mode != store::Mode::read_only) {
    store.results().touch(*record, store.world().clock.wall());
  }
  if (reader->fd() >= 0) return sys::transfer(reader->fd(), start, left, fd, what);
  constexpr std::size_t k_piece = 1024 * 1024;
  std::string piece(k_piece, '\0');
  std::uint64_t written = 0;
  while (left > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
    const std::size_t got = reader->read(start + written, std::span(piece).first(want));
    if (got == 0) break;
    sys::write_all(fd, std::string_view(piece).substr(0, got), what);
    written += got;
    left -= got;
  }
  return written;
}

std::string metadata_json(const store::Record& record) {
  ordered_json json;
  json["node_id"] = shown(record.node_id);
  json["key"] = to_hex(record.key);
  json["data_type"] = name_of(record.data_type);
  json["content_hash"] = to_hex(record.content.hash);
  json["size"] = record.content.size;
  json["compression"] = name_of(record.compression);
  json["created_at"] = to_rfc3339(record.created_at);
  json["dag_id"] = shown(record.dag_id);
  const ordered_json metadata =
      ordered_json::parse(record.metadata, nullptr, /*allow_exceptions=*/false);
  json["metadata"] = metadata.is_object() ? metadata : ordered_json::object();
  return json.dump();
}

std::string verification_json(const store::Verification& verification) {
  ordered_json json;
  json["blobs"] = verification.blobs;
  json["results"] = verification.results;
  json["bytes"] = verification.bytes;
  json["leftovers"] = verification.leftovers;
  json["damage"] = ordered_json::array();
  for (const store::Damage& damage : verification.damage) {
    json["damage"].push_back({{"kind", name_of(damage.kind)}, {"what", shown(damage.what)}});
  }
  json["repaired"] = verification.repaired;
  return json.dump();
}

std::string gc_json(const store::GcResult& result) {
  ordered_json json;
  json["results_removed"] = result.results_removed;
  json["blobs_removed"] = result.blobs_removed;
  json["bytes_freed"] = result.bytes_freed;
  json["results_left"] = result.results_left;
  json["bytes_left"] = result.bytes_left;
  return json.dump();
}

std::optional<std::uint64_t> size_from_text(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !(value >= 0)) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr std::string_view k_units = "KMGTP";
  if (!unit.empty() && unit.front() != 'B') {
    const std::size_t power = k_units.find(unit.front() == 'k' ? 'K' : unit.front());
    if (power == std::string_view::npos) return std::nullopt;
    for (std::size_t i = 0; i <= power; ++i) value *= 1024;
    unit.remove_prefix(1);
    if (unit.starts_with("i")) unit.remove_prefix(1);
  }
  if (!unit.empty() && unit != "B") return std::nullopt;
  if (value >= 9.0e18) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

}  // namespace dsched::session
