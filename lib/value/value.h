// SPDX-License-Identifier: Apache-2.0
#pragma once
// A VoxLogica value: what a node of a VoxLogica program results in.
//
// Kinds and behaviour are Python's: a whole number and a float are two kinds, and so is a boolean.
// A value never changes; copies share what is large (hence the shared_ptr: a value goes through
// many nodes and threads and has no owner among them).
//
// A list of nothing but numbers, of integers that fit 64 bits or of booleans is held packed, always
// and only then: a million numbers are 8 MB, and loops over them see an array. Lists and objects
// nest at most k_depth_max deep, so that whoever walks them may recurse; deeper ones are refused
// with an Error.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "value/integer.h"

namespace dsched::value {

inline constexpr std::uint32_t k_depth_max = 500;  // Python gives up near 1,000
inline constexpr std::size_t k_list_max = 100'000'000;
inline constexpr std::size_t k_text_max = std::size_t{1} << 30;  // bytes that a primitive makes

enum class Kind : std::uint8_t { none, boolean, integer, number, text, bytes, list, object };

// How a list is held.
enum class Packing : std::uint8_t {
  values,  // the empty list too
  numbers,
  integers,
  booleans,  // a byte each, 0 or 1
};

struct Member;

class Value {
 public:
  Value() = default;  // none
  [[nodiscard]] static Value boolean(bool value);
  [[nodiscard]] static Value integer(const Integer& value);
  [[nodiscard]] static Value number(double value);
  [[nodiscard]] static Value text(std::string utf8);  // text_or_bytes() where it may be anything
  [[nodiscard]] static Value bytes(std::string bytes);
  // Packed where it can be.
  [[nodiscard]] static Value list(std::vector<Value> elements);
  [[nodiscard]] static Value numbers(std::vector<double> elements);
  [[nodiscard]] static Value integers(std::vector<std::int64_t> elements);
  [[nodiscard]] static Value booleans(std::vector<std::uint8_t> elements);
  // What a JSON object becomes: members in order, no name twice.
  [[nodiscard]] static Value object(std::vector<Member> members);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is(Kind kind) const { return kind_ == kind; }

  // Each of the following is asked only of a value of its kind.
  [[nodiscard]] bool as_boolean() const;
  [[nodiscard]] Integer as_integer() const;
  [[nodiscard]] double as_number() const;
  [[nodiscard]] std::string_view as_text() const;  // of text and of bytes
  [[nodiscard]] std::span<const Member> members() const;

  // Of lists: the elements' number, one of them, and the array where it is packed so (else empty).
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Value at(std::size_t index) const;
  [[nodiscard]] Packing packing() const;
  [[nodiscard]] std::span<const Value> as_values() const;
  [[nodiscard]] std::span<const double> as_numbers() const;
  [[nodiscard]] std::span<const std::int64_t> as_integers() const;
  [[nodiscard]] std::span<const std::uint8_t> as_booleans() const;

  // 0 for what holds no other values.
  [[nodiscard]] std::uint32_t depth() const;
  // Same kind, same content: 1 and 1.0 differ, and so do 0.0 and -0.0; a NaN is like any other.
  friend bool operator==(const Value& a, const Value& b);

 private:
  struct Content;
  [[nodiscard]] static Value of_content(Kind kind, Content content);
  friend class ListBuilder;

  Kind kind_ = Kind::none;
  union {
    bool boolean_;
    std::int64_t integer_ = 0;
    double number_;
  };
  std::shared_ptr<const Content> content_;
};

struct Member {
  std::string name;
  Value value;
};

// What a command wrote: a text where it is UTF-8, else bytes.
[[nodiscard]] Value text_or_bytes(std::string content);

// The word that messages have for a kind: "a list", "a text", …
[[nodiscard]] std::string_view describe(Kind kind);

// Gathers the elements of a list, packed as long as they allow it.
class ListBuilder {
 public:
  void reserve(std::size_t count) { expected_ = count; }
  void add(const Value& element);
  void add(std::span<const double> numbers);
  void add(std::span<const std::int64_t> integers);
  void add(std::span<const std::uint8_t> booleans);
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Value finish();

 private:
  template <class Element>
  void append(Packing packing, std::vector<Element>& to, std::span<const Element> elements);
  void unpack();

  std::size_t expected_ = 0;
  bool is_empty_ = true;
  Packing packing_ = Packing::values;  // of what is there
  std::vector<Value> values_;
  std::vector<double> numbers_;
  std::vector<std::int64_t> integers_;
  std::vector<std::uint8_t> booleans_;
};

}  // namespace dsched::value
