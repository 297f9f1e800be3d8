// SPDX-License-Identifier: Apache-2.0
#pragma once
// The request document of dsched-run: JSON on standard input that holds a program and settings.
//
// An object with `nodes` is a program; one with `program` is a request. Flags on the command line
// override its fields; an unknown field is an error. Fields: program (an object, or the name of a
// file), max_concurrent_nodes, storage_backend, storage_path, compression, retry_failed_nodes,
// max_retries, priority, targets, set, keep_going, no_cache, explain, nodes_listed, full_results,
// operations.

#include <CLI/CLI.hpp>
#include <optional>

#include "cli/run_options.h"
#include "program/json_program.h"

namespace dsched::cli {

// Where the program of a request stands: in the text, or in a file.
struct DocumentProgram {
  std::optional<program::Source> source;
  std::string file;
};

// Empty when the text is not a request document (but a program, or nothing that can be read, which
// the front end will say better). Fills in the options that `app` did not get from the command
// line.
[[nodiscard]] std::optional<DocumentProgram> apply_document(const program::Source& text,
                                                            const CLI::App& app,
                                                            RunCommand& command);

}  // namespace dsched::cli
