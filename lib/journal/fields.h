// SPDX-License-Identifier: Apache-2.0
#pragma once
// The alphabet of what the journal packs: numbers of varying length, texts, times, digests.
//
//   varint = LEB128        text = size:varint bytes        time = microseconds:varint
//   closed = bytes sum:u64 little-endian, store::checksum over the bytes
//
// A reader that meets the end too early gives zeros and its `ok` turns false for good.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/ids.h"

namespace dsched::journal {

void put_varint(std::string& out, std::uint64_t value);
void put_text(std::string& out, std::string_view text);
void put_time(std::string& out, Nanoseconds time);  // what is negative counts as 0
void put_wall_time(std::string& out, WallTime time);
void put_digest(std::string& out, const Digest& digest);

// Adds the sum over everything that `out` holds.
void close_bytes(std::string& out);
// Without the sum; empty when it is missing or wrong.
[[nodiscard]] std::optional<std::string_view> open_bytes(std::string_view closed);

struct FieldReader {
  std::string_view left;
  bool ok = true;

  std::uint8_t byte();
  std::uint64_t varint() {
    // Most numbers are small, and statistics read millions.
    if (left.empty() || static_cast<unsigned char>(left.front()) >= 0x80) return long_varint();
    const auto value = static_cast<std::uint64_t>(left.front());
    left.remove_prefix(1);
    return value;
  }
  std::uint32_t varint32();  // not ok beyond 32 bits
  Nanoseconds time();
  WallTime wall_time();
  std::string text();
  Digest digest();
  [[nodiscard]] bool at_end() const { return ok && left.empty(); }

 private:
  std::uint64_t long_varint();
};

}  // namespace dsched::journal
