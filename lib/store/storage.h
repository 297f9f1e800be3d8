// SPDX-License-Identifier: Apache-2.0
#pragma once
// The eight calls of the storage interface (doc/DESIGN.md): a result as bytes and metadata under
// one key. A facade for tools over Blobs and Results; the session uses those directly.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/store.h"

namespace dsched::store {

// Bytes in memory, or in a staged file that was hashed already.
struct HashedFile {
  StagedFile file;
  Content content;
};
using ResultBytes = std::variant<std::string_view, HashedFile>;

struct NewResult {
  std::string node_id;
  std::string dag_id;
  std::optional<DataType> data_type;  // empty: by size
  std::string metadata;               // JSON object text; empty: none
};

class Storage {
 public:
  explicit Storage(Store& store) : store_(store) {}

  // Visible whole or not at all; storing under the same key replaces the record.
  Record store_result(const Digest& key, ResultBytes bytes, const NewResult& about);
  // All bytes, verified; empty when absent. Error damaged when they cannot be trusted.
  [[nodiscard]] std::optional<std::string> retrieve_result(const Digest& key);
  // Gives the bytes in pieces of `chunk_size` (the last may be smaller), in order, while `take`
  // answers true; false when the result is absent. Error invalid_request when chunk_size is 0.
  [[nodiscard]] bool stream_result(const Digest& key,
                                   const std::function<bool(std::string_view)>& take,
                                   std::size_t chunk_size = 1024 * 1024);
  [[nodiscard]] bool exists(const Digest& key);
  // False when there was none. The bytes go with gc, when nothing else names them.
  bool delete_result(const Digest& key);
  // Ordered by key; of one DAG when `dag_id` is given.
  [[nodiscard]] std::vector<Record> list_results(const std::optional<std::string>& dag_id = {});
  [[nodiscard]] std::optional<Record> get_metadata(const Digest& key);
  // False when absent; Error invalid_request unless `json` is a JSON object.
  bool update_metadata(const Digest& key, std::string_view json);

 private:
  Store& store_;
};

}  // namespace dsched::store
