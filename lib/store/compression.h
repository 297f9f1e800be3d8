// SPDX-License-Identifier: Apache-2.0
#pragma once
// zstd, for blobs: whole strings, and files as one stream.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/content.h"
#include "sys/files.h"

namespace dsched::store {

[[nodiscard]] std::string compress(std::string_view bytes);
// Empty unless `frame` is whole and gives exactly `size` bytes.
[[nodiscard]] std::optional<std::string> decompress(std::string_view frame, std::uint64_t size);

// Whether a sample shrinks by more than a tenth: what "auto" goes by.
[[nodiscard]] bool is_compressible(std::string_view sample);

// Compresses everything in `from` into the staged file.
void compress_file(int from, sys::Files& files, const sys::Staged& to);
// Decompresses into the staged file and says what came out; empty when the stream is broken or
// longer than `size_max`.
[[nodiscard]] std::optional<Content> decompress_file(int from, std::uint64_t size_max,
                                                     sys::Files& files, const sys::Staged& to);

}  // namespace dsched::store
