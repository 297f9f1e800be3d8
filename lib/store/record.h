// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the store knows about a result, beside its bytes, and how that is written down.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "store/blobs.h"
#include "store/content.h"

namespace dsched::store {

// stored: never renumber
enum class DataType : std::uint8_t {
  primitive = 0,
  binary = 1,
  nested = 2,
  dataset = 3,
  large_object = 4,
};
[[nodiscard]] std::string_view name_of(DataType type);
[[nodiscard]] std::optional<DataType> data_type_from(std::string_view name);
// Bytes of a command: large_object from 1 MiB on, else binary.
[[nodiscard]] DataType data_type_of_bytes(std::uint64_t size);

struct OutputEntry {
  std::string path;
  std::uint8_t kind = 0;  // executor::FileKind
  bool executable = false;
  Content content;               // of a link: its target text; of a folder: its manifest
  std::vector<Content> members;  // of a folder: contents of its files
  bool operator==(const OutputEntry&) const = default;
};

// An input found by a depfile.
struct InputEntry {
  std::string path;
  Digest hash;  // zero: it did not exist
  bool operator==(const InputEntry&) const = default;
};

struct Record {
  Digest key;
  Digest base_key;  // the key without what a depfile found; equals `key` when nothing was
  std::string node_id;
  std::string dag_id;
  Content content;  // of stdout (or the built-in's value)
  Digest digest;    // over content and outputs: what consumers depend on
  DataType data_type = DataType::binary;
  Codec compression = Codec::none;  // of the content's blob; only in details()
  WallTime created_at;
  WallTime last_used_at;
  Nanoseconds duration{0};
  std::vector<OutputEntry> outputs;
  std::vector<InputEntry> depfile_inputs;
  std::string key_text;  // the canonical JSON that was hashed; only in details()
  std::string metadata;  // JSON object text; empty: none; only in details()
};

// The key of a result whose depfile named these inputs, in this order.
[[nodiscard]] Digest key_with_inputs(const Digest& base_key,
                                     const std::vector<InputEntry>& depfile_inputs);

// The record's stable part (everything but key, base_key, last_used_at, compression, key_text and
// metadata) as bytes, for a column that is scanned in bulk.
//
//   packed  = version:u8 (1) data_type:u8 created_ns:i64 duration_ns:i64 content digest:32
//             node_id:text dag_id:text outputs:u32 output* inputs:u32 input* sum:u64
//   content = hash:32 size:u64
//   output  = kind:u8 executable:u8 content path:text members:u32 content*
//   input   = hash:32 path:text
//   text    = size:u32 bytes
//
// Numbers are little-endian. `sum` is checksum() over key, base_key and all that precedes it.
[[nodiscard]] std::string pack(const Record& record);
// Empty when the bytes are not what pack() made for this key and base key.
[[nodiscard]] std::optional<Record> unpack(const Digest& key, const Digest& base_key,
                                           std::string_view packed);

// The first and the last key that start with these hexadecimal digits (at most 64); empty when
// the text is something else.
struct KeyRange {
  Digest first;
  Digest last;
};
[[nodiscard]] std::optional<KeyRange> keys_with_prefix(std::string_view hex_digits);

// 64 bits that differ whenever a single aligned 8-byte word differs, and otherwise with all but
// certainty; not a defence against intent. stored: the function must never change.
[[nodiscard]] std::uint64_t checksum(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace dsched::store
