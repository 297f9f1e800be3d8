// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes records of the audit (journal/audit.h) for what this process does: now, as this user.

#include <string>
#include <utility>
#include <vector>

#include "journal/audit.h"
#include "store/store.h"

namespace dsched::session {

struct Audited {
  std::string action;
  std::string object;
  std::string outcome;
  // Members of `details`, texts all; they may hold any bytes.
  std::vector<std::pair<std::string, std::string>> details{};
};

// In the caller's transaction, which is that of the effect.
void audit(store::Store& store, const Audited& what);

}  // namespace dsched::session
