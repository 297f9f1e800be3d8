// SPDX-License-Identifier: Apache-2.0
#pragma once
// The canonical text of a JSON value: equal values have equal texts, so texts can be hashed.
//
// Names are sorted by their UTF-8 bytes and never repeated; there is no white space; strings escape
// only the quote, the backslash and C0; integers that fit 64 bits are their digits (-0 is 0) and
// so are whole numbers below 2^53 however written (1.0 is 1, 1e5 is 100000); every other number is
// the shortest decimal that reads back as the same double.
// Keys are made of such texts. stored: the form never changes.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_reader.h"

namespace dsched {

// Why a value has no canonical text, and where in the reader's text.
struct JsonFault {
  enum class Kind : std::uint8_t { syntax, duplicate_name, number };
  Kind kind = Kind::syntax;
  std::string message;
  std::size_t offset = 0;
};

// Something that stands for other values: asked about every object with exactly one member.
class JsonReplacement {
 public:
  virtual ~JsonReplacement() = default;
  // `object` is the canonical text of an object that began at `offset`. The canonical text to put
  // in its place; empty: the object stays.
  [[nodiscard]] virtual std::optional<std::string_view> replacement(std::string_view object,
                                                                    std::size_t offset) = 0;
};

// Writes canonical texts; keep one to write many, because it reuses its memory.
class CanonicalJson {
 public:
  CanonicalJson();
  ~CanonicalJson();
  CanonicalJson(const CanonicalJson&) = delete;
  CanonicalJson& operator=(const CanonicalJson&) = delete;

  // Appends the canonical text of the value whose first token is the reader's current one; the
  // reader then stands at its last token. On a fault `out` is as it was.
  [[nodiscard]] std::optional<JsonFault> append(std::string& out, JsonReader& reader,
                                                JsonReplacement* replacement = nullptr);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

// The canonical text of a whole strict document; empty when it is not one.
[[nodiscard]] std::optional<std::string> canonical_json(std::string_view text);

// Appends the canonical text of one number.
void append_canonical_number(std::string& out, const JsonNumber& number);

}  // namespace dsched
