// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_reduce.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "program/imgql_reducer.h"
#include "value/text.h"

namespace dsched::imgql {
namespace {

// JSON has no word for infinity; this is Python's.
std::string json_number(double value) {
  const std::string text = value::number_text(value);
  return text == "inf" ? "Infinity" : text == "-inf" ? "-Infinity" : text;
}

std::string json_text(std::string_view text) {
  std::string out;
  append_ascii_json(out, text);
  return out;
}

std::string constant_of(const Expr& expr) {
  if (expr.kind == ExprKind::number) return json_number(number_value(expr.text));
  return expr.kind == ExprKind::boolean ? std::string(expr.text) : json_text(expr.text);
}

bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 7> k_fold_operators{"+", "-", "*", "&&", "||", "min", "max"};

// By the name that was called, without a namespace.
OutputKind output_of(std::string_view name) {
  constexpr std::array<std::string_view, 5> k_sequences{"for_loop", "filter", "map", "range",
                                                        "load"};
  if (name == "overlay") return OutputKind::overlay;
  return is_among(name, k_sequences) ? OutputKind::sequence : OutputKind::scalar;
}

std::string call_key(std::uint32_t function, std::span<const NodeId> arguments) {
  std::string key(reinterpret_cast<const char*>(&function), sizeof function);
  key.append(reinterpret_cast<const char*>(arguments.data()), arguments.size_bytes());
  return key;
}

std::string arguments_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " argument" : " arguments");
}

}  // namespace

// ---- names

NodeId Reducer::fail(Place place, std::string code, std::string message) {
  if (told_.emplace(place, code).second) {
    faults_.push_back({std::move(code), place, std::move(message)});
  }
  return k_no_node;
}

NodeId Reducer::fail_unknown(const Expr& expr) {
  if (is_among(expr.text, syntax_.broken)) return k_no_node;  // its fault has been told
  const std::string name = escape_for_terminal(expr.text);
  const std::string_view space = expr.text.substr(0, expr.text.find('.'));
  if (space.size() < expr.text.size() && is_image_space(space)) {
    return fail(expr.place, "E_UNBOUND_IDENTIFIER",
                name + ": primitives on images are not available");
  }
  std::vector<std::string_view> known;
  for (const std::uint32_t number : latest_) known.push_back(declarations_[number].command->text);
  for (const Primitive& primitive : primitives()) known.push_back(primitive.name);
  std::sort(known.begin(), known.end());
  constexpr std::size_t k_known_max = 10'000;  // beyond that a guess costs more than it helps
  constexpr std::size_t k_guessed_min = 3;     // characters: every shorter name is near to many
  const bool is_guessed = expr.text.size() >= k_guessed_min && known.size() <= k_known_max;
  const auto near = is_guessed ? nearest(expr.text, known) : std::nullopt;
  return fail(expr.place, "E_UNBOUND_IDENTIFIER",
              name + " is not declared" +
                  (near ? "; did you mean " + escape_for_terminal(*near) + "?" : std::string()));
}

const Reducer::Declaration* Reducer::declaration(std::string_view name, std::uint32_t limit) const {
  const std::uint32_t at = latest_of(name, hash_of(name));
  if (at == FlatIndex::k_none) return nullptr;
  std::uint32_t number = latest_[at];
  while (number != UINT32_MAX && number >= limit) number = declarations_[number].earlier;
  return number == UINT32_MAX ? nullptr : &declarations_[number];
}

const Primitive* Reducer::primitive(std::string_view name) {
  const auto [at, is_new] = primitives_.try_emplace(name, nullptr);
  if (is_new) at->second = find_primitive(name, imported_);
  return at->second;
}

std::string_view Reducer::full_name(const Primitive& primitive) {
  std::string& name = full_names_[&primitive];
  if (name.empty()) name = std::string(primitive.space) + "." + std::string(primitive.name);
  return name;
}

Reducer::Meaning Reducer::meaning(std::string_view name, const Scope& scope) {
  for (std::uint32_t at = scope.local; at != UINT32_MAX; at = locals_[at].outer) {
    if (locals_[at].name == name) return {true, locals_[at].node, nullptr, nullptr};
  }
  if (const Declaration* found = declaration(name, scope.limit)) {
    return {false, found->value, found, nullptr};
  }
  return {false, k_no_node, nullptr, primitive(name)};
}

