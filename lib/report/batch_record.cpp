// SPDX-License-Identifier: Apache-2.0
#include "report/batch_record.h"

#include <nlohmann/json.hpp>

namespace dsched::report {

bool is_batch(const journal::ExecutionRecord& record) {
  const nlohmann::json settings = nlohmann::json::parse(record.settings, nullptr, false);
  return settings.is_object() && settings.contains(k_batch_setting);
}

}  // namespace dsched::report
