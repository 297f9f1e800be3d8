// SPDX-License-Identifier: Apache-2.0
#include "session/values.h"

#include "base/error.h"
#include "executor/outputs.h"

namespace dsched::session {

Values::Values(std::size_t nodes, store::Blobs& blobs, ArgumentFiles& files)
    : blobs_(blobs), files_(files), index_(nodes, k_nothing) {}

void Values::set_value(NodeIndex node, std::string value) {
  std::uint32_t& index = index_[node.value];
  if (index != k_nothing && (index & k_result) == 0) {
    values_[index] = std::move(value);
    return;
  }
  index = static_cast<std::uint32_t>(values_.size());
  values_.push_back(std::move(value));
}

void Values::set_result(NodeIndex node, const NodeResult& result) {
  std::uint32_t& index = index_[node.value];
  if (index != k_nothing && (index & k_result) != 0) {
    results_[index & ~k_result] = result;
    return;
  }
  index = static_cast<std::uint32_t>(results_.size()) | k_result;
  results_.push_back(result);
}

void Values::hold_bytes(const Digest& hash, std::string bytes) {
  held_.insert_or_assign(hash, std::move(bytes));
}

void Values::release_held() {
  held_.clear();
}

const std::string& Values::value(NodeIndex node) const {
  DSCHED_ASSERT(is_in_process(node), "only in-process nodes have a value in memory");
  return values_[index_[node.value]];
}

const NodeResult& Values::result(NodeIndex node) const {
  DSCHED_ASSERT(has(node) && !is_in_process(node), "the node has a stored result");
  return results_[index_[node.value] & ~k_result];
}

Digest Values::digest(NodeIndex node) const {
  return is_in_process(node) ? executor::node_digest(sha256(value(node)), {}) : result(node).digest;
}

store::Content Values::content(NodeIndex node) const {
  if (!is_in_process(node)) return result(node).content;
  return {sha256(value(node)), value(node).size()};
}

std::optional<std::string> Values::bytes(NodeIndex node, std::uint64_t limit) {
  if (is_in_process(node)) return value(node);
  const store::Content content = result(node).content;
  if (content.size > limit) return std::nullopt;
  if (content.size == 0) return std::string{};
  if (const auto held = held_.find(content.hash); held != held_.end()) return held->second;
  return store::read_blob(blobs_, content.hash);
}

std::optional<std::string> Values::prefix(NodeIndex node, std::uint64_t limit) {
  const std::uint64_t size = content(node).size;
  if (is_in_process(node)) return value(node).substr(0, limit);
  if (size <= limit) return bytes(node, limit);
  const auto reader = blobs_.open(result(node).content.hash);
  if (!reader) return std::nullopt;
  std::string out(limit, '\0');
  out.resize(reader->read(0, out));
  return out;
}

bool Values::write(NodeIndex node, int fd) {
  const store::Content what = content(node);
  if (what.size == 0) return true;
  if (!is_in_process(node) && !held_.contains(what.hash)) {
    return store::copy_blob(blobs_, what.hash, fd);
  }
  const auto all = bytes(node, what.size);
  if (all) sys::write_all(fd, *all, "output");
  return all.has_value();
}

std::optional<std::string> Values::file(NodeIndex node) {
  constexpr std::uint64_t k_in_memory_max = 64 * 1024;
  if (is_in_process(node)) return files_.file_for(to_hex(sha256(value(node))), value(node));
  const store::Content content = result(node).content;
  const std::string name = to_hex(content.hash);
  if (content.size == 0) return files_.file_for(name, std::string_view{});
  if (const auto held = held_.find(content.hash); held != held_.end()) {
    return files_.file_for(name, held->second);
  }
  if (auto path = blobs_.file_path(content.hash)) return path;
  if (content.size <= k_in_memory_max) {
    const auto small = store::read_blob(blobs_, content.hash);
    if (!small) return std::nullopt;
    return files_.file_for(name, *small);
  }
  const auto reader = blobs_.open(content.hash);
  if (!reader) return std::nullopt;
  return files_.file_for(name, *reader);
}

}  // namespace dsched::session
