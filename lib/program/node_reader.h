// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads one node after the other, checks each by itself and adds it to the builder.
//
// A faulty node is added too, as far as it could be read, so that its name stays known and the
// faults of the whole program come together.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dag/builder.h"
#include "program/fields.h"
#include "program/parameters.h"
#include "program/values.h"
#include "program/variables.h"

namespace dsched::program {

// A node's fields as far as they were read.
struct Draft {
  std::uint32_t seen = 0;  // bit n: Field n was there
  std::string_view node_id;
  dag::Operation operation = dag::Operation::constant;
  bool has_operation = false;       // a known one
  std::string_view operation_name;  // of an external one
  bool has_parameters = false;      // and they are an object
  std::string parameters;           // canonical
  bool has_arguments = true;        // false: they were faulty
  std::vector<std::string_view> arguments;
  bool has_settings = false;
  dag::Settings settings;
  std::string_view pool;  // its name; empty: none

  [[nodiscard]] bool has(Field field) const {
    return (seen >> static_cast<unsigned>(field) & 1U) != 0;
  }
};

class NodeReader {
 public:
  NodeReader(Values& values, dag::Builder& builder, const Variables& variables, Faults& faults)
      : values_(values),
        builder_(builder),
        variables_(variables),
        faults_(faults),
        replacement_(variables, faults) {}

  // The top-level `defaults`, as if they stood first in every node.
  [[nodiscard]] Draft read_defaults(const Path& path);
  // Where an argument of a map node was written that its template needs. Empty: by the node itself.
  struct WrittenIn {
    std::uint32_t depth = 0;  // as in dag::Place
    std::uint32_t element = 0;
  };
  [[nodiscard]] std::optional<WrittenIn> written_in(NodeIndex map, std::uint32_t argument) const;
  // Reads the node at the reader and adds it. `defaults` may be null.
  void read_node(const Path& path, const Draft* defaults);

 private:
  void clear(const Draft* defaults);
  void read_members(const Path& path, bool is_default);
  void read_member(const Path& path, Field field);
  void read_node_id(const Path& path);
  void read_operation(const Path& path);
  void read_arguments(const Path& path);
  void read_parameters(const Path& path);
  void read_pool(const Path& path);
  void check_complete(const Path& path, std::size_t offset);
  void unknown_field(const Path& path);
  [[nodiscard]] std::string_view keep_parameters(std::string_view canonical);
  [[nodiscard]] ParametersOut checked_parameters(const Path& path,
                                                 std::span<const std::string_view> arguments);
  void settle(dag::Node& node, const ParametersOut& checked);
  // ---- maps (template_reader.cpp)
  struct Needed {
    std::string_view name;
    WrittenIn place;
  };
  struct ReadTemplate {
    std::uint32_t index = 0;     // the builder's
    std::vector<Needed> needed;  // what map nodes around it must have among their arguments
    std::string path;            // of a read_file
  };
  void check_map(const Path& path);
  [[nodiscard]] std::optional<ReadTemplate> read_map(const Path& path, const Draft* defaults,
                                                     std::uint32_t depth);
  [[nodiscard]] std::optional<ReadTemplate> read_template(const Path& path, const Draft& around,
                                                          std::uint32_t depth);
  void check_template(const Path& path);

  Values& values_;
  dag::Builder& builder_;
  const Variables& variables_;
  Faults& faults_;
  VariableReplacement replacement_;
  Draft draft_;
  // Where the parameters were written, if their canonical text may be the written one.
  std::optional<std::string_view> written_parameters_;
  struct MapArguments {
    std::uint32_t own = 0;
    std::vector<WrittenIn> of_templates;  // behind its own
  };
  std::unordered_map<NodeIndex, MapArguments> map_arguments_;
};

}  // namespace dsched::program
