// SPDX-License-Identifier: Apache-2.0
#pragma once
// UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, then random bits. Sorts by time of
// making.
//
// The time and the random bytes come from the caller.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace dsched {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};

[[nodiscard]] Uuid make_uuid_v7(WallTime now, std::span<const std::uint8_t, 10> random);

// 8-4-4-4-12 lower-case hexadecimal digits.
[[nodiscard]] std::string to_text(const Uuid& uuid);
[[nodiscard]] std::optional<Uuid> uuid_from_text(std::string_view text);

}  // namespace dsched
