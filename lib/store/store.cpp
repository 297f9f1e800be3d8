// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "store/blob_store.h"
#include "store/read_ahead.h"
#include "store/recovery.h"
#include "store/results_files.h"
#include "store/results_sqlite.h"
#include "store/schema.h"
#include "store/trust.h"

namespace dsched::store {
namespace {

constexpr std::array<std::string_view, 3> k_backends = {"hybrid", "sqlite", "filesystem"};
// The signature is fixed by the Cache Directory Tagging Specification (bford.info/cachedir).
constexpr std::string_view k_cache_tag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder holds results that dsched can compute again; backups may leave it out.\n";

std::string random_bytes(const World& world, std::size_t size) {
  std::string bytes(size, '\0');
  world.entropy.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

constexpr std::uint32_t k_readable = 0644;
constexpr std::uint32_t k_private = 0600;

// Makes a file of the store's folder that is not there yet.
void make_file(const World& world, const std::string& path, std::string_view text,
               std::uint32_t mode) {
  if (world.files.info(path)) return;
  const std::string folder = path.substr(0, path.rfind('/'));
  sys::Staged staged = world.files.stage(folder + "/tmp");
  world.files.write(staged, 0, text);
  world.files.publish(staged, path, mode, sys::Existing::kept);
}

// True when the folder holds nothing but what an opening that was cut short leaves behind.
bool is_unfinished_store(const std::string& folder, const World& world) {
  for (const std::string& name : world.files.list(folder)) {
    if (name != "tmp" && name != "run" && name != "blobs" && name != "CACHEDIR.TAG" &&
        name != ".gitignore") {
      return false;
    }
  }
  return true;
}

[[noreturn]] void refuse_unmarked(const std::string& folder) {
  throw Error(ErrorKind::untrusted_store,
              "store " + folder +
                  ": was not made by this user on this machine, or its database was exchanged",
              "its results would be believed without running anything; "
              "--trust-store adopts it for good");
}

// The identity of a store that exists (under whatever lock the caller holds), made or adopted where
// options allow it. Empty: there is no store, and none may be made.
std::optional<StoredIdentity> settle_identity(const std::string& folder, const Options& options,
                                              const World& world) {
  std::optional<StoredIdentity> identity;
  try {
    identity = read_identity(folder, world);
  } catch (const Error&) {
    if (options.trust != Trust::adopt || options.mode == Mode::read_only) throw;
  }
  const std::optional<std::string> key = user_key(options, world);
  if (identity && key && is_marked(folder, *identity, *key, world)) return identity;
  if (options.mode == Mode::read_only) {
    if (identity && options.trust == Trust::adopt) return identity;
    if (identity || world.files.info(folder + "/store.db")) refuse_unmarked(folder);
    return std::nullopt;
  }
  if (options.trust != Trust::adopt) {
    if (identity || world.files.info(folder + "/store.db")) refuse_unmarked(folder);
    if (!is_unfinished_store(folder, world)) {
      throw Error(ErrorKind::environment, "store " + folder + ": holds other files",
                  "name a folder that is a store, is empty, or does not exist");
    }
    if (options.mode == Mode::existing) return std::nullopt;
  }
  if (!identity) {
    identity.emplace();
    identity->id = hex(random_bytes(world, 16));
    identity->secret = random_bytes(world, 32);
    identity->backend = std::string(name_of(options.backend.value_or(Backend::hybrid)));
  }
  write_identity(folder, *identity, *key, world);
  return identity;
}

[[noreturn]] void fail_absent(const std::string& folder) {
  throw Error(ErrorKind::not_found, "store " + folder + ": does not exist");
}

BlobPolicy policy_for(const Options& options, Backend backend) {
  BlobPolicy policy;
  if (backend == Backend::sqlite) policy.file_min = UINT64_MAX;
  if (backend == Backend::filesystem) policy.file_min = 0;
  if (options.compression == Compression::automatic) {
    policy.compress = BlobPolicy::Compress::when_it_helps;
  } else if (options.compression == Compression::zstd) {
    policy.compress = BlobPolicy::Compress::always;
  }
  if (options.mode == Mode::read_only) policy.access = BlobPolicy::Access::read_only;
  return policy;
}

// All of them are made in one transaction, and this one last.
bool has_tables(sys::Database& database) {
  return database.prepare("SELECT 1 FROM sqlite_master WHERE name='file_digest'").step();
}

}  // namespace

std::string_view name_of(Backend backend) {
  return k_backends[static_cast<std::size_t>(backend)];
}

std::optional<Backend> backend_from(std::string_view name) {
  for (std::size_t i = 0; i < k_backends.size(); ++i) {
    if (k_backends[i] == name) return static_cast<Backend>(i);
  }
  return std::nullopt;
}

std::optional<Compression> compression_from(std::string_view name) {
  if (name == "off") return Compression::off;
  if (name == "auto") return Compression::automatic;
  if (name == "zstd") return Compression::zstd;
  return std::nullopt;
}

struct Store::Parts {
  Options options;
  World world;
  Identity identity;
  std::optional<sys::Fd> writers;  // run/writers.lock, shared; none in read_only mode
  std::unique_ptr<sys::Database> database;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<Results> results;
  FileResults* file_results = nullptr;      // the same object, when records are files
  SqliteResults* sqlite_results = nullptr;  // the same object, when they are rows
  std::unique_ptr<FileDigests> file_digests;

