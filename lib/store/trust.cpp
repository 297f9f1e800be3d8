// SPDX-License-Identifier: Apache-2.0
#include "store/trust.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "store/record.h"

namespace dsched::store {
namespace {

constexpr std::size_t k_key_size = 32;
constexpr std::uint32_t k_others_write = 0022;
constexpr std::uint32_t k_others_any = 0077;
constexpr std::string_view k_first_line = "dsched store 1";

using Kind = sys::FileInfo::Kind;

[[noreturn]] void distrust(const std::string& path, const std::string& cause,
                           const std::string& hint = {}) {
  throw Error(ErrorKind::untrusted_store, "store " + path + ": " + cause, hint);
}

void check_name(const std::string& path, const World& world) {
  const std::optional<sys::FileInfo> info = world.files.info(path);
  if (!info) return;  // it went away: a temporary file of another process
  if (info->kind == Kind::link) distrust(path, "is a link, which a store must not contain");
  if (info->owner != world.host.user()) distrust(path, "belongs to another user");
  if ((info->mode & k_others_write) != 0) {
    distrust(path, "can be written by others", "chmod go-w makes it private");
  }
}

struct StateFolderState {
  std::optional<std::string> key;
  bool is_usable = false;
};

// Reads the key of one candidate folder.
StateFolderState look_into(const std::string& folder, const World& world) {
  StateFolderState state;
  const std::optional<sys::FileInfo> place = world.files.info(folder + "/.");
  state.is_usable = place && place->kind == Kind::folder && place->owner == world.host.user() &&
                    (place->mode & k_others_write) == 0;
  const std::string path = folder + "/key";
  const std::optional<sys::FileInfo> info =
      state.is_usable ? world.files.info(path) : std::optional<sys::FileInfo>();
  if (!info) return state;
  if (info->kind != Kind::regular || info->owner != world.host.user() ||
      (info->mode & k_others_any) != 0) {
    throw Error(ErrorKind::environment, path + ": must be a file that only its owner can read",
                "chmod 600 it, or remove it and adopt stores anew with --trust-store");
  }
  std::string key(k_key_size, '\0');
  const sys::Fd fd = world.files.open(path);
  if (!fd || sys::read_at(fd.get(), 0, key) != k_key_size) {
    throw Error(ErrorKind::environment, path + ": does not hold a key of 32 bytes",
                "remove it and adopt stores anew with --trust-store");
  }
  state.key = std::move(key);
  return state;
}

// Makes the folder and a key in it; empty when that is not possible there.
std::optional<std::string> make_key(const std::string& folder, const World& world) {
  try {
    world.host.make_folder(folder);
    if (!look_into(folder, world).is_usable) return std::nullopt;
    std::array<std::uint8_t, k_key_size> bytes{};
    world.entropy.fill(bytes);
    sys::Staged staged = world.files.stage(folder);
    world.files.write(staged, 0, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    // Another process may have made one at the same moment: the first one stays.
    world.files.publish(staged, folder + "/key", 0600, sys::Existing::kept);
    // Marks made with a key that a crash took away would be nobody's.
    world.files.sync(folder + "/key");
    world.files.sync(folder);
    return look_into(folder, world).key;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::storage) throw;
    return std::nullopt;  // read-only or full: the next folder may do
  }
}

std::string sum_text(std::string_view text) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(checksum(text)));
  return digits.data();
}

// The database file's own identity; zeros when it does not exist.
std::string database_identity(const std::string& folder, const World& world) {
  const std::optional<sys::FileInfo> info = world.files.info(folder + "/store.db");
  if (!info) return "0:0";
  return std::to_string(info->inode) + ":" + std::to_string(info->birth_ns);
}

struct MarkParts {
  std::uint64_t inode = 0;
  std::string database;
};

Digest mark_of(const StoredIdentity& identity, const MarkParts& parts, std::uint32_t user,
               const std::string& key) {
  std::string text;
  ByteWriter writer(text);
  writer.text("dsched store mark 1");
  writer.text(identity.id);
  writer.text(identity.secret);
  writer.text(identity.backend);
  writer.u32(user);
  writer.u64(parts.inode);
  writer.text(parts.database);
  return hmac_sha256(key, text);
}

Digest copy_mark_of(const StoredIdentity& identity, std::uint32_t user, const std::string& key) {
  std::string text;
  ByteWriter writer(text);
  writer.text("dsched store copy 1");
  writer.text(identity.id);
  writer.text(identity.secret);
  writer.text(identity.backend);
  writer.u32(user);
  return hmac_sha256(key, text);
}

// Whether nobody but the owner may do anything with it; true when it does not exist.
bool is_private(const std::string& path, const World& world) {
  const std::optional<sys::FileInfo> info = world.files.info(path);
  return !info || (info->mode & k_others_any) == 0;
}

// A store that its owner copied, as the header describes it.
bool is_own_copy(const std::string& folder, const StoredIdentity& identity, std::uint64_t inode,
                 const std::string& key, const World& world) {
  return inode != identity.inode &&
         identity.copy_mark == copy_mark_of(identity, world.host.user(), key) &&
         is_private(folder + "/.", world) && is_private(folder + "/identity", world) &&
         is_private(folder + "/store.db", world);
}

// The rest of a line that starts with `name` and a space; advances `text` past the line.
std::optional<std::string> take_line(std::string_view& text, std::string_view name) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || text.substr(0, name.size()) != name) return std::nullopt;
  const std::string line(text.substr(name.size(), end - name.size()));
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

