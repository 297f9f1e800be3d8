// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a program says about one node, already checked: its operation, parameters and settings.
//
// Text is held as views into the Dag that owns the node (or into the program text that the Dag was
// given to keep), so a node costs 48 bytes beside its text. Most nodes share one Settings.

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace dsched::dag {

// stored: never renumber
enum class Operation : std::uint8_t {
  shell = 0,
  exec = 1,
  constant = 2,  // "const" in programs
  read_file = 3,
  write_file = 4,
  concat = 5,
  sleep = 6,
  external = 7,  // an executable dsched-op-NAME
  worker = 8,    // a request to a persistent worker of the program
  map = 9,       // one node for each element of a list (dag/maps.h)
  // Of VoxLogica programs only. Their results are values (Dag::form_of).
  primitive = 10,    // a value that is worked out in this process wherever it is needed
  computation = 11,  // the same, but it may take long: on a thread of its own, and kept
  load = 12,         // the bytes of a file whose name may be an argument's value
  list_folder = 13,  // "dir": what a folder holds
  save = 14,         // writes a value to a file
};
inline constexpr std::uint8_t k_operations_max = 14;

// The name in programs; for those that have names of their own it is Dag::operation_name that
// knows.
[[nodiscard]] std::string_view name_of(Operation operation);

// One operation stands for many: external, worker, primitive, computation.
[[nodiscard]] bool has_own_name(Operation operation);

// The one of this name in JSON programs; empty for those of external operations and workers.
[[nodiscard]] std::optional<Operation> operation_named(std::string_view name);

// Runs inside the dsched-run process, without a process of its own.
[[nodiscard]] bool is_builtin(Operation operation);
// A built-in without effects: the same arguments and parameters give the same bytes, always.
// (read_file is pure given the content of its file, which is part of its key.)
[[nodiscard]] bool is_pure(Operation operation);

struct Node {
  std::string_view node_id;
  std::string_view parameters;       // canonical JSON object; "{}" when there are none
  std::uint32_t settings = 0;        // index for Dag::settings; 0: nothing was said
  std::uint32_t operation_name = 0;  // index for Dag::operation_name
  std::uint32_t line = 0;            // where the node starts in the program, from 1; 0: unknown
  Operation operation = Operation::constant;
  std::uint8_t source = 0;   // index for Dag::sources: the file of that line
  std::uint16_t column = 0;  // in that line, from 1; 0: unknown
};

struct Approval {
  std::string_view reason;  // empty: none given
  std::optional<double> expires_in_hours;
  std::vector<std::string_view> approvers;  // empty: anybody with the token
  bool operator==(const Approval&) const = default;
};

// The optional fields of a node. Absent optionals mean: the default, which may come from an option
// of dsched-run (retries) or depend on other fields (cache).
struct Settings {
  bool inputs_declared = false;  // true also for "inputs": []
  std::vector<std::string_view>
      inputs;  // names and globs: relative ones cleaned, absolute as given
  std::vector<std::string_view> outputs;  // cleaned relative paths, in the program's order
  std::string_view depfile;               // inputs_from.depfile, cleaned; empty: none
  std::vector<std::pair<std::string_view, std::string_view>> environment;  // sorted by name
  std::vector<std::string_view> environment_from;                          // sorted
  std::vector<std::string_view> secret_environment;                        // sorted
  std::optional<bool> cache;
  bool stream = false;
  std::optional<std::uint64_t> max_lag_bytes;  // a stream is suspended when a reader lags further
  bool ends_with_readers = false;              // on_reader_done: "end"
  // Of a shell node: the files are inputs that words of its command, or texts among its arguments,
  // name, where there are such files.
  bool follows_files = false;
  std::optional<Nanoseconds> timeout;
  std::optional<std::uint32_t> max_retries;
  Nanoseconds backoff = std::chrono::seconds{1};
  Priority priority;
  Slots slots{1};
  std::optional<PoolIndex> pool;
  std::optional<Approval> approval;
  bool preemptible = true;
  bool idempotent = true;
  std::optional<Nanoseconds> expected;  // expected_s
  std::string_view metadata;            // JSON text; empty: none
  bool operator==(const Settings&) const = default;
};

}  // namespace dsched::dag
