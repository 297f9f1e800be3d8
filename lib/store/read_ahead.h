// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tables that a large run needs, read while the program itself is still being read.
//
// They are read through a connection of their own, before the store is opened and without any lock,
// so somebody may commit meanwhile. Law: Store::adopt() takes them only when nothing at all was
// committed since, which the connection that read them says (PRAGMA data_version); otherwise they
// are dropped, and read again by whoever needs them. Asked within this run's own first write
// transaction, so that nobody can commit between the question and its use. Nothing is read from a
// store that is not trusted (store/trust.h), and nothing is made: neither a store nor a table.

#include <cstdint>
#include <memory>

#include "store/file_digests.h"
#include "store/result_rows.h"
#include "store/store.h"
#include "sys/sqlite.h"

namespace dsched::store {

class ReadAhead {
 public:
  // Nullptr when there is no store, it is not trusted, or it cannot be read: opening it will say
  // why. Uses only `files` and `host` of the world, on the calling thread.
  [[nodiscard]] static std::unique_ptr<ReadAhead> read(const Options& options, const World& world);

  // False when somebody has committed since the tables were read. Any one thread at a time.
  [[nodiscard]] bool is_current();
  // Absolute, of store.db.
  [[nodiscard]] const std::string& path() const { return database_.path(); }

 private:
  friend class Store;
  explicit ReadAhead(sys::Database&& database);
  [[nodiscard]] std::int64_t version();

  sys::Database database_;
  std::int64_t version_ = 0;  // PRAGMA data_version when the tables were read
  FileDigests::Loaded digests_;
  ResultRows results_;
};

}  // namespace dsched::store
