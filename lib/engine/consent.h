// SPDX-License-Identifier: Apache-2.0
#pragma once
// What people consent to when they let a node run: the digest that gates and tokens are bound to.
//
// SHA-256 of canonical JSON (names sorted, no white space):
//
//   {"approvers":[NAME…],"arguments":[[NODE_ID,DIGEST]…],"environment":{NAME:VALUE…},
//    "environment_from":[NAME…],"operation":NAME,"outputs":[PATH…],"parameters":{…},"reason":TEXT,
//    "secret_environment":[NAME…]}
//
// Nothing of the surroundings is in it: no value of a variable, so that secrets are read only after
// consent, and no content of input files. stored: never change the form.

#include <span>
#include <string>

#include "base/digest.h"
#include "dag/dag.h"

namespace dsched::engine {

// `arguments`: the digests of the node's arguments, in order.
[[nodiscard]] std::string consent_text(const dag::Dag& dag, NodeIndex node,
                                       std::span<const Digest> arguments);
[[nodiscard]] Digest consent_digest(const dag::Dag& dag, NodeIndex node,
                                    std::span<const Digest> arguments);

}  // namespace dsched::engine
