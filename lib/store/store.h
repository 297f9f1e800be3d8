// SPDX-License-Identifier: Apache-2.0
#pragma once
// A store: the folder .dsched with blobs, results, file digests and the journal's database.
//
//   .dsched/ (0700)  identity  CACHEDIR.TAG  .gitignore  store.db
//                    blobs/ab/HEX  results/ab/HEX.json (filesystem backend)  tmp/
//                    run/EXECUTION.lock (store/run_locks.h)  run/writers.lock
//
// A store is opened only if it belongs to this user, nobody else can write it, no part of it is a
// link, it is on a local file system, and it was made or adopted by this user (store/trust.h). Of
// those who have it open for writing, each holds run/writers.lock shared; who gets it exclusively
// for a moment knows that leftovers in tmp/ are nobody's and clears them.
//
// A Store belongs to one thread, except stage(), blob readers of files, and FileDigests as
// documented there.

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "store/blobs.h"
#include "store/file_digests.h"
#include "store/results.h"
#include "store/staged_file.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/files.h"
#include "sys/host.h"
#include "sys/sqlite.h"

namespace dsched::store {

enum class Backend : std::uint8_t { hybrid, sqlite, filesystem };
[[nodiscard]] std::string_view name_of(Backend backend);
[[nodiscard]] std::optional<Backend> backend_from(std::string_view name);

enum class Compression : std::uint8_t { off, automatic, zstd };  // "off", "auto", "zstd"
[[nodiscard]] std::optional<Compression> compression_from(std::string_view name);

enum class Mode : std::uint8_t {
  create,     // made when it does not exist
  existing,   // Error not_found when it does not exist
  read_only,  // nothing on disk changes; what does not exist looks empty
};
enum class Trust : std::uint8_t {
  own,    // only what this user made on this machine, or adopted
  adopt,  // --trust-store: whatever is there is trusted from now on
};

struct Options {
  std::string folder = ".dsched";
  Mode mode = Mode::create;
  std::optional<Backend> backend;  // empty: hybrid for a new store; files stay files, and rows
                                   // rows, in one that exists
  Compression compression = Compression::off;
  std::string results_folder;  // filesystem backend: elsewhere, possibly shared (--results)
  Trust trust = Trust::own;
  std::string state_folder;  // of the user's key; empty: store/trust.h finds it
};

// What a store needs from the world; all must outlive it.
struct World {
  const sys::Clock& clock;
  sys::Entropy& entropy;
  sys::Files& files;
  sys::Host& host;
  std::string vfs{};  // SQLite's; empty: the system's
};

class ReadAhead;

class Store {
 public:
  Store(Options options, const World& world);
  ~Store();

  [[nodiscard]] Blobs& blobs();
  [[nodiscard]] Results& results();
  [[nodiscard]] FileDigests& file_digests();
  // Shared with the journal: one Transaction covers both.
  [[nodiscard]] sys::Database& database();
  // From any thread; cheap.
  [[nodiscard]] StagedFile stage();
  // Takes the tables that were read ahead from this store, if they still hold: see
  // store/read_ahead.h for when to call it. May be null.
  void adopt(std::unique_ptr<ReadAhead> ahead);
  // Everything committed so far survives a crash of the machine: blob files first, then names, then
  // the database.
  void sync();
  // Removes the files of blobs that were removed within a transaction that has committed.
  void finish_removals();
  // What the store is: folder (absolute), mode, backend, id and secret.
  struct Identity {
    std::string folder;
    Mode mode = Mode::create;
    Backend backend = Backend::hybrid;
    std::string id;       // 32 hexadecimal digits
    std::string secret;   // 32 bytes, for keyed hashes of secret_environment
    bool is_new = false;  // made by this opening (or only imagined: read_only without a folder)
  };
  [[nodiscard]] const Identity& identity() const;
  [[nodiscard]] const World& world() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dsched::store
