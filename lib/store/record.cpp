// SPDX-License-Identifier: Apache-2.0
#include "store/record.h"

#include <array>
#include <bit>

#include "base/bytes.h"
#include "base/error.h"

namespace dsched::store {
namespace {

constexpr std::uint8_t k_packed_version = 1;
constexpr std::size_t k_sum_size = 8;
constexpr std::array<std::string_view, 5> k_data_types = {"primitive", "binary", "nested",
                                                          "dataset", "large_object"};

void write_content(ByteWriter& writer, const Content& content) {
  writer.digest(content.hash);
  writer.u64(content.size);
}

Content read_content(ByteReader& reader) {
  Content content;
  content.hash = reader.digest();
  content.size = reader.u64();
  return content;
}

void write_output(ByteWriter& writer, const OutputEntry& output) {
  writer.u8(output.kind);
  writer.u8(output.executable ? 1 : 0);
  write_content(writer, output.content);
  writer.text(output.path);
  writer.u32(static_cast<std::uint32_t>(output.members.size()));
  for (const Content& member : output.members) write_content(writer, member);
}

OutputEntry read_output(ByteReader& reader) {
  OutputEntry output;
  output.kind = reader.u8();
  output.executable = reader.u8() != 0;
  output.content = read_content(reader);
  output.path = reader.text();
  const std::uint32_t members = reader.u32();
  for (std::uint32_t i = 0; i < members && reader.ok(); ++i) {
    output.members.push_back(read_content(reader));
  }
  return output;
}

std::uint64_t sum_of(const Digest& key, const Digest& base_key, std::string_view body) {
  const std::array<Digest, 2> both{key, base_key};
  return checksum(body, checksum({reinterpret_cast<const char*>(both.data()), sizeof both}));
}

}  // namespace

std::string_view name_of(Codec codec) {
  return codec == Codec::zstd ? "zstd" : "none";
}

std::string_view name_of(DataType type) {
  return k_data_types[static_cast<std::size_t>(type)];
}

std::optional<DataType> data_type_from(std::string_view name) {
  for (std::size_t i = 0; i < k_data_types.size(); ++i) {
    if (k_data_types[i] == name) return static_cast<DataType>(i);
  }
  return std::nullopt;
}

DataType data_type_of_bytes(std::uint64_t size) {
  return size >= 1024 * 1024 ? DataType::large_object : DataType::binary;
}

Digest key_with_inputs(const Digest& base_key, const std::vector<InputEntry>& depfile_inputs) {
  if (depfile_inputs.empty()) return base_key;
  std::string text;
  ByteWriter writer(text);
  writer.text("dsched depfile inputs 1");
  writer.digest(base_key);
  for (const InputEntry& input : depfile_inputs) {
    writer.text(input.path);
    writer.digest(input.hash);
  }
  return sha256(text);
}

std::string pack(const Record& record) {
  std::string packed;
  packed.reserve(96 + record.node_id.size() + record.dag_id.size());
  ByteWriter writer(packed);
  writer.u8(k_packed_version);
  writer.u8(static_cast<std::uint8_t>(record.data_type));
  writer.i64(record.created_at.time_since_epoch().count());
  writer.i64(record.duration.count());
  write_content(writer, record.content);
  writer.digest(record.digest);
  writer.text(record.node_id);
  writer.text(record.dag_id);
  writer.u32(static_cast<std::uint32_t>(record.outputs.size()));
  for (const OutputEntry& output : record.outputs) write_output(writer, output);
  writer.u32(static_cast<std::uint32_t>(record.depfile_inputs.size()));
  for (const InputEntry& input : record.depfile_inputs) {
    writer.digest(input.hash);
    writer.text(input.path);
  }
  writer.u64(sum_of(record.key, record.base_key, packed));
  return packed;
}

std::optional<Record> unpack(const Digest& key, const Digest& base_key, std::string_view packed) {
  if (packed.size() < k_sum_size) return std::nullopt;
  const std::string_view body = packed.substr(0, packed.size() - k_sum_size);
  if (ByteReader(packed.substr(body.size())).u64() != sum_of(key, base_key, body)) {
    return std::nullopt;
  }
  ByteReader reader(body);
  Record record;
  record.key = key;
  record.base_key = base_key;
  if (reader.u8() != k_packed_version) return std::nullopt;
  const std::uint8_t data_type = reader.u8();
  if (data_type >= k_data_types.size()) return std::nullopt;
  record.data_type = static_cast<DataType>(data_type);
  record.created_at = WallTime{Nanoseconds{reader.i64()}};
  record.duration = Nanoseconds{reader.i64()};
  record.content = read_content(reader);
  record.digest = reader.digest();
  record.node_id = reader.text();
  record.dag_id = reader.text();
  const std::uint32_t outputs = reader.u32();
  for (std::uint32_t i = 0; i < outputs && reader.ok(); ++i) {
    record.outputs.push_back(read_output(reader));
  }
  const std::uint32_t inputs = reader.u32();
  for (std::uint32_t i = 0; i < inputs && reader.ok(); ++i) {
    InputEntry input;
    input.hash = reader.digest();
    input.path = reader.text();
    record.depfile_inputs.push_back(std::move(input));
  }
  if (!reader.at_end()) return std::nullopt;
  return record;
}

std::optional<KeyRange> keys_with_prefix(std::string_view hex_digits) {
  constexpr std::size_t k_digits = 64;
  if (hex_digits.size() > k_digits) return std::nullopt;
  std::string first(hex_digits);
  std::string last(hex_digits);
  first.resize(k_digits, '0');
  last.resize(k_digits, 'f');
  const std::optional<Digest> low = digest_from_hex(first);
  const std::optional<Digest> high = digest_from_hex(last);
  if (!low || !high) return std::nullopt;
  return KeyRange{*low, *high};
}

std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) {
  // Each round is a bijection of the state for a given word and of the word for a given state, so
  // two inputs that differ in one word end in different states.
  constexpr std::uint64_t k_odd = 0x9E3779B97F4A7C15ULL;  // 2^64 divided by the golden ratio
  std::uint64_t state = seed ^ (bytes.size() * k_odd);
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = bytes.size() < sizeof word ? bytes.size() : sizeof word;
    std::memcpy(&word, bytes.data(), size);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    state = (state ^ word) * k_odd;
    state ^= state >> 29;
    bytes.remove_prefix(size);
  }
  state *= k_odd;
  return state ^ (state >> 32);
}

}  // namespace dsched::store
