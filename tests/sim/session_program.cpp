// SPDX-License-Identifier: Apache-2.0
#include "session_program.h"

#include <algorithm>
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

std::string element_of(std::string_view list, std::size_t index) {
  return "element " + std::to_string(index % 3) + " of " + std::string(list);
}

json list_of(const NodeSketch& node) {
  json list = json::array();
  for (std::size_t i = 0; i < node.width; ++i) list.push_back(element_of(node.id, i));
  return list;
}

json node_json(const NodeSketch& node);

// What the map makes of each element.
json template_json(const NodeSketch& map) {
  NodeSketch each = map;
  each.does = Does::command;
  each.arguments.clear();
  json out = node_json(each);
  out.erase("node_id");
  return out;
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
    case Does::list:
      out["operation"] = "const";
      out["parameters"] = {{"value", list_of(node)}};
      return out;
    case Does::map:
      out["operation"] = "map";
      out["parameters"] = {{"node", template_json(node)}};
      return out;
    case Does::command:
      break;
  }
  out["operation"] = "shell";
  // The `;` keeps it from being executed without a shell.
  out["parameters"] = {{"command", "simulated " + std::string(command_name(node)) + ' ' +
                                       std::to_string(node.size) + " \"$@\" ;"}};
  if (!node.reads.empty()) out["parameters"]["stdin"] = node.reads;
  if (node.streams) out["stream"] = true;
  if (node.declares_inputs) out["inputs"] = node.inputs;
  if (!node.outputs.empty()) out["outputs"] = node.outputs;
  if (node.retries > 0) out["max_retries"] = node.retries;
  if (!node.idempotent) out["idempotent"] = false;
  if (node.gated) out["approval"] = true;
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

NodeSketch Program::node(std::string_view id) const {
  const auto named = [this](std::string_view name) {
    return std::find_if(nodes_.begin(), nodes_.end(),
                        [name](const NodeSketch& node) { return node.id == name; });
  };
  if (const auto found = named(id); found != nodes_.end()) return *found;
  const std::size_t dot = id.rfind('.');
  const auto map = named(id.substr(0, dot));
  DSCHED_ASSERT(dot != id.npos && map != nodes_.end() && map->does == Does::map,
                "the test names a node of its program");
  NodeSketch element = *map;
  element.same_as = map->id;
  element.id = id;
  element.does = Does::command;
  element.arguments = {map->arguments.front() + "/" + std::string(id.substr(dot + 1))};
  return element;
}

NodeSketch& Program::change(std::string_view id) {
  for (NodeSketch& node : nodes_) {
    if (node.id == id) return node;
  }
  DSCHED_ASSERT(false, "the test names a node of its program");
  return nodes_.front();
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
  if (const std::size_t slash = id.find('/'); slash != id.npos) {
    return element_of(id.substr(0, slash), std::stoul(std::string(id.substr(slash + 1))));
  }
  const NodeSketch what = node(id);
  if (what.does == Does::list) return list_of(what).dump();
  if (what.does == Does::map) {
    json results = json::array();
    for (std::size_t i = 0; i < what.width; ++i) {
      results.push_back({{"text", expected(what.id + "." + std::to_string(i), files)}});
    }
    return results.dump();
  }
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
    default:
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

void add_streams(Program& program, std::uint64_t seed) {
  std::mt19937_64 dice(seed * 37);
  const auto below = [&](std::uint64_t limit) { return static_cast<std::size_t>(dice() % limit); };
  constexpr std::size_t k_sizes[] = {0, 60, 5000, 70'000};
  const char* const k_chain[][2] = {
      {"source", ""}, {"middle", "source"}, {"last", "middle"}, {"other", "source"}};
  for (const auto& [id, reads] : k_chain) {
    NodeSketch node{.id = id};
    node.size = k_sizes[below(4)];
    node.duration = std::chrono::milliseconds{below(400)};
    node.streams = std::string_view(id) != "last";
    node.declares_inputs = below(3) > 0;
    if (below(3) == 0) node.fails = 1 + static_cast<std::uint32_t>(below(2)), node.retries = 9;
    if (*reads != '\0') {
      node.arguments = {reads};
      node.reads = reads;
      node.reads_all = below(3) > 0;
      if (below(3) == 0) node.arguments.push_back("n0");
    }
    program.add(std::move(node));
  }
}

void add_map(Program& program, std::uint64_t seed) {
  std::mt19937_64 dice(seed * 31);
  const auto below = [&](std::uint64_t limit) { return static_cast<std::size_t>(dice() % limit); };
  constexpr std::size_t k_sizes[] = {0, 60, 5000, 70'000};
  NodeSketch list{.id = "list", .does = Does::list, .width = below(7)};
  NodeSketch map{.id = "map", .arguments = {"list"}, .does = Does::map, .width = list.width};
  map.size = k_sizes[below(4)];
  map.duration = std::chrono::milliseconds{below(60)};
  map.declares_inputs = below(2) == 0;
  if (below(4) == 0) map.fails = 1, map.retries = 9;
  program.add(std::move(list)).add(std::move(map));
  program.add({.id = "reader", .arguments = {"map", "n0"}});
}

}  // namespace dsched::sim
