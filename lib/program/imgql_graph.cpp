// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_graph.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace dsched::imgql {
namespace {

std::string_view name_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::constant:
      return "constant";
    case NodeKind::primitive:
      return "primitive";
    case NodeKind::closure:
      return "closure";
    case NodeKind::parameter:
      return "parameter";
  }
  return {};
}

std::string_view name_of(OutputKind kind) {
  switch (kind) {
    case OutputKind::scalar:
      return "scalar";
    case OutputKind::sequence:
      return "sequence";
    case OutputKind::overlay:
      return "overlay";
    case OutputKind::closure:
      return "closure";
  }
  return {};
}

void append_unit(std::string& out, std::uint32_t unit) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += k_digits[(unit >> shift) & 0xF];
}

// Of well-formed UTF-8: the code point at `at`, which moves behind it.
std::uint32_t code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t offset) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[offset]));
  };
  const std::uint32_t first = byte(at++);
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  std::uint32_t point = first & (0x3FU >> more);
  for (int i = 0; i < more; ++i) point = point << 6 | (byte(at++) & 0x3FU);
  return point;
}

template <class Range, class Append>
void append_list(std::string& out, std::string_view brackets, const Range& range,
                 const Append& append) {
  out += brackets.front();
  bool is_first = true;
  for (const auto& element : range) {
    if (!std::exchange(is_first, false)) out += ',';
    append(element);
  }
  out += brackets.back();
}

}  // namespace

void append_ascii_json(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      ++at;
      constexpr std::string_view k_escaped = "\"\\\b\f\n\r\t";
      constexpr std::string_view k_letters = "\"\\bfnrt";
      const std::size_t escape = k_escaped.find(c);
      if (escape != std::string_view::npos) {
        (out += '\\') += k_letters[escape];
      } else if (byte < 0x20 || byte == 0x7F) {
        append_unit(out, byte);
      } else {
        out += c;
      }
      continue;
    }
    const std::uint32_t point = code_point(text, at);
    constexpr std::uint32_t k_first_astral = 0x10000;
    if (point < k_first_astral) {
      append_unit(out, point);
    } else {
      append_unit(out, 0xD800 + ((point - k_first_astral) >> 10));
      append_unit(out, 0xDC00 + ((point - k_first_astral) & 0x3FF));
    }
  }
  out += '"';
}

void check_written_size(std::size_t bytes) {
  if (bytes <= k_written_max) return;
  throw Error(ErrorKind::invalid_program,
              "the functions that a loop calls are too many to be written out");
}

NodeId Graph::intern(GraphNode node, std::span<const NodeId> arguments) {
  std::uint32_t hash = hash_of(node.operator_name) ^ (hash_of(node.attributes) * 31);
  hash += static_cast<std::uint32_t>(node.kind) * 7 + static_cast<std::uint32_t>(node.output);
  hash ^= hash_of({reinterpret_cast<const char*>(arguments.data()), arguments.size_bytes()}) * 17;
  const std::uint32_t known = index_.find(hash, [&](std::uint32_t number) {
    const GraphNode& other = nodes_[number];
    const auto others = this->arguments(number);
    return other.kind == node.kind && other.output == node.output &&
           other.operator_name == node.operator_name && other.attributes == node.attributes &&
           std::equal(arguments.begin(), arguments.end(), others.begin(), others.end());
  });
  if (known != FlatIndex::k_none) return known;
  node.operator_name = texts_.keep(node.operator_name);
  node.attributes = texts_.keep(node.attributes);
  node.place = place_;
  node.arguments_begin = static_cast<std::uint32_t>(arguments_.size());
  node.arguments_count = static_cast<std::uint32_t>(arguments.size());
  arguments_.insert(arguments_.end(), arguments.begin(), arguments.end());
  const auto number = static_cast<NodeId>(nodes_.size());
  nodes_.push_back(node);
  index_.insert(hash, number);
  return number;
}

NodeId Graph::add_constant(std::string_view json_value) {
  const std::string attributes = "{\"value\":" + std::string(json_value) + "}";
  GraphNode node;
  node.operator_name = "constant";
  node.attributes = attributes;
  return intern(node, {});
}

NodeId Graph::add_primitive(std::string_view operator_name, OutputKind output,
                            std::span<const NodeId> arguments, std::string_view attributes) {
  GraphNode node;
  node.kind = NodeKind::primitive;
  node.output = output;
  node.operator_name = operator_name;
  node.attributes = attributes;
  return intern(node, arguments);
}

NodeId Graph::add_closure(Closure closure, std::span<const NodeId> captures) {
  std::string identity = std::to_string(closure.body.size()) + ' ' + closure.body;
  identity.append(1, ' ').append(closure.parameter);
  for (const std::string_view name : closure.capture_names) identity.append(1, ' ').append(name);
  identity += ';';
  for (const std::uint32_t function : closure.functions) {
    identity += ' ' + std::to_string(function);
  }
  GraphNode node;
  node.kind = NodeKind::closure;
  node.output = OutputKind::closure;
  node.operator_name = "closure";
  node.attributes = identity;
  node.closure = static_cast<std::uint32_t>(closures_.size());
  const std::size_t known = nodes_.size();
  const NodeId number = intern(node, captures);
  if (number == known) closures_.push_back(std::move(closure));
  return number;
}