std::uint32_t Reducer::bind(std::string_view name, NodeId node, std::uint32_t outer) {
  locals_.push_back({name, node, outer});
  return static_cast<std::uint32_t>(locals_.size() - 1);
}

NodeId Reducer::program_variable(std::string_view name) {
  const auto found = variables_.find(name);
  return found == variables_.end() ? k_no_node : out_.graph.add_constant(json_text(found->second));
}

NodeId Reducer::value_of_name(const Expr& expr, const Scope& scope) {
  const Meaning means = meaning(expr.text, scope);
  if (means.is_local) return means.value;
  if (means.declaration != nullptr) {
    if (means.declaration->command->parameters_count == 0) return means.value;
    return fail(expr.place, "E_ARITY",
                escape_for_terminal(expr.text) + " is a function: it takes " +
                    arguments_text(means.declaration->command->parameters_count));
  }
  const NodeId variable = program_variable(expr.text);
  if (variable != k_no_node) return variable;
  if (means.primitive == nullptr) return fail_unknown(expr);
  if (means.primitive->arguments_min == 0) {
    return out_.graph.add_primitive(full_name(*means.primitive), output_of(expr.text), {});
  }
  return fail(expr.place, "E_ARITY", escape_for_terminal(expr.text) + " needs arguments");
}

// ---- the machine

void Reducer::push_child() {
  Frame& frame = frames_.back();
  Frame child;
  child.expr = syntax_.children_of(frame.expr)[frame.next++];
  child.scope = frame.scope;
  child.base = static_cast<std::uint32_t>(values_.size());
  frames_.push_back(child);
}

void Reducer::push_body(ExprId body, Scope scope) {
  frames_.back().is_in_body = true;
  Frame frame;
  frame.expr = body;
  frame.scope = scope;
  frame.base = static_cast<std::uint32_t>(values_.size());
  frames_.push_back(frame);
}

void Reducer::finish(NodeId node) {
  values_.resize(frames_.back().base);
  values_.push_back(node);
  frames_.pop_back();
}

bool Reducer::take_values(std::vector<NodeId>& out) const {
  out.assign(values_.begin() + frames_.back().base, values_.end());
  return std::find(out.begin(), out.end(), k_no_node) == out.end();
}

NodeId Reducer::reduce(ExprId expr, Scope scope) {
  Frame first;
  first.expr = expr;
  first.scope = scope;
  frames_.push_back(first);
  while (!frames_.empty()) step();
  const NodeId result = values_.back();
  values_.clear();
  locals_.clear();  // values are nodes: nothing of this expression needs its names any more
  return result;
}

void Reducer::step() {
  const Frame frame = frames_.back();
  const Expr& expr = syntax_.expr(frame.expr);
  out_.graph.set_place(expr.place);
  switch (expr.kind) {
    case ExprKind::number:
    case ExprKind::boolean:
    case ExprKind::string:
      return finish(out_.graph.add_constant(constant_of(expr)));
    case ExprKind::name:
      return finish(value_of_name(expr, frame.scope));
    case ExprKind::call:
      return step_call(expr);
    case ExprKind::for_in:
    case ExprKind::filter:
      return step_loop(expr);
    case ExprKind::let_in:
      return step_let(expr);
    default:
      break;
  }
  if (frame.next < expr.children_count) return push_child();
  if (expr.kind == ExprKind::fold) return finish(make_fold(expr));
  if (expr.kind == ExprKind::slice) return finish(make_slice(expr));
  std::vector<NodeId> elements;
  if (!take_values(elements)) return finish(k_no_node);
  finish(out_.graph.add_primitive("default.sequence", OutputKind::sequence, elements));
}

void Reducer::step_call(const Expr& expr) {
  const Frame frame = frames_.back();
  const Meaning means = meaning(expr.text, frame.scope);
  if (frame.is_in_body) return means.primitive == nullptr ? end_function() : step_loop(expr);
  const bool is_map =
      means.primitive != nullptr && means.primitive->name == "map" && expr.children_count == 2;
  if (is_map && frame.next == 0) ++frames_.back().next;  // a function, no value
  if (frames_.back().next < expr.children_count) return push_child();
  if (is_map) return begin_map();
  if (means.is_local ||
      (means.declaration != nullptr && means.declaration->command->parameters_count == 0)) {
    return finish(fail(expr.place, "E_ARITY",
                       escape_for_terminal(expr.text) + " is no function: it takes no arguments"));
  }
  if (means.declaration != nullptr) return apply_function(expr, *means.declaration);
  if (means.primitive != nullptr) return apply_primitive(expr, *means.primitive);
  finish(fail_unknown(expr));
}

