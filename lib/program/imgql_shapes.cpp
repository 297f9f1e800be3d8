// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_shapes.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "value/primitives.h"
#include "value/text.h"

namespace dsched::imgql {
namespace {

// Texts of the language are not decoded, but no command could have a double quote then.
std::string without_protection(std::string_view command) {
  std::string out;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const bool is_pair = command[i] == '\\' && i + 1 < command.size();
    if (is_pair && command[i + 1] != '"') out += command[i];
    if (is_pair) ++i;
    out += command[i];
  }
  return out;
}

}  // namespace

using dag::Operation;

// `more` are further members, in their order behind "arguments".
void Shapes::set_arguments(Shape& shape, std::span<const NodeId> arguments, std::string_view more) {
  std::string list;
  bool is_plain = true;
  for (const NodeId argument : arguments) {
    if (!list.empty()) list += ',';
    const GraphNode& what = graph_.node(argument);
    if (what.kind == NodeKind::constant) {
      is_plain = false;
      append_json_string(list, constant_json(what));
    } else {
      shape.arguments.push_back({argument});
      list += std::to_string(shape.arguments.size());
    }
  }
  if (is_plain && more.empty()) return;
  shape.parameters = "{";
  if (!is_plain) shape.parameters += "\"arguments\":[" + list + "]";
  if (!is_plain && !more.empty()) shape.parameters += ',';
  shape.parameters.append(more).append("}");
}

void Shapes::make_computation(Shape& shape) {
  if (computations_ >= k_computations_max) return;
  ++computations_;
  shape.operation = Operation::computation;
}

void Shapes::set_loop(Shape& shape, NodeId node) {
  const auto arguments = graph_.arguments(node);
  if (bodies_.is_outside(arguments[1])) {
    shape.operation = Operation::map;
    shape.elements_of = arguments[1];
    shape.arguments = bodies_.needs({node});
    return;
  }
  const WholeBody& whole = bodies_.whole(arguments[1]);
  set_arguments(shape, arguments.first(1), "\"body\":" + value::text_of(*whole.body));
  // A constant sequence stands in the parameters; then what is captured has to be named, too.
  const bool is_named = shape.arguments.empty();
  std::string list;
  for (const Ref capture : whole.captures) {
    shape.arguments.push_back(capture);
    list += "," + std::to_string(shape.arguments.size());
  }
  if (is_named) {
    const std::size_t end = shape.parameters.find("],\"body\"");
    shape.parameters.insert(end, list);
  }
  make_computation(shape);
}

std::optional<value::Value> Shapes::constant_value(NodeId node, int depth) const {
  constexpr int k_folded_depth_max = 100;
  const GraphNode& what = graph_.node(node);
  if (what.kind == NodeKind::constant) return value::from_json(constant_json(what));
  if (what.kind != NodeKind::primitive || depth > k_folded_depth_max) return std::nullopt;
  if (!value::is_pure(what.operator_name)) return std::nullopt;
  std::vector<value::Value> arguments;
  for (const NodeId argument : graph_.arguments(node)) {
    auto constant = constant_value(argument, depth + 1);
    if (!constant) return std::nullopt;
    arguments.push_back(std::move(*constant));
  }
  try {
    return value::apply(what.operator_name, what.attributes, arguments);
  } catch (const Error&) {
    return std::nullopt;  // it is no text, for whatever reason
  }
}

void Shapes::set_shell(Shape& shape, Ref ref) {
  const NodeId node = ref.node;
  shape.operation = Operation::shell;
  shape.arguments = bodies_.needs(ref);
  const auto command = constant_value(graph_.arguments(node).front(), 0);
  if (!command || !command->is(value::Kind::text)) {
    faults_.push_back({"E_SHELL_COMMAND", graph_.node(node).place,
                       "the command of shell must be a constant text; give it what varies as "
                       "further arguments, which are its files \"$1\", \"$2\", …"});
    return;
  }
  if (command->as_text().find('\0') != std::string_view::npos) {
    faults_.push_back(
        {"E_SHELL_COMMAND", graph_.node(node).place, "the command of shell has a NUL character"});
    return;
  }
  shape.parameters = "{\"command\":";
  append_json_string(shape.parameters, without_protection(command->as_text()));
  shape.parameters += '}';
}

Shape Shapes::of(Ref ref) {
  const GraphNode& what = graph_.node(ref.node);
  const auto arguments = graph_.arguments(ref.node);
  Shape shape;
  shape.operator_name = what.operator_name;
  if (what.kind == NodeKind::constant) {
    const NodeId itself[] = {ref.node};
    set_arguments(shape, itself);
  } else if (ref.is_file) {
    set_arguments(shape, arguments);
    shape.operation = Operation::load;
  } else if (what.operator_name == "default.load") {
    set_arguments(shape, arguments);
    shape.arguments.push_back({ref.node, true});
    make_computation(shape);
  } else if (what.operator_name == "default.dir") {
    set_arguments(shape, arguments);
    shape.operation = Operation::list_folder;
  } else if (what.operator_name == "default.shell") {
    set_shell(shape, ref);
  } else if (is_loop(what.operator_name)) {
    set_loop(shape, ref.node);
  } else {
    const bool has_attributes = what.attributes != "{}";
    set_arguments(shape, arguments,
                  has_attributes ? "\"attributes\":" + std::string(what.attributes) : "");
    if (what.operator_name == "test.timewaste") make_computation(shape);
  }
  return shape;
}

}  // namespace dsched::imgql
