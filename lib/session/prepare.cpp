// SPDX-License-Identifier: Apache-2.0
#include "session/prepare.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "dag/operation.h"
#include "session/command_files.h"
#include "session/environment.h"
#include "sys/private_folder.h"

namespace dsched::session {
namespace {

using nlohmann::json;

struct ExternalOperation {
  std::string name;
  std::string pointer;  // from the node to the template it stands in
};

// The external operation of a node, or of the templates of a map, that `look_up` does not know.
std::optional<ExternalOperation> find_external(
    const dag::Dag& dag, NodeIndex index, const std::function<bool(const std::string&)>& look_up) {
  const auto unknown = [&](const dag::Node& node) {
    return node.operation == dag::Operation::external &&
           !look_up(std::string(dag.name_of_operation(node)));
  };
  const dag::Node* node = &dag.node(index);
  if (unknown(*node)) return ExternalOperation{std::string(dag.name_of_operation(*node)), {}};
  if (node->operation != dag::Operation::map) return std::nullopt;
  std::string pointer;
  const dag::Template* made_of = &dag.maps().template_of(index);
  while (made_of != nullptr) {
    pointer += "/parameters/node";
    const dag::Template* inner = nullptr;
    for (const dag::TemplateNode& one : made_of->nodes) {
      if (unknown(one.node)) {
        return ExternalOperation{std::string(dag.name_of_operation(one.node)), pointer};
      }
      if (one.inner) inner = &dag.maps().templates()[*one.inner];
    }
    made_of = inner;
  }
  return std::nullopt;
}

// Looks up every dsched-op-NAME of the program; those not found become diagnostics.
std::vector<program::Diagnostic> find_operations(const RunRequest& request, Prepared& prepared) {
  const Environment environment(request.environment, {});
  std::string search_path = environment.search_path({});
  if (!request.run.operations_folder.empty()) {
    search_path = request.run.operations_folder + ':' + search_path;
  }
  std::vector<program::Diagnostic> missing;
  const auto look_up = [&](const std::string& name) {
    if (prepared.operations.contains(name)) return true;
    auto path = sys::find_executable("dsched-op-" + name, search_path);
    if (path) prepared.operations.emplace(name, std::move(*path));
    return path.has_value();
  };
  for (std::uint32_t i = 0; i < prepared.dag.size(); ++i) {
    const dag::Node& node = prepared.dag.node({i});
    const auto unknown = find_external(prepared.dag, {i}, look_up);
    if (!unknown) continue;
    const std::string& name = unknown->name;
    program::Diagnostic diagnostic;
    diagnostic.code = "unknown_operation";
    diagnostic.message = "node " + std::string(node.node_id) + ": unknown operation " + name +
                         ": no executable dsched-op-" + name + " was found";
    diagnostic.line = node.line;
    diagnostic.column = node.line > 0 ? 1 : 0;
    diagnostic.pointer = "/nodes/" + std::to_string(i) + unknown->pointer + "/operation";
    std::vector<std::string_view> known{"shell",      "exec",   "const", "read_file",
                                        "write_file", "concat", "sleep"};
    for (const dag::Worker& worker : prepared.dag.workers()) known.push_back(worker.name);
    if (const auto near = nearest(name, known)) {
      diagnostic.hint = "did you mean " + std::string(*near) + "?";
    } else {
      diagnostic.hint = "name its folder with --operations, or put it into PATH";
    }
    missing.push_back(std::move(diagnostic));
  }
  return missing;
}

program::Diagnostic misplaced_output(const dag::Dag& dag, NodeIndex index, std::string_view output,
                                     const std::string& store) {
  const dag::Node& node = dag.node(index);
  program::Diagnostic diagnostic;
  diagnostic.code = "invalid_path";
  diagnostic.message = "node " + std::string(node.node_id) + ": output '" + std::string(output) +
                       "' and the store '" + store + "' overlap";
  diagnostic.line = node.line;
  diagnostic.column = node.line > 0 ? 1 : 0;
  diagnostic.pointer = "/nodes/" + std::to_string(index.value);
  diagnostic.hint = "write it elsewhere, or name another store with --store";
  return diagnostic;
}

// The store's name seen from the program's folder; empty when it does not lie below it.
std::string below_folder(const std::string& place, const std::string& folder) {
  if (place.empty()) return {};
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(fs::absolute(place), ignored);
  const std::string name =
      whole.lexically_relative(fs::weakly_canonical(folder, ignored)).generic_string();
  return name == "." || name == ".." || name.starts_with("../") ? std::string{} : name;
}

// Outputs in the store, or that hold it: a node would overwrite what is kept of all the others.
std::vector<program::Diagnostic> find_outputs_in_store(const RunRequest& request,
                                                       const dag::Dag& dag) {
  std::vector<program::Diagnostic> found;
  for (const std::string& store : store_places(request)) {
    for (std::uint32_t i = 0; i < dag.size(); ++i) {
      for (const std::string_view output : dag.settings({i}).outputs) {
        if (overlap(output, store)) found.push_back(misplaced_output(dag, {i}, output, store));
      }
      const dag::Operation operation = dag.node({i}).operation;
      if (operation != dag::Operation::write_file && operation != dag::Operation::save) continue;
      const auto path = path_below(request.folder, dag::path_parameter(dag.node({i})));
      if (path && overlap(*path, store)) found.push_back(misplaced_output(dag, {i}, *path, store));
    }
  }
  return found;
}

NodeIndex find_target(const dag::Dag& dag, const std::string& name, const char* what) {
  if (const auto node = dag.find(name)) return *node;
  if (const auto clean = clean_relative_path(name)) {
    if (const auto node = dag.producer_of(*clean)) return *node;
  }
  for (const dag::Print& print : dag.prints()) {
    if (print.kind == dag::PrintKind::value && print.label == name) return print.node;
  }
  std::vector<std::string_view> known;
  for (std::uint32_t i = 0; i < dag.size(); ++i) known.push_back(dag.node({i}).node_id);
  const auto near = nearest(name, known);
  throw Error(ErrorKind::usage,
              std::string(what) + " " + escape_for_terminal(name) + ": the program has no such " +
                  "node" + (std::string_view(what) == "--target" ? " or output" : ""),
              near ? "did you mean " + std::string(*near) + "?" : std::string{});
}

// A name that the program does not have, but one of its maps may come to have.
bool is_inner(const dag::Dag& dag, const std::string& name) {
  return !dag.find(name) && dag::map_around(dag, name).has_value();
}

// The maps around inner targets must be expanded, so what they need is wanted.
void want_inner(Prepared& prepared, std::vector<NodeIndex> needed) {
  if (prepared.inner_targets.empty()) return;
  const std::unordered_set<NodeIndex> whole(prepared.wanted.begin(), prepared.wanted.end());
  for (const InnerTarget& target : prepared.inner_targets) {
    const NodeIndex map = *dag::map_around(prepared.dag, target.id);
    if (!whole.contains(map)) prepared.partly_wanted.insert(map);
    needed.push_back(map);
  }
  prepared.wanted = dag::needed_for(prepared.dag, needed);
  // What these need may in turn need such a map as a whole.
  for (const NodeIndex map : std::unordered_set<NodeIndex>(prepared.partly_wanted)) {
    const auto users = prepared.dag.dependents(map);
    const bool is_used = std::any_of(users.begin(), users.end(), [&](NodeIndex user) {
      return std::binary_search(prepared.wanted.begin(), prepared.wanted.end(), user);
    });
    if (is_used) prepared.partly_wanted.erase(map);
  }
}

}  // namespace

std::vector<std::string> store_places(const RunRequest& request) {
  std::vector<std::string> places;
  for (const std::string& place : {request.store.folder, request.store.results_folder}) {
    std::string store = below_folder(place, request.folder);
    if (!store.empty()) places.push_back(std::move(store));
  }
  return places;
}

bool overlap(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return b.starts_with(a) && (a.size() == b.size() || b[a.size()] == '/');
}

std::variant<Prepared, InvalidProgram> prepare(const program::Source& source,
                                               const RunRequest& request) {
  auto read = program::read_program(source, request.program_options);
  if (auto* refused = std::get_if<program::Refused>(&read)) {
    return InvalidProgram{std::move(refused->diagnostics), std::move(refused->shown)};
  }
  Prepared prepared;
  prepared.dag = std::move(std::get<dag::Dag>(read));
  prepared.language = program::language_of(source.text);
  auto missing = find_operations(request, prepared);
  if (!missing.empty()) return InvalidProgram{std::move(missing), {}};
  auto misplaced = find_outputs_in_store(request, prepared.dag);
  if (!misplaced.empty()) return InvalidProgram{std::move(misplaced), {}};
  std::vector<NodeIndex> needed;
  for (const std::string& target : request.run.targets) {
    if (is_inner(prepared.dag, target)) {
      prepared.inner_targets.push_back({target, true});
    } else {
      prepared.goals.push_back(find_target(prepared.dag, target, "--target"));
    }
  }
  if (request.run.targets.empty()) {
    prepared.goals.assign(prepared.dag.goals().begin(), prepared.dag.goals().end());
  }
  needed = prepared.goals;
  if (request.answer.result_node && is_inner(prepared.dag, *request.answer.result_node)) {
    prepared.inner_targets.push_back({*request.answer.result_node, false});
  } else if (request.answer.result_node) {
    prepared.result_node = find_target(prepared.dag, *request.answer.result_node, "--result");
    needed.push_back(*prepared.result_node);
  }
  prepared.wanted = dag::needed_for(prepared.dag, needed);
  want_inner(prepared, needed);
  return prepared;
}

std::string settings_text(const RunRequest& request) {
  json settings = json::object();
  settings["targets"] = request.run.targets;
  settings["operations"] = request.run.operations_folder;
  settings["retries"] = request.run.retries;
  settings["set"] = json::array();
  for (const auto& [name, value] : request.program_options.set) {
    settings["set"].push_back(json::array({name, value}));
  }
  settings["pass_through"] = request.pass_through;
  return settings.dump(-1, ' ', false, json::error_handler_t::replace);
}

void apply_settings(std::string_view text, RunRequest& request) {
  const json settings = json::parse(text, nullptr, false);
  if (!settings.is_object()) return;
  if (request.run.targets.empty()) {
    request.run.targets = settings.value("targets", std::vector<std::string>{});
  }
  if (request.run.operations_folder.empty()) {
    request.run.operations_folder = settings.value("operations", std::string{});
  }
  if (request.run.retries == 0) request.run.retries = settings.value("retries", 0U);
  request.pass_through = settings.value("pass_through", false);
  std::vector<std::pair<std::string, std::string>> set;
  for (const json& pair : settings.value("set", json::array())) {
    set.emplace_back(pair.at(0), pair.at(1));
  }
  // What is set anew stands behind and wins.
  set.insert(set.end(), request.program_options.set.begin(), request.program_options.set.end());
  request.program_options.set = std::move(set);
}

}  // namespace dsched::session