NodeId Graph::add_parameter() {
  GraphNode node;
  node.kind = NodeKind::parameter;
  nodes_.push_back(node);
  return static_cast<NodeId>(nodes_.size() - 1);
}

std::uint32_t Graph::add_function(FunctionCapture function) {
  const std::uint32_t hash = hash_of(function.name) ^ (hash_of(function.body) * 31);
  const std::uint32_t known = function_index_.find(
      hash, [&](std::uint32_t number) { return functions_[number] == function; });
  if (known != FlatIndex::k_none) return known;
  const auto number = static_cast<std::uint32_t>(functions_.size());
  functions_.push_back(std::move(function));
  function_index_.insert(hash, number);
  return number;
}

void Graph::set_body(NodeId closure, NodeId parameter, NodeId result) {
  Closure& of = closures_[nodes_[closure].closure];
  if (of.result != k_no_node) return;
  of.parameter_node = parameter;
  of.result = result;
}

// "NAME":{…,"functions":{ - what the function itself calls comes behind it.
void Graph::append_function_start(std::string& out, const FunctionCapture& function) {
  append_ascii_json(out, function.name);
  out += ":{\"body\":";
  append_ascii_json(out, function.body);
  out += ",\"captures\":";
  append_list(out, "{}", function.captures, [&](const auto& capture) {
    append_ascii_json(out, capture.first);
    out += ":\"";
    append_hex(out, *ids_[capture.second]);
    out += '"';
  });
  out += ",\"functions\":{";
}

// Members sorted by name. Without recursion: a function may call one that calls one, and so on.
void Graph::append_closure(std::string& out, const Closure& closure) {
  const auto append_names = [&](const std::vector<std::string_view>& names) {
    append_list(out, "[]", names, [&](std::string_view name) { append_ascii_json(out, name); });
  };
  out += "{\"body\":";
  append_ascii_json(out, closure.body);
  out += ",\"capture_names\":";
  append_names(closure.capture_names);
  out += ",\"function_captures\":{";
  struct Open {
    const std::vector<std::uint32_t>* functions = nullptr;
    std::size_t next = 0;
    const FunctionCapture* of = nullptr;  // none: the closure
  };
  std::vector<Open> open{{&closure.functions, 0, nullptr}};
  while (!open.empty()) {
    Open& top = open.back();
    if (top.next < top.functions->size()) {
      check_written_size(out.size());
      if (top.next > 0) out += ',';
      const FunctionCapture& function = functions_[(*top.functions)[top.next++]];
      append_function_start(out, function);
      open.push_back({&function.functions, 0, &function});
      continue;
    }
    out += '}';
    if (top.of != nullptr) {
      out += ",\"parameters\":";
      append_names(top.of->parameters);
      out += '}';
    }
    open.pop_back();
  }
  out += ",\"parameter\":";
  append_ascii_json(out, closure.parameter);
  out += '}';
}

std::string Graph::json_of(NodeId number) {
  const GraphNode& node = nodes_[number];
  std::string out = "{\"args\":";
  append_list(out, "[]", arguments(number), [&](NodeId argument) {
    out += '"';
    append_hex(out, *ids_[argument]);
    out += '"';
  });
  out += ",\"attrs\":";
  if (node.kind == NodeKind::closure) {
    append_closure(out, closures_[node.closure]);
  } else {
    out += node.attributes;
  }
  out.append(",\"kind\":\"").append(name_of(node.kind)).append("\",\"kwargs\":[],\"operator\":");
  append_ascii_json(out, node.operator_name);
  out.append(",\"output_kind\":\"").append(name_of(node.output)).append("\"}");
  return out;
}

void Graph::add_missing_ids(NodeId node, std::vector<NodeId>& missing) const {
  for (const NodeId argument : arguments(node)) {
    if (!ids_[argument]) missing.push_back(argument);
  }
  if (nodes_[node].kind != NodeKind::closure) return;
  std::vector<std::uint32_t> functions = closures_[nodes_[node].closure].functions;
  std::unordered_set<std::uint32_t> seen(functions.begin(), functions.end());
  while (!functions.empty()) {
    const FunctionCapture& function = functions_[functions.back()];
    functions.pop_back();
    for (const auto& [name, captured] : function.captures) {
      if (!ids_[captured]) missing.push_back(captured);
    }
    for (const std::uint32_t called : function.functions) {
      if (seen.insert(called).second) functions.push_back(called);
    }
  }
}

// Without recursion: a graph may be a chain of a million nodes.
const Digest& Graph::id(NodeId node) {
  ids_.resize(nodes_.size());
  std::vector<NodeId> open{node};
  while (!open.empty()) {
    const NodeId number = open.back();
    const std::size_t before = open.size();
    if (!ids_[number]) {
      add_missing_ids(number, open);
      if (open.size() > before) continue;
      // No program says this: it only tells the parameters of closures apart.
      ids_[number] = nodes_[number].kind == NodeKind::parameter
                         ? sha256("parameter " + std::to_string(number))
                         : sha256(json_of(number));
    }
    open.pop_back();
  }
  return *ids_[node];
}

}  // namespace dsched::imgql
