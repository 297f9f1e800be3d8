// SPDX-License-Identifier: Apache-2.0
#pragma once
// What members of many documents have in common: text of any bytes, and values that may be missing.

#include <optional>
#include <string_view>

#include "base/ids.h"
#include "wire/json_writer.h"

namespace dsched::wire {

// Names, paths and logs may hold any bytes; a document may not.
void any_text(JsonWriter& out, std::string_view value);

// A member that is null when there is nothing to say.
void text_or_null(JsonWriter& out, std::string_view name, std::string_view value);
void number_or_null(JsonWriter& out, std::string_view name, std::optional<int> value);
void time_or_null(JsonWriter& out, std::string_view name, std::optional<WallTime> value);

}  // namespace dsched::wire
