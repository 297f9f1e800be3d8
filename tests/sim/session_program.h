// SPDX-License-Identifier: Apache-2.0
#pragma once
// A program for the simulated world: sketched node by node, given as JSON text, and as a model that
// knows which bytes every node must have.
//
// A simulated command's result is a function of its id, its arguments' bytes and its inputs' bytes,
// so a wrong or stale argument anywhere shows in every result behind it.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace dsched::sim {

enum class Does : std::uint8_t {
  command,
  constant,
  concat,
  list,  // a constant: an array of `width` strings, some of them equal
  map,   // a command for each element of the list that is its only argument; `width` is that list's
};

struct NodeSketch {
  std::string id;
  std::vector<std::string> arguments{};
  std::vector<std::string> needs{};  // order only
  Does does = Does::command;
  std::size_t size = 40;  // bytes of a command's result
  std::size_t width = 0;
  bool declares_inputs = true;
  std::vector<std::string> inputs{};
  std::vector<std::string> outputs{};
  Nanoseconds duration = std::chrono::milliseconds{20};
  std::uint32_t fails = 0;  // its first attempts that exit with 1; UINT32_MAX: all
  std::uint32_t retries = 0;
  bool idempotent = true;
  bool gated = false;     // needs consent
  std::string says{};     // on stderr
  std::string same_as{};  // its command is that of this node, so that their keys may be equal
  bool streams = false;   // its standard output may be read while it runs
  std::string reads{};    // the argument that is its standard input
  bool reads_all = true;  // it ends after the end of what it reads, else whenever it likes
};

// The bytes of a simulated command's result, from the bytes of what it read.
[[nodiscard]] std::string result_bytes(const NodeSketch& node,
                                       const std::vector<std::string>& arguments,
                                       const std::vector<std::string>& inputs);
// The bytes of one of its outputs.
[[nodiscard]] std::string output_bytes(std::string_view path, std::string_view result);

class Program {
 public:
  Program& add(NodeSketch node);
  [[nodiscard]] const std::vector<NodeSketch>& nodes() const { return nodes_; }
  // Also of a node that a map makes: "m.3".
  [[nodiscard]] NodeSketch node(std::string_view id) const;
  [[nodiscard]] NodeSketch& change(std::string_view id);
  [[nodiscard]] std::string text() const;
  // What the node's result must be, with these files in the program's folder.
  [[nodiscard]] std::string expected(std::string_view id,
                                     const std::map<std::string, std::string>& files) const;

 private:
  std::vector<NodeSketch> nodes_;
};

// A small random program; every node can complete in the end.
[[nodiscard]] Program random_program(std::uint64_t seed);
// Adds commands that read one another's output while it is written: a chain, and a second reader.
void add_streams(Program& program, std::uint64_t seed);
// Adds a list, a map over it, and a command that reads the result of the map.
void add_map(Program& program, std::uint64_t seed);

}  // namespace dsched::sim
