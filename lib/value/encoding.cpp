// SPDX-License-Identifier: Apache-2.0
#include "value/encoding.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace dsched::value {
namespace {

// stored: never renumber
enum class Tag : std::uint8_t {
  none = 0x10,
  no = 0x11,
  yes = 0x12,
  integer = 0x13,
  positive = 0x14,
  negative = 0x15,
  number = 0x16,
  text = 0x17,
  bytes = 0x18,
  list = 0x19,
  numbers = 0x1a,
  integers = 0x1b,
  booleans = 0x1c,
  object = 0x1d,
};

static_assert(std::endian::native == std::endian::little, "arrays are copied as they are");

void put_tag(std::string& out, Tag tag) {
  out += static_cast<char>(tag);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_counted(std::string& out, std::string_view bytes) {
  put_varint(out, bytes.size());
  out += bytes;
}

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

double stored_number(double value) {
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

template <class Narrow>
bool all_fit(std::span<const std::int64_t> integers) {
  for (const std::int64_t integer : integers) {
    if (static_cast<Narrow>(integer) != integer) return false;
  }
  return true;
}

std::uint8_t width_of(std::span<const std::int64_t> integers) {
  if (all_fit<std::int8_t>(integers)) return 1;
  if (all_fit<std::int16_t>(integers)) return 2;
  return all_fit<std::int32_t>(integers) ? 4 : 8;
}

void put_integers(std::string& out, std::span<const std::int64_t> integers) {
  const std::uint8_t width = width_of(integers);
  put_varint(out, integers.size());
  out += static_cast<char>(width);
  const std::size_t begin = out.size();
  out.resize(begin + integers.size() * width);
  char* at = out.data() + begin;
  for (const std::int64_t integer : integers) {
    std::memcpy(at, &integer, width);
    at += width;
  }
}

void put_booleans(std::string& out, std::span<const std::uint8_t> booleans) {
  put_varint(out, booleans.size());
  const std::size_t begin = out.size();
  out.resize(begin + (booleans.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < booleans.size(); ++i) {
    out[begin + i / 8] = static_cast<char>(out[begin + i / 8] | (booleans[i] << (i % 8)));
  }
}

void put_integer(std::string& out, const Integer& integer) {
  if (const auto small = integer.small()) {
    put_tag(out, Tag::integer);
    put_varint(out, zigzag(*small));
  } else {
    put_tag(out, integer.sign() < 0 ? Tag::negative : Tag::positive);
    put_counted(out, integer.magnitude());
  }
}

void put_list(std::string& out, const Value& list) {
  switch (list.packing()) {
    case Packing::values:
      put_tag(out, Tag::list);
      put_varint(out, list.size());
      for (const Value& element : list.as_values()) encode(out, element);
      return;
    case Packing::numbers: {
      put_tag(out, Tag::numbers);
      put_varint(out, list.size());
      const std::size_t begin = out.size();
      out.resize(begin + list.size() * sizeof(double));
      char* at = out.data() + begin;
      for (const double number : list.as_numbers()) {
        const double stored = stored_number(number);
        std::memcpy(at, &stored, sizeof stored);
        at += sizeof stored;
      }
      return;
    }
    case Packing::integers:
      put_tag(out, Tag::integers);
      return put_integers(out, list.as_integers());
    case Packing::booleans:
      put_tag(out, Tag::booleans);
      return put_booleans(out, list.as_booleans());
  }
}

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  // `depth` counts the containers around the value.
  [[nodiscard]] Value read(std::uint32_t depth) {
    switch (static_cast<Tag>(static_cast<std::uint8_t>(take(1)[0]))) {
      case Tag::none:
        return {};
      case Tag::no:
        return Value::boolean(false);
      case Tag::yes:
        return Value::boolean(true);
      case Tag::integer:
        return Value::integer(unzigzag(varint()));
      case Tag::positive:
        return big_integer(false);
      case Tag::negative:
        return big_integer(true);
      case Tag::number:
        return Value::number(numbers(1)[0]);
      case Tag::text:
        return Value::text(utf8());
      case Tag::bytes:
        return Value::bytes(std::string(take(varint())));
      case Tag::list:
        return list(depth);
      case Tag::numbers:
        return Value::numbers(numbers(packed_count()));
      case Tag::integers:
        return integers();
      case Tag::booleans:
        return booleans();
      case Tag::object:
        return object(depth);
    }
    damaged("an unknown kind");
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  [[noreturn]] static void damaged(const std::string& why) {
    throw Error(ErrorKind::damaged, "a stored value: " + why);
  }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) damaged("it ends too early");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(take(1)[0]);
      const std::uint64_t bits = byte & 0x7F;
      if (shift == 63 && bits > 1) break;
      value |= bits << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift > 0) break;
        return value;
      }
    }
    damaged("a length that is not written so");
  }
  // Every element takes a byte at least, so no count makes more memory than there is input.
  std::uint64_t count() {
    const std::uint64_t elements = varint();
    if (elements > rest_.size()) damaged("it ends too early");
    return elements;
  }
  // Of packed lists, which are not empty.
  std::uint64_t packed_count() {
    const std::uint64_t elements = varint();
    if (elements == 0) damaged("a packed list without elements");
    if (elements / 8 > rest_.size()) damaged("it ends too early");
    return elements;
  }
  std::string utf8() {
    const std::string_view text = take(varint());
    if (!is_utf8(text)) damaged("a text that is not UTF-8");
    return std::string(text);
  }

  Value big_integer(bool is_negative) {
    const std::string_view magnitude = take(varint());
    const bool is_too_long = magnitude.size() * 8 > k_integer_bits_max;
    if (magnitude.empty() || magnitude[0] == '\0' || is_too_long) {
      damaged("an integer that is not written so");
    }
    const Integer made = integer_from_magnitude(magnitude, is_negative);
    if (made.small()) damaged("an integer that is not written so");
    return Value::integer(made);
  }
  std::vector<double> numbers(std::uint64_t elements) {
    if (elements > rest_.size() / sizeof(double)) damaged("it ends too early");
    std::vector<double> out(elements);
    const std::string_view raw = take(elements * sizeof(double));
    std::memcpy(out.data(), raw.data(), raw.size());
    for (const double number : out) {
      const double stored = stored_number(number);
      if (std::memcmp(&number, &stored, sizeof stored) != 0) damaged("another NaN");
    }
    return out;
  }
  Value integers() {
    const std::uint64_t elements = packed_count();
    const auto width = static_cast<std::uint8_t>(take(1)[0]);
    if (width != 1 && width != 2 && width != 4 && width != 8) damaged("integers of no width");
    if (elements > rest_.size() / width) damaged("it ends too early");
    const std::string_view raw = take(elements * width);
    std::vector<std::int64_t> out(elements);
    const int unused = 64 - 8 * width;
    for (std::size_t i = 0; i < out.size(); ++i) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, raw.data() + i * width, width);
      out[i] = static_cast<std::int64_t>(bits << unused) >> unused;
    }
    if (width_of(out) != width) damaged("integers of another width");
    return Value::integers(std::move(out));
  }
  Value booleans() {
    const std::uint64_t elements = packed_count();
    const std::string_view raw = take((elements + 7) / 8);
    std::vector<std::uint8_t> out(elements);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = (static_cast<std::uint8_t>(raw[i / 8]) >> (i % 8)) & 1;
    }
    const auto last = static_cast<std::uint8_t>(raw.back());
    if (elements % 8 != 0 && (last >> (elements % 8)) != 0) damaged("bits behind the last boolean");
    return Value::booleans(std::move(out));
  }
  static void check_depth(std::uint32_t depth) {
    if (depth >= k_depth_max) damaged("nested too deep");
  }
  Value list(std::uint32_t depth) {
    check_depth(depth);
    ListBuilder builder;
    for (std::uint64_t left = count(); left > 0; --left) builder.add(read(depth + 1));
    Value made = builder.finish();
    if (made.packing() != Packing::values) damaged("a list that should be packed");
    return made;
  }
  Value object(std::uint32_t depth) {
    check_depth(depth);
    std::vector<Member> members;
    for (std::uint64_t left = count(); left > 0; --left) {
      std::string name = utf8();
      members.push_back({std::move(name), read(depth + 1)});
    }
    return Value::object(std::move(members));
  }

  std::string_view rest_;
};

}  // namespace

// Recursion is as deep as values may nest (k_depth_max).
void encode(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Kind::none:
      return put_tag(out, Tag::none);
    case Kind::boolean:
      return put_tag(out, value.as_boolean() ? Tag::yes : Tag::no);
    case Kind::integer:
      return put_integer(out, value.as_integer());
    case Kind::number: {
      put_tag(out, Tag::number);
      const double stored = stored_number(value.as_number());
      out.append(reinterpret_cast<const char*>(&stored), sizeof stored);
      return;
    }
    case Kind::text:
      put_tag(out, Tag::text);
      return put_counted(out, value.as_text());
    case Kind::bytes:
      put_tag(out, Tag::bytes);
      return put_counted(out, value.as_text());
    case Kind::list:
      return put_list(out, value);
    case Kind::object:
      put_tag(out, Tag::object);
      put_varint(out, value.members().size());
      for (const Member& member : value.members()) {
        put_counted(out, member.name);
        encode(out, member.value);
      }
      return;
  }
}

Value decode(std::string_view bytes) {
  Decoder decoder(bytes);
  Value value = decoder.read(0);
  if (!decoder.at_end()) Decoder::damaged("something follows it");
  return value;
}

}  // namespace dsched::value
