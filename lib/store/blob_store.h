// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one implementation of Blobs; the backends differ only in its threshold (store/blobs.h).
//
// A file blob has its name before its row is committed, and both happen within one write
// transaction, so removal (row first, then in a second transaction the file, if still no row wants
// it) never takes away a file that somebody has just adopted. A file without a row is used only
// after it was hashed. Files are not synced here: take_unsynced() says which must be.

#include <unordered_set>
#include <vector>

#include "store/blobs.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/sqlite.h"

namespace dsched::store {

struct BlobPolicy {
  std::uint64_t file_min = k_file_min;  // from this size on a blob is a file
  enum class Compress : std::uint8_t { never, when_it_helps, always } compress = Compress::never;
  enum class Access : std::uint8_t { read_write, read_only } access = Access::read_write;
};

struct BlobFolders {
  std::string blobs;    // HEX goes to ab/HEX below it
  std::string staging;  // on the same file system as `blobs`
};

class BlobStore final : public Blobs {
 public:
  struct Ports {
    sys::Database& database;
    sys::Files& files;
    const sys::Clock& clock;
  };
  BlobStore(const Ports& ports, BlobFolders folders, const BlobPolicy& policy)
      : database_(ports.database),
        files_(ports.files),
        clock_(ports.clock),
        folders_(std::move(folders)),
        policy_(policy) {}

  Content put(std::string_view bytes) override;
  void keep(StagedFile&& file, const Content& content) override;
  bool contains(const Digest& hash) override;
  bool note_use(const Digest& hash) override;
  std::optional<BlobInfo> info(const Digest& hash) override;
  std::unique_ptr<BlobReader> open(const Digest& hash) override;
  std::optional<std::string> file_path(const Digest& hash) override;
  bool remove(const Digest& hash) override;
  void each(const std::function<void(const BlobInfo&)>& visit) override;
  std::vector<Digest> unknown_files() override;

  // Removes the files whose rows went away within a transaction that has committed meanwhile.
  void finish_removals();
  // Paths published since the last call, which a sync must cover.
  [[nodiscard]] std::vector<std::string> take_unsynced();
  [[nodiscard]] std::string path_for(const Digest& hash, Codec codec) const;
  [[nodiscard]] const BlobFolders& folders() const { return folders_; }

 private:
  // stored: never renumber
  enum class Place : std::uint8_t { inside = 0, chunks = 1, file = 2, unfinished = 3 };
  struct Row {
    std::int64_t id = 0;
    Place place = Place::inside;
    Codec codec = Codec::none;
    std::uint64_t size = 0;
    std::uint64_t stored = 0;
    std::int64_t used = 0;
    std::string stat;  // packed; of files
    std::string data;  // of inside ones
  };
  friend class ChunkReader;

  std::optional<Row> find_row(const Digest& hash);
  void insert_row(const Digest* hash, const Row& row);
  void delete_row(const Row& row);
  void refresh(const Row& row);
  bool is_still_there(const Digest& hash, const Row& row);
  // Whether what the row says can be handed out; false leads to writing the blob anew.
  bool is_intact(const Digest& hash, const Row& row);
  // Makes room for a blob: true when it is there already, intact.
  bool adopt_existing(const Digest& hash);
  bool wants_compression(std::string_view sample) const;
  void put_inside(const Content& content, std::string_view bytes);
  void put_chunks(const Content& content, int fd, std::string_view bytes);
  bool is_known(const Digest& hash);
  std::optional<sys::Staged> compressed(const sys::Staged& staged);
  void put_file(const Content& content, sys::Staged& plain, std::optional<sys::Staged>& packed);
  std::optional<std::string> inside_bytes(const Digest& hash, const Row& row) const;
  std::unique_ptr<BlobReader> open_inside(const Digest& hash, const Row& row);
  std::unique_ptr<BlobReader> open_chunks(const Digest& hash, const Row& row);
  std::unique_ptr<BlobReader> open_plain_file(const Digest& hash, const Row* row);
  std::unique_ptr<BlobReader> open_compressed_file(const Digest& hash, const Row* row);
  void remember_file(const Digest& hash, Codec codec, const Content& content, int fd);
  [[noreturn]] void fail_damaged(const Digest& hash, const std::string& how);

  sys::Database& database_;
  sys::Files& files_;
  const sys::Clock& clock_;
  BlobFolders folders_;
  BlobPolicy policy_;
  std::unordered_set<Digest> suspects_;  // found damaged by this process: written anew when put
  std::vector<Digest> removals_;
  std::vector<std::string> unsynced_;
};

}  // namespace dsched::store
