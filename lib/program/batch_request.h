// SPDX-License-Identifier: Apache-2.0
#pragma once
// One request of a batch, read from its JSON text: what a node would be, without a graph.
//
// Parameters have the rules of nodes. An argument is not another node's result but stands in the
// request: a string is text, {"base64"}, {"path"} and {"key"} (the key of a stored result) name
// bytes, and any other value is its canonical JSON text. `parameters.stdin` is {"argument": N}.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/canonical_json.h"
#include "base/ids.h"
#include "dag/node.h"
#include "dag/worker.h"
#include "program/diagnostic.h"

namespace dsched::program {

struct RequestArgument {
  enum class Kind : std::uint8_t {
    bytes,
    path,  // of a file: cleaned and relative to the batch's folder, or absolute
    key,   // as it was written
  };
  Kind kind = Kind::bytes;
  std::string value;
};

struct BatchRequest {
  std::string id;  // JSON text as it was written; empty: none was given
  dag::Operation operation = dag::Operation::constant;
  std::string operation_name;              // as in programs, of any operation
  std::optional<dag::WorkerIndex> worker;  // whose request it is
  std::string parameters;  // canonical and normalised, as dag/operation.h reads them
  std::vector<RequestArgument> arguments;
  // Handed to a shell command as they are, any bytes, instead of arguments.
  std::vector<std::string> words;
  Priority priority;
  std::optional<Nanoseconds> timeout;
  std::string metadata;  // JSON text as it was written; empty: none
};

// What was wrong, and what could be read all the same, so that the answer finds its sender.
struct BadRequest {
  std::string id;
  std::string metadata;
  std::vector<Diagnostic> faults;
};

// Reads one after the other, using its memory again.
class RequestReader {
 public:
  // The workers that requests may name; they outlive it.
  explicit RequestReader(std::span<const dag::Worker> workers = {});
  // `line` is where the text begins in the input, for the faults.
  [[nodiscard]] std::variant<BatchRequest, BadRequest> read(std::string_view text,
                                                            std::uint64_t line);

 private:
  std::span<const dag::Worker> workers_;
  CanonicalJson canonical_;
};

}  // namespace dsched::program
