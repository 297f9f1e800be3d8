// SPDX-License-Identifier: Apache-2.0
#include "journal/fields.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "store/record.h"

namespace dsched::journal {
namespace {

constexpr std::size_t k_sum = 8;

}  // namespace

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out += text;
}

void put_time(std::string& out, Nanoseconds time) {
  const std::int64_t micros = time.count() / 1000;
  put_varint(out, micros < 0 ? 0 : static_cast<std::uint64_t>(micros));
}

void put_wall_time(std::string& out, WallTime time) {
  put_time(out, time.time_since_epoch());
}

void put_digest(std::string& out, const Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
}

void close_bytes(std::string& out) {
  const std::uint64_t sum = store::checksum(out);
  for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(sum >> shift);
}

std::optional<std::string_view> open_bytes(std::string_view closed) {
  if (closed.size() < k_sum) return std::nullopt;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < k_sum; ++i) {
    const auto byte = static_cast<std::uint8_t>(closed[closed.size() - k_sum + i]);
    sum |= static_cast<std::uint64_t>(byte) << (8 * i);
  }
  closed.remove_suffix(k_sum);
  if (store::checksum(closed) != sum) return std::nullopt;
  return closed;
}

std::uint8_t FieldReader::byte() {
  if (left.empty()) return ok = false, std::uint8_t{0};
  const auto value = static_cast<std::uint8_t>(left[0]);
  left.remove_prefix(1);
  return value;
}

std::uint64_t FieldReader::long_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t part = byte();
    value |= static_cast<std::uint64_t>(part & 0x7F) << shift;
    if ((part & 0x80) == 0) return value;
  }
  return ok = false, std::uint64_t{0};
}

std::uint32_t FieldReader::varint32() {
  const std::uint64_t value = varint();
  if (value > std::numeric_limits<std::uint32_t>::max()) return ok = false, 0U;
  return static_cast<std::uint32_t>(value);
}

// Longer times than Nanoseconds can hold, 292 years, are cut to that.
Nanoseconds FieldReader::time() {
  constexpr auto k_max =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 1000);
  return std::chrono::microseconds{static_cast<std::int64_t>(std::min(varint(), k_max))};
}

WallTime FieldReader::wall_time() {
  return WallTime{time()};
}

std::string FieldReader::text() {
  const std::uint64_t size = varint();
  if (size > left.size()) return ok = false, std::string{};
  std::string value(left.substr(0, size));
  left.remove_prefix(size);
  return value;
}

Digest FieldReader::digest() {
  Digest value;
  if (left.size() < value.bytes.size()) return ok = false, value;
  std::memcpy(value.bytes.data(), left.data(), value.bytes.size());
  left.remove_prefix(value.bytes.size());
  return value;
}

}  // namespace dsched::journal
