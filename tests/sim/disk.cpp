// SPDX-License-Identifier: Apache-2.0
#include "disk.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mman.h>

#include <algorithm>

#include "base/error.h"

namespace dsched::sim {
namespace {

sys::Fd memory_file() {
  return sys::Fd{::memfd_create("simulated", MFD_CLOEXEC)};
}

std::string content_of(int fd) {
  std::string bytes(sys::info_of(fd).size, '\0');
  bytes.resize(sys::read_at(fd, 0, bytes));
  return bytes;
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

Disk::Disk(std::uint64_t seed)
    : dice_(seed * 2 + 1), vfs_name_("simulated disk " + std::to_string(seed)) {
  vfs_ = register_vfs(*this, vfs_name_);
}

Disk::~Disk() {
  unregister_vfs(*vfs_);
}

void Disk::set_fault(const Fault& fault) {
  fault_ = fault;
  writes_ = 0;
  syncs_ = 0;
}

bool Disk::count_write() {
  if (is_off_) return false;
  ++writes_;
  if (fault_.at != writes_) return true;
  if (fault_.kind == Fault::Kind::power_at_write || fault_.kind == Fault::Kind::killed) {
    is_off_ = true;
  }
  return fault_.kind == Fault::Kind::none || fault_.kind == Fault::Kind::power_after_sync;
}

bool Disk::count_sync() {
  if (is_off_) return false;
  if (fault_.kind == Fault::Kind::killed && ++writes_ == fault_.at) {
    is_off_ = true;
    return false;
  }
  ++syncs_;
  if (fault_.kind == Fault::Kind::power_after_sync && fault_.at == syncs_) is_off_ = true;
  return true;  // this one still reached the disk
}

std::uint64_t Disk::next() {
  dice_ = dice_ * 6364136223846793005ULL + 1442695040888963407ULL;
  return dice_ >> 33;
}

bool Disk::toss() {
  return next() % 2 == 0;
}

void Disk::fail(const std::string& what) const {
  throw Error(ErrorKind::storage, what + ": simulated failure");
}

void Disk::DatabaseFile::apply(const Change& change) {
  if (!change.bytes) {
    bytes.resize(change.offset);
    return;
  }
  const std::size_t end = change.offset + change.bytes->size();
  if (bytes.size() < end) bytes.resize(end);
  bytes.replace(change.offset, change.bytes->size(), *change.bytes);
}

// What an unsynced file's bytes may look like after a crash: whole, short, or zeros.
std::shared_ptr<Disk::Node> Disk::damaged_copy(const Node& node) {
  std::string bytes = content_of(node.fd.get());
  switch (next() % 4) {
    case 0:
      break;
    case 1:
      bytes.assign(bytes.size(), '\0');
      break;
    case 2:
      bytes.clear();
      break;
    default:
      bytes.resize(bytes.size() / 2);
      break;
  }
  auto copy = std::make_shared<Node>();
  copy->fd = memory_file();
  copy->mode = node.mode;
  copy->is_synced = true;
  sys::write_all(copy->fd.get(), bytes, "simulated disk");
  return copy;
}

void Disk::crash() {
  is_off_ = false;
  fault_ = {};
  ++boot_;
  std::reverse(name_changes_.begin(), name_changes_.end());
  for (const NameChange& change : name_changes_) {
    if (toss()) continue;
    if (change.before)
      nodes_[change.path] = change.before;
    else
      nodes_.erase(change.path);
  }
  name_changes_.clear();
  for (auto& [path, node] : nodes_) {
    if (!node->is_synced) node = damaged_copy(*node);
  }
  for (auto& [path, file] : databases_) {
    file->bytes = file->synced;
    for (const Change& change : file->unsynced) {
      if (toss()) file->apply(change);
    }
    file->unsynced.clear();
    file->synced = file->bytes;
    file->shared.clear();
  }
}

void Disk::restart() {
  is_off_ = false;
  fault_ = {};
}

sys::Staged Disk::stage(const std::string& folder) {
  if (is_off_) fail(folder);
  return {memory_file(), {}};
}

void Disk::write(const sys::Staged& file, std::uint64_t offset, std::string_view bytes) {
  if (!count_write()) fail("staged file");
  sys::PosixFiles().write(file, offset, bytes);
}

void Disk::publish(sys::Staged& file, const std::string& path, std::uint32_t mode,
                   sys::Existing existing) {
  if (!count_write()) fail(path);
  const auto found = nodes_.find(path);
  if (found != nodes_.end() && existing == sys::Existing::kept) return;
  make_folder(parent_of(path));
  auto node = std::make_shared<Node>();
  node->fd = sys::Fd{::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0)};
  node->mode = mode;
  name_changes_.push_back({path, found == nodes_.end() ? nullptr : found->second});
  nodes_[path] = std::move(node);
}

sys::Fd Disk::open(const std::string& path) {
  if (is_off_) fail(path);
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return {};
  return sys::Fd{::open(sys::path_of(found->second->fd.get()).c_str(), O_RDONLY | O_CLOEXEC)};
}

bool Disk::remove(const std::string& path) {
  if (!count_write()) fail(path);
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return false;
  name_changes_.push_back({path, found->second});
  nodes_.erase(found);
  return true;
}

std::vector<std::string> Disk::list(const std::string& folder) {
  if (is_off_) fail(folder);
  const std::string prefix = folder + "/";
  std::set<std::string> names;
  const auto add = [&](const std::string& path) {
    if (!path.starts_with(prefix)) return;
    const std::string rest = path.substr(prefix.size());
    names.insert(rest.substr(0, rest.find('/')));
  };
  for (const auto& [path, node] : nodes_) add(path);
  for (const std::string& path : folders_) add(path);
  return {names.begin(), names.end()};
}

std::optional<sys::FileInfo> Disk::info(const std::string& path) {
  if (is_off_) fail(path);
  const std::string clean = path.ends_with("/.") ? path.substr(0, path.size() - 2) : path;
  sys::FileInfo info;
  if (folders_.contains(clean)) {
    info.kind = sys::FileInfo::Kind::folder;
    info.mode = 0700;
  } else if (const auto found = nodes_.find(clean); found != nodes_.end()) {
    info = sys::info_of(found->second->fd.get());
    info.mode = found->second->mode;
  } else {
    return std::nullopt;
  }
  info.owner = user();
  return info;
}

void Disk::sync(const std::string& path) {
  if (!count_sync()) fail(path);
  if (const auto found = nodes_.find(path); found != nodes_.end()) found->second->is_synced = true;
  std::erase_if(name_changes_,
                [&](const NameChange& change) { return parent_of(change.path) == path; });
}

void Disk::make_folder(const std::string& folder) {
  for (std::string path = folder; !path.empty(); path = parent_of(path)) folders_.insert(path);
}

std::optional<sys::Fd> Disk::try_lock(const std::string&, sys::LockMode) {
  return memory_file();
}

}  // namespace dsched::sim
