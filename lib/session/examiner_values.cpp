// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "dag/operation.h"
#include "session/command_files.h"
#include "session/examiner.h"
#include "value/encoding.h"
#include "value/files.h"
#include "value/text.h"

// The part of Examiner for nodes of VoxLogica programs: the files that load, dir and shell depend
// on are known only when their arguments are.

namespace dsched::session {
namespace {

using executor::InputFile;
using executor::InputProblem;
using value::Kind;
using value::Value;

// A longer text names no file.
constexpr std::size_t k_path_bytes_max = 4096;
// Texts of one list that are looked at.
constexpr std::size_t k_texts_max = 10'000;

InputProblem problem_of(const std::string& error) {
  return {{}, FailureClass::refused, error};
}

using Examined = std::variant<std::vector<InputFile>, InputProblem>;

Examined examine_one(executor::Workspace& workspace, const std::string& path) {
  const std::string pattern = exact_pattern(path);
  const std::string_view view = pattern;
  return workspace.examine(std::span(&view, 1));
}

bool is_refused(const Examined& examined) {
  const auto* why = std::get_if<InputProblem>(&examined);
  return why != nullptr && why->failure == FailureClass::refused;
}

void sort_inputs(std::vector<InputFile>& inputs) {
  std::sort(inputs.begin(), inputs.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
  const auto same = [](const InputFile& a, const InputFile& b) { return a.path == b.path; };
  inputs.erase(std::unique(inputs.begin(), inputs.end(), same), inputs.end());
}

}  // namespace

std::optional<InputProblem> Examiner::look_at_load(NodeIndex node, Keyed& keyed) {
  auto given = on_.program_values.arguments(node);
  if (std::holds_alternative<LostArgument>(given)) return problem_of("load: its path was lost");
  const Value& source = std::get<std::vector<Value>>(given).front();
  if (source.is(Kind::list)) return std::nullopt;
  const std::string name = value::text_of(source);
  const auto fault = [&](const std::string& cause) {
    return on_.program_values.fault(node, "load: " + name + ": " + cause).error;
  };
  if (name.empty() || name.find('\0') != std::string::npos) {
    return problem_of(fault("is no name of a file"));
  }
  const std::string path = path_from(on_.folder, name);
  auto examined = examine_one(on_.workspace, path);
  // A link may lead out of the folder; whoever writes load means the file.
  if (is_refused(examined) && !path.starts_with('/')) {
    examined = examine_one(on_.workspace, absolute_path(on_.folder, path));
  }
  if (auto* why = std::get_if<InputProblem>(&examined)) {
    const bool is_missing = why->failure == FailureClass::not_found;
    why->error = fault(is_missing ? "there is no such file" : why->error);
    return std::move(*why);
  }
  keyed.inputs = std::move(std::get<std::vector<InputFile>>(examined));
  const bool is_file = keyed.inputs.size() == 1 && path.ends_with(keyed.inputs.front().path);
  const bool is_link_target = keyed.inputs.size() == 1 && keyed.inputs.front().path.ends_with(path);
  if (!is_file && !is_link_target) return problem_of(fault("is a folder"));
  return std::nullopt;
}

std::optional<InputProblem> Examiner::look_at_folder(NodeIndex node, Keyed& keyed) {
  auto given = on_.program_values.arguments(node);
  if (std::holds_alternative<LostArgument>(given)) {
    return problem_of("dir: one of its arguments was lost");
  }
  try {
    value::Listing listing = value::listing_of(std::get<std::vector<Value>>(given));
    const auto home = on_.environment.get("HOME");
    if (home && (listing.root == "~" || listing.root.starts_with("~/"))) {
      listing.root = std::string(*home) + listing.root.substr(1);
    }
    const std::string path = path_from(on_.folder, listing.root.empty() ? "." : listing.root);
    listing.root = absolute_path(on_.folder, path);
    auto listed = on_.workspace.list(listing.root, value::levels_needed(listing));
    if (auto* problem = std::get_if<InputProblem>(&listed)) {
      problem->error = on_.program_values.fault(node, problem->error).error;
      return std::move(*problem);
    }
    std::vector<value::Entry> entries;
    for (auto& entry : std::get<std::vector<executor::Workspace::Entry>>(listed)) {
      if (is_utf8(entry.path)) entries.push_back({std::move(entry.path), entry.is_folder});
    }
    std::vector<Value> names;
    for (std::string& name : value::matching(listing, entries)) {
      const bool is_full = listing.style == value::PathStyle::full;
      const std::string root = listing.root == "/" ? "" : listing.root;
      names.push_back(Value::text(is_full ? root + "/" + name : std::move(name)));
    }
    listing_.clear();
    value::encode(listing_, Value::list(std::move(names)));
    keyed.inputs.push_back({path + "/" + listing.pattern, {}, sha256(listing_)});
  } catch (const Error& error) {
    return problem_of(on_.program_values.fault(node, error.what()).error);
  }
  return std::nullopt;
}

// What there is of the pattern; that there is nothing is no fault.
void Examiner::follow(std::string_view pattern, std::vector<InputFile>& inputs) {
  if (pattern.empty() || pattern.size() > k_path_bytes_max || pattern == "/") return;
  if (pattern.find('\0') != std::string_view::npos) return;
  if (pattern.starts_with('/')) {
    // All of a folder outside would be too much of a guess.
    if (is_glob(pattern)) return;
    const std::string path(pattern);
    for (InputFile& file : on_.workspace.examine_exact(std::span(&path, 1))) {
      if (file.hash != Digest{}) inputs.push_back(std::move(file));
    }
    return;
  }
  const auto clean = clean_relative_path(pattern);
  if (!clean || *clean == ".") return;
  const std::string_view view = *clean;
  auto examined = on_.workspace.examine(std::span(&view, 1));
  if (auto* files = std::get_if<std::vector<InputFile>>(&examined)) {
    inputs.insert(inputs.end(), files->begin(), files->end());
  }
}

void Examiner::follow_value(const Value& value, std::vector<InputFile>& inputs) {
  if (value.is(Kind::text)) {
    const std::string_view text = value.as_text();
    if (text.size() > k_path_bytes_max || text.find('\n') != std::string_view::npos) return;
    follow(exact_pattern(text), inputs);
  } else if (value.is(Kind::list) && value.packing() == value::Packing::values) {
    const auto elements = value.as_values();
    for (const Value& one : elements.first(std::min(elements.size(), k_texts_max))) {
      if (one.is(Kind::text)) follow_value(one, inputs);
    }
  }
}

void Examiner::look_at_command(NodeIndex node, Keyed& keyed) {
  constexpr std::uint64_t k_line_bytes_max = 64 * 1024;
  const std::string command = dag::shell_parameters(on_.dag.node(node)).command;
  for (const std::string& word : file_words(command)) follow(word, keyed.inputs);
  for (const NodeIndex argument : on_.dag.arguments(node)) {
    const dag::Form form = on_.dag.form_of(argument);
    if (form == dag::Form::bytes || !on_.values.has(argument)) continue;
    if (form == dag::Form::line && on_.values.content(argument).size > k_line_bytes_max) continue;
    const auto value = on_.program_values.value(argument);
    if (value) follow_value(*value, keyed.inputs);
  }
  sort_inputs(keyed.inputs);
}

}  // namespace dsched::session