void Reducer::apply_function(const Expr& expr, const Declaration& function) {
  const auto parameters = syntax_.parameters_of(*function.command);
  if (parameters.size() != expr.children_count) {
    return finish(fail(expr.place, "E_ARITY",
                       escape_for_terminal(expr.text) + " takes " +
                           arguments_text(parameters.size()) + ", not " +
                           std::to_string(expr.children_count)));
  }
  std::vector<NodeId> arguments;
  if (!take_values(arguments)) return finish(k_no_node);
  const std::uint32_t number = number_of(function);
  const auto known = calls_.find(call_key(number, arguments));
  if (known != calls_.end()) return finish(known->second);
  Scope scope{UINT32_MAX, number};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    scope.local = bind(parameters[i], arguments[i], scope.local);
  }
  frames_.back().called = number;
  push_body(function.command->value, scope);
}

// The body's value lies behind the arguments.
void Reducer::end_function() {
  const Frame& frame = frames_.back();
  const NodeId result = values_.back();
  const std::span<const NodeId> arguments =
      std::span(values_).subspan(frame.base, values_.size() - frame.base - 1);
  calls_.emplace(call_key(frame.called, arguments), result);
  finish(result);
}

void Reducer::apply_primitive(const Expr& expr, const Primitive& primitive) {
  const std::size_t count = expr.children_count;
  const bool is_too_many =
      primitive.arguments_max != Primitive::k_any && count > primitive.arguments_max;
  if (count < primitive.arguments_min || is_too_many) {
    std::string takes = arguments_text(primitive.arguments_min);
    if (primitive.arguments_max == Primitive::k_any) {
      takes = "at least " + takes;
    } else if (primitive.arguments_max != primitive.arguments_min) {
      takes = std::to_string(primitive.arguments_min) + " to " +
              arguments_text(primitive.arguments_max);
    }
    return finish(fail(
        expr.place, "E_ARITY",
        escape_for_terminal(expr.text) + " takes " + takes + ", not " + std::to_string(count)));
  }
  std::vector<NodeId> arguments;
  if (!take_values(arguments)) return finish(k_no_node);
  finish(out_.graph.add_primitive(full_name(primitive), output_of(expr.text), arguments));
}

// map(f, S) becomes a loop over S with the body of f, or with a call of the primitive f.
void Reducer::begin_map() {
  const Scope scope = frames_.back().scope;
  const Expr& name = syntax_.expr(syntax_.children_of(frames_.back().expr)[0]);
  const Meaning means = meaning(name.text, scope);
  const bool is_function = means.declaration != nullptr && !means.is_local &&
                           means.declaration->command->parameters_count > 0;
  if (name.kind != ExprKind::name || (!is_function && means.primitive == nullptr)) {
    if (name.kind == ExprKind::name && !means.is_local && means.declaration == nullptr) {
      return finish(fail_unknown(name));
    }
    return finish(fail(name.place, "E_ARITY", "map needs the name of a function"));
  }
  if (!is_function) {
    frames_.back().closure = closure_of_primitive(name, *means.primitive);
    frames_.back().is_in_body = true;
    values_.push_back(k_no_node);  // where the value of a body lies
    return;
  }
  const Command& command = *means.declaration->command;
  if (command.parameters_count != 1) {
    return finish(fail(name.place, "E_ARITY",
                       "map needs a function of 1 argument, and " + escape_for_terminal(name.text) +
                           " takes " + std::to_string(command.parameters_count)));
  }
  const Scope outside{UINT32_MAX, number_of(*means.declaration)};
  const std::string_view parameter = syntax_.parameters_of(command)[0];
  frames_.back().closure = make_closure(parameter, command.value, outside);
  frames_.back().parameter = out_.graph.add_parameter();
  push_body(command.value, {bind(parameter, frames_.back().parameter, UINT32_MAX), outside.limit});
}

