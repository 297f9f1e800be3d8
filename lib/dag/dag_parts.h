// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Dag owns behind its pointer: the way from names to nodes.
//
// For dag.cpp and builder.cpp only.

#include <vector>

#include "dag/dag.h"
#include "dag/name_table.h"

namespace dsched::dag {

class Dag::Names {
 public:
  NameTable ids;                     // also of ids that are only mentioned, while building
  std::vector<NodeIndex> bearers;    // by symbol of `ids`; k_nobody: no node has this id
  NameTable outputs;                 // cleaned paths
  std::vector<NodeIndex> producers;  // by symbol of `outputs`

  static constexpr NodeIndex k_nobody{UINT32_MAX};
};

}  // namespace dsched::dag
