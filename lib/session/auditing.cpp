// SPDX-License-Identifier: Apache-2.0
#include "session/auditing.h"

#include <map>

#include "base/text.h"
#include "sys/cpus.h"

namespace dsched::session {

void audit(store::Store& store, const Audited& what) {
  const std::map<std::string, std::string> sorted(what.details.begin(), what.details.end());
  std::string details = "{";
  for (const auto& [name, value] : sorted) {
    if (details.size() > 1) details += ',';
    append_json_string(details, name);
    details += ':';
    append_json_string(details, as_utf8(value));
  }
  journal::AuditRecord record{.at = store.world().clock.wall(),
                              .actor = sys::user_name(),
                              .action = what.action,
                              .object = what.object,
                              .outcome = what.outcome,
                              .details = details + '}'};
  journal::append_audit(store.database(), record);
}

}  // namespace dsched::session
