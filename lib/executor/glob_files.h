// SPDX-License-Identifier: Apache-2.0
#pragma once
// The files that names and globs stand for in a folder.
//
// A plain name is itself; a folder, named or matched, stands for every file below it, hidden ones
// too. "**" stands for any number of folders. Links that stay inside are followed, each folder once
// on the way down, so a link to a folder above ends the walk there. Stores and temporary files of
// our own are never among the files. An absolute pattern is looked up in the whole file system.

#include <string>
#include <string_view>
#include <vector>

#include "sys/beneath.h"

namespace dsched::executor {

// Appends the files to `out`, in no order and possibly twice. A glob may match nothing; a plain
// name that does not exist, or anything that leaves the folder, is a problem.
[[nodiscard]] std::optional<sys::PathProblem> expand_pattern(const sys::Folder& folder,
                                                             std::string_view pattern,
                                                             std::vector<std::string>& out);

}  // namespace dsched::executor
