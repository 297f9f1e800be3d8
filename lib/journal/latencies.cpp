// SPDX-License-Identifier: Apache-2.0
#include "journal/latencies.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace dsched::journal {
namespace {

constexpr unsigned k_bits = 7;  // 128 classes to a factor of two
constexpr std::uint64_t k_per_octave = 1U << k_bits;
// Of the longest time that Nanoseconds can hold, in microseconds.
constexpr std::uint64_t k_longest_us = INT64_MAX / 1000;

std::size_t class_of(std::uint64_t micros) {
  if (micros < k_per_octave) return micros;
  const auto octave = static_cast<unsigned>(std::bit_width(micros)) - 1 - k_bits;
  return octave * k_per_octave + (micros >> octave);
}

// The middle of a class.
std::uint64_t micros_of(std::size_t number) {
  if (number < k_per_octave) return number;
  const auto octave = static_cast<unsigned>(number / k_per_octave) - 1;
  const std::uint64_t begin = (k_per_octave + number % k_per_octave) << octave;
  return begin + ((std::uint64_t{1} << octave) - 1) / 2;
}

const std::size_t k_classes_max = class_of(k_longest_us) + 1;

// Ascending times, each as the difference to the one before.
template <class Take>
void read_each(FieldReader& in, std::uint64_t count, Take take) {
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t step = in.varint();
    if (step > k_longest_us - last) in.ok = false;
    last += step;
    if (!in.ok) return;
    take(last);
  }
}

}  // namespace

void Latencies::count_in_class(std::uint64_t micros, std::uint64_t times) {
  const std::size_t number = class_of(micros);
  if (number >= classes_.size()) classes_.resize(number + 1);
  classes_[number] += times;
}

void Latencies::drop_exact() {
  for (const std::uint64_t micros : exact_us_) count_in_class(micros, 1);
  exact_us_.clear();
}

void Latencies::add(Nanoseconds duration) {
  const std::int64_t count = std::max<std::int64_t>(duration.count() / 1000, 0);
  const auto micros = static_cast<std::uint64_t>(count);
  ++count_;
  if (!is_exact()) return count_in_class(micros, 1);
  exact_us_.push_back(micros);
  limit();
}

void Latencies::limit() {
  if (exact_us_.size() > k_exact_max) drop_exact();
}

void Latencies::merge(const Latencies& other) {
  count_ += other.count_;
  if (is_exact() && other.is_exact()) {
    exact_us_.insert(exact_us_.end(), other.exact_us_.begin(), other.exact_us_.end());
    return;
  }
  drop_exact();
  for (const std::uint64_t micros : other.exact_us_) count_in_class(micros, 1);
  if (other.classes_.size() > classes_.size()) classes_.resize(other.classes_.size());
  for (std::size_t i = 0; i < other.classes_.size(); ++i) classes_[i] += other.classes_[i];
}

std::optional<Nanoseconds> Latencies::percentile(double percent) const {
  if (count_ == 0) return std::nullopt;
  // The product may come out a little above a whole number that it should be.
  constexpr double k_rounding = 1e-9;
  const double rank = std::ceil(static_cast<double>(count_) * percent / 100 * (1 - k_rounding));
  const auto index =
      static_cast<std::uint64_t>(std::clamp(rank, 1.0, static_cast<double>(count_)) - 1);
  if (is_exact()) {
    std::vector<std::uint64_t> sorted = exact_us_;
    const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(index);
    std::nth_element(sorted.begin(), nth, sorted.end());
    return std::chrono::microseconds{static_cast<std::int64_t>(*nth)};
  }
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    before += classes_[i];
    if (before <= index) continue;
    const std::uint64_t micros = std::min(micros_of(i), k_longest_us);
    return std::chrono::microseconds{static_cast<std::int64_t>(micros)};
  }
  return std::nullopt;
}

void Latencies::write(std::string& out) const {
  put_varint(out, count_);
  out += is_exact() ? '\0' : '\1';
  std::uint64_t last = 0;
  if (is_exact()) {
    std::vector<std::uint64_t> sorted = exact_us_;
    std::sort(sorted.begin(), sorted.end());
    for (const std::uint64_t micros : sorted) put_varint(out, micros - std::exchange(last, micros));
    return;
  }
  const auto empty = std::count(classes_.begin(), classes_.end(), 0U);
  put_varint(out, classes_.size() - static_cast<std::size_t>(empty));
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    if (classes_[i] == 0) continue;
    put_varint(out, i - std::exchange(last, i));
    put_varint(out, classes_[i]);
  }
}

Latencies Latencies::read(FieldReader& in) {
  Latencies out;
  out.merge_read(in);
  return out;
}

void Latencies::merge_read(FieldReader& in) {
  const std::uint64_t count = in.varint();
  const std::uint8_t kind = in.byte();
  if (kind > 1) in.ok = false;
  if (!in.ok) return;
  kind == 0 ? read_exact(in, count) : read_classes(in, count);
  count_ += count;
}

void Latencies::read_exact(FieldReader& in, std::uint64_t count) {
  if (is_exact()) {
    exact_us_.reserve(exact_us_.size() + std::min<std::uint64_t>(count, k_exact_max));
    return read_each(in, count, [this](std::uint64_t micros) { exact_us_.push_back(micros); });
  }
  classes_.resize(k_classes_max);
  std::uint64_t* const classes = classes_.data();
  read_each(in, count, [classes](std::uint64_t micros) { ++classes[class_of(micros)]; });
}

void Latencies::read_classes(FieldReader& in, std::uint64_t count) {
  drop_exact();
  std::uint64_t last = 0;
  std::uint64_t sum = 0;
  for (std::uint64_t entries = in.varint(); in.ok && entries > 0; --entries) {
    const std::uint64_t step = in.varint();
    const std::uint64_t times = in.varint();
    if (step >= k_classes_max - last || times == 0 || times > count - sum) in.ok = false;
    if (!in.ok) return;
    last += step;
    sum += times;
    if (last >= classes_.size()) classes_.resize(last + 1);
    classes_[last] += times;
  }
  if (sum != count || sum == 0) in.ok = false;
}

}  // namespace dsched::journal
