// SPDX-License-Identifier: Apache-2.0
#pragma once
// Results as files results/ab/HEX.json, one per key (filesystem backend).
//
//   {"sum": "16 hexadecimal digits", "record": {"key", "base_key", "packed": base64 of pack(),
//    "last_used_ns", "key_text", "metadata", and for readers: "node_id", "dag_id", "content_hash",
//    "size"}}
//
// `sum` is checksum() of the record as compact JSON with sorted names, so white space may change
// and nothing else. Texts that are not UTF-8 stand as {"base64": …}. A file is published whole; one
// that fails its checks is as good as absent. Lookups by anything but the key read all files once
// and then answer from memory; files that other machines add later are found by key only.

#include <unordered_map>

#include "store/results.h"
#include "sys/files.h"

namespace dsched::store {

class FileResults final : public Results {
 public:
  // Records go to ab/HEX.json below `folder`, made in `staging`.
  FileResults(sys::Files& files, Blobs& blobs, std::string folder, std::string staging)
      : files_(files), blobs_(blobs), folder_(std::move(folder)), staging_(std::move(staging)) {}

  void put(const Record& record) override;
  bool remove(const Digest& key) override;
  std::optional<Record> find(const Digest& key) override;
  std::vector<Record> find_candidates(const Digest& base_key) override;
  std::optional<Record> details(const Digest& key) override;
  std::optional<Record> latest(std::string_view dag_id, std::string_view node_id) override;
  void each(const std::function<void(const Record&)>& visit) override;
  std::vector<Digest> with_prefix(std::string_view hex_digits, std::size_t limit) override;
  bool update_metadata(const Digest& key, std::string_view json) override;
  void touch(const Record& record, WallTime now) override;
  void preload() override { load_all(); }
  std::vector<std::string> damaged_records(Sweep sweep) override;
  std::uint64_t damaged() const override { return damaged_; }

  // Paths published since the last call, which a sync must cover.
  [[nodiscard]] std::vector<std::string> take_unsynced() { return std::exchange(unsynced_, {}); }

 private:
  std::string path_for(const Digest& key) const;
  std::optional<Record> read(const Digest& key);
  void load_all();
  std::vector<Digest> all_keys();

  sys::Files& files_;
  Blobs& blobs_;
  std::string folder_;
  std::string staging_;
  bool loaded_ = false;
  std::unordered_map<Digest, Record> records_;  // complete once loaded_
  std::vector<std::string> unsynced_;
  std::uint64_t damaged_ = 0;
};

}  // namespace dsched::store
