// SPDX-License-Identifier: Apache-2.0
#include "program/node_reader.h"

#include <algorithm>

#include "base/text.h"
#include "program/foreign_names.h"
#include "program/parameters.h"

namespace dsched::program {
namespace {

// What `defaults` may not say, because no two nodes can share it.
bool is_own(Field field) {
  return field == Field::node_id || field == Field::arguments || field == Field::outputs;
}

constexpr std::string_view k_parameter_hint = "it belongs in the node's 'parameters'";
constexpr std::string_view k_waiting_hint =
    "name nodes whose results are read in 'arguments', others in the program's 'dependencies'";
constexpr ForeignName k_foreign_names[] = {
    {"command", k_parameter_hint},
    {"argv", k_parameter_hint},
    {"value", k_parameter_hint},
    {"path", k_parameter_hint},
    {"stdin", k_parameter_hint},
    {"cmd", "a shell node has \"parameters\": {\"command\": ...}"},
    {"id", "did you mean 'node_id'?"},
    {"name", "did you mean 'node_id'?"},
    {"retries", "did you mean 'max_retries'?"},
    {"env", "did you mean 'environment'?"},
    {"deps", k_waiting_hint},
    {"depends_on", k_waiting_hint},
    {"dependencies", k_waiting_hint},
    {"needs", k_waiting_hint},
};

}  // namespace

void NodeReader::clear(const Draft* defaults) {
  if (defaults != nullptr) {
    draft_ = *defaults;
    draft_.seen = 0;
  } else {
    draft_.seen = 0;
    draft_.node_id = {};
    draft_.has_operation = false;
    draft_.has_parameters = false;
    draft_.parameters.clear();
    if (draft_.has_settings) draft_.settings = {};
    draft_.has_settings = false;
    draft_.pool = {};
  }
  draft_.has_arguments = true;
  draft_.arguments.clear();
  written_parameters_.reset();
}

Draft NodeReader::read_defaults(const Path& path) {
  clear(nullptr);
  read_members(path, true);
  return draft_;
}

void NodeReader::read_node(const Path& path, const Draft* defaults) {
  JsonReader& reader = values_.reader();
  if (reader.token() != JsonToken::begin_object) {
    values_.wrong_type(path, "an object");
    (void)builder_.add_node({});  // keeps the count of nodes and of the array's elements the same
    return;
  }
  const std::size_t offset = reader.offset();
  const std::uint32_t line = reader.line();
  clear(defaults);
  read_members(path, false);
  if (reader.token() == JsonToken::failed) return;
  check_complete(path, offset);

  dag::NewNode added;
  ParametersOut checked;
  MapArguments arguments{static_cast<std::uint32_t>(draft_.arguments.size()), {}};
  const bool is_map = draft_.has_operation && draft_.operation == dag::Operation::map;
  if (is_map) {
    check_map(path);
    if (auto inner = read_map(path, defaults, 1)) {
      added.template_index = inner->index;
      for (const Needed& needed : inner->needed) {
        draft_.arguments.push_back(needed.name);
        arguments.of_templates.push_back(needed.place);
      }
      checked.path = std::move(inner->path);
    }
  } else {
    checked = checked_parameters(path, draft_.arguments);
  }
  added.node.node_id = draft_.node_id;
  added.node.line = line;
  added.arguments = draft_.arguments;
  settle(added.node, checked);
  if (!checked.path.empty()) added.path = values_.keep(checked.path);
  const NodeIndex index = builder_.add_node(added);
  if (!arguments.of_templates.empty()) map_arguments_.emplace(index, std::move(arguments));
}

ParametersOut NodeReader::checked_parameters(const Path& path,
                                             std::span<const std::string_view> arguments) {
  const bool is_readable = draft_.has_operation && draft_.has_arguments &&
                           (draft_.has_parameters || !draft_.has(Field::parameters));
  if (!is_readable) return {};
  const Path at = member(path, name_of(Field::parameters));
  const std::string_view canonical =
      draft_.has_parameters ? std::string_view(draft_.parameters) : "{}";
  if (draft_.operation == dag::Operation::concat && canonical == "{}") return {};
  return check_parameters({draft_.operation, canonical, arguments}, at, faults_);
}

// Gives the node what the draft says of its operation, parameters and settings.
void NodeReader::settle(dag::Node& node, const ParametersOut& checked) {
  node.operation = draft_.operation;
  node.parameters = keep_parameters(checked.text);
  if (draft_.operation == dag::Operation::external && draft_.has_operation)
    node.operation_name = builder_.add_operation_name(draft_.operation_name);
  if (!draft_.pool.empty()) draft_.settings.pool = builder_.pool_named(draft_.pool);
  if (draft_.has_settings) node.settings = builder_.add_settings(std::move(draft_.settings));
}

// The parameters' text for the Dag: the program's own bytes where they are canonical already.
std::string_view NodeReader::keep_parameters(std::string_view normalised) {
  if (!normalised.empty()) return values_.keep(normalised);
  if (!draft_.has_parameters || draft_.parameters == "{}") return "{}";
  if (written_parameters_ && *written_parameters_ == draft_.parameters) return *written_parameters_;
  return values_.keep(draft_.parameters);
}

void NodeReader::check_complete(const Path& path, std::size_t offset) {
  const auto missing = [&](Field field) {
    faults_.add(
        {.code = "missing_field",
         .message = (draft_.node_id.empty() ? std::string("a node")
                                            : "node '" + std::string(draft_.node_id) + "'") +
                    " has no " + std::string(name_of(field)),
         .pointer = pointer_to(path),
         .offset = values_.in_program(offset)});
  };
  if (!draft_.has(Field::node_id)) missing(Field::node_id);
  if (!draft_.has(Field::operation) && !draft_.has_operation) missing(Field::operation);
}

void NodeReader::read_members(const Path& path, bool is_default) {
  JsonReader& reader = values_.reader();
  if (reader.token() != JsonToken::begin_object) return values_.wrong_type(path, "an object");
  while (reader.next() == JsonToken::name) {
    const std::optional<Field> field = field_from(reader.text());
    if (!field) {
      unknown_field(path);
      continue;
    }
    const Path at = member(path, name_of(*field));
    const std::uint32_t bit = 1U << static_cast<unsigned>(*field);
    if ((draft_.seen & bit) != 0) {
      values_.duplicate_name(at);
      continue;
    }
    draft_.seen |= bit;
    if (is_default && is_own(*field)) {
      values_.fault("unknown_field", at,
                    "defaults cannot give " + std::string(name_of(*field)) + " to every node");
      reader.next();
      reader.skip();
      continue;
    }
    reader.next();
    read_member(at, *field);
  }
}

void NodeReader::unknown_field(const Path& path) {
  const std::string name(values_.reader().text());
  values_.fault("unknown_field", member(path, name), "a node has no field '" + name + "'",
                hint_for_unknown(name, k_foreign_names, k_field_names));
  values_.reader().next();
  values_.reader().skip();
}

void NodeReader::read_member(const Path& path, Field field) {
  switch (field) {
    case Field::node_id:
      return read_node_id(path);
    case Field::operation:
      return read_operation(path);
    case Field::arguments:
      return read_arguments(path);
    case Field::parameters:
      return read_parameters(path);
    case Field::pool:
      return read_pool(path);
    default:
      draft_.has_settings = true;
      return read_setting(field, path, values_, draft_.settings);
  }
}

void NodeReader::read_node_id(const Path& path) {
  const std::optional<std::string_view> node_id = values_.string(path);
  if (!node_id) return;
  draft_.node_id = *node_id;
  if (auto fault = fault_in_node_id(*node_id))
    values_.fault("invalid_node_id", path, *std::move(fault));
}

void NodeReader::read_operation(const Path& path) {
  const std::optional<std::string_view> name = values_.string(path);
  draft_.has_operation = false;
  if (!name) return;
  if (const auto operation = dag::operation_named(*name)) {
    draft_.operation = *operation;
    draft_.has_operation = true;
    return;
  }
  if (!is_operation_name(*name)) {
    return values_.fault("invalid_value", path,
                         "'" + std::string(*name) + "' cannot be the name of an operation",
                         "letters, digits and _ . - make the name of a dsched-op-NAME");
  }
  draft_.operation = dag::Operation::external;
  draft_.operation_name = *name;
  draft_.has_operation = true;
}

void NodeReader::read_arguments(const Path& path) {
  draft_.has_arguments = values_.reader().token() == JsonToken::begin_array;
  values_.each_element(path, [&](const Path& at) {
    if (const auto argument = values_.string(at)) {
      draft_.arguments.push_back(*argument);
    } else {
      draft_.has_arguments = false;
    }
  });
}

void NodeReader::read_pool(const Path& path) {
  const std::optional<std::string_view> name = values_.string(path);
  if (!name) return;
  if (name->empty()) return values_.fault("invalid_value", path, "the name of a pool is empty");
  draft_.pool = *name;
  draft_.has_settings = true;
}

void NodeReader::read_parameters(const Path& path) {
  JsonReader& reader = values_.reader();
  draft_.has_parameters = false;
  draft_.parameters.clear();
  if (reader.token() != JsonToken::begin_object) return values_.wrong_type(path, "an object");
  replacement_.begin(&path);
  const std::size_t offset = reader.offset();
  if (!values_.canonical(path, draft_.parameters, &replacement_)) return;
  // The object may itself have been replaced.
  const bool is_object = draft_.parameters.starts_with('{');
  if (!is_object && !replacement_.has_failed()) {
    values_.fault("wrong_type", path, "parameters must be an object, also behind a variable");
  }
  draft_.has_parameters = is_object && !replacement_.has_failed();
  written_parameters_ = values_.source(offset, reader.end_offset());
}

}  // namespace dsched::program
