// SPDX-License-Identifier: Apache-2.0
#include "program/json_program.h"

#include <algorithm>
#include <array>
#include <list>

#include "base/text_arena.h"
#include "dag/builder.h"
#include "program/node_reader.h"
#include "program/worker_reader.h"

namespace dsched::program {
namespace {

enum class Top : std::uint8_t {
  dag_id,
  nodes,
  dependencies,
  goals,
  pools,
  variables,
  workers,
  defaults,
  metadata,
  schema,
};
constexpr std::array<std::string_view, 10> k_top_names = {
    "dag_id",    "nodes",   "dependencies", "goals",    "pools",
    "variables", "workers", "defaults",     "metadata", "$schema"};

constexpr std::uint64_t k_pool_limit_max = 1'000'000;

// What the Dag's views point into, beside the program's text.
struct Memory {
  Source source;
  TextArena arena;
};

// What must be known before nodes can be read, wherever it stands in the text.
struct Prelude {
  Variables variables;
  std::optional<Draft> defaults;
  bool has_variables = false;
  Faults faults;  // of the variables
  Faults default_faults;
};

// One pass over the text. The prelude is read only by the first pass.
class Pass {
 public:
  Pass(const std::shared_ptr<Memory>& memory, const Options& options, Prelude& prelude)
      : options_(options),
        prelude_(prelude),
        text_(memory->source.text),
        builder_(memory),
        reader_(text_, JsonDialect::relaxed),
        values_(reader_, memory->arena, faults_),
        arena_(memory->arena),
        nodes_(values_, builder_, prelude.variables, faults_),
        reads_variables_(!prelude.has_variables),
        reads_defaults_(!prelude.defaults) {}

  void run();
  // `variables` or `defaults` stood behind the nodes, so these must be read again.
  [[nodiscard]] bool must_repeat() const { return is_late_ && !is_broken(); }
  [[nodiscard]] std::variant<dag::Dag, std::vector<Diagnostic>> finish() &&;

 private:
  [[nodiscard]] bool is_broken() const { return reader_.token() == JsonToken::failed; }
  void read_top(Top top, const Path& path);
  void read_dag_id(const Path& path);
  void read_nodes(const Path& path);
  void read_dependencies(const Path& path);
  void read_goals(const Path& path);
  void read_pools(const Path& path);
  void read_workers(const Path& path);
  void read_variables(const Path& path);
  void read_defaults(const Path& path);
  void unknown_top(const Path& document);
  void expect_nodes(std::size_t count, std::size_t begin);
  void add_graph_faults(dag::Faults found);
  [[nodiscard]] std::string pointer_of(const dag::Place& place) const;

