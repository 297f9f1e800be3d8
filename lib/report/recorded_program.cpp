// SPDX-License-Identifier: Apache-2.0
#include "report/recorded_program.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "program/program_text.h"

namespace dsched::report {
namespace {

using nlohmann::json;

std::optional<NodeIndex> find_target(const dag::Dag& dag, const std::string& name) {
  if (const auto node = dag.find(name)) return node;
  const auto clean = clean_relative_path(name);
  if (clean && dag.producer_of(*clean)) return dag.producer_of(*clean);
  for (const dag::Print& print : dag.prints()) {
    if (print.kind == dag::PrintKind::value && print.label == name) return print.node;
  }
  // Within a map that is not expanded yet: then the map is what there is of it.
  return dag::map_around(dag, name);
}

// What was --set for the execution: without it a variable may have no value.
program::Options options_of(const json& settings) {
  program::Options options;
  if (!settings.is_object() || !settings.contains("set")) return options;
  for (const json& pair : settings["set"]) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      continue;
    }
    options.set.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  }
  return options;
}

}  // namespace

std::vector<bool> wanted_nodes(const dag::Dag& dag, std::string_view settings_text) {
  std::vector<NodeIndex> needed;
  const json settings = json::parse(settings_text, nullptr, false);
  if (settings.is_object() && settings.contains("targets") && settings["targets"].is_array()) {
    for (const json& target : settings["targets"]) {
      if (!target.is_string()) continue;
      if (const auto node = find_target(dag, target.get<std::string>())) needed.push_back(*node);
    }
  }
  if (needed.empty()) needed.assign(dag.goals().begin(), dag.goals().end());
  std::vector<bool> wanted(dag.size(), false);
  for (const NodeIndex node : dag::needed_for(dag, needed)) wanted[node.value] = true;
  return wanted;
}

std::optional<RecordedProgram> read_program(store::Store& store,
                                            const journal::ExecutionRecord& record) {
  auto text = store::read_blob(store.blobs(), record.program.hash);
  if (!text) return std::nullopt;
  const json settings = json::parse(record.settings, nullptr, false);
  auto read = program::read_program(program::source_from(std::move(*text)), options_of(settings));
  auto* dag = std::get_if<dag::Dag>(&read);
  if (dag == nullptr) return std::nullopt;
  std::vector<bool> wanted = wanted_nodes(*dag, record.settings);
  return RecordedProgram{std::move(*dag), std::move(wanted)};
}

}  // namespace dsched::report
