// SPDX-License-Identifier: Apache-2.0
// The simulated disk as SQLite sees it (https://sqlite.org/vfs.html): files in memory, with the
// shared memory that WAL mode needs. One connection at a time, so locks are always granted.
#include <sqlite3.h>

#include <cstring>

#include "disk.h"

namespace dsched::sim {
namespace {

struct OpenFile {
  sqlite3_file base;
  Disk* disk;
  std::shared_ptr<Disk::DatabaseFile>* file;  // shared with the disk's map: it may be deleted there
};

OpenFile& self(sqlite3_file* file) {
  return *reinterpret_cast<OpenFile*>(file);
}

int write_failure(const Disk& disk) {
  return disk.failed_for_space() && !disk.is_off() ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int close(sqlite3_file* file) {
  delete self(file).file;
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  if (self(file).disk->is_off()) return SQLITE_IOERR_READ;
  const std::string& bytes = (*self(file).file)->bytes;
  const auto begin = static_cast<std::size_t>(offset);
  const auto want = static_cast<std::size_t>(size);
  std::memset(into, 0, want);
  if (begin >= bytes.size()) return SQLITE_IOERR_SHORT_READ;
  const std::size_t got = std::min(want, bytes.size() - begin);
  std::memcpy(into, bytes.data() + begin, got);
  return got == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int change(sqlite3_file* file, Disk::Change what) {
  Disk& disk = *self(file).disk;
  if (!disk.count_write()) return write_failure(disk);
  Disk::DatabaseFile& target = **self(file).file;
  target.apply(what);
  target.unsynced.push_back(std::move(what));
  return SQLITE_OK;
}

int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  return change(file,
                {static_cast<std::uint64_t>(offset),
                 std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size))});
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  return change(file, {static_cast<std::uint64_t>(size), std::nullopt});
}

int sync(sqlite3_file* file, int) {
  if (!self(file).disk->count_sync()) return SQLITE_IOERR_FSYNC;
  Disk::DatabaseFile& target = **self(file).file;
  target.synced = target.bytes;
  target.unsynced.clear();
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>((*self(file).file)->bytes.size());
  return SQLITE_OK;
}

int lock(sqlite3_file*, int) {
  return SQLITE_OK;
}

int check_reserved(sqlite3_file*, int* is_reserved) {
  *is_reserved = 0;
  return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}

int sector_size(sqlite3_file*) {
  return 4096;
}

int characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int shm_map(sqlite3_file* file, int region, int size, int, void volatile** memory) {
  auto& regions = (*self(file).file)->shared;
  while (regions.size() <= static_cast<std::size_t>(region)) {
    regions.push_back(std::make_unique<std::vector<char>>(static_cast<std::size_t>(size)));
  }
  *memory = regions[static_cast<std::size_t>(region)]->data();
  return SQLITE_OK;
}

int shm_lock(sqlite3_file*, int, int, int) {
  return SQLITE_OK;
}

void shm_barrier(sqlite3_file*) {}

int shm_unmap(sqlite3_file* file, int) {
  // The only connection goes, and with it the index.
  (*self(file).file)->shared.clear();
  return SQLITE_OK;
}

constexpr sqlite3_io_methods k_methods = {2,
                                          close,
                                          read,
                                          write,
                                          truncate,
                                          sync,
                                          file_size,
                                          lock,
                                          lock,
                                          check_reserved,
                                          file_control,
                                          sector_size,
                                          characteristics,
                                          shm_map,
                                          shm_lock,
                                          shm_barrier,
                                          shm_unmap,
                                          nullptr,
                                          nullptr};

Disk& disk_of(sqlite3_vfs* vfs) {
  return *static_cast<Disk*>(vfs->pAppData);
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  Disk& disk = disk_of(vfs);
  file->pMethods = nullptr;
  if (name == nullptr || disk.is_off()) return SQLITE_CANTOPEN;
  auto& entry = disk.databases()[name];
  if (!entry) entry = std::make_shared<Disk::DatabaseFile>();
  self(file).disk = &disk;
  self(file).file = new std::shared_ptr<Disk::DatabaseFile>(entry);
  file->pMethods = &k_methods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int) {
  Disk& disk = disk_of(vfs);
  if (!disk.count_write()) return SQLITE_IOERR_DELETE;
  disk.databases().erase(name);
  return SQLITE_OK;
}

int access(sqlite3_vfs* vfs, const char* name, int, int* result) {
  *result = disk_of(vfs).databases().contains(name) ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

}  // namespace

std::unique_ptr<sqlite3_vfs> register_vfs(Disk& disk, const std::string& name) {
  auto vfs = std::make_unique<sqlite3_vfs>(*sqlite3_vfs_find(nullptr));
  vfs->iVersion = 1;
  vfs->szOsFile = sizeof(OpenFile);
  vfs->zName = name.c_str();
  vfs->pAppData = &disk;
  vfs->pNext = nullptr;
  vfs->xOpen = open;
  vfs->xDelete = remove;
  vfs->xAccess = access;
  vfs->xFullPathname = full_path;
  sqlite3_vfs_register(vfs.get(), 0);
  return vfs;
}

void unregister_vfs(sqlite3_vfs& vfs) {
  sqlite3_vfs_unregister(&vfs);
}

}  // namespace dsched::sim
