// SPDX-License-Identifier: Apache-2.0
// The part of NodeReader that reads the templates of map nodes.
//
// A template is a node without a name. It stands in the map's parameters, where variables are
// replaced, so it is read from the canonical text of these; its faults are where their pointers
// lead. Nodes of the program that the template names become arguments of the map node, behind its
// own: then they are there when it is expanded.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "program/node_reader.h"

namespace dsched::program {
namespace {

struct Barred {
  Field field;
  std::string_view why;
};
constexpr std::string_view k_one_stream = "what reads an element is the map, which waits for it";
constexpr Barred k_barred_of_template[] = {
    {Field::node_id, "its nodes are named by the map and a number: m.0, m.1, ..."},
    {Field::outputs, "all its nodes would write the same file; use their results"},
    {Field::inputs_from, "all its nodes would write the same depfile"},
    {Field::stream, k_one_stream},
    {Field::max_lag, k_one_stream},
    {Field::on_reader_done, k_one_stream}};
constexpr std::string_view k_no_command = "a map runs no command of its own";
constexpr Barred k_barred[] = {{Field::outputs, k_no_command},
                               {Field::inputs_from, k_no_command},
                               {Field::stream, k_no_command},
                               {Field::max_lag, k_no_command},
                               {Field::on_reader_done, k_no_command}};

// Digits and the dot that an element's number adds to an id.
constexpr std::size_t k_number_bytes = 7;

}  // namespace

std::optional<NodeReader::WrittenIn> NodeReader::written_in(NodeIndex map,
                                                            std::uint32_t argument) const {
  const auto found = map_arguments_.find(map);
  if (found == map_arguments_.end() || argument < found->second.own) return std::nullopt;
  return found->second.of_templates[argument - found->second.own];
}

// What a map node says beside its parameters.
void NodeReader::check_map(const Path& path) {
  for (const Barred& barred : k_barred) {
    if (!draft_.has(barred.field)) continue;
    faults_.add({.code = "unknown_field",
                 .message = "a map has no " + std::string(name_of(barred.field)) + ": " +
                            std::string(barred.why),
                 .pointer = pointer_to(member(path, name_of(barred.field)))});
  }
  if (draft_.has_arguments && draft_.arguments.empty()) {
    faults_.add({.code = "invalid_value",
                 .message = "a map needs an argument: the node that gives the list",
                 .pointer = pointer_to(path)});
  }
}

// The template of the map node in draft_, and what it needs of the nodes around. Empty after a
// fault.
std::optional<NodeReader::ReadTemplate> NodeReader::read_map(const Path& path,
                                                             const Draft* defaults,
                                                             std::uint32_t depth) {
  if (draft_.node_id.size() + k_number_bytes > dag::k_node_id_bytes_max) {
    faults_.add({.code = "invalid_node_id",
                 .message = "the node_id of a map has " + std::to_string(draft_.node_id.size()) +
                            " bytes, but at most " +
                            std::to_string(dag::k_node_id_bytes_max - k_number_bytes) +
                            " are allowed: its nodes add a number to it",
                 .pointer = pointer_to(member(path, name_of(Field::node_id)))});
  }
  const Path parameters = member(path, name_of(Field::parameters));
  if (draft_.has(Field::parameters) && !draft_.has_parameters) return std::nullopt;  // told already
  const std::string_view text =
      draft_.has_parameters ? values_.keep(draft_.parameters) : std::string_view("{}");
  // What is said of the map itself holds for each element, unless the template says otherwise;
  // but who consented to the map was asked about all of it.
  Draft around = defaults != nullptr ? *defaults : Draft{};
  around.has_settings = draft_.has_settings;
  around.settings = draft_.settings;
  around.settings.approval.reset();
  around.pool = draft_.pool;
  around.arguments = draft_.arguments;
  JsonReader reader(text);
  Values values(reader, values_.arena(), faults_, Values::Offsets::of_copy);
  NodeReader inside(values, builder_, variables_, faults_);
  std::optional<ReadTemplate> read;
  bool has_node = false;
  reader.next();
  while (reader.next() == JsonToken::name) {
    const std::string_view name = values.kept_text();
    const Path at = member(parameters, name);
    reader.next();
    if (name == "node") {
      has_node = true;
      read = inside.read_template(at, around, depth);
      continue;
    }
    values.fault("unknown_parameter", at, "map has no parameter '" + std::string(name) + "'",
                 "known: node");
    reader.skip();
  }
  if (!has_node) {
    faults_.add({.code = "missing_parameter",
                 .message = "map needs the parameter 'node': what is done with each element",
                 .pointer = pointer_to(draft_.has_parameters ? parameters : path)});
  }
  return read;
}

// Reads the template at the reader. `around` is the map: its settings and arguments.
std::optional<NodeReader::ReadTemplate> NodeReader::read_template(const Path& path,
                                                                  const Draft& around,
                                                                  std::uint32_t depth) {
  if (values_.reader().token() != JsonToken::begin_object) {
    values_.wrong_type(path, "an object");
    return std::nullopt;
  }
  clear(&around);
  read_members(path, false);
  check_template(path);
  dag::TemplateNode made;
  using Kind = dag::TemplateArgument::Kind;
  made.arguments.push_back({Kind::element, 0});
  ReadTemplate out;
  const auto own_count = static_cast<std::uint32_t>(around.arguments.size());
  if (draft_.has(Field::arguments)) {
    for (std::uint32_t i = 0; i < draft_.arguments.size(); ++i) {
      made.arguments.push_back({Kind::argument, own_count + i});
      out.needed.push_back({draft_.arguments[i], {depth, i}});
    }
  } else {
    for (std::uint32_t i = 1; i < own_count; ++i) {
      made.arguments.push_back({Kind::argument, i});
      draft_.arguments.push_back(around.arguments[i]);
    }
  }
  // The element is the first argument, by the name of the list unless that is an argument itself.
  std::string_view element = own_count > 0 ? around.arguments.front() : std::string_view();
  const auto& own = draft_.arguments;
  if (std::find(own.begin(), own.end(), element) != own.end()) element = {};
  draft_.arguments.insert(draft_.arguments.begin(), element);
  ParametersOut checked;
  if (draft_.has_operation && draft_.operation == dag::Operation::map) {
    check_map(path);
    Draft defaults = around;
    auto inner = read_map(path, &defaults, depth + 1);
    if (!inner) return std::nullopt;
    made.inner = inner->index;
    for (Needed& needed : inner->needed) {
      made.arguments.push_back(
          {Kind::argument, own_count + static_cast<std::uint32_t>(out.needed.size())});
      out.needed.push_back(std::move(needed));
    }
    out.path = std::move(inner->path);
  } else {
    checked = checked_parameters(path, draft_.arguments);
    if (draft_.operation == dag::Operation::read_file) out.path = std::move(checked.path);
  }
  settle(made.node, checked);
  dag::Template whole;
  whole.nodes.push_back(std::move(made));
  out.index = builder_.add_template(std::move(whole));
  return out;
}

void NodeReader::check_template(const Path& path) {
  for (const Barred& barred : k_barred_of_template) {
    if (!draft_.has(barred.field)) continue;
    faults_.add({.code = "unknown_field",
                 .message = "the node of a map has no " + std::string(name_of(barred.field)) +
                            ": " + std::string(barred.why),
                 .pointer = pointer_to(member(path, name_of(barred.field)))});
  }
  if (!draft_.has_operation && !draft_.has(Field::operation)) {
    faults_.add({.code = "missing_field",
                 .message = "the node of a map has no operation",
                 .pointer = pointer_to(path)});
  }
  if (draft_.has_operation && draft_.operation == dag::Operation::write_file) {
    faults_.add({.code = "invalid_value",
                 .message = "write_file in a map: all its nodes would write the same file",
                 .pointer = pointer_to(member(path, name_of(Field::operation))),
                 .hint = "write the result of the map, or use shell"});
  }
  // From `defaults`, where they may make sense for other nodes.
  draft_.settings.outputs.clear();
  draft_.settings.depfile = {};
  draft_.settings.stream = false;
}

}  // namespace dsched::program
