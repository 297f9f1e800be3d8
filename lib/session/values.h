// SPDX-License-Identifier: Apache-2.0
#pragma once
// What each node of an execution produced, and how others get at it.
//
// Values of in-process nodes stay in memory. Results of other nodes are known by content; their
// bytes are in the store, and small new ones also here until the store has them. A node that has
// nothing yet must not be asked for.

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "session/ports.h"
#include "store/record.h"

namespace dsched::session {

// The result of a node that is not in-process.
struct NodeResult {
  store::Content content;
  Digest digest;              // over content and outputs: what consumers depend on
  std::optional<Digest> key;  // under which it is, or will be, stored
};

class Values {
 public:
  Values(std::size_t nodes, store::Blobs& blobs, ArgumentFiles& files);

  // There are so many nodes now.
  void grow(std::size_t nodes) { index_.resize(nodes, k_nothing); }

  void set_value(NodeIndex node, std::string value);
  void set_result(NodeIndex node, const NodeResult& result);
  // Bytes of a result that the store does not have yet.
  void hold_bytes(const Digest& hash, std::string bytes);
  // The store has everything now.
  void release_held();

  [[nodiscard]] bool has(NodeIndex node) const { return index_[node.value] != k_nothing; }
  [[nodiscard]] bool is_in_process(NodeIndex node) const {
    return has(node) && (index_[node.value] & k_result) == 0;
  }
  [[nodiscard]] const std::string& value(NodeIndex node) const;  // in-process ones
  [[nodiscard]] const NodeResult& result(NodeIndex node) const;  // the others
  [[nodiscard]] Digest digest(NodeIndex node) const;
  [[nodiscard]] store::Content content(NodeIndex node) const;

  // All bytes, if there are at most `limit`; empty when they are more or the store has lost them.
  [[nodiscard]] std::optional<std::string> bytes(NodeIndex node, std::uint64_t limit);
  // The first `limit` bytes; empty when the store has lost them.
  [[nodiscard]] std::optional<std::string> prefix(NodeIndex node, std::uint64_t limit);
  // Writes all bytes to a descriptor; false when the store has lost them.
  [[nodiscard]] bool write(NodeIndex node, int fd);
  // A file with the bytes; empty when the store has lost them.
  [[nodiscard]] std::optional<std::string> file(NodeIndex node);
  // A file with these bytes.
  [[nodiscard]] std::string file_with(std::string_view bytes) const {
    return files_.file_for(to_hex(sha256(bytes)), bytes);
  }

 private:
  static constexpr std::uint32_t k_nothing = UINT32_MAX;
  static constexpr std::uint32_t k_result = 0x8000'0000;  // index into results_, else into values_

  store::Blobs& blobs_;
  ArgumentFiles& files_;
  std::vector<std::uint32_t> index_;
  std::vector<std::string> values_;
  std::vector<NodeResult> results_;
  std::unordered_map<Digest, std::string> held_;
};

}  // namespace dsched::session
