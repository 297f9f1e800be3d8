// SPDX-License-Identifier: Apache-2.0
#pragma once
// What fix-it wants of one resumed execution: which nodes run again, by which rules, and which
// failed ones are left as they are.

#include <map>
#include <string>

#include "engine/fixit_rules.h"

namespace dsched::session {

struct FixPlan {
  engine::FixMode mode = engine::FixMode::balanced;
  std::uint32_t attempts_max = 3;  // of each node
  bool auto_approve = false;
  std::string by;
  std::map<std::string, engine::FixSubject> retried;  // by node id
  std::map<std::string, bool> left;                   // failed (true) or cancelled ones
};

}  // namespace dsched::session
