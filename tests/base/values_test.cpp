// SPDX-License-Identifier: Apache-2.0
// Digests, UUIDs, times and memory for texts.
#include <doctest/doctest.h>

#include "base/digest.h"
#include "base/text_arena.h"
#include "base/time_text.h"
#include "base/uuid.h"

namespace dsched {
namespace {

using namespace std::chrono_literals;

TEST_CASE("base: SHA-256 gives the digests of FIPS 180-4") {
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("base: SHA-256 of pieces is that of the whole") {
  const std::string text(1000, 'x');
  for (std::size_t cut = 0; cut <= text.size(); cut += 37) {
    Sha256 hash;
    hash.update(std::string_view(text).substr(0, cut));
    hash.update(std::string_view(text).substr(cut));
    CHECK(hash.finish() == sha256(text));
  }
}

TEST_CASE("base: HMAC-SHA-256 gives the tag of RFC 4231") {
  CHECK(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("base: a digest is read from 64 hexadecimal digits and nothing else") {
  const Digest digest = sha256("x");
  CHECK(digest_from_hex(to_hex(digest)) == digest);
  CHECK_FALSE(digest_from_hex(""));
  CHECK_FALSE(digest_from_hex(to_hex(digest).substr(1)));
  CHECK_FALSE(digest_from_hex(to_hex(digest) + "0"));
  CHECK_FALSE(digest_from_hex(std::string(64, 'g')));
}

TEST_CASE("base: a UUID of version 7 holds its time, version and variant") {
  const std::array<std::uint8_t, 10> random = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                               0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  const Uuid uuid = make_uuid_v7(WallTime{} + 0x017F22E279B0ms, random);
  CHECK(to_text(uuid) == "017f22e2-79b0-7fff-bfff-ffffffffffff");
  CHECK(uuid_from_text(to_text(uuid)) == uuid);
}

TEST_CASE("base: UUIDs sort by the time of their making") {
  const std::array<std::uint8_t, 10> high = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                             0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  const std::array<std::uint8_t, 10> low = {};
  CHECK(make_uuid_v7(WallTime{} + 1000ms, high) < make_uuid_v7(WallTime{} + 1001ms, low));
}

TEST_CASE("base: other texts are no UUIDs") {
  for (const std::string_view bad : {"", "017f22e2", "017f22e2-79b0-7fff-bfff-fffffffffffg",
                                     "017f22e279b0-7fff-bfff-ffffffffffff-"})
    CHECK_FALSE(uuid_from_text(bad));
}

TEST_CASE("base: RFC 3339 gives back the time it was given, to the millisecond") {
  const WallTime time = WallTime{} + 1'795'215'541'123ms;
  CHECK(to_rfc3339(WallTime{}) == "1970-01-01T00:00:00.000Z");
  CHECK(wall_from_rfc3339(to_rfc3339(time)) == time);
}

TEST_CASE("base: RFC 3339 is read with any fraction and offset") {
  CHECK(wall_from_rfc3339("1970-01-01T01:00:00.5+01:00") == WallTime{} + 500ms);
  CHECK(wall_from_rfc3339("1969-12-31T23:00:00-01:00") == WallTime{});
  for (const std::string_view bad :
       {"", "1970-01-01", "1970-13-01T00:00:00Z", "1970-01-01T25:00:00Z", "1970-01-01T00:00:00",
        "1970-01-01T00:00:00Zx"})
    CHECK_FALSE(wall_from_rfc3339(bad));
}

TEST_CASE("base: a duration is shown in at most two units") {
  CHECK(short_duration(400ms) == "0.4s");
  CHECK(short_duration(12s) == "12s");
  CHECK(short_duration(185s) == "3m05s");
  CHECK(short_duration(2h + 4min) == "2h04m");
  CHECK(short_duration(79h) == "3d07h");
}

TEST_CASE("base: a duration is read with its unit, or in seconds without one") {
  CHECK(duration_from_text("1.5s") == 1500ms);
  CHECK(duration_from_text("200ms") == 200ms);
  CHECK(duration_from_text("10m") == 10min);
  CHECK(duration_from_text("2h") == 2h);
  CHECK(duration_from_text("30d") == 720h);
  CHECK(duration_from_text("7") == 7s);
  for (const std::string_view bad : {"", "s", "x", "1y", "-1s", "1 s", "nan"})
    CHECK_FALSE(duration_from_text(bad));
}

TEST_CASE("base: texts in an arena stay where they are") {
  TextArena arena;
  std::vector<std::string_view> kept;
  for (std::size_t i = 0; i < 3000; ++i)
    kept.push_back(arena.keep(std::string(i * 53 % 1000, 'x')));
  const std::string_view large = arena.keep(std::string(1 << 20, 'y'));
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(kept[i] == std::string(i * 53 % 1000, 'x'));
  CHECK(large == std::string(1 << 20, 'y'));
  CHECK(arena.keep("").empty());
}

}  // namespace
}  // namespace dsched
