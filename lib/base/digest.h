// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-256 digests: their value, their text and how they are made.
//
// OpenSSL's libcrypto does the work (SHA instructions where the CPU has them). Its low-level entry
// points are used because fetching an algorithm costs more than hashing a small result, and because
// they need no configuration to be loaded (0.7 to 1.6 ms at start).

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dsched {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};
  auto operator<=>(const Digest&) const = default;
};

// 64 lower-case hexadecimal digits.
[[nodiscard]] std::string to_hex(const Digest& digest);
void append_hex(std::string& out, const Digest& digest);
// Empty unless `text` is exactly 64 hexadecimal digits.
[[nodiscard]] std::optional<Digest> digest_from_hex(std::string_view text);

// Takes the same time wherever the two differ: for what is made of secrets.
[[nodiscard]] bool equal_in_constant_time(const Digest& a, const Digest& b);

[[nodiscard]] Digest sha256(std::string_view data);

// HMAC-SHA-256, for values that may be compared but not guessed (secret_environment).
[[nodiscard]] Digest hmac_sha256(std::string_view key, std::string_view data);

// SHA-256 over pieces.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view data);
  void update(const Digest& digest) {
    update({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
  }
  // The digest of all pieces; the object must not be used afterwards.
  [[nodiscard]] Digest finish();

 private:
  alignas(8) std::array<std::byte, 112> state_;  // an SHA256_CTX; its size is checked in digest.cpp
};

}  // namespace dsched

template <>
struct std::hash<dsched::Digest> {
  std::size_t operator()(const dsched::Digest& digest) const noexcept {
    std::size_t value;  // the bytes are already uniformly distributed
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};
