// SPDX-License-Identifier: Apache-2.0
#include "base/canonical_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/text.h"

namespace dsched {
namespace {

struct Member {
  std::size_t name_begin = 0;  // decoded, in Scratch::names
  std::size_t name_end = 0;
  std::size_t text_begin = 0;  // with the quoted name, in the text written
  std::size_t text_end = 0;
  std::size_t offset = 0;  // of the name, in the reader's text
};

struct Container {
  bool is_object = false;
  bool is_sorted = true;
  std::size_t elements = 0;
  std::size_t text_begin = 0;
  std::size_t first_member = 0;
  std::size_t names_begin = 0;
  std::size_t offset = 0;
};

}  // namespace

struct CanonicalJson::Scratch {
  std::vector<Container> open;
  std::vector<Member> members;  // of all open objects
  std::string names;            // of all open objects

  void clear() {
    open.clear();
    members.clear();
    names.clear();
  }
};

namespace {

// Writes one value. Open containers lie on a stack; an object remembers where each member's text
// is, and only when its names came unsorted are the texts put in order at its end.
class Writer {
 public:
  Writer(std::string& out, JsonReader& reader, JsonReplacement* replacement,
         std::vector<Container>& open, std::vector<Member>& members, std::string& names)
      : out_(out),
        reader_(reader),
        replacement_(replacement),
        open_(open),
        members_(members),
        names_(names) {}

  std::optional<JsonFault> write() {
    const std::size_t start = out_.size();
    while (true) {
      write_token();
      if (fault_) {
        out_.resize(start);
        return fault_;
      }
      if (open_.empty()) return std::nullopt;
      reader_.next();
    }
  }

 private:
  void write_token();
  void begin_element();
  void end_element();
  void open(JsonToken token);
  void add_name();
  void write_number();
  void close_object();
  void sort_members(const Container& object);
  void replace(const Container& object);
  std::string_view name_of(const Member& member) const {
    return std::string_view(names_).substr(member.name_begin, member.name_end - member.name_begin);
  }
  void fail(JsonFault::Kind kind, std::string message, std::size_t offset) {
    if (!fault_) fault_ = JsonFault{kind, std::move(message), offset};
  }

