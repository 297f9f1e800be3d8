// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a store may be used: that it is ours, and that it did not arrive with somebody's files.
//
// A result in a store is believed without running anything, so a store that came in a clone, an
// archive or a shared folder could plant results. Ownership says nothing there: the clone's files
// belong to whoever cloned. Therefore each store carries a mark that only this user can make:
//
//   mark = HMAC-SHA-256(user's key, "dsched store mark 1" id secret backend user
//                       inode of `identity`  inode and birth time of store.db)
//
// The key is 32 random bytes in <state folder>/key (0600), made on first use. A store.db that was
// exchanged beneath a good `identity` is noticed (git overwrites ignored files without asking), and
// so is a store of ours that somebody published and that comes back to us changed: a clone has
// other inodes. A store that was moved within its file system stays good.
//
// People copy folders, though, and a copy of one's own store should work. So there is a second
// mark, without inodes. It counts when `identity` is another file than the one that was marked, and
// the folder, `identity` and store.db are as private as only we make them (0700, 0600, 0600): cp,
// tar and rsync keep these modes, git knows only 0644. Such a copy is marked anew. Everything else
// that was restored or copied must be adopted once with --trust-store.
//
// The state folder is the first usable of: $XDG_STATE_HOME/dsched, $HOME/.local/state/dsched, the
// same below the home folder of the user database, /var/tmp/dsched-UID. Usable means: it can be
// made, it belongs to the user and nobody else can write it.
//
// The file `identity` (0600, replaced whole):
//
//   dsched store 1
//   id 32 hexadecimal digits
//   secret 64 hexadecimal digits
//   backend hybrid|sqlite|filesystem
//   inode of this file, decimal
//   mark 64 hexadecimal digits
//   copy 64 hexadecimal digits, HMAC-SHA-256(user's key, "dsched store copy 1" id secret backend
//   user) sum 16 hexadecimal digits, checksum() of all lines above
//
// It is written once before store.db exists (marked with zeros for it) and again when it does; a
// mark of the first form stays good, so a crash in between harms nothing.

#include <optional>
#include <string>

#include "store/store.h"

namespace dsched::store {

// Throws untrusted_store unless the store's folder, and every name in it, belongs to the user, is
// no link and cannot be written by others; environment when it is on a network file system.
// `folder` may itself be a link of the same user.
void check_ownership(const std::string& folder, const World& world);

// The 32 bytes of this user's key. Empty when there is none and it may not be made (read_only).
[[nodiscard]] std::optional<std::string> user_key(const Options& options, const World& world);

// What stands in `identity`, checked for damage (Error damaged) but not for its mark; empty when
// there is no such file.
struct StoredIdentity {
  std::string id;
  std::string secret;
  std::string backend;
  std::uint64_t inode = 0;  // of the file when it was written
  Digest mark;
  Digest copy_mark;
};
[[nodiscard]] std::optional<StoredIdentity> read_identity(const std::string& folder,
                                                          const World& world);
enum class MarkForm : std::uint8_t {
  complete,  // made when store.db existed
  any,       // that, or made before it did, or for a private copy
};
// Whether the mark was made with this key for the files that are there now.
[[nodiscard]] bool is_marked(const std::string& folder, const StoredIdentity& identity,
                             const std::string& key, const World& world,
                             MarkForm form = MarkForm::any);
// Marks and writes it, in place of what is there.
void write_identity(const std::string& folder, StoredIdentity identity, const std::string& key,
                    const World& world);

}  // namespace dsched::store
