// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED  // see digest.h: the low-level entry points are meant
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/text.h"

namespace dsched {
namespace {

SHA256_CTX* context(std::array<std::byte, 112>& state) {
  static_assert(sizeof(SHA256_CTX) == 112 && alignof(SHA256_CTX) <= 8);
  return reinterpret_cast<SHA256_CTX*>(state.data());
}

}  // namespace

std::string to_hex(const Digest& digest) {
  return hex({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
}

void append_hex(std::string& out, const Digest& digest) {
  constexpr char k_digits[] = "0123456789abcdef";
  std::array<char, 64> digits;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    digits[2 * i] = k_digits[digest.bytes[i] >> 4];
    digits[2 * i + 1] = k_digits[digest.bytes[i] & 15];
  }
  out.append(digits.data(), digits.size());
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != 2 * digest.bytes.size()) return std::nullopt;
  const auto value = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    const int high = value(text[2 * i]);
    const int low = value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

Sha256::Sha256() {
  SHA256_Init(context(state_));
}

void Sha256::update(std::string_view data) {
  SHA256_Update(context(state_), data.data(), data.size());
}

Digest Sha256::finish() {
  Digest digest;
  SHA256_Final(digest.bytes.data(), context(state_));
  return digest;
}

Digest sha256(std::string_view data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

Digest hmac_sha256(std::string_view key, std::string_view data) {
  constexpr std::size_t k_block = 64;  // RFC 2104, block size of SHA-256
  std::string block(key.size() > k_block ? std::string_view{} : key);
  if (key.size() > k_block) {
    const Digest shortened = sha256(key);
    block.assign(reinterpret_cast<const char*>(shortened.bytes.data()), shortened.bytes.size());
  }
  block.resize(k_block, '\0');
  std::string inner = block;
  std::string outer = block;
  for (std::size_t i = 0; i < k_block; ++i) {
    inner[i] = static_cast<char>(inner[i] ^ 0x36);
    outer[i] = static_cast<char>(outer[i] ^ 0x5c);
  }
  Sha256 first;
  first.update(inner);
  first.update(data);
  Sha256 second;
  second.update(outer);
  second.update(first.finish());
  return second.finish();
}

}  // namespace dsched
