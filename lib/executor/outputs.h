// SPDX-License-Identifier: Apache-2.0
#pragma once
// Outputs as bytes: the digest of a node and the manifest of a folder.
//
// Both are pure functions over bytes. stored: never change either format; a new one needs a new
// first line (manifest) or a new version of the key (digest).
//
//   digest   = SHA-256( result *output )            ; DESIGN.md section 5
//   result   = 32 bytes, the SHA-256 of the node's stdout
//   output   = length path kind executable hash     ; in the order the program declares them
//   length   = 8 bytes, little endian: the bytes of path
//   kind     = 1 byte: 0 regular file, 1 link, 2 folder
//   executable = 1 byte: 0 or 1 (the owner may execute it; always 0 but for regular files)
//   hash     = 32 bytes, the SHA-256 of the file's bytes, of the link's text or of the manifest
//
//   manifest = "dsched folder 1" NUL *entry         ; sorted bytewise by path, each path once
//   entry    = file / link / folder
//   file     = ( "f" / "x" ) SP size SP hash SP path NUL   ; x: executable by its owner
//   link     = "l" SP path NUL text NUL             ; text: what the link says, never empty
//   folder   = "d" SP path NUL                      ; every folder below, empty ones too
//   size     = 1*20DIGIT                            ; bytes, no leading zero
//   hash     = 64 lower-case hexadecimal digits
//   path     = cleaned, relative to the folder, no NUL; the folders above it stand before it

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/workspace.h"

namespace dsched::executor {

// digest(node): what consumers of a node depend on.
[[nodiscard]] Digest node_digest(const Digest& result, std::span<const OutputRecord> outputs);

struct FolderEntry {
  enum class Kind : std::uint8_t { file, executable, link, folder };
  std::string path;
  Kind kind = Kind::file;
  store::Content content;  // files only
  std::string link_text;   // links only
};

// `entries` must be sorted bytewise by path.
[[nodiscard]] std::string to_manifest(std::span<const FolderEntry> entries);

// Empty unless `text` is exactly a manifest as above; what it gives can be restored without
// leaving the folder, as far as its paths are concerned.
[[nodiscard]] std::optional<std::vector<FolderEntry>> folder_from_manifest(std::string_view text);

}  // namespace dsched::executor
