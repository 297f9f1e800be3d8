// SPDX-License-Identifier: Apache-2.0
#include "session/batch_maker.h"

#include <algorithm>

#include "base/text.h"
#include "dag/operation.h"
#include "session/command_work.h"
#include "session/key.h"
#include "session/prepare.h"
#include "session/request_body.h"
#include "sys/private_folder.h"
#include "wire/json_writer.h"

namespace dsched::session {
namespace {

using dag::Operation;
using program::BatchRequest;
using program::RequestArgument;

// dag/operation.h reads a node's parameters.
dag::Node node_of(const BatchRequest& request) {
  dag::Node node;
  node.operation = request.operation;
  node.parameters = request.parameters;
  return node;
}

std::string separator_of(const BatchRequest& request) {
  return request.parameters.size() > 2 ? dag::concat_separator(node_of(request)) : std::string{};
}

// What can be no part of a word of a command or of its environment.
std::string without_null(std::string text) {
  std::erase(text, '\0');
  return text;
}

}  // namespace

BatchMaker::BatchMaker(BatchPlace place, const Environment& environment,
                       executor::Workspace& workspace, BatchArguments& arguments)
    : place_(std::move(place)),
      environment_(environment),
      workspace_(workspace),
      arguments_(arguments) {}

bool BatchMaker::is_value(const BatchRequest& request) {
  if (request.operation == Operation::constant) return true;
  if (request.operation != Operation::concat) return false;
  return std::all_of(request.arguments.begin(), request.arguments.end(),
                     [](const RequestArgument& argument) {
                       return argument.kind == RequestArgument::Kind::bytes;
                     });
}

std::string BatchMaker::value_of(const BatchRequest& request) {
  if (request.operation == Operation::constant) return dag::const_bytes(node_of(request));
  const std::string separator = separator_of(request);
  std::string out;
  for (std::size_t i = 0; i < request.arguments.size(); ++i) {
    if (i > 0) out += separator;
    out += request.arguments[i].value;
  }
  return out;
}

store::DataType BatchMaker::data_type(const BatchRequest& request, std::uint64_t size) {
  if (request.operation != Operation::constant) return store::data_type_of_bytes(size);
  const dag::Node node = node_of(request);
  const std::string_view value = dag::const_value(node);
  const bool nested = value.starts_with('{') || value.starts_with('[');
  return nested ? store::DataType::nested : store::DataType::primitive;
}

bool BatchMaker::has_key(const BatchRequest& request) {
  return dag::is_builtin(request.operation) && dag::is_pure(request.operation);
}

std::variant<Keyed, RequestProblem> BatchMaker::key_of(const BatchRequest& request) {
  Keyed keyed;
  keyed.cacheable = true;
  KeyParts parts;
  parts.operation = request.operation_name;
  parts.version = k_builtin_version;
  parts.parameters = request.parameters;
  for (const RequestArgument& argument : request.arguments) {
    auto identity = arguments_.identify(argument);
    if (auto* problem = std::get_if<RequestProblem>(&identity)) return std::move(*problem);
    parts.arguments.push_back(std::get<BatchArguments::Identity>(identity).digest);
  }
  if (request.operation == Operation::read_file) {
    const std::string path = dag::path_parameter(node_of(request));
    const std::array<std::string_view, 1> paths{path};
    auto examined = workspace_.examine(paths);
    if (const auto* problem = std::get_if<executor::InputProblem>(&examined)) {
      return RequestProblem{problem->failure, ErrorKind::node_failed, problem->error};
    }
    keyed.inputs = std::move(std::get<std::vector<executor::InputFile>>(examined));
  }
  parts.inputs = keyed.inputs;
  append_key_text(keyed.text, parts);
  keyed.key = sha256(keyed.text);
  return keyed;
}

std::vector<std::string> BatchMaker::files_to_hash(const BatchRequest& request) {
  std::vector<std::string> files;
  if (!has_key(request) && request.operation != Operation::external) return files;
  for (const RequestArgument& argument : request.arguments) {
    if (argument.kind == RequestArgument::Kind::path) files.push_back(argument.value);
  }
  if (request.operation == Operation::read_file) {
    files.push_back(dag::path_parameter(node_of(request)));
  }
  return files;
}

std::variant<executor::Attempt, RequestProblem> BatchMaker::make(
    const MakeFor& what, std::vector<executor::InputFile> inputs, TemporaryFiles& made) {
  executor::Attempt attempt;
  attempt.node = what.index;
  attempt.number = what.number;
  attempt.id = place_.context.attempt_prefix + std::to_string(what.index.value) + '-' +
               std::to_string(what.number);
  if (what.request.worker) {
    attempt.id =
        instance_attempt_id(place_.context.attempt_prefix, *what.request.worker, what.instance);
  }
  attempt.inputs = std::move(inputs);
  Work work = make_work(what, attempt.id, made);
  if (auto* problem = std::get_if<RequestProblem>(&work)) return std::move(*problem);
  attempt.work = std::move(std::get<executor::Work>(work));
  return attempt;
}

BatchMaker::Work BatchMaker::make_work(const MakeFor& what, const std::string& attempt_id,
                                       TemporaryFiles& made) {
  const dag::Node node = node_of(what.request);
  switch (what.request.operation) {
    case Operation::concat:
      return make_concat(what.request, made);
    case Operation::read_file:
      return executor::Work(executor::ReadFileWork{dag::path_parameter(node)});
    case Operation::write_file:
      return make_write(what.request, made);
    case Operation::sleep:
      return executor::Work(executor::SleepWork{dag::sleep_duration(node)});
    case Operation::worker:
      return make_request(what, made);
    default:
      return make_command(what, attempt_id, made);
  }
}

BatchMaker::Work BatchMaker::make_concat(const BatchRequest& request, TemporaryFiles& made) {
  executor::ConcatWork work;
  work.separator = separator_of(request);
  for (const RequestArgument& argument : request.arguments) {
    if (argument.kind == RequestArgument::Kind::bytes) {
      work.pieces.push_back({{}, argument.value});
      continue;
    }
    auto file = arguments_.as_files({argument}, made);
    if (auto* problem = std::get_if<RequestProblem>(&file)) return std::move(*problem);
    work.pieces.push_back({std::get<std::vector<std::string>>(file).front(), {}});
  }
  return executor::Work(std::move(work));
}

BatchMaker::Work BatchMaker::make_write(const BatchRequest& request, TemporaryFiles& made) {
  executor::WriteFileWork work;
  work.path = dag::path_parameter(node_of(request));
  for (const std::string& store : place_.store_places) {
    if (!overlap(work.path, store)) continue;
    return RequestProblem{
        FailureClass::refused, ErrorKind::invalid_request,
        "path " + escape_for_terminal(work.path) + " and the store " + store + " overlap",
        "write it elsewhere, or name another store with --store"};
  }
  const RequestArgument& argument = request.arguments.front();
  if (argument.kind == RequestArgument::Kind::bytes) {
    work.content = argument.value;
    return executor::Work(std::move(work));
  }
  auto file = arguments_.as_files({argument}, made);
  if (auto* problem = std::get_if<RequestProblem>(&file)) return std::move(*problem);
  work.content_file = std::get<std::vector<std::string>>(file).front();
  return executor::Work(std::move(work));
}

BatchMaker::Work BatchMaker::make_request(const MakeFor& what, TemporaryFiles& made) {
  const BatchRequest& request = what.request;
  const bool takes_inline = place_.workers[request.worker->value].takes_inline;
  RequestBody body;
  for (const RequestArgument& argument : request.arguments) {
    if (takes_inline) {
      auto bytes = arguments_.bytes_up_to(argument, k_inline_argument_max);
      if (auto* problem = std::get_if<RequestProblem>(&bytes)) return std::move(*problem);
      const auto& known = std::get<std::optional<std::string>>(bytes);
      if (known) body.add_inline(*known);
      if (known) continue;
    }
    auto file = arguments_.as_file(argument, made);
    if (auto* problem = std::get_if<RequestProblem>(&file)) return std::move(*problem);
    body.add_path(std::get<std::string>(file));
  }
  return executor::Work(executor::WorkerRequestWork{
      request.worker->value, what.instance, std::move(body).finish({}, request.parameters)});
}

BatchMaker::Work BatchMaker::make_command(const MakeFor& what, const std::string& attempt_id,
                                          TemporaryFiles& made) {
  const BatchRequest& request = what.request;
  auto prepared = arguments_.as_files(request.arguments, made);
  if (auto* problem = std::get_if<RequestProblem>(&prepared)) return std::move(*problem);
  const auto& files = std::get<std::vector<std::string>>(prepared);
  const std::string name = without_null(what.name);
  const OwnVariables own{{"DSCHED_EXECUTION_ID", place_.context.execution_id},
                         {"DSCHED_NODE_ID", name},
                         {"DSCHED_ATTEMPT", std::to_string(what.number)},
                         {"DSCHED_ATTEMPT_ID", attempt_id},
                         {"DSCHED_STORE", place_.context.store_folder}};
  const dag::Node node = node_of(request);
  executor::ProcessWork work;
  work.folder = place_.context.folder;
  if (place_.keeps_failed_output) work.output = executor::ProcessWork::Output::always;
  if (request.operation == Operation::shell) {
    dag::ShellParameters parameters = dag::shell_parameters(node);
    if (parameters.stdin_argument) work.stdin_file = files[parameters.stdin_argument->value];
    ShellCommand shell{std::move(parameters.command), {request.words.empty() ? name : "sh"}};
    shell.words.insert(shell.words.end(), files.begin(), files.end());
    shell.words.insert(shell.words.end(), request.words.begin(), request.words.end());
    set_shell(std::move(shell), environment_, settings_, own, work);
    return executor::Work(std::move(work));
  }
  set_environment(environment_.for_command(settings_, own), work);
  if (request.operation == Operation::external) {
    return make_external(request, files, std::move(work));
  }
  const dag::ExecParameters parameters = dag::exec_parameters(node);
  for (const auto& word : parameters.argv) {
    const auto* position = std::get_if<dag::ArgumentPosition>(&word);
    work.argv.push_back(position ? files[position->value] : std::get<std::string>(word));
  }
  work.file = work.argv.front();
  if (parameters.stdin_argument) work.stdin_file = files[parameters.stdin_argument->value];
  return executor::Work(std::move(work));
}

BatchMaker::Work BatchMaker::make_external(const BatchRequest& request,
                                           const std::vector<std::string>& files,
                                           executor::ProcessWork&& work) {
  work.file = operation_path(request.operation_name);
  if (work.file.empty()) {
    std::vector<std::string_view> known = {"shell",      "exec",   "const", "read_file",
                                           "write_file", "concat", "sleep"};
    for (const dag::Worker& worker : place_.workers) known.push_back(worker.name);
    const auto near = nearest(request.operation_name, known);
    return RequestProblem{FailureClass::not_found, ErrorKind::invalid_request,
                          "unknown operation " + request.operation_name +
                              ": no executable dsched-op-" + request.operation_name + " was found",
                          near ? "did you mean " + std::string(*near) + "?"
                               : "name its folder with --operations, or put it into PATH"};
  }
  work.argv = {work.file};
  wire::JsonWriter out;
  out.begin_object();
  out.key("operation").text(request.operation_name);
  out.key("parameters").raw(request.parameters);
  out.key("arguments").begin_array();
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto identity = arguments_.identify(request.arguments[i]);
    if (auto* problem = std::get_if<RequestProblem>(&identity)) return std::move(*problem);
    const auto& known = std::get<BatchArguments::Identity>(identity);
    out.begin_object();
    out.key("node_id").text(std::to_string(i + 1));
    out.key("path").text(files[i]);
    out.key("digest").text(to_hex(known.digest));
    out.key("data_type").text(store::name_of(store::data_type_of_bytes(known.size)));
    out.end_object();
  }
  out.end_array().end_object();
  work.stdin_text = out.take() + '\n';
  return executor::Work(std::move(work));
}

// Looked for once: a batch of many requests asks for the same few.
const std::string& BatchMaker::operation_path(const std::string& name) {
  constexpr std::size_t k_remembered_max = 4096;
  if (operations_.size() >= k_remembered_max) operations_.clear();
  const auto [found, is_new] = operations_.try_emplace(name);
  if (!is_new) return found->second;
  std::string search_path = environment_.search_path(settings_);
  if (!place_.operations_folder.empty()) search_path = place_.operations_folder + ':' + search_path;
  if (auto path = sys::find_executable("dsched-op-" + name, search_path)) {
    found->second = std::move(*path);
  }
  return found->second;
}

}  // namespace dsched::session
