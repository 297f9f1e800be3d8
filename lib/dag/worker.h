// SPDX-License-Identifier: Apache-2.0
#pragma once
// A persistent worker as a program declares it: one command whose processes serve many requests.
//
// A node whose operation is the worker's name is a request to it (dsched-worker(7)). The type owns
// its text, because workers are few and may come from a file of their own as well.

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"

namespace dsched::dag {

inline constexpr std::uint32_t k_max_batch_max = 4096;
inline constexpr std::uint32_t k_instances_max = 256;
// Of all workers together: each may need a process, and a place in the table of processes.
inline constexpr std::uint32_t k_instances_total_max = 1024;

struct Worker {
  std::string name;
  std::vector<std::string> command;  // the executable and its words; searched as exec does
  std::uint32_t max_batch = 32;      // requests in flight in one instance
  std::uint32_t instances = 1;       // processes at once
  Nanoseconds idle_timeout = std::chrono::seconds{60};  // an instance without work ends then
  bool takes_inline = false;  // small arguments come in the request instead of in files
};

using WorkerIndex = Id<struct WorkerTag>;  // in the order the workers were declared

}  // namespace dsched::dag
