// SPDX-License-Identifier: Apache-2.0
#pragma once
// The order that files imply: who reads what somebody else writes.
//
// All paths are cleaned. The rules are told in builder.h.

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dag/builder.h"
#include "dag/name_table.h"

namespace dsched::dag {

struct DeclaredPath {
  std::string_view path;
  Place place;
};

// `node` waits for `need`; `path` is the input that makes it wait.
struct ImpliedEdge {
  NodeIndex node;
  NodeIndex need;
  std::string_view path;
};

class OutputIndex {
 public:
  // Tables for `outputs`; of two equal paths the first one counts. Both must outlive the index.
  OutputIndex(NameTable& table, std::vector<NodeIndex>& producers,
              std::span<const DeclaredPath> outputs);

  struct Collision {
    DeclaredPath later;
    DeclaredPath earlier;  // the same path, or a folder that holds the later one
  };
  [[nodiscard]] std::vector<Collision> collisions() const;

  // Appends an edge for every node whose output `input` means, perhaps its own node.
  void find_needs(const DeclaredPath& input, std::vector<ImpliedEdge>& edges);

 private:
  void add_folders(std::string_view path);
  [[nodiscard]] std::span<const std::uint32_t> below(std::string_view folder);
  [[nodiscard]] std::vector<NodeIndex> needs_of_plain(std::string_view path);
  [[nodiscard]] std::vector<NodeIndex> needs_of_glob(std::string_view pattern);
  // What writes `path` or a folder above it.
  void find_above(std::string_view path, std::vector<NodeIndex>& needs);

  NameTable& table_;
  std::vector<NodeIndex>& producers_;
  std::span<const DeclaredPath> outputs_;
  NameTable folders_;                  // every folder above an output
  std::vector<std::uint32_t> sorted_;  // symbols of table_ by path; made when first needed
  std::unordered_map<std::string_view, std::vector<NodeIndex>> globs_;  // answers given before
  std::string_view clear_;  // a folder that lies in no output; neighbours of an input share it
};

}  // namespace dsched::dag
