// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file being written inside the store, not yet anything: the future blob.
//
// Store::stage() makes one from any thread; a child's stdout may be its descriptor. Blobs::keep()
// turns it into a blob by giving it a name. Until then the destructor abandons it, and after a
// SIGKILL nothing is left, because it normally has no name. A worker whose result was small reads
// it, calls reset() and uses the same file again.

#include <string>
#include <utility>

#include "sys/files.h"

namespace dsched::store {

class StagedFile {
 public:
  explicit StagedFile(sys::Staged staged) : staged_(std::move(staged)) {}

  [[nodiscard]] int fd() const { return staged_.fd(); }
  // A path under which this process (and its children with the descriptor) can open it.
  [[nodiscard]] std::string path() const {
    return staged_.name().empty() ? sys::path_of(staged_.fd()) : staged_.name();
  }
  // Empty again, position 0.
  void reset() { sys::truncate_to_nothing(staged_.fd()); }
  [[nodiscard]] sys::Staged& staged() { return staged_; }

 private:
  sys::Staged staged_;
};

}  // namespace dsched::store