  void open_for_reading();
  void open_for_writing();
  void create_and_tidy();
  void take(const StoredIdentity& stored);
  void open_parts(sys::DatabaseOptions::Mode mode, const std::string& path);
  std::string staging() const { return identity.folder + "/tmp"; }
};

void Store::Parts::take(const StoredIdentity& stored) {
  identity.id = stored.id;
  identity.secret = stored.secret;
  // Records are rows or files, as the store was made; asked the other way it would seem empty.
  const Backend made = backend_from(stored.backend).value_or(Backend::hybrid);
  const Backend asked = options.backend.value_or(made);
  const bool finds_records = (made == Backend::filesystem) == (asked == Backend::filesystem);
  identity.backend = finds_records ? asked : made;
}

void Store::Parts::open_parts(sys::DatabaseOptions::Mode mode, const std::string& path) {
  database = std::make_unique<sys::Database>(
      sys::DatabaseOptions{path, mode, path == ":memory:" ? std::string() : world.vfs});
  if (mode == sys::DatabaseOptions::Mode::create) {
    if (!has_tables(*database)) {
      sys::Transaction transaction(*database);
      database->execute(k_schema);
      transaction.commit();
    }
  }
  const bool is_elsewhere =
      identity.backend == Backend::filesystem && !options.results_folder.empty();
  const std::string data = is_elsewhere ? options.results_folder : identity.folder;
  const std::string data_staging = is_elsewhere ? data + "/tmp" : staging();
  blobs = std::make_unique<BlobStore>(BlobStore::Ports{*database, world.files, world.clock},
                                      BlobFolders{data + "/blobs", data_staging},
                                      policy_for(options, identity.backend));
  if (identity.backend == Backend::filesystem) {
    auto records =
        std::make_unique<FileResults>(world.files, *blobs, data + "/results", data_staging);
    file_results = records.get();
    results = std::move(records);
  } else {
    auto records = std::make_unique<SqliteResults>(*database, *blobs);
    sqlite_results = records.get();
    results = std::move(records);
  }
  file_digests = std::make_unique<FileDigests>(*database);
}

void Store::Parts::open_for_reading() {
  std::optional<StoredIdentity> stored;
  if (world.files.info(identity.folder)) {
    check_ownership(identity.folder, world);
    stored = settle_identity(identity.folder, options, world);
  }
  const std::string path = identity.folder + "/store.db";
  identity.backend = options.backend.value_or(Backend::hybrid);
  if (stored) take(*stored);
  identity.is_new = !stored;
  if (stored && (!world.vfs.empty() || world.files.info(path))) {
    open_parts(sys::DatabaseOptions::Mode::read_only, path);
    if (has_tables(*database)) return;
    // Somebody is making it at this moment, or was cut short: it is as empty as none.
    identity.is_new = true;
  }
  open_parts(sys::DatabaseOptions::Mode::create, ":memory:");
}

void Store::Parts::open_for_writing() {
  const std::string& folder = identity.folder;
  if (!world.files.info(folder)) {
    if (options.mode == Mode::existing) fail_absent(folder);
    if (const auto network = world.host.network_file_system(folder)) {
      throw Error(ErrorKind::environment,
                  "store " + folder + ": would be on a network file system (" + *network + ")",
                  "choose a local folder with --store or DSCHED_STORE");
    }
    world.host.make_folder(folder);
  }
  check_ownership(folder, world);
  if (!world.files.info(folder + "/identity") && options.trust != Trust::adopt) {
    // Refuse before anything is made in somebody's folder.
    if (options.mode == Mode::existing) {
      if (world.files.info(folder + "/store.db")) refuse_unmarked(folder);
      fail_absent(folder);
    }
  }
  if (world.files.list(folder).empty()) identity.is_new = true;
  if (world.files.info(folder + "/identity") || is_unfinished_store(folder, world) ||
      options.trust == Trust::adopt) {
    for (const char* name : {"/tmp", "/run", "/blobs"}) world.host.make_folder(folder + name);
  }
  const std::string lock_path = folder + "/run/writers.lock";
  if (!world.files.info(folder + "/run")) settle_identity(folder, options, world);  // throws
  std::optional<sys::Fd> alone = world.host.try_lock(lock_path, sys::LockMode::exclusive);
  if (!alone) writers = world.host.try_lock(lock_path, sys::LockMode::shared);
  const std::optional<StoredIdentity> stored = settle_identity(folder, options, world);
  if (!stored) fail_absent(folder);
  take(*stored);
  if (!options.results_folder.empty() && identity.backend == Backend::filesystem) {
    world.host.make_folder(options.results_folder + "/tmp");
  }
  // SQLite would make it readable for all; its log takes over the mode. trust.h relies on it.
  if (world.vfs.empty()) make_file(world, folder + "/store.db", {}, k_private);
  open_parts(sys::DatabaseOptions::Mode::create, folder + "/store.db");
  if (!alone) return;
  create_and_tidy();
  alone.reset();
  writers = world.host.try_lock(lock_path, sys::LockMode::shared);
}

// Runs while nobody else has the store open for writing.
void Store::Parts::create_and_tidy() {
  const std::string& folder = identity.folder;
  make_file(world, folder + "/CACHEDIR.TAG", k_cache_tag, k_readable);
  make_file(world, folder + "/.gitignore", "*\n", k_readable);
  const std::optional<StoredIdentity> stored = read_identity(folder, world);
  const std::optional<std::string> key = user_key(options, world);
  if (stored && key && !is_marked(folder, *stored, *key, world, MarkForm::complete)) {
    write_identity(folder, *stored, *key, world);
  }
  clear_leftovers(*database, world.files, staging());
  recover_after_boot({*database, world.files, *blobs, *results, file_results},
                     world.host.boot_id());
}

Store::Store(Options options, const World& world)
    : parts_(new Parts{std::move(options), world, {}, {}, {}, {}, {}, {}, {}, {}}) {
  Parts& parts = *parts_;
  parts.identity.folder = world.host.absolute(parts.options.folder);
  parts.identity.mode = parts.options.mode;
  if (parts.options.mode == Mode::read_only)
    parts.open_for_reading();
  else
    parts.open_for_writing();
}

Store::~Store() = default;

Blobs& Store::blobs() {
  return *parts_->blobs;
}

Results& Store::results() {
  return *parts_->results;
}

FileDigests& Store::file_digests() {
  return *parts_->file_digests;
}

sys::Database& Store::database() {
  return *parts_->database;
}

StagedFile Store::stage() {
  return StagedFile(parts_->world.files.stage(parts_->blobs->folders().staging));
}

void Store::adopt(std::unique_ptr<ReadAhead> ahead) {
  Parts& parts = *parts_;
  if (!ahead || ahead->path() != parts.database->path() || !ahead->is_current()) return;
  parts.file_digests->adopt(std::move(ahead->digests_));
  if (parts.sqlite_results != nullptr) parts.sqlite_results->adopt(std::move(ahead->results_));
}

void Store::sync() {
  Parts& parts = *parts_;
  if (parts.options.mode == Mode::read_only) return;
  parts.blobs->finish_removals();
  const Unsynced unsynced = unsynced_blobs(*parts.database);
  std::vector<std::string> paths = parts.blobs->take_unsynced();
  for (const Unsynced::Blob& blob : unsynced.blobs) {
    paths.push_back(parts.blobs->path_for(blob.hash, blob.codec));
  }
  if (parts.file_results != nullptr) {
    const std::vector<std::string> records = parts.file_results->take_unsynced();
    paths.insert(paths.end(), records.begin(), records.end());
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  std::set<std::string> folders;
  for (const std::string& path : paths) {
    if (!parts.world.files.info(path)) continue;  // removed meanwhile
    parts.world.files.sync(path);
    const std::string shelf = path.substr(0, path.rfind('/'));
    folders.insert(shelf);
    folders.insert(shelf.substr(0, shelf.rfind('/')));
  }
  for (const std::string& folder : folders) parts.world.files.sync(folder);
  constexpr std::int64_t k_behind_max = 1000;  // blobs to look through at the next sync
  if (!unsynced.blobs.empty() || unsynced.up_to - unsynced.noted > k_behind_max) {
    note_synced(*parts.database, unsynced);
  }
  parts.database->sync();
}

void Store::finish_removals() {
  parts_->blobs->finish_removals();
}

const Store::Identity& Store::identity() const {
  return parts_->identity;
}

const World& Store::world() const {
  return parts_->world;
}

}  // namespace dsched::store
