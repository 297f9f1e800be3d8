// SPDX-License-Identifier: Apache-2.0
#include "session/examiner.h"

#include "base/error.h"
#include "base/text.h"
#include "dag/operation.h"
#include "executor/outputs.h"
#include "report/explanation.h"
#include "session/key.h"

namespace dsched::session {
namespace {

using dag::Operation;

bool has_effects(Operation operation) {
  return operation == Operation::write_file || operation == Operation::save;
}

bool is_cacheable(const dag::Node& node, const dag::Settings& settings) {
  if (has_effects(node.operation)) return false;
  const bool by_default = dag::is_pure(node.operation) || settings.inputs_declared;
  return settings.cache.value_or(by_default);
}

std::string why_not_cacheable(const dag::Node& node, const dag::Settings& settings) {
  if (has_effects(node.operation)) return "not reusable: it has effects";
  if (settings.cache == false) return "not reusable: cache is false";
  return "not reusable: no inputs declared";
}

std::string version_of_file(const executor::InputFile& file) {
  std::string out = "[";
  append_json_string(out, file.path);
  out += ",\"" + to_hex(file.hash) + "\"]";
  return out;
}

}  // namespace

std::vector<executor::OutputRecord> output_records(const std::vector<store::OutputEntry>& outputs) {
  std::vector<executor::OutputRecord> records;
  records.reserve(outputs.size());
  for (const store::OutputEntry& output : outputs) {
    records.push_back({output.path, static_cast<executor::FileKind>(output.kind), output.executable,
                       output.content});
  }
  return records;
}

Examiner::Examiner(const Surroundings& surroundings, const RunOptions& options, Effects effects)
    : on_(surroundings), options_(options), effects_(effects) {}

const std::string& Examiner::operation_path(NodeIndex node) const {
  return operations_.at(std::string(on_.dag.operation_name(node)));
}

// JSON text. An executable that cannot be found leaves `found` false: the attempt will say so.
std::string Examiner::version(NodeIndex node, bool& found) {
  const dag::Node& what = on_.dag.node(node);
  std::string file;
  if (what.operation == Operation::exec) {
    file = std::get<std::string>(dag::exec_parameters(what).argv.front());
  } else if (what.operation == Operation::external) {
    file = operation_path(node);
  } else if (what.operation == Operation::worker) {
    return worker_version(node, found);
  } else {
    return what.operation == Operation::shell ? "null" : std::string(k_builtin_version);
  }
  const auto executable =
      on_.workspace.executable(file, on_.environment.search_path(on_.dag.settings(node)));
  found = executable.has_value();
  return executable ? version_of_file(*executable) : "null";
}

void Examiner::take_patterns(NodeIndex node) {
  const dag::Settings& settings = on_.dag.settings(node);
  patterns_.assign(settings.inputs.begin(), settings.inputs.end());
  if (on_.dag.node(node).operation != Operation::read_file) return;
  read_path_ = dag::path_parameter(on_.dag.node(node));
  patterns_.push_back(read_path_);
}

executor::Workspace::Reading Examiner::begin_reading(NodeIndex node) {
  take_patterns(node);
  return patterns_.empty() ? executor::Workspace::Reading::nothing
                           : on_.workspace.begin_reading(patterns_);
}

// What the rest of the command says counts as much as the executable: a model, say. What was found
// counts until files_changed(): the process was started from it.
std::string Examiner::worker_version(NodeIndex node, bool& found) {
  const std::uint32_t index = on_.dag.worker_of(node).value;
  worker_versions_.resize(on_.dag.workers().size());
  std::string& known = worker_versions_[index];
  found = true;
  if (!known.empty()) return known;
  const dag::Worker& worker = on_.dag.workers()[index];
  const auto executable =
      on_.workspace.executable(worker.command.front(), on_.environment.search_path({}));
  found = executable.has_value();
  if (!executable) return "null";
  std::string out = version_of_file(*executable);
  out.pop_back();
  for (std::size_t i = 1; i < worker.command.size(); ++i) {
    out += ',';
    append_json_string(out, worker.command[i]);
  }
  known = out + ']';
  return known;
}

std::optional<executor::InputProblem> Examiner::look(NodeIndex node, Keyed& keyed) {
  const dag::Node& what = on_.dag.node(node);
  const dag::Settings& settings = on_.dag.settings(node);
  take_patterns(node);
  keyed.inputs.clear();
  if (!patterns_.empty()) {
    auto examined = on_.workspace.examine(patterns_);
    if (auto* problem = std::get_if<executor::InputProblem>(&examined)) return std::move(*problem);
    keyed.inputs = std::move(std::get<std::vector<executor::InputFile>>(examined));
  }
  if (what.operation == Operation::load) {
    if (auto problem = look_at_load(node, keyed)) return problem;
  } else if (what.operation == Operation::list_folder) {
    if (auto problem = look_at_folder(node, keyed)) return problem;
  } else if (settings.follows_files) {
    look_at_command(node, keyed);
  }
  bool executable_found = true;
  KeyParts parts;
  parts.operation = on_.dag.operation_name(node);
  parts.version = version(node, executable_found);
  parts.parameters = what.parameters;
  for (const NodeIndex argument : on_.dag.arguments(node)) {
    // What is still written has no digest yet; set_key_argument() puts it in later.
    parts.arguments.push_back(on_.values.has(argument) ? on_.values.digest(argument) : Digest{});
  }
  parts.inputs = keyed.inputs;
  if (!dag::is_builtin(what.operation)) {
    parts.environment = on_.environment.keyed(settings, environment_);
  }
  parts.outputs = settings.outputs;
  keyed.text.clear();
  append_key_text(keyed.text, parts);
  keyed.key = sha256(keyed.text);
  keyed.cacheable = is_cacheable(what, settings) && executable_found;
  return std::nullopt;
}

std::variant<Keyed, executor::InputProblem> Examiner::key_now(NodeIndex node) {
  Keyed keyed;
  if (auto problem = look(node, keyed)) return std::move(*problem);
  return keyed;
}

Verdict Examiner::examine(NodeIndex node) {
  Keyed& keyed = now_;
  if (auto problem = look(node, keyed)) return std::move(*problem);
  if (auto reusable = kept(node, keyed)) return std::move(*reusable);
  std::string explanation;
  if (!keyed.cacheable) {
    explanation = why_not_cacheable(on_.dag.node(node), on_.dag.settings(node));
  } else if (!options_.use_cache) {
    explanation = "--no-cache";
  } else if (distrusted_.contains(node)) {
    explanation = "result damaged";
  } else if (on_.dag.settings(node).depfile.empty()) {
    if (auto record = on_.store.results().find(keyed.key)) {
      explanation = why_not(*record);
      if (explanation.empty()) return Reusable{std::move(*record)};
    }
  } else {
    for (store::Record& candidate : on_.store.results().find_candidates(keyed.key)) {
      std::string differs = why_inputs_differ(candidate);
      if (differs.empty()) differs = why_not(candidate);
      if (differs.empty()) return Reusable{std::move(candidate)};
      if (explanation.empty()) explanation = std::move(differs);  // the newest one's
    }
  }
  if (explanation.empty() && options_.explain) explanation = explain(node, keyed);
  return NotReusable{std::move(keyed), std::move(explanation)};
}

std::optional<Reusable> Examiner::kept(NodeIndex node, const Keyed& keyed) {
  const auto found = kept_.find(node);
  if (found == kept_.end() || found->second.key != keyed.key || distrusted_.contains(node)) {
    return std::nullopt;
  }
  store::Record record;
  record.key = keyed.key;
  record.content = found->second.content;
  record.outputs = found->second.outputs;
  record.digest = executor::node_digest(record.content.hash, output_records(record.outputs));
  record.last_used_at = on_.store.world().clock.wall();
  if (!why_not(record).empty()) return std::nullopt;
  return Reusable{std::move(record)};
}

std::string Examiner::why_inputs_differ(const store::Record& record) {
  std::vector<std::string> paths;
  for (const store::InputEntry& input : record.depfile_inputs) paths.push_back(input.path);
  const std::vector<executor::InputFile> now = on_.workspace.examine_exact(paths);
  for (std::size_t i = 0; i < now.size(); ++i) {
    const Digest& before = record.depfile_inputs[i].hash;
    if (now[i].hash == before) continue;
    const char* what = now[i].hash == Digest{} ? " disappeared"
                       : before == Digest{}    ? " appeared"
                                               : " changed";
    return "input " + now[i].path + what;
  }
  return {};
}

std::string Examiner::why_not(const store::Record& record) {
  if (record.content.size > 0 && !on_.store.blobs().contains(record.content.hash)) {
    return "result damaged";
  }
  if (record.outputs.empty()) return {};
  const std::vector<executor::OutputRecord> outputs = output_records(record.outputs);
  if (on_.workspace.in_place(outputs)) return {};
  for (const store::OutputEntry& output : record.outputs) {
    if (output.content.size > 0 && !on_.store.blobs().contains(output.content.hash)) {
      return "output " + output.path + " missing";
    }
  }
  if (effects_ == Effects::none) return {};
  if (const auto problem = on_.workspace.restore(outputs)) {
    // The problem names the path first; the explanation's words are fixed.
    return "output " + problem->substr(0, problem->find(':')) + " missing";
  }
  return {};
}

std::string Examiner::explain(NodeIndex node, const Keyed& keyed) {
  const auto latest = on_.store.results().latest(on_.dag.dag_id(), on_.dag.node(node).node_id);
  if (!latest) return "never run";
  std::vector<std::string_view> arguments;
  for (const NodeIndex argument : on_.dag.arguments(node)) {
    arguments.push_back(on_.dag.node(argument).node_id);
  }
  const std::string difference =
      report::explain_difference(latest->key_text, keyed.text, arguments);
  return difference.empty() ? "never run" : difference;
}

}  // namespace dsched::session
