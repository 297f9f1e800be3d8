// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "program/imgql_graph.h"

// The texts of a graph, for people and programs.

namespace dsched::imgql {
namespace {

std::string id_text(Graph& graph, NodeId node) {
  return to_hex(graph.id(node));
}

// What the goals need, by id.
std::map<std::string, NodeId> reached(Graph& graph, std::span<const Goal> goals) {
  std::vector<bool> is_reached(graph.size());
  std::vector<NodeId> open;
  for (const Goal& goal : goals) open.push_back(goal.node);
  std::map<std::string, NodeId> nodes;
  while (!open.empty()) {
    const NodeId node = open.back();
    open.pop_back();
    if (is_reached[node]) continue;
    is_reached[node] = true;
    nodes.emplace(id_text(graph, node), node);
    for (const NodeId argument : graph.arguments(node)) open.push_back(argument);
  }
  return nodes;
}

// By ascending id, but each behind its arguments, which also go by id.
std::vector<NodeId> in_order(Graph& graph, std::span<const Goal> goals) {
  std::vector<NodeId> order;
  std::vector<bool> is_there(graph.size());
  struct Frame {
    NodeId node;
    std::vector<NodeId> arguments;
    std::size_t next = 0;
  };
  const auto open = [&graph](NodeId node) {
    Frame frame{node, {graph.arguments(node).begin(), graph.arguments(node).end()}};
    std::sort(frame.arguments.begin(), frame.arguments.end(),
              [&](NodeId a, NodeId b) { return graph.id(a) < graph.id(b); });
    return frame;
  };
  for (const auto& [id, root] : reached(graph, goals)) {
    if (is_there[root]) continue;
    std::vector<Frame> frames;
    frames.push_back(open(root));
    is_there[root] = true;
    while (!frames.empty()) {
      Frame& frame = frames.back();
      if (frame.next == frame.arguments.size()) {
        order.push_back(frame.node);
        frames.pop_back();
        continue;
      }
      const NodeId argument = frame.arguments[frame.next++];
      if (is_there[argument]) continue;
      is_there[argument] = true;
      frames.push_back(open(argument));
    }
  }
  return order;
}

// JSON text as Python's json module indents it by one.
class Writer {
 public:
  void open(char bracket) {
    begin_value();
    out_ += bracket;
    counts_.push_back(0);
  }
  void close(char bracket) {
    const bool is_empty = counts_.back() == 0;
    counts_.pop_back();
    if (!is_empty) new_line();
    out_ += bracket;
  }
  void name(std::string_view name) {
    begin_element();
    append_ascii_json(out_, name);
    out_ += ": ";
    is_behind_name_ = true;
  }
  void text(std::string_view text) {
    begin_value();
    append_ascii_json(out_, text);
  }
  void raw(std::string_view json) {
    begin_value();
    out_ += json;
  }
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void new_line() { out_.append(1, '\n').append(counts_.size(), ' '); }
  void begin_element() {
    if (counts_.back()++ > 0) out_ += ',';
    new_line();
  }
  void begin_value() {
    if (!std::exchange(is_behind_name_, false) && !counts_.empty()) begin_element();
  }
  std::string out_;
  std::vector<std::size_t> counts_;  // elements so far of each open bracket
  bool is_behind_name_ = false;
};

std::string_view output_name(OutputKind kind) {
  return kind == OutputKind::sequence  ? "sequence"
         : kind == OutputKind::overlay ? "overlay"
         : kind == OutputKind::closure ? "closure"
                                       : "scalar";
}

void write_names(Writer& out, const std::vector<std::string_view>& names) {
  out.open('[');
  for (const std::string_view name : names) out.text(name);
  out.close(']');
}

// Open until what it calls is written, too.
void write_function_start(Writer& out, Graph& graph, const FunctionCapture& function) {
  out.name(function.name);
  out.open('{');
  out.name("parameters");
  write_names(out, function.parameters);
  out.name("body");
  out.text(function.body);
  out.name("captures");
  out.open('{');
  for (const auto& [name, node] : function.captures) {
    out.name(name);
    out.text(id_text(graph, node));
  }
  out.close('}');
  out.name("functions");
  out.open('{');
}

void write_closure(Writer& out, Graph& graph, const Closure& closure) {
  out.open('{');
  out.name("parameter");
  out.text(closure.parameter);
  out.name("body");
  out.text(closure.body);
  out.name("capture_names");
  write_names(out, closure.capture_names);
  out.name("function_captures");
  out.open('{');
  using Numbers = std::span<const std::uint32_t>;
  std::vector<Numbers> left{closure.functions};  // of the closure, of a function of it, and so on
  while (!left.empty()) {
    Numbers& top = left.back();
    if (top.empty()) {
      out.close('}');
      if (left.size() > 1) out.close('}');
      left.pop_back();
      continue;
    }
    const FunctionCapture& function = graph.function(top.front());
    top = top.subspan(1);
    write_function_start(out, graph, function);
    left.emplace_back(function.functions);
    check_written_size(out.size());
  }
  out.close('}');
}

// The only attribute of an operation is the operator of a fold: {"operator":"+"}.
void write_attributes(Writer& out, std::string_view attributes) {
  out.open('{');
  if (attributes != "{}") {
    const std::size_t colon = attributes.find(':');
    out.name(attributes.substr(2, colon - 3));
    out.raw(attributes.substr(colon + 1, attributes.size() - colon - 2));
  }
  out.close('}');
}

void write_node(Writer& out, Graph& graph, NodeId number) {
  const GraphNode& node = graph.node(number);
  out.open('{');
  out.name("id");
  out.text(id_text(graph, number));
  out.name("type");
  if (node.kind == NodeKind::constant) {
    out.text("constant");
    out.name("value");
    constexpr std::string_view k_value = "{\"value\":";
    out.raw(node.attributes.substr(k_value.size(), node.attributes.size() - k_value.size() - 1));
  } else {
    out.text(node.kind == NodeKind::closure ? "closure" : "operation");
    out.name("operator");
    out.text(node.operator_name);
    out.name("arguments");
    out.open('{');
    std::size_t position = 0;
    for (const NodeId argument : graph.arguments(number)) {
      out.name(std::to_string(position++));
      out.text(id_text(graph, argument));
    }
    out.close('}');
    out.name("attrs");
    if (node.kind == NodeKind::closure) {
      write_closure(out, graph, graph.closure(number));
    } else {
      write_attributes(out, node.attributes);
    }
  }
  out.name("output_kind");
  out.text(output_name(node.output));
  out.close('}');
}

}  // namespace

std::string graph_json(Graph& graph, std::span<const Goal> goals) {
  Writer out;
  out.open('{');
  out.name("nodes");
  out.open('[');
  for (const NodeId node : in_order(graph, goals)) write_node(out, graph, node);
  out.close(']');
  out.name("goals");
  out.open('[');
  for (const Goal& goal : goals) {
    out.open('{');
    out.name("operation");
    out.text(goal.is_save ? "save" : "print");
    out.name("id");
    out.text(id_text(graph, goal.node));
    out.name("name");
    out.text(goal.name);
    out.close('}');
  }
  out.close(']');
  out.close('}');
  return out.take();
}

std::string graph_dot(Graph& graph, std::span<const Goal> goals) {
  std::string out = "digraph program {\n";
  const auto name = [&](NodeId node) { return "n" + id_text(graph, node).substr(0, 16); };
  for (const NodeId number : in_order(graph, goals)) {
    const GraphNode& node = graph.node(number);
    std::string label(node.operator_name);
    if (node.kind == NodeKind::constant)
      label = node.attributes.substr(9, node.attributes.size() - 10);
    if (node.kind == NodeKind::closure) label = graph.closure(number).parameter;
    if (node.kind == NodeKind::closure) label += " -> " + graph.closure(number).body;
    out += "  " + name(number) + " [label=";
    append_json_string(out, label);
    out += "];\n";
    for (const NodeId argument : graph.arguments(number)) {
      out += "  " + name(argument) + " -> " + name(number) + ";\n";
    }
  }
  std::size_t count = 0;
  for (const Goal& goal : goals) {
    const std::string goal_name = "goal" + std::to_string(count++);
    out += "  " + goal_name + " [shape=box,label=";
    append_json_string(out,
                       std::string(goal.is_save ? "save " : "print ") + std::string(goal.name));
    out += "];\n  " + name(goal.node) + " -> " + goal_name + ";\n";
  }
  return out + "}\n";
}

}  // namespace dsched::imgql