  std::string& out_;
  JsonReader& reader_;
  JsonReplacement* replacement_;
  std::vector<Container>& open_;
  std::vector<Member>& members_;
  std::string& names_;
  std::optional<JsonFault> fault_;
};

void Writer::write_token() {
  const JsonToken token = reader_.token();
  switch (token) {
    case JsonToken::name:
      return add_name();
    case JsonToken::string:
      begin_element();
      append_json_string(out_, reader_.text());
      return end_element();
    case JsonToken::number:
      begin_element();
      write_number();
      return end_element();
    case JsonToken::true_value:
    case JsonToken::false_value:
    case JsonToken::null_value:
      begin_element();
      out_ += reader_.text();
      return end_element();
    case JsonToken::begin_object:
    case JsonToken::begin_array:
      begin_element();
      return open(token);
    case JsonToken::end_object:
      return close_object();
    case JsonToken::end_array:
      out_ += ']';
      open_.pop_back();
      return end_element();
    case JsonToken::end:
    case JsonToken::failed:
      return fail(JsonFault::Kind::syntax, reader_.error(), reader_.offset());
  }
}

void Writer::begin_element() {
  if (open_.empty() || open_.back().is_object) return;
  if (open_.back().elements++ != 0) out_ += ',';
}

void Writer::end_element() {
  if (!open_.empty() && open_.back().is_object) members_.back().text_end = out_.size();
}

void Writer::open(JsonToken token) {
  Container container;
  container.is_object = token == JsonToken::begin_object;
  container.text_begin = out_.size();
  container.first_member = members_.size();
  container.names_begin = names_.size();
  container.offset = reader_.offset();
  open_.push_back(container);
  out_ += container.is_object ? '{' : '[';
}

void Writer::add_name() {
  Container& object = open_.back();
  if (object.elements++ != 0) out_ += ',';
  Member member;
  member.name_begin = names_.size();
  names_ += reader_.text();
  member.name_end = names_.size();
  member.text_begin = out_.size();
  member.offset = reader_.offset();
  if (object.elements > 1 && name_of(members_.back()) >= name_of(member)) object.is_sorted = false;
  append_json_string(out_, reader_.text());
  out_ += ':';
  members_.push_back(member);
}

void Writer::write_number() {
  const std::optional<JsonNumber> number = number_from_json(reader_.text());
  if (!number) {
    return fail(JsonFault::Kind::number,
                "the number " + std::string(reader_.text().substr(0, 40)) +
                    " is beyond the range of a double",
                reader_.offset());
  }
  append_canonical_number(out_, *number);
}

void Writer::close_object() {
  const Container object = open_.back();
  open_.pop_back();
  if (!object.is_sorted) sort_members(object);
  out_ += '}';
  if (object.elements == 1 && replacement_ != nullptr) replace(object);
  members_.resize(object.first_member);
  names_.resize(object.names_begin);
  end_element();
}

void Writer::sort_members(const Container& object) {
  const auto first = members_.begin() + static_cast<std::ptrdiff_t>(object.first_member);
  std::stable_sort(first, members_.end(),
                   [&](const Member& a, const Member& b) { return name_of(a) < name_of(b); });
  const auto twice = std::adjacent_find(
      first, members_.end(),
      [&](const Member& a, const Member& b) { return name_of(a) == name_of(b); });
  if (twice != members_.end()) {
    return fail(JsonFault::Kind::duplicate_name,
                "the name '" + std::string(name_of(*twice)) + "' stands twice in one object",
                std::next(twice)->offset);
  }
  std::string sorted;
  sorted.reserve(out_.size() - object.text_begin);
  for (auto member = first; member != members_.end(); ++member) {
    if (!sorted.empty()) sorted += ',';
    sorted.append(out_, member->text_begin, member->text_end - member->text_begin);
  }
  out_.replace(object.text_begin + 1, std::string::npos, sorted);
}

void Writer::replace(const Container& object) {
  const auto text =
      replacement_->replacement(std::string_view(out_).substr(object.text_begin), object.offset);
  if (text) out_.replace(object.text_begin, std::string::npos, *text);
}

}  // namespace

// Whether every integer up to this number is a double, so that 1e5 and 100000 are the same number.
static bool is_whole(double number) {
  constexpr double k_exact_max = 9007199254740992.0;  // 2^53
  return std::abs(number) < k_exact_max && std::trunc(number) == number;
}

void append_canonical_number(std::string& out, const JsonNumber& number) {
  char digits[32];
  std::to_chars_result result{};
  switch (number.kind) {
    case JsonNumber::Kind::unsigned_integer:
      result = std::to_chars(digits, digits + sizeof digits, number.unsigned_integer);
      break;
    case JsonNumber::Kind::negative:
      result = std::to_chars(digits, digits + sizeof digits, number.negative);
      break;
    case JsonNumber::Kind::real:
      result = is_whole(number.real) ? std::to_chars(digits, digits + sizeof digits,
                                                     static_cast<std::int64_t>(number.real))
                                     : std::to_chars(digits, digits + sizeof digits, number.real);
      break;
  }
  out.append(digits, result.ptr);
}

CanonicalJson::CanonicalJson() : scratch_(std::make_unique<Scratch>()) {}
CanonicalJson::~CanonicalJson() = default;

std::optional<JsonFault> CanonicalJson::append(std::string& out, JsonReader& reader,
                                               JsonReplacement* replacement) {
  scratch_->clear();
  return Writer(out, reader, replacement, scratch_->open, scratch_->members, scratch_->names)
      .write();
}

std::optional<std::string> canonical_json(std::string_view text) {
  JsonReader reader(text);
  reader.next();
  std::string out;
  if (CanonicalJson().append(out, reader) || reader.next() != JsonToken::end) return std::nullopt;
  return out;
}

}  // namespace dsched
