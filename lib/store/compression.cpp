// SPDX-License-Identifier: Apache-2.0
#include "store/compression.h"

#include <zstd.h>

#include <memory>
#include <vector>

#include "base/error.h"

namespace dsched::store {
namespace {

constexpr int k_level = 3;  // zstd's own default; higher ones cost more than storing saves
constexpr std::size_t k_buffer = 1024 * 1024;

void check(std::size_t code, const char* what) {
  if (ZSTD_isError(code) == 0) return;
  throw Error(ErrorKind::storage, std::string(what) + ": " + ZSTD_getErrorName(code));
}

}  // namespace

std::string compress(std::string_view bytes) {
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), k_level);
  check(size, "compress");
  frame.resize(size);
  return frame;
}

std::optional<std::string> decompress(std::string_view frame, std::uint64_t size) {
  // The frame says how large it is; believing the row instead could ask for any amount of memory.
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != size) return std::nullopt;
  std::string bytes(size, '\0');
  const std::size_t got = ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) != 0 || got != size) return std::nullopt;
  return bytes;
}

bool is_compressible(std::string_view sample) {
  return compress(sample).size() * 10 < sample.size() * 9;
}

void compress_file(int from, sys::Files& files, const sys::Staged& to) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> stream{ZSTD_createCCtx(),
                                                                       ZSTD_freeCCtx};
  check(ZSTD_CCtx_setParameter(stream.get(), ZSTD_c_compressionLevel, k_level), "compress");
  std::vector<char> in(k_buffer);
  std::vector<char> out(ZSTD_CStreamOutSize());
  std::uint64_t read_offset = 0;
  std::uint64_t written = 0;
  bool at_end = false;
  while (!at_end) {
    const std::size_t got = sys::read_at(from, read_offset, in);
    read_offset += got;
    at_end = got < in.size();
    ZSTD_inBuffer source{in.data(), got, 0};
    std::size_t left = 0;
    do {
      ZSTD_outBuffer target{out.data(), out.size(), 0};
      left = ZSTD_compressStream2(stream.get(), &target, &source,
                                  at_end ? ZSTD_e_end : ZSTD_e_continue);
      check(left, "compress");
      files.write(to, written, {out.data(), target.pos});
      written += target.pos;
    } while (at_end ? left != 0 : source.pos < source.size);
  }
}

std::optional<Content> decompress_file(int from, std::uint64_t size_max, sys::Files& files,
                                       const sys::Staged& to) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> stream{ZSTD_createDCtx(),
                                                                       ZSTD_freeDCtx};
  std::vector<char> in(k_buffer);
  std::vector<char> out(ZSTD_DStreamOutSize());
  Sha256 hash;
  std::uint64_t read_offset = 0;
  std::uint64_t size = 0;
  std::size_t state = 1;  // 0: a frame has ended
  while (true) {
    const std::size_t got = sys::read_at(from, read_offset, in);
    if (got == 0) break;
    read_offset += got;
    ZSTD_inBuffer source{in.data(), got, 0};
    bool is_full = false;  // the output buffer was filled, so more may wait inside
    while (source.pos < source.size || is_full) {
      ZSTD_outBuffer target{out.data(), out.size(), 0};
      state = ZSTD_decompressStream(stream.get(), &target, &source);
      if (ZSTD_isError(state) != 0 || size + target.pos > size_max) return std::nullopt;
      hash.update({out.data(), target.pos});
      files.write(to, size, {out.data(), target.pos});
      size += target.pos;
      is_full = target.pos == out.size();
    }
  }
  if (state != 0) return std::nullopt;
  return Content{hash.finish(), size};
}

}  // namespace dsched::store
