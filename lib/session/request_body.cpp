// SPDX-License-Identifier: Apache-2.0
#include "session/request_body.h"

#include "base/digest.h"
#include "base/text.h"

namespace dsched::session {

void RequestBody::begin_argument() {
  if (has_arguments_) text_ += ',';
  has_arguments_ = true;
}

void RequestBody::add_path(std::string_view path) {
  begin_argument();
  append_json_string(text_, path);
}

void RequestBody::add_inline(std::string_view bytes) {
  begin_argument();
  if (is_utf8(bytes)) {
    text_ += R"({"text":)";
    append_json_string(text_, bytes);
    text_ += '}';
  } else {
    text_ += R"({"base64":")" + base64(bytes) + R"("})";
  }
}

std::string RequestBody::finish(std::span<const executor::InputFile> inputs,
                                std::string_view parameters) && {
  text_ += R"(],"inputs":[)";
  bool is_first = true;
  for (const executor::InputFile& input : inputs) {
    text_ += is_first ? R"({"path":)" : R"(,{"path":)";
    is_first = false;
    append_json_string(text_, input.path);
    text_ += R"(,"digest":")";
    append_hex(text_, input.hash);
    text_ += R"("})";
  }
  text_ += R"(],"parameters":)";
  text_ += parameters;
  return std::move(text_);
}

}  // namespace dsched::session
