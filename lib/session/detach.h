// SPDX-License-Identifier: Apache-2.0
#pragma once
// A run that nobody waits for: how its request is handed to the process that does the work.
//
// A RunRequest becomes two texts (settings, and the program's text as it is) and is made of them
// again on the other side. The environment is not among them: the process inherits it. One
// definition serves both directions, and a member added to a request does not compile until it has
// its place there.

#include <string>
#include <vector>

#include "session/request.h"
#include "sys/detached.h"

namespace dsched::session {

// The command line's word on what is logged, and told, beside the request.
struct LogSettings {
  std::string program_name;  // for diagnostics
  std::string progress;      // a mode of --progress
  std::string color;         // "always" or "never"
  bool quiet = false;
  std::string notify;  // the command that is told of events; empty: none
};

[[nodiscard]] sys::HandedOver pack(const RunRequest& request, const LogSettings& log);

struct Unpacked {
  RunRequest request;
  LogSettings log;
};
[[nodiscard]] Unpacked unpack(sys::HandedOver&& handed, std::vector<std::string> environment);

// Throws Error (environment) when this process runs in a node: whatever a node starts is ended
// with it, so nothing can go on from there.
void refuse_to_detach_in_node(const std::vector<std::string>& environment);

// What a detached process gets: a make that started its caller has nothing to do with it any more.
[[nodiscard]] std::vector<std::string> detached_environment(std::vector<std::string> environment);

// The file in a store that a detached execution's progress and errors go to.
[[nodiscard]] std::string log_path(const std::string& store_folder, std::string_view execution_id);

}  // namespace dsched::session
