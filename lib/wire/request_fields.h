// SPDX-License-Identifier: Apache-2.0
#pragma once
// The members of a small JSON request, one by one, with the faults that every request can have.
//
// A request is one object; comments are allowed. Each member is asked for once by the one table of
// the request; a member that is not in the table is refused with the nearest one that is.

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsched::wire {

struct RequestField {
  std::string_view name;
  std::function<void(const nlohmann::json& value)> take;
};

// Calls `take` for each member that is there. Throws Error (invalid_request): not JSON, not an
// object, a member twice, or unknown.
void read_request(std::string_view json, std::span<const RequestField> fields);

// "field NAME: WHY", of kind invalid_request.
[[noreturn]] void refuse_field(std::string_view name, std::string_view why);

// The value, or refuse_field().
[[nodiscard]] std::string string_in(std::string_view name, const nlohmann::json& value);
[[nodiscard]] bool bool_in(std::string_view name, const nlohmann::json& value);
// The number as it is written, so that 1.5 is not taken for 1; 24.0 is 24.
[[nodiscard]] std::string number_in(std::string_view name, const nlohmann::json& value);
// A string stands for a list of one.
[[nodiscard]] std::vector<std::string> strings_in(std::string_view name,
                                                  const nlohmann::json& value);

}  // namespace dsched::wire
