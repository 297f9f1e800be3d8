// SPDX-License-Identifier: Apache-2.0
#pragma once
// Durations, and what their percentiles are.
//
// They are kept exactly, in microseconds, as long as they are few (k_exact_max), and as counts by
// class beyond that. A class spans 1/128 of the power of two it begins in (below 128 µs one
// microsecond), and what is read from it is its middle, so a percentile is at most 0.4 % off.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "journal/fields.h"

namespace dsched::journal {

inline constexpr std::size_t k_exact_max = 512;

class Latencies {
 public:
  void add(Nanoseconds duration);  // what is negative counts as 0
  // Exact together with exact stays exact, however many they become.
  void merge(const Latencies& other);
  // Gives up exactness where there are more than k_exact_max.
  void limit();
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool is_exact() const { return classes_.empty(); }
  // By nearest rank: the element at index ceil(count · percent / 100) − 1 of the ascending list;
  // percent is 0 to 100. Empty when there is none.
  [[nodiscard]] std::optional<Nanoseconds> percentile(double percent) const;

  //   latencies = count:varint kind:u8 (0 exact | 1 classes) body
  //   exact     = microseconds:varint*count, ascending, each as the difference to the one before
  //   classes   = entries:varint (class:varint count:varint)*, likewise
  // stored: never changes.
  void write(std::string& out) const;
  // `in` is not ok when the bytes are no latencies.
  [[nodiscard]] static Latencies read(FieldReader& in);
  // As merge(read(in)), without a Latencies in between: a thousand sums of classes are otherwise
  // mostly zeros that are made and added. What was here is lost when `in` is not ok.
  void merge_read(FieldReader& in);

 private:
  void read_exact(FieldReader& in, std::uint64_t count);
  void read_classes(FieldReader& in, std::uint64_t count);
  void count_in_class(std::uint64_t micros, std::uint64_t times);
  void drop_exact();

  std::uint64_t count_ = 0;
  std::vector<std::uint64_t> exact_us_;  // in no order; empty when there are classes
  std::vector<std::uint64_t> classes_;   // grown as needed; empty: exact
};

}  // namespace dsched::journal
