// SPDX-License-Identifier: Apache-2.0
#pragma once
// Memory for many texts that live and die together; a text in it never moves.

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace dsched {

class TextArena {
 public:
  // Copies `text`; the copy lives as long as the arena.
  [[nodiscard]] std::string_view keep(std::string_view text);

 private:
  static constexpr std::size_t k_block_bytes = std::size_t{1} << 18;

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
};

// ------------------------------------------------------------------------------------------------

inline std::string_view TextArena::keep(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > k_block_bytes / 4) {  // a block of its own, so that none is left half empty
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(text.size()));
    std::memcpy(blocks_.back().get(), text.data(), text.size());
    return {blocks_.back().get(), text.size()};
  }
  if (text.size() > left_) {
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(k_block_bytes));
    at_ = blocks_.back().get();
    left_ = k_block_bytes;
  }
  std::memcpy(at_, text.data(), text.size());
  const std::string_view kept(at_, text.size());
  at_ += text.size();
  left_ -= text.size();
  return kept;
}

}  // namespace dsched
