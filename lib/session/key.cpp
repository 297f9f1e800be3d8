// SPDX-License-Identifier: Apache-2.0
#include "session/key.h"

#include "base/error.h"
#include "base/text.h"

namespace dsched::session {
namespace {

// Calls `append(element)` for each element with commas between.
template <class List, class Append>
void append_list(std::string& out, const List& list, const Append& append) {
  bool first = true;
  for (const auto& element : list) {
    if (!first) out += ',';
    first = false;
    append(element);
  }
}

}  // namespace

void set_key_argument(std::string& text, std::size_t position, const Digest& digest) {
  constexpr std::string_view k_before = R"({"arguments":[")";
  constexpr std::string_view k_between = R"(",")";
  std::string hex;
  append_hex(hex, digest);
  const std::size_t at = k_before.size() + position * (hex.size() + k_between.size());
  DSCHED_ASSERT(text.starts_with(k_before) && at + hex.size() < text.size(),
                "the key has this argument");
  text.replace(at, hex.size(), hex);
}

void append_key_text(std::string& out, const KeyParts& parts) {
  out += R"({"arguments":[)";
  append_list(out, parts.arguments, [&](const Digest& digest) {
    out += '"';
    append_hex(out, digest);
    out += '"';
  });
  out += R"(],"environment":{)";
  out += parts.environment;
  out += R"(},"inputs":[)";
  append_list(out, parts.inputs, [&](const executor::InputFile& input) {
    out += '[';
    append_json_string(out, input.path);
    out += ",\"";
    append_hex(out, input.hash);
    out += "\"]";
  });
  out += R"(],"operation":)";
  append_json_string(out, parts.operation);
  out += R"(,"outputs":[)";
  append_list(out, parts.outputs, [&](std::string_view path) { append_json_string(out, path); });
  out += R"(],"parameters":)";
  out += parts.parameters;
  out += R"(,"version":)";
  out += parts.version;
  out += '}';
}

}  // namespace dsched::session