  const Options& options_;
  Prelude& prelude_;
  std::string_view text_;
  dag::Builder builder_;
  Faults faults_;
  JsonReader reader_;
  Values values_;
  TextArena& arena_;
  NodeReader nodes_;
  bool reads_variables_;
  bool reads_defaults_;
  bool is_late_ = false;
  bool has_nodes_ = false;
  std::string_view dag_id_ = "program";
  std::string_view metadata_;
  struct Origin {
    std::string_view node;
    std::uint32_t element;
  };
  std::vector<Origin> dependencies_;  // by the builder's count
};

void Pass::run() {
  const Path document;
  if (reader_.next() == JsonToken::end || text_.find_first_not_of(" \t\r\n") == text_.npos) {
    return faults_.add({.code = "syntax",
                        .message = "the program is empty",
                        .pointer = {},
                        .offset = 0,
                        .hint = "the smallest program is {\"nodes\": []}"});
  }
  if (reader_.token() != JsonToken::begin_object) {
    values_.wrong_type(document, "an object");
  } else {
    std::uint32_t seen = 0;
    while (reader_.next() == JsonToken::name) {
      const auto known = std::find(k_top_names.begin(), k_top_names.end(), reader_.text());
      if (known == k_top_names.end()) {
        unknown_top(document);
        continue;
      }
      const Path path = member(document, *known);
      const auto index = static_cast<std::uint32_t>(known - k_top_names.begin());
      if ((seen >> index & 1U) != 0) {
        values_.duplicate_name(path);
        continue;
      }
      seen |= 1U << index;
      reader_.next();
      read_top(static_cast<Top>(index), path);
    }
    if ((seen >> static_cast<unsigned>(Top::nodes) & 1U) == 0 && !is_broken()) {
      faults_.add({.code = "missing_field",
                   .message = "the program has no nodes",
                   .pointer = {},
                   .offset = 0,
                   .hint = "give it \"nodes\": [...]"});
    }
  }
  if (!is_broken()) reader_.next();
  if (is_broken()) {
    faults_.add(
        {.code = "syntax", .message = reader_.error(), .pointer = {}, .offset = reader_.offset()});
  }
}

void Pass::read_top(Top top, const Path& path) {
  switch (top) {
    case Top::dag_id:
      return read_dag_id(path);
    case Top::nodes:
      return read_nodes(path);
    case Top::dependencies:
      return read_dependencies(path);
    case Top::goals:
      return read_goals(path);
    case Top::pools:
      return read_pools(path);
    case Top::variables:
      return read_variables(path);
    case Top::workers:
      return read_workers(path);
    case Top::defaults:
      return read_defaults(path);
    case Top::metadata: {
      std::string text;
      if (values_.canonical(path, text)) metadata_ = values_.keep(text);
      return;
    }
    case Top::schema:
      (void)values_.string(path);
      return;
  }
}

void Pass::unknown_top(const Path& document) {
  const std::string name(reader_.text());
  const std::vector<std::string_view> known(k_top_names.begin(), k_top_names.end());
  values_.fault("unknown_field", member(document, name), "a program has no field '" + name + "'",
                suggest(name, known));
  reader_.next();
  reader_.skip();
}

void Pass::read_dag_id(const Path& path) {
  const std::optional<std::string_view> dag_id = values_.string(path);
  if (!dag_id) return;
  if (const auto fault = fault_in_node_id(*dag_id)) {
    // The rules are those of a node_id, which the message names.
    return values_.fault("invalid_value", path,
                         "dag_id" + fault->substr(fault->find("node_id") + 7));
  }
  dag_id_ = *dag_id;
}

// Guesses the number of nodes from how much text the first ones took, so that tables grow once.
void Pass::expect_nodes(std::size_t count, std::size_t begin) {
  const std::size_t per_node = std::max<std::size_t>((reader_.end_offset() - begin) / count, 1);
  builder_.expect((text_.size() - begin) / per_node + (text_.size() - begin) / per_node / 16);
}

void Pass::read_nodes(const Path& path) {
  constexpr std::size_t k_sample = 1024;
  const std::size_t begin = reader_.offset();
  std::size_t count = 0;
  has_nodes_ = reader_.token() == JsonToken::begin_array;
  const Draft* const defaults = prelude_.defaults ? &*prelude_.defaults : nullptr;
  values_.each_element(path, [&](const Path& at) {
    if (count++ >= dag::k_nodes_max) {
      if (count == dag::k_nodes_max + 1) {
        values_.fault("limit", at,
                      "more than " + std::to_string(dag::k_nodes_max) + " nodes in one program");
      }
      return reader_.skip();
    }
    nodes_.read_node(at, defaults);
    if (count == k_sample) expect_nodes(count, begin);
  });
}

void Pass::read_dependencies(const Path& path) {
  values_.each_member(path, [&](std::string_view node, const Path& at) {
    std::uint32_t count = 0;
    values_.each_element(at, [&](const Path& one) {
      const std::optional<std::string_view> need = values_.string(one);
      const std::uint32_t element = count++;
      if (!need) return;
      if (need->empty()) return values_.fault("invalid_node_id", one, "a node_id is empty");
      builder_.add_dependency({node, *need});
      dependencies_.push_back({node, element});
    });
    if (count > 0) return;
    builder_.add_dependency({node, {}});  // an empty list still names the node
    dependencies_.push_back({node, 0});
  });
}

void Pass::read_goals(const Path& path) {
  values_.each_element(path, [&](const Path& at) {
    if (const auto goal = values_.string(at)) builder_.add_goal(*goal);
  });
}

void Pass::read_pools(const Path& path) {
  values_.each_member(path, [&](std::string_view name, const Path& at) {
    if (name.empty()) values_.fault("invalid_value", at, "the name of a pool is empty");
    const auto limit = values_.integer(at, {1, k_pool_limit_max});
    // A faulty limit still declares the pool, so that its uses are not faults as well.
    builder_.add_pool({name, Slots{static_cast<std::uint32_t>(limit.value_or(1))}});
  });
}

void Pass::read_variables(const Path& path) {
  if (!reads_variables_) return reader_.skip();
  Values values(reader_, arena_, prelude_.faults);
  prelude_.has_variables = true;
  prelude_.variables.read(path, values);
  prelude_.variables.set(options_.set, prelude_.faults);
  // The defaults may use variables, too.
  if (has_nodes_ || prelude_.defaults) is_late_ = true;
  prelude_.defaults.reset();
}

void Pass::read_defaults(const Path& path) {
  if (!reads_defaults_) return reader_.skip();
  if (has_nodes_) is_late_ = true;
  prelude_.default_faults = {};
  Values values(reader_, arena_, prelude_.default_faults);
  NodeReader reader(values, builder_, prelude_.variables, prelude_.default_faults);
  prelude_.defaults = reader.read_defaults(path);
}

void Pass::read_workers(const Path& path) {
  for (dag::Worker& worker : program::read_workers(path, values_)) {
    builder_.add_worker(std::move(worker));
  }
}

std::string Pass::pointer_of(const dag::Place& place) const {
  using Kind = dag::Place::Kind;
  const Path document;
  const Path nodes = member(document, "nodes");
  const Path of_program = element(nodes, place.node.value);
  std::uint32_t depth = place.depth;
  std::uint32_t position = place.element;
  if (place.kind == Kind::argument) {
    if (const auto inside = nodes_.written_in(place.node, place.element)) {
      depth = inside->depth;
      position = inside->element;
    }
  }
  // The template of a map is parameters/node of it. A list, because each path holds its parent.
  std::list<Path> steps{of_program};
  for (; depth > 0; --depth) {
    steps.push_back(member(steps.back(), name_of(Field::parameters)));
    steps.push_back(member(steps.back(), "node"));
  }
  const Path& node = steps.back();
  const auto of_node = [&](Field field) { return member(node, name_of(field)); };
  const auto in_node = [&](Field field) {
    const Path at = of_node(field);
    return pointer_to(element(at, position));
  };
  const Path dependencies = member(document, "dependencies");
  const Path goals = member(document, "goals");
  switch (place.kind) {
    case Kind::node:
      return pointer_to(node);
    case Kind::node_id:
      return pointer_to(of_node(Field::node_id));
    case Kind::argument:
      return in_node(Field::arguments);
    case Kind::output:
      return in_node(Field::outputs);
    case Kind::input:
      return in_node(Field::inputs);
    case Kind::path: {
      const Path parameters = of_node(Field::parameters);
      return pointer_to(member(parameters, "path"));
    }
    case Kind::pool:
      return pointer_to(of_node(Field::pool));
    case Kind::goal:
      return pointer_to(element(goals, place.element));
    case Kind::dependency:
      return pointer_to(member(dependencies, dependencies_[place.element].node));
    case Kind::dependency_need: {
      const Origin& origin = dependencies_[place.element];
      const Path of = member(dependencies, origin.node);
      return pointer_to(element(of, origin.element));
    }
  }
  return {};
}

void Pass::add_graph_faults(dag::Faults found) {
  for (dag::Fault& fault : found.faults) {
    faults_.add({.code = dag::name_of(fault.code),
                 .message = std::move(fault.message),
                 .pointer = pointer_of(fault.place),
                 .hint = std::move(fault.hint)});
  }
  faults_.add_more(found.more);
}

std::variant<dag::Dag, std::vector<Diagnostic>> Pass::finish() && {
  if (!prelude_.has_variables) prelude_.variables.set(options_.set, prelude_.faults);
  builder_.set_names(dag_id_, metadata_);
  if (!is_broken() && has_nodes_) {
    std::variant<dag::Dag, dag::Faults> built = std::move(builder_).build();
    dag::Dag* const dag = std::get_if<dag::Dag>(&built);
    if (dag != nullptr && faults_.empty() && prelude_.faults.empty() &&
        prelude_.default_faults.empty()) {
      return std::move(*dag);
    }
    if (dag == nullptr) add_graph_faults(std::get<dag::Faults>(std::move(built)));
  }
  faults_.append(std::move(prelude_.faults));
  faults_.append(std::move(prelude_.default_faults));
  return std::move(faults_).diagnostics(text_);
}

}  // namespace

Source source_from(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {*owner, owner};
}

std::variant<dag::Dag, std::vector<Diagnostic>> read_json_program(Source source,
                                                                  const Options& options) {
  const auto memory = std::make_shared<Memory>(Memory{std::move(source), {}});
  Prelude prelude;
  std::optional<Pass> pass;
  pass.emplace(memory, options, prelude);
  pass->run();
  while (pass->must_repeat()) {  // at most twice: for the variables, then for the defaults
    pass.emplace(memory, options, prelude);
    pass->run();
  }
  return std::move(*pass).finish();
}

}  // namespace dsched::program
