// SPDX-License-Identifier: Apache-2.0
#pragma once
// Typed values out of a JsonReader, with a fault for each that is not what it must be.
//
// Every function wants the reader at the first token of a value and leaves it at the last one, so
// that reading goes on behind a fault. A syntax error is not reported here: the reader remembers
// it, and nothing is said about values behind it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/canonical_json.h"
#include "base/json_reader.h"
#include "base/text_arena.h"
#include "dag/name_table.h"
#include "program/faults.h"
#include "program/pointer.h"

namespace dsched::program {

// From least to most, both allowed; the messages name them.
template <class Number>
struct Range {
  Number least;
  Number most;
};

class Values {
 public:
  // Whether the reader's offsets are those of the program's text. Else faults are where their
  // pointers lead.
  enum class Offsets : std::uint8_t { of_program, of_copy };
  Values(JsonReader& reader, TextArena& arena, Faults& faults,
         Offsets offsets = Offsets::of_program)
      : reader_(reader), arena_(arena), faults_(faults), offsets_(offsets) {}

  [[nodiscard]] JsonReader& reader() { return reader_; }
  [[nodiscard]] TextArena& arena() { return arena_; }
  // Where a fault at this offset of the reader is in the program's text, if that can be said.
  [[nodiscard]] std::optional<std::size_t> in_program(std::size_t offset) const {
    return offsets_ == Offsets::of_program ? std::optional(offset) : std::nullopt;
  }
  // The text of the current name or string, living as long as the arena or the program.
  [[nodiscard]] std::string_view kept_text();
  [[nodiscard]] std::string_view keep(std::string_view text) { return arena_.keep(text); }
  // The text as it is written between two of the reader's offsets.
  [[nodiscard]] std::string_view source(std::size_t begin, std::size_t end) const {
    return reader_.source().substr(begin, end - begin);
  }

  [[nodiscard]] std::optional<std::string_view> string(const Path& path);
  [[nodiscard]] std::optional<bool> boolean(const Path& path);
  [[nodiscard]] std::optional<double> number(const Path& path, Range<double> range);
  [[nodiscard]] std::optional<std::uint64_t> integer(const Path& path, Range<std::uint64_t> range);
  // Appends the canonical text of any value; false after a fault, `out` then being as it was.
  bool canonical(const Path& path, std::string& out, JsonReplacement* replacement = nullptr);

  // Reports a fault at the current token.
  void fault(std::string_view code, const Path& path, std::string message, std::string hint = {});
  // The value must be `wanted` ("a string"); passes over it.
  void wrong_type(const Path& path, std::string_view wanted);
  // The current name stands twice in its object; passes over it and its value.
  void duplicate_name(const Path& path);

  // Calls visit(name, path) for each member of an object, the reader being at its value, which
  // `visit` must read; a name that stands twice is a fault and its second value is passed over.
  template <class Visit>
  void each_member(const Path& path, Visit visit);
  // Calls visit(path) for each element of an array, which `visit` must read.
  template <class Visit>
  void each_element(const Path& path, Visit visit);

 private:
  JsonReader& reader_;
  TextArena& arena_;
  Faults& faults_;
  Offsets offsets_;
  CanonicalJson canonical_;
};

// ------------------------------------------------------------------------------------------------

template <class Visit>
void Values::each_member(const Path& path, Visit visit) {
  if (reader_.token() != JsonToken::begin_object) return wrong_type(path, "an object");
  dag::NameTable seen;
  while (reader_.next() == JsonToken::name) {
    const std::string_view name = kept_text();
    const Path inside = member(path, name);
    const std::size_t known = seen.size();
    if (seen.intern(name).value < known) {
      duplicate_name(inside);
      continue;
    }
    reader_.next();
    visit(name, inside);
  }
}

template <class Visit>
void Values::each_element(const Path& path, Visit visit) {
  if (reader_.token() != JsonToken::begin_array) return wrong_type(path, "an array");
  for (std::size_t i = 0; reader_.next() != JsonToken::end_array; ++i) {
    if (reader_.token() == JsonToken::failed) return;
    visit(element(path, i));
  }
}

}  // namespace dsched::program
