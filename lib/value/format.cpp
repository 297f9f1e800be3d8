// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <string>
#include <utility>

#include "value/failure.h"
#include "value/format_spec.h"
#include "value/operations.h"
#include "value/primitives.h"
#include "value/text.h"

// strings.concat and strings.format_string.

namespace dsched::value {
namespace {

void check_text_size(std::size_t size) {
  if (size > k_text_max) fail("the text is longer than " + std::to_string(k_text_max) + " bytes");
}

// str.format over arguments without names.
class Formatter {
 public:
  explicit Formatter(std::span<const Value> arguments) : arguments_(arguments) {}

  // `levels` of replacement fields may lie in each other: a field, and fields in its format.
  [[nodiscard]] std::string expand(std::string_view text, int levels) {
    std::string out;
    while (!text.empty()) {
      const std::size_t brace = text.find_first_of("{}");
      out += text.substr(0, brace);
      if (brace == std::string_view::npos) break;
      const char c = text[brace];
      text.remove_prefix(brace + 1);
      if (text.starts_with(c)) {
        out += c;
        text.remove_prefix(1);
        continue;
      }
      if (c == '}') fail("a single '}' in the template (a brace is written twice)");
      if (levels == 0) fail("fields nested too deep in the template");
      out += field(take_field(text), levels);
      check_text_size(out.size());
    }
    return out;
  }

 private:
  // What stands before the brace that closes the field, with the fields in it.
  static std::string_view take_field(std::string_view& text) {
    std::size_t open = 1;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '{') ++open;
      if (text[at] == '}' && --open == 0) {
        const std::string_view field = text.substr(0, at);
        text.remove_prefix(at + 1);
        return field;
      }
    }
    fail("a single '{' in the template (a brace is written twice)");
  }

  // NAME[!CONVERSION][:FORMAT]
  std::string field(std::string_view text, int levels) {
    std::size_t end = 0;
    for (bool in_brackets = false; end < text.size(); ++end) {
      if (text[end] == '[') in_brackets = true;
      if (text[end] == ']') in_brackets = false;
      if (!in_brackets && (text[end] == '!' || text[end] == ':')) break;
      if (text[end] == '{') fail("an unexpected '{' in a field's name");
    }
    Value value = named(text.substr(0, end));
    text.remove_prefix(end);
    if (text.starts_with('!')) {
      const std::size_t colon = std::min(text.find(':'), text.size());
      value = converted(value, text.substr(1, colon - 1));
      text.remove_prefix(colon);
    }
    if (text.empty()) return formatted(value, "");
    return formatted(value, expand(text.substr(1), levels - 1));
  }

  static Value converted(const Value& value, std::string_view conversion) {
    if (conversion == "s") return Value::text(text_of(value));
    if (conversion == "r") return Value::text(repr_of(value));
    if (conversion == "a") return Value::text(ascii_of(value));
    fail("an unknown conversion '!" + std::string(conversion) + "'");
  }

  // An argument by its number, or the next one; then [INDEX] into it.
  Value named(std::string_view name) {
    const std::size_t end = std::min(name.find_first_of(".["), name.size());
    const std::string_view first = name.substr(0, end);
    std::size_t number = 0;
    if (first.empty()) {
      if (numbering_ == Numbering::written) mixed();
      numbering_ = Numbering::automatic;
      number = next_++;
    } else {
      const auto read = std::from_chars(first.data(), first.data() + first.size(), number);
      if (first.find_first_not_of("0123456789") != std::string_view::npos) {
        fail("the field '" + std::string(first) + "' is no number");
      }
      if (numbering_ == Numbering::automatic) mixed();
      numbering_ = Numbering::written;
      if (read.ec != std::errc()) number = arguments_.size();
    }
    if (number >= arguments_.size()) {
      fail("the template asks for argument " +
           (first.empty() ? std::to_string(number) : std::string(first)) +
           ", counted from 0, and there are " + std::to_string(arguments_.size()));
    }
    return inside(arguments_[number], name.substr(end));
  }

  static Value inside(Value value, std::string_view path) {
    while (!path.empty()) {
      const std::size_t close = path.find(']');
      if (path[0] != '[' || close == std::string_view::npos) {
        fail("only [INDEX] may follow a field's number, not '" + std::string(path) + "'");
      }
      value = element(value, path.substr(1, close - 1));
      path.remove_prefix(close + 1);
    }
    return value;
  }

  static Value element(Value value, std::string_view index) {
    if (value.is(Kind::object)) {
      for (const Member& member : value.members()) {
        if (member.name == index) return member.value;
      }
      fail("the object has no member '" + std::string(index) + "'");
    }
    const auto number = integer_from_digits(index);
    if (value.is(Kind::text) || value.is(Kind::bytes)) value = elements_of(value);
    if (!value.is(Kind::list) || !number || number->sign() < 0) {
      fail(std::string(describe(value.kind())) + " has no element '" + std::string(index) + "'");
    }
    if (*number >= Integer(static_cast<std::int64_t>(value.size()))) {
      fail("index " + number->text() + " is out of range: there are " +
           std::to_string(value.size()) + " elements");
    }
    return value.at(static_cast<std::size_t>(*number->small()));
  }

  [[noreturn]] static void mixed() { fail("the template mixes {} and numbered fields"); }

  enum class Numbering : std::uint8_t { undecided, automatic, written };
  std::span<const Value> arguments_;
  Numbering numbering_ = Numbering::undecided;
  std::size_t next_ = 0;
};

}  // namespace

Value run_concat(const Call& call) {
  std::string out;
  for (const Value& part : call.arguments) {
    out += text_of(part);
    check_text_size(out.size());
  }
  return Value::text(std::move(out));
}

Value run_format_string(const Call& call) {
  Formatter formatter(call.arguments.subspan(1));
  constexpr int k_levels = 2;
  return Value::text(formatter.expand(text_of(call.arguments[0]), k_levels));
}

}  // namespace dsched::value
