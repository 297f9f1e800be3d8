// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a body can be evaluated at all.

#include "value/body.h"

namespace dsched::value {

// Throws Error (invalid_program): an operator that does not exist or takes another number of
// arguments, an argument that is no earlier value, bodies nested too deep, too many steps.
void check_body(const Body& body);

}  // namespace dsched::value
