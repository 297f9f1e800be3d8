// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Dag owns behind its pointers: the memory of its texts, and the way from names to nodes.
//
// For dag.cpp and builder.cpp only.

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "dag/dag.h"
#include "dag/name_table.h"

namespace dsched::dag {

class Dag::Text {
 public:
  explicit Text(std::shared_ptr<const void> owner) : owner_(std::move(owner)) {}

  // Copies `text` to memory that never moves.
  std::string_view keep(std::string_view text) {
    constexpr std::size_t k_block = std::size_t{1} << 20;
    if (text.empty()) return {};
    if (text.size() > left_) {
      const std::size_t size = text.size() > k_block / 4 ? text.size() : k_block;
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
      if (size != k_block) {  // a large text has a block of its own; the last one stays in use
        std::memcpy(blocks_.back().get(), text.data(), text.size());
        return {blocks_.back().get(), text.size()};
      }
      at_ = blocks_.back().get();
      left_ = size;
    }
    std::memcpy(at_, text.data(), text.size());
    const std::string_view kept(at_, text.size());
    at_ += text.size();
    left_ -= text.size();
    return kept;
  }

 private:
  std::shared_ptr<const void> owner_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
};

class Dag::Names {
 public:
  NameTable ids;                     // also of ids that are only mentioned, while building
  std::vector<NodeIndex> bearers;    // by symbol of `ids`; k_nobody: no node has this id
  NameTable outputs;                 // cleaned paths
  std::vector<NodeIndex> producers;  // by symbol of `outputs`

  static constexpr NodeIndex k_nobody{UINT32_MAX};
};

}  // namespace dsched::dag
