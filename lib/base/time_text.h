// SPDX-License-Identifier: Apache-2.0
#pragma once
// Times and durations as text. RFC 3339 in UTC for machines, short forms for people.

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace dsched {

// "2026-11-20T22:59:01.123Z": RFC 3339, UTC, milliseconds.
[[nodiscard]] std::string to_rfc3339(WallTime time);
// Accepts any fraction and any offset; empty when the text is not RFC 3339.
[[nodiscard]] std::optional<WallTime> wall_from_rfc3339(std::string_view text);

// For people, two units at most: "0.4s", "12s", "3m05s", "2h04m", "3d07h".
[[nodiscard]] std::string short_duration(Nanoseconds duration);

// "1.5s", "200ms", "10m", "2h", "30d", or a plain number of seconds; empty when it is none of them.
[[nodiscard]] std::optional<Nanoseconds> duration_from_text(std::string_view text);

}  // namespace dsched
