// SPDX-License-Identifier: Apache-2.0
#include "store/read_ahead.h"

#include <utility>

#include "base/error.h"
#include "store/trust.h"

namespace dsched::store {
namespace {

// The path of store.db in a store that this user made here; empty when it is not such a one.
std::optional<std::string> trusted_database(const Options& options, const World& world) {
  Options looking = options;
  looking.mode = Mode::read_only;
  const std::string folder = world.host.absolute(options.folder);
  if (!world.files.info(folder + "/store.db")) return std::nullopt;
  check_ownership(folder, world);
  const std::optional<StoredIdentity> identity = read_identity(folder, world);
  const std::optional<std::string> key = user_key(looking, world);
  if (!identity || !key || !is_marked(folder, *identity, *key, world, MarkForm::complete)) {
    return std::nullopt;
  }
  return folder + "/store.db";
}

}  // namespace

ReadAhead::ReadAhead(sys::Database&& database) : database_(std::move(database)) {
  database_.execute("BEGIN");  // one snapshot for the version and both tables
  version_ = version();
  digests_ = FileDigests::read(database_);
  results_ = ResultRows::read(database_);
  database_.execute("COMMIT");
}

std::unique_ptr<ReadAhead> ReadAhead::read(const Options& options, const World& world) {
  try {
    const std::optional<std::string> path = trusted_database(options, world);
    if (!path) return nullptr;
    return std::unique_ptr<ReadAhead>(new ReadAhead(sys::Database(
        {.path = *path, .mode = sys::DatabaseOptions::Mode::existing, .vfs = world.vfs})));
  } catch (const Error&) {
    return nullptr;  // this was only a head start; the opening of the store meets the same fault
  }
}

std::int64_t ReadAhead::version() {
  sys::Statement pragma = database_.prepare("PRAGMA data_version");
  return pragma.step() ? pragma.integer(0) : 0;
}

bool ReadAhead::is_current() {
  return version() == version_;
}

}  // namespace dsched::store
