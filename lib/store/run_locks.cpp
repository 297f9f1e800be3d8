// SPDX-License-Identifier: Apache-2.0
#include "store/run_locks.h"

#include "base/error.h"
#include "base/time_text.h"

namespace dsched::store {
namespace {

constexpr std::string_view k_ending = ".lock";
constexpr std::size_t k_id_size = 36;  // a UUID as text
constexpr std::size_t k_note_max = 8192;

std::string run_folder(const Store& store) {
  return store.identity().folder + "/run";
}

std::string path_of(const Store& store, std::string_view execution_id) {
  std::string path = run_folder(store) + '/';
  path += execution_id;
  path += k_ending;
  return path;
}

LockHolder read_note(const Store& store, const std::string& path) {
  LockHolder holder;
  const sys::Fd file = store.world().files.open(path);
  if (!file) return holder;
  std::string text(k_note_max, '\0');
  text.resize(sys::read_at(file.get(), 0, text));
  const std::size_t first = text.find(' ');
  const std::size_t second = text.find(' ', first == std::string::npos ? first : first + 1);
  const std::size_t end = text.find('\n');
  if (second == std::string::npos || end == std::string::npos || end < second) return holder;
  for (std::size_t i = 0; i < first; ++i) {
    if (text[i] < '0' || text[i] > '9' || holder.pid > 100'000'000) return {};
    holder.pid = holder.pid * 10 + (text[i] - '0');
  }
  holder.since = wall_from_rfc3339(text.substr(first + 1, second - first - 1));
  holder.machine_folder = text.substr(second + 1, end - second - 1);
  return holder;
}

// False when the file was removed, or is another one by now: then a lock on it keeps nobody out.
bool is_still_there(const sys::Fd& lock, sys::Files& files, const std::string& path) {
  const std::optional<sys::FileInfo> named = files.info(path);
  return named && named->inode == sys::info_of(lock.get()).inode;
}

}  // namespace

// The file goes while it is still locked, so that nobody can have locked it in between.
RunLock::~RunLock() {
  if (!fd_) return;
  try {
    files_->remove(path_);
  } catch (const Error&) {
    return;  // what is left behind means nothing, and is used again by the next runner
  }
}

std::variant<RunLock, LockHolder> try_run_lock(const Store& store, const RunRight& right) {
  const World& world = store.world();
  const std::string path = path_of(store, right.execution_id);
  while (true) {
    std::optional<sys::Fd> lock = world.host.try_lock(path, sys::LockMode::exclusive);
    if (!lock) return read_note(store, path);
    if (!is_still_there(*lock, world.files, path)) continue;  // its holder has just ended
    sys::write_note(*lock, std::to_string(sys::process_id()) + ' ' +
                               to_rfc3339(world.clock.wall()) + ' ' + right.machine_folder + '\n');
    return RunLock(std::move(*lock), world.files, path);
  }
}

std::optional<LockHolder> runner_of(const Store& store, std::string_view execution_id) {
  const std::string path = path_of(store, execution_id);
  if (!store.world().host.is_locked(path)) return std::nullopt;
  return read_note(store, path);
}

std::vector<Running> all_running(const Store& store) {
  std::vector<Running> all;
  for (const std::string& name : store.world().files.list(run_folder(store))) {
    if (name.size() != k_id_size + k_ending.size() || !name.ends_with(k_ending)) continue;
    const std::string id = name.substr(0, k_id_size);
    if (auto holder = runner_of(store, id)) all.push_back({id, std::move(*holder)});
  }
  return all;
}

}  // namespace dsched::store