// for, filter and map: the sequence, then the closure, whose body is reduced too.
void Reducer::step_loop(const Expr& expr) {
  const Frame frame = frames_.back();
  if (!frame.is_in_body) {
    if (frame.next == 0) return push_child();
    const ExprId body = syntax_.children_of(frame.expr)[1];
    frames_.back().closure = make_closure(expr.text, body, frame.scope);
    frames_.back().parameter = out_.graph.add_parameter();
    return push_body(
        body, {bind(expr.text, frames_.back().parameter, frame.scope.local), frame.scope.limit});
  }
  const NodeId result = values_.back();
  const std::array<NodeId, 2> arguments{values_[frame.base], frame.closure};
  const bool has_body = frame.parameter != k_no_node;
  if (arguments[0] == k_no_node || frame.closure == k_no_node ||
      (has_body && result == k_no_node)) {
    return finish(k_no_node);
  }
  if (has_body) out_.graph.set_body(frame.closure, frame.parameter, result);
  const std::string_view name = expr.kind == ExprKind::for_in   ? "default.for_loop"
                                : expr.kind == ExprKind::filter ? "default.filter"
                                                                : "default.map";
  finish(out_.graph.add_primitive(name, OutputKind::sequence, arguments));
}

void Reducer::step_let(const Expr& expr) {
  const Frame frame = frames_.back();
  if (frame.next == 0) return push_child();
  if (frame.next == 1) {
    frames_.back().scope.local = bind(expr.text, values_.back(), frame.scope.local);
    return push_child();
  }
  finish(values_.back());
}

NodeId Reducer::make_slice(const Expr& expr) {
  std::vector<NodeId> values;
  if (!take_values(values)) return k_no_node;
  const NodeId none = out_.graph.add_constant("null");
  const NodeId start = expr.has_start ? values[1] : none;
  const NodeId stop = expr.has_stop ? values.back() : none;
  const std::array<NodeId, 3> arguments{values[0], start, stop};
  return out_.graph.add_primitive("default.slice", OutputKind::sequence, arguments);
}

NodeId Reducer::make_fold(const Expr& expr) {
  if (!is_among(expr.text, k_fold_operators)) {
    return fail(expr.place, "E_UNSUPPORTED_FOLD",
                "fold " + escape_for_terminal(expr.text) +
                    ": the operator must be +, -, *, &&, ||, min or max");
  }
  std::vector<NodeId> arguments;
  if (!take_values(arguments)) return k_no_node;
  const std::string attributes = "{\"operator\":" + json_text(expr.text) + "}";
  return out_.graph.add_primitive("default.fold", OutputKind::scalar, arguments, attributes);
}

// ---- commands

void Reducer::declare(const Command& command) {
  const auto number = static_cast<std::uint32_t>(declarations_.size());
  Declaration declared{&command, k_no_node, UINT32_MAX};
  if (command.parameters_count == 0) declared.value = reduce(command.value, {UINT32_MAX, number});
  if (declared.value != k_no_node) out_.graph.set_name(declared.value, command.text);
  const std::uint32_t hash = hash_of(command.text);
  const std::uint32_t at = latest_of(command.text, hash);
  if (at == FlatIndex::k_none) {
    latest_index_.insert(hash, static_cast<std::uint32_t>(latest_.size()));
    latest_.push_back(number);
  } else {
    declared.earlier = std::exchange(latest_[at], number);
  }
  declarations_.push_back(declared);
}

void Reducer::import(const Command& command) {
  if (!is_name_space(command.text)) {
    static_cast<void>(fail(command.place, "E_IMPORT",
                           escape_for_terminal(command.text) + ": there is no such namespace"));
    return;
  }
  if (!is_among(command.text, imported_)) imported_.push_back(command.text);
  primitives_.clear();
}

Reduced Reducer::run() {
  for (const Command& command : syntax_.commands) {
    if (command.kind == CommandKind::declaration) {
      declare(command);
    } else if (command.kind == CommandKind::import) {
      import(command);
    } else {
      const auto limit = static_cast<std::uint32_t>(declarations_.size());
      const NodeId node = reduce(command.value, {UINT32_MAX, limit});
      if (node == k_no_node) continue;
      out_.goals.push_back({command.kind == CommandKind::save, node, command.text, command.place});
    }
  }
  return std::move(out_);
}

Reduced reduce(const Syntax& syntax,
               const std::map<std::string, std::string, std::less<>>& variables,
               std::vector<Fault>& faults) {
  return Reducer(syntax, variables, faults).run();
}

}  // namespace dsched::imgql
