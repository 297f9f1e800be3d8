// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-store does, as calls: put, get, list, meta, remove, verify, gc.
//
// A result is named by its key (64 hexadecimal digits), by a prefix of at least four that only one
// key has, or as EXECUTION/NODE_ID, which the journal resolves through ResultNames. Each call
// throws Error: not_found when the name leads to nothing, invalid_request when it is ambiguous or
// malformed, damaged when the bytes cannot be trusted.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "store/gc.h"
#include "store/storage.h"
#include "store/verify.h"

namespace dsched::session {

// What finds the key of a node's result in an execution; the journal's side implements it.
class ResultNames {
 public:
  virtual ~ResultNames() = default;
  // Empty when there is no such execution or node, or it has no result.
  [[nodiscard]] virtual std::optional<Digest> key_of(std::string_view execution,
                                                     std::string_view node_id) = 0;
};

// For stores whose journal is not at hand: EXECUTION/NODE_ID leads to nothing.
class NoResultNames final : public ResultNames {
 public:
  std::optional<Digest> key_of(std::string_view, std::string_view) override { return {}; }
};

[[nodiscard]] Digest resolve_result(store::Store& store, ResultNames& names, std::string_view name);

// Stores everything `fd` gives. The key is `key_name` (64 hexadecimal digits), or the content's own
// hash when that is "-".
store::Record put_result(store::Store& store, std::string_view key_name, int fd,
                         const store::NewResult& about);

// "START:LEN", "START:" (to the end) in bytes.
struct ByteRange {
  std::uint64_t start = 0;
  std::optional<std::uint64_t> size;  // empty: to the end
};
[[nodiscard]] std::optional<ByteRange> byte_range_from(std::string_view text);

// Writes the result's bytes (or those of the range that exist) to `fd`, in pieces of 64 KiB or
// more; the number written. Nothing is written before the blob was verified.
std::uint64_t get_result(store::Store& store, const Digest& key, const ByteRange& range, int fd);

// One result as spec'd for meta and ls: {"node_id","key","data_type","content_hash","size",
// "compression","created_at","dag_id","metadata"}, a JSON object without a line end.
[[nodiscard]] std::string metadata_json(const store::Record& record);

// {"blobs","results","bytes","leftovers","damage":[{"kind","what"}],"repaired"}
[[nodiscard]] std::string verification_json(const store::Verification& verification);
// {"results_removed","blobs_removed","bytes_freed","results_left","bytes_left"}
[[nodiscard]] std::string gc_json(const store::GcResult& result);

// "500M", "10GiB", "1.5T", "4096": bytes, in powers of 1024; empty when it is not a size.
[[nodiscard]] std::optional<std::uint64_t> size_from_text(std::string_view text);

}  // namespace dsched::session
