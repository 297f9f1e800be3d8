// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reduces a VoxLogica program to its graph: functions are inlined, equal terms become one node.
//
// A call of a function with the same argument nodes is reduced once, so reduction costs what the
// distinct nodes cost. Nothing recurses, whatever the program is like: frames lie on a vector.
//
// Names are those declared before (the latest of a name), as seen from where a function stands;
// then primitives. The bodies of for, filter and map are reduced too, with a node that stands for
// the element, so that their faults are found before anything runs; that is also how they are
// evaluated.

#include <map>
#include <string>
#include <vector>

#include "program/imgql_graph.h"
#include "program/imgql_parser.h"

namespace dsched::imgql {

struct Reduced {
  Graph graph;
  std::vector<Goal> goals;  // in the program's order; without those that have a fault
};

// `variables` are the values of $cwd, $dir, …, by name with the dollar sign. Views in the answer
// point into `syntax`. An import is of a namespace; files have been spliced in before.
[[nodiscard]] Reduced reduce(const Syntax& syntax,
                             const std::map<std::string, std::string, std::less<>>& variables,
                             std::vector<Fault>& faults);

}  // namespace dsched::imgql
