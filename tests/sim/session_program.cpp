// SPDX-License-Identifier: Apache-2.0
#include "session_program.h"

#include <nlohmann/json.hpp>
#include <random>

#include "base/digest.h"
#include "base/error.h"

namespace dsched::sim {
namespace {

using nlohmann::json;

std::string_view command_name(const NodeSketch& node) {
  return node.same_as.empty() ? node.id : node.same_as;
}

std::string constant_of(const NodeSketch& node) {
  return "value of " + node.id + std::string(node.size, '.');
}

json node_json(const NodeSketch& node) {
  json out{{"node_id", node.id}};
  if (!node.arguments.empty()) out["arguments"] = node.arguments;
  switch (node.does) {
    case Does::constant:
      out["operation"] = "const";
      out["parameters"] = {{"value", constant_of(node)}};
      return out;
    case Does::concat:
      out["operation"] = "concat";
      return out;
    case Does::command:
      break;
  }
  out["operation"] = "shell";
  // The `;` keeps it from being executed without a shell.
  out["parameters"] = {{"command", "simulated " + std::string(command_name(node)) + ' ' +
                                       std::to_string(node.size) + " \"$@\" ;"}};
  if (node.declares_inputs) out["inputs"] = node.inputs;
  if (!node.outputs.empty()) out["outputs"] = node.outputs;
  if (node.retries > 0) out["max_retries"] = node.retries;
  if (!node.idempotent) out["idempotent"] = false;
  return out;
}

}  // namespace

std::string result_bytes(const NodeSketch& node, const std::vector<std::string>& arguments,
                         const std::vector<std::string>& inputs) {
  Sha256 read;
  for (const std::string& bytes : arguments) read.update(sha256(bytes));
  for (const std::string& bytes : inputs) read.update(sha256(bytes));
  if (node.size == 0) return {};
  std::string out =
      "result of " + std::string(command_name(node)) + " from " + to_hex(read.finish()) + "\n";
  const std::string line = out;
  while (out.size() < node.size) out += line;
  out.resize(std::max(node.size, line.size()));
  return out;
}

std::string output_bytes(std::string_view path, std::string_view result) {
  return "file " + std::string(path) + " of " + to_hex(sha256(result));
}

Program& Program::add(NodeSketch node) {
  nodes_.push_back(std::move(node));
  return *this;
}

const NodeSketch& Program::node(std::string_view id) const {
  for (const NodeSketch& node : nodes_) {
    if (node.id == id) return node;
  }
  DSCHED_ASSERT(false, "the test names a node of its program");
  return nodes_.front();
}

NodeSketch& Program::change(std::string_view id) {
  return const_cast<NodeSketch&>(node(id));
}

std::string Program::text() const {
  json out{{"dag_id", "simulated"}, {"nodes", json::array()}, {"dependencies", json::object()}};
  for (const NodeSketch& node : nodes_) {
    out["nodes"].push_back(node_json(node));
    if (!node.needs.empty()) out["dependencies"][node.id] = node.needs;
  }
  return out.dump();
}

std::string Program::expected(std::string_view id,
                              const std::map<std::string, std::string>& files) const {
  const NodeSketch& what = node(id);
  std::vector<std::string> arguments;
  for (const std::string& argument : what.arguments) arguments.push_back(expected(argument, files));
  switch (what.does) {
    case Does::constant:
      return constant_of(what);
    case Does::concat: {
      std::string out;
      for (const std::string& argument : arguments) out += argument;
      return out;
    }
    case Does::command:
      break;
  }
  std::vector<std::string> inputs;
  for (const std::string& input : what.inputs) inputs.push_back(files.at(input));
  return result_bytes(what, arguments, inputs);
}

Program random_program(std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  const auto below = [&](std::uint64_t limit) { return static_cast<std::size_t>(dice() % limit); };
  constexpr std::size_t k_sizes[] = {0, 60, 60, 5000, 70'000};
  Program program;
  const std::size_t count = 3 + below(8);
  for (std::size_t i = 0; i < count; ++i) {
    NodeSketch node;
    node.id = "n" + std::to_string(i);
    for (std::size_t k = 0; i > 0 && k < below(4); ++k) {
      node.arguments.push_back("n" + std::to_string(below(i)));
    }
    if (i > 0 && below(4) == 0) node.needs = {"n" + std::to_string(below(i))};
    node.size = k_sizes[below(5)];
    node.duration = std::chrono::milliseconds{below(3) == 0 ? below(3000) : below(40)};
    node.declares_inputs = below(3) > 0;
    if (below(6) == 0) node.outputs = {node.id + ".out"};
    if (below(5) == 0) node.fails = 1, node.retries = 9;
    if (below(8) == 0) node.says = "a line from " + node.id;
    if (below(7) == 0)
      node.does = Does::constant, node.arguments.clear();
    else if (below(6) == 0 && !node.arguments.empty())
      node.does = Does::concat;
    // A twin: the same command with the same arguments.
    if (i > 0 && node.does == Does::command && below(6) == 0) {
      const NodeSketch& first = program.nodes()[below(i)];
      if (first.does == Does::command && first.outputs.empty()) {
        node.same_as = std::string(command_name(first));
        node.arguments = first.arguments;
        node.size = first.size;
        node.declares_inputs = first.declares_inputs;
        node.outputs.clear();
      }
    }
    program.add(std::move(node));
  }
  return program;
}

}  // namespace dsched::sim
