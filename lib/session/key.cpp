// SPDX-License-Identifier: Apache-2.0
#include "session/key.h"

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
