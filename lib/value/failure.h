// SPDX-License-Identifier: Apache-2.0
#pragma once
// How everything in this module gives up on a value: an Error of kind node_failed, in one line.

#include <string>

#include "base/error.h"

namespace dsched::value {

[[noreturn]] inline void fail(const std::string& cause) {
  throw Error(ErrorKind::node_failed, cause);
}

}  // namespace dsched::value
