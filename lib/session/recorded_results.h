// SPDX-License-Identifier: Apache-2.0
#pragma once
// Results by the name EXECUTION/NODE_ID: what the journal says an execution's node produced.
//
// A result that may be reused has a key, and the store has the record. One that may not be reused
// has only its bytes; the value of an in-process node stands in the journal itself.

#include <optional>
#include <string>
#include <string_view>

#include "journal/journal.h"
#include "session/store_operations.h"

namespace dsched::session {

struct RecordedResult {
  std::optional<Digest> key;
  std::optional<std::string> value;
  store::Content content;  // when there is no value
  bool is_value = false;   // the bytes are a value of a VoxLogica program
};

class JournalNames final : public ResultNames {
 public:
  JournalNames(store::Store& store, journal::Journal& journal) : store_(store), journal_(journal) {}
  // Empty when there is no such execution or node, or it was not completed.
  [[nodiscard]] std::optional<RecordedResult> find(std::string_view execution,
                                                   std::string_view node_id);
  std::optional<Digest> key_of(std::string_view execution, std::string_view node_id) override;

 private:
  store::Store& store_;
  journal::Journal& journal_;
};

// Writes the bytes of a result to `fd`: by key, prefix or EXECUTION/NODE_ID. Returns their number.
std::uint64_t get_named_result(store::Store& store, journal::Journal& journal,
                               std::string_view name, const ByteRange& range, int fd);

}  // namespace dsched::session