void check_ownership(const std::string& folder, const World& world) {
  const std::optional<sys::FileInfo> link = world.files.info(folder);
  if (link && link->owner != world.host.user()) distrust(folder, "belongs to another user");
  const std::string inside = folder + "/.";
  const std::optional<sys::FileInfo> info = world.files.info(inside);
  if (!info || info->kind != Kind::folder) distrust(folder, "is not a folder");
  check_name(inside, world);
  if (const auto network = world.host.network_file_system(folder)) {
    throw Error(ErrorKind::environment,
                "store " + folder + ": is on a network file system (" + *network + ")",
                "choose a local folder with --store or DSCHED_STORE; "
                "with the filesystem backend, --results may name a shared one");
  }
  for (const std::string& name : world.files.list(folder)) check_name(folder + "/" + name, world);
  for (const char* shelf : {"/blobs", "/results"}) {
    for (const std::string& name : world.files.list(folder + shelf)) {
      check_name(folder + shelf + "/" + name, world);
    }
  }
}

std::optional<std::string> user_key(const Options& options, const World& world) {
  std::vector<std::string> folders = {options.state_folder};
  if (options.state_folder.empty()) folders = world.host.state_folders();
  for (const std::string& folder : folders) {
    if (std::optional<std::string> key = look_into(folder, world).key) return key;
  }
  if (options.mode == Mode::read_only) return std::nullopt;
  for (const std::string& folder : folders) {
    if (std::optional<std::string> key = make_key(folder, world)) return key;
  }
  throw Error(ErrorKind::environment, folders.front() + ": no private state folder can be made",
              "set XDG_STATE_HOME to a folder that only you can write");
}

std::optional<StoredIdentity> read_identity(const std::string& folder, const World& world) {
  const std::string path = folder + "/identity";
  const sys::Fd fd = world.files.open(path);
  if (!fd) return std::nullopt;
  std::string whole(4096, '\0');
  whole.resize(sys::read_at(fd.get(), 0, whole));
  std::string_view rest = whole;
  StoredIdentity identity;
  const auto first = take_line(rest, k_first_line);
  const auto id = take_line(rest, "id ");
  const auto secret = take_line(rest, "secret ");
  const auto backend = take_line(rest, "backend ");
  const auto inode = take_line(rest, "inode ");
  const auto mark = take_line(rest, "mark ");
  const auto copy = take_line(rest, "copy ");
  const std::string_view summed = std::string_view(whole).substr(0, whole.size() - rest.size());
  const auto sum = take_line(rest, "sum ");
  const auto secret_bytes = digest_from_hex(secret.value_or(""));
  const auto mark_bytes = digest_from_hex(mark.value_or(""));
  const auto copy_bytes = digest_from_hex(copy.value_or(""));
  if (!first || !first->empty() || !id || !secret_bytes || !backend || !inode || !mark_bytes ||
      !copy_bytes || !sum || *sum != sum_text(summed) || !rest.empty()) {
    throw Error(ErrorKind::damaged, path + ": damaged, or of another version",
                "if this store is yours, --trust-store makes it anew");
  }
  identity.id = *id;
  identity.secret.assign(reinterpret_cast<const char*>(secret_bytes->bytes.data()),
                         secret_bytes->bytes.size());
  identity.backend = *backend;
  std::from_chars(inode->data(), inode->data() + inode->size(), identity.inode);
  identity.mark = *mark_bytes;
  identity.copy_mark = *copy_bytes;
  return identity;
}

bool is_marked(const std::string& folder, const StoredIdentity& identity, const std::string& key,
               const World& world, MarkForm form) {
  const std::optional<sys::FileInfo> info = world.files.info(folder + "/identity");
  if (!info) return false;
  const std::uint32_t user = world.host.user();
  const Digest now = mark_of(identity, {info->inode, database_identity(folder, world)}, user, key);
  if (identity.mark == now) return true;
  if (form == MarkForm::complete) return false;
  return identity.mark == mark_of(identity, {info->inode, "0:0"}, user, key) ||
         is_own_copy(folder, identity, info->inode, key, world);
}

void write_identity(const std::string& folder, StoredIdentity identity, const std::string& key,
                    const World& world) {
  sys::Staged staged = world.files.stage(folder + "/tmp");
  const MarkParts parts{sys::info_of(staged.fd()).inode, database_identity(folder, world)};
  identity.mark = mark_of(identity, parts, world.host.user(), key);
  identity.copy_mark = copy_mark_of(identity, world.host.user(), key);
  std::string text = std::string(k_first_line) + "\n";
  text += "id " + identity.id + "\n";
  text += "secret " + hex(identity.secret) + "\n";
  text += "backend " + identity.backend + "\n";
  text += "inode " + std::to_string(parts.inode) + "\n";
  text += "mark " + to_hex(identity.mark) + "\n";
  text += "copy " + to_hex(identity.copy_mark) + "\n";
  text += "sum " + sum_text(text) + "\n";
  world.files.write(staged, 0, text);
  world.files.publish(staged, folder + "/identity", 0600, sys::Existing::replaced);
  // Its name too: a database whose identity a crash took away would be refused.
  world.files.sync(folder + "/identity");
  world.files.sync(folder);
}

}  // namespace dsched::store
