// SPDX-License-Identifier: Apache-2.0
#include "wire/members.h"

#include "base/text.h"
#include "base/time_text.h"

namespace dsched::wire {

void any_text(JsonWriter& out, std::string_view value) {
  if (is_utf8(value)) {
    out.text(value);
  } else {
    out.text(escape_for_terminal(value));
  }
}

void text_or_null(JsonWriter& out, std::string_view name, std::string_view value) {
  out.key(name);
  if (value.empty()) {
    out.null();
  } else {
    any_text(out, value);
  }
}

void number_or_null(JsonWriter& out, std::string_view name, std::optional<int> value) {
  out.key(name);
  if (value) {
    out.number(std::int64_t{*value});
  } else {
    out.null();
  }
}

void time_or_null(JsonWriter& out, std::string_view name, std::optional<WallTime> value) {
  out.key(name);
  if (value) {
    out.text(to_rfc3339(*value));
  } else {
    out.null();
  }
}

}  // namespace dsched::wire
