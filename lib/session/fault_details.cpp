// SPDX-License-Identifier: Apache-2.0
#include "session/fault_details.h"

#include "base/text.h"
#include "wire/json_writer.h"

namespace dsched::session {

std::string details_of(const std::vector<program::Diagnostic>& faults, Missing missing) {
  wire::JsonWriter out;
  out.begin_array();
  for (const program::Diagnostic& fault : faults) {
    out.begin_object();
    out.key("code").text(fault.code);
    out.key("message").text(as_utf8(fault.message));
    if (fault.line > 0) {
      out.key("line").number(std::uint64_t{fault.line});
      out.key("column").number(std::uint64_t{fault.column});
    } else if (missing == Missing::null) {
      out.key("line").null();
      out.key("column").null();
    }
    out.key("pointer").text(as_utf8(fault.pointer));
    if (!fault.hint.empty()) {
      out.key("hint").text(fault.hint);
    } else if (missing == Missing::null) {
      out.key("hint").null();
    }
    out.end_object();
  }
  out.end_array();
  return out.take();
}

}  // namespace dsched::session
