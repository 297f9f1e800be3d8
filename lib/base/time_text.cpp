// SPDX-License-Identifier: Apache-2.0
#include "base/time_text.h"

#include <charconv>
#include <cstdio>

namespace dsched {
namespace {

using namespace std::chrono;

// A run of exactly `width` digits at the front of `text`, taken off; empty otherwise.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

Nanoseconds take_fraction(std::string_view& text) {
  std::int64_t value = 0;
  std::int64_t unit = 100'000'000;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    value += (text[0] - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return Nanoseconds{value};
}

}  // namespace

std::string to_rfc3339(WallTime time) {
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<milliseconds>(time - day)};
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()),
                int(clock.subseconds().count()));
  return buffer;
}

std::optional<WallTime> wall_from_rfc3339(std::string_view text) {
  const auto year_ = take_digits(text, 4);
  if (!year_ || !take(text, '-')) return std::nullopt;
  const auto month_ = take_digits(text, 2);
  if (!month_ || !take(text, '-')) return std::nullopt;
  const auto day_ = take_digits(text, 2);
  if (!day_ || (!take(text, 'T') && !take(text, 't') && !take(text, ' '))) return std::nullopt;
  const auto hour_ = take_digits(text, 2);
  if (!hour_ || !take(text, ':')) return std::nullopt;
  const auto minute_ = take_digits(text, 2);
  if (!minute_ || !take(text, ':')) return std::nullopt;
  const auto second_ = take_digits(text, 2);
  if (!second_) return std::nullopt;
  const Nanoseconds fraction = take(text, '.') ? take_fraction(text) : Nanoseconds{0};
  minutes offset{0};
  if (!take(text, 'Z') && !take(text, 'z')) {
    const bool west = text.starts_with('-');
    if (!take(text, '+') && !take(text, '-')) return std::nullopt;
    const auto offset_hours = take_digits(text, 2);
    if (!offset_hours || !take(text, ':')) return std::nullopt;
    const auto offset_minutes = take_digits(text, 2);
    if (!offset_minutes) return std::nullopt;
    offset = hours{*offset_hours} + minutes{*offset_minutes};
    if (west) offset = -offset;
  }
  const year_month_day date{year{*year_}, month(static_cast<unsigned>(*month_)),
                            day(static_cast<unsigned>(*day_))};
  if (!text.empty() || !date.ok() || *hour_ > 23 || *minute_ > 59 || *second_ > 60) {
    return std::nullopt;
  }
  return WallTime{sys_days{date}} + hours{*hour_} + minutes{*minute_} + seconds{*second_} +
         fraction - offset;
}

std::string short_duration(Nanoseconds duration) {
  char buffer[48];
  const std::int64_t total = duration_cast<seconds>(duration).count();
  const auto pair = [&](std::int64_t big, char big_unit, std::int64_t small, char small_unit) {
    std::snprintf(buffer, sizeof buffer, "%lld%c%02lld%c", static_cast<long long>(big), big_unit,
                  static_cast<long long>(small), small_unit);
  };
  if (total < 10) {
    std::snprintf(buffer, sizeof buffer, "%.1fs", double(duration.count()) / 1e9);
  } else if (total < 60) {
    std::snprintf(buffer, sizeof buffer, "%llds", static_cast<long long>(total));
  } else if (total < 3600) {
    pair(total / 60, 'm', total % 60, 's');
  } else if (total < 86400) {
    pair(total / 3600, 'h', total / 60 % 60, 'm');
  } else {
    pair(total / 86400, 'd', total / 3600 % 24, 'h');
  }
  return buffer;
}

std::optional<Nanoseconds> duration_from_text(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !(value >= 0)) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  double scale = 0;
  if (unit.empty() || unit == "s") scale = 1;
  if (unit == "us") scale = 1e-6;
  if (unit == "ms") scale = 1e-3;
  if (unit == "m" || unit == "min") scale = 60;
  if (unit == "h") scale = 3600;
  if (unit == "d") scale = 86400;
  constexpr double k_longest_s = 1e9;  // thirty years; keeps the product within 64 bits
  if (scale == 0 || value * scale > k_longest_s) return std::nullopt;
  return Nanoseconds{static_cast<std::int64_t>(value * scale * 1e9)};
}

}  // namespace dsched
