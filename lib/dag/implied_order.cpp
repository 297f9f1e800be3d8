// SPDX-License-Identifier: Apache-2.0
#include "dag/implied_order.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"

namespace dsched::dag {
namespace {

// The folder that holds `path`; empty at the top.
std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

bool is_pattern(std::string_view path) {
  // A protected character (\*) makes no glob, but its path is not what is written either.
  return path.find_first_of("*?[\\") != std::string_view::npos;
}

// The folders at the start of a glob that are plain names.
std::string_view plain_folder_of(std::string_view pattern) {
  return folder_of(pattern.substr(0, pattern.find_first_of("*?[\\")));
}

}  // namespace

OutputIndex::OutputIndex(NameTable& table, std::vector<NodeIndex>& producers,
                         std::span<const DeclaredPath> outputs)
    : table_(table), producers_(producers), outputs_(outputs) {
  std::vector<std::string_view> paths;
  paths.reserve(outputs.size());
  for (const DeclaredPath& output : outputs) paths.push_back(output.path);
  std::vector<Symbol> symbols(paths.size());
  table_.reserve(paths.size());
  table_.intern(paths, symbols);
  producers_.reserve(table_.size());
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i].value == producers_.size()) producers_.push_back(outputs[i].place.node);
    add_folders(outputs[i].path);
  }
}

void OutputIndex::add_folders(std::string_view path) {
  for (path = folder_of(path); !path.empty(); path = folder_of(path)) {
    const std::size_t known = folders_.size();
    (void)folders_.intern(path);
    if (folders_.size() == known) return;  // and so are the folders above it
  }
}

std::vector<OutputIndex::Collision> OutputIndex::collisions() const {
  std::vector<Collision> found;
  std::vector<const DeclaredPath*> first(table_.size());  // by symbol
  const bool all_differ = table_.size() == outputs_.size();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const DeclaredPath& output = outputs_[i];
    const DeclaredPath*& earlier = first[all_differ ? i : table_.find(output.path)->value];
    if (earlier == nullptr) {
      earlier = &output;
    } else {
      found.push_back({output, *earlier});
    }
  }
  std::string_view clear;  // a folder that lies in no output; the next output is often in it, too
  for (const DeclaredPath& output : outputs_) {
    const std::string_view folder = folder_of(output.path);
    if (folder == clear) continue;
    const std::size_t before = found.size();
    for (std::string_view up = folder; !up.empty(); up = folder_of(up)) {
      if (const auto symbol = table_.find(up)) found.push_back({output, *first[symbol->value]});
    }
    if (found.size() == before) clear = folder;
  }
  return found;
}

void OutputIndex::find_needs(const DeclaredPath& input, std::vector<ImpliedEdge>& edges) {
  if (table_.size() == 0 || input.path.starts_with('/')) return;
  const auto append = [&](const std::vector<NodeIndex>& needs) {
    for (const NodeIndex need : needs) edges.push_back({input.place.node, need, input.path});
  };
  if (!is_pattern(input.path)) return append(needs_of_plain(input.path));
  const auto [known, is_new] = globs_.try_emplace(input.path);
  if (is_new) known->second = needs_of_glob(input.path);
  append(known->second);
}

void OutputIndex::find_above(std::string_view path, std::vector<NodeIndex>& needs) {
  if (const auto symbol = table_.find(path)) needs.push_back(producers_[symbol->value]);
  const std::string_view folder = folder_of(path);
  if (folder == clear_) return;
  const std::size_t before = needs.size();
  for (std::string_view up = folder; !up.empty(); up = folder_of(up)) {
    if (const auto symbol = table_.find(up)) needs.push_back(producers_[symbol->value]);
  }
  if (needs.size() == before) clear_ = folder;
}

// The symbols of all outputs below `folder`; the empty folder is the program's own.
std::span<const std::uint32_t> OutputIndex::below(std::string_view folder) {
  const std::span<const std::string_view> paths = table_.names();
  if (sorted_.size() != paths.size()) {
    sorted_.resize(paths.size());
    std::iota(sorted_.begin(), sorted_.end(), 0U);
    std::sort(sorted_.begin(), sorted_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return paths[a] < paths[b]; });
  }
  const std::string prefix = folder.empty() ? "" : std::string(folder) + "/";
  const auto is_before = [&](std::uint32_t symbol, const std::string& wanted) {
    return paths[symbol].substr(0, wanted.size()) < wanted;
  };
  const auto is_behind = [&](const std::string& wanted, std::uint32_t symbol) {
    return wanted < paths[symbol].substr(0, wanted.size());
  };
  const auto first = std::lower_bound(sorted_.begin(), sorted_.end(), prefix, is_before);
  const auto last = std::upper_bound(first, sorted_.end(), prefix, is_behind);
  return {first, last};
}

std::vector<NodeIndex> OutputIndex::needs_of_plain(std::string_view path) {
  std::vector<NodeIndex> needs;
  if (path == ".") {
    for (const std::uint32_t symbol : below({})) needs.push_back(producers_[symbol]);
    return needs;
  }
  find_above(path, needs);
  if (!folders_.find(path)) return needs;
  for (const std::uint32_t symbol : below(path)) needs.push_back(producers_[symbol]);
  return needs;
}

std::vector<NodeIndex> OutputIndex::needs_of_glob(std::string_view pattern) {
  std::vector<NodeIndex> needs;
  const std::string_view folder = plain_folder_of(pattern);
  find_above(folder, needs);
  for (const std::uint32_t symbol : below(folder)) {
    if (glob_matches(pattern, table_.names()[symbol])) needs.push_back(producers_[symbol]);
  }
  return needs;
}

}  // namespace dsched::dag
