// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a batch's requests come from: JSON text, words of the command line, or words of a stream.
// It never waits; nothing_now means that fd() becomes readable when there may be more.

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/line_splitter.h"
#include "program/batch_request.h"
#include "program/request_splitter.h"
#include "session/batch.h"

namespace dsched::session {

struct NextRequest {
  std::uint64_t number = 0;  // of the line or word, from 1: its id if it has none
  std::size_t bytes = 0;     // what it takes to keep
  std::variant<program::BatchRequest, program::BadRequest> read;
};
struct NothingNow {};
struct InputOver {};

class BatchInput {
 public:
  virtual ~BatchInput() = default;
  [[nodiscard]] virtual std::variant<NextRequest, NothingNow, InputOver> next() = 0;
  // -1: nothing is ever waited for.
  [[nodiscard]] virtual int fd() const = 0;
};

// `call` must outlive it.
[[nodiscard]] std::unique_ptr<BatchInput> make_batch_input(const BatchCall& call);

}  // namespace dsched::session
