// SPDX-License-Identifier: Apache-2.0
#include "session/elements.h"

#include <utility>

#include "base/canonical_json.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "wire/json_writer.h"

namespace dsched::session {
namespace {

// The elements of an array as far as there may be any; `doubt` says why it is no array.
Elements array_elements(std::string_view text) {
  Elements found;
  JsonReader reader(text);
  CanonicalJson canonical;
  reader.next();
  while (reader.next() != JsonToken::end_array && found.values.size() <= k_elements_max) {
    if (reader.token() == JsonToken::failed) break;
    std::string& value = found.values.emplace_back();
    if (reader.token() == JsonToken::string) {
      value = reader.text();
      continue;
    }
    // What has no canonical text (1e999, a name twice) is taken as it is written.
    const std::size_t begin = reader.offset();
    JsonReader again(text.substr(begin));
    again.next();
    if (!canonical.append(value, again)) {
      reader.skip();
      continue;
    }
    reader.skip();
    if (reader.token() == JsonToken::failed) break;
    value = text.substr(begin, reader.end_offset() - begin);
  }
  if (reader.token() == JsonToken::end_array) reader.next();
  if (reader.token() == JsonToken::failed) {
    found.doubt =
        "line " + std::to_string(position_of(text, reader.offset()).line) + ": " + reader.error();
  }
  return found;
}

std::vector<std::string> line_elements(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() <= k_elements_max) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (end != text.npos && line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
  }
  return lines;
}

}  // namespace

std::variant<Elements, TooManyElements> elements_of(std::string_view list) {
  Elements found;
  const std::size_t first = list.find_first_not_of(" \t\r\n");
  const bool may_be_array = first != list.npos && list[first] == '[';
  if (may_be_array) found = array_elements(list);
  if (!may_be_array || !found.doubt.empty()) found.values = line_elements(list);
  if (found.values.size() > k_elements_max) return TooManyElements{};
  return found;
}

void ResultArray::add(std::string_view bytes, Kind kind) {
  if (text_.size() > 1) text_ += ',';
  if (kind == Kind::json) {
    text_ += "{\"value\":";
    text_ += bytes;
  } else if (!find_invalid_utf8(bytes)) {
    text_ += "{\"text\":";
    append_json_string(text_, bytes);
  } else {
    text_ += "{\"base64\":\"";
    text_ += base64(bytes);
    text_ += '"';
  }
  text_ += '}';
}

std::string ResultArray::take() {
  text_ += ']';
  return std::exchange(text_, "[");
}

}  // namespace dsched::session
