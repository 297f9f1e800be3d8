// SPDX-License-Identifier: Apache-2.0
#include "session/attempt_maker.h"

#include "base/error.h"
#include "base/text.h"
#include "dag/operation.h"
#include "session/command_files.h"
#include "session/command_work.h"
#include "session/request_body.h"
#include "wire/json_writer.h"

namespace dsched::session {
namespace {

using dag::Operation;
using executor::Attempt;

// Concatenations up to this size are made in memory, on the session's thread.
constexpr std::uint64_t k_concat_in_memory_max = 256 * 1024;

}  // namespace

AttemptMaker::AttemptMaker(const dag::Dag& dag, const AttemptContext& context,
                           const Environment& environment, const Examiner& examiner, Values& values,
                           ProgramValues& program_values)
    : dag_(dag),
      context_(context),
      environment_(environment),
      examiner_(examiner),
      values_(values),
      program_values_(program_values) {}

std::string AttemptMaker::evaluate(NodeIndex node) const {
  const dag::Node& what = dag_.node(node);
  if (what.operation == Operation::constant) return dag::const_bytes(what);
  DSCHED_ASSERT(what.operation == Operation::concat, "only const and concat are in-process");
  const std::string separator =
      what.parameters.size() > 2 ? dag::concat_separator(what) : std::string{};
  std::string out;
  bool first = true;
  for (const NodeIndex argument : dag_.arguments(node)) {
    if (!first) out += separator;
    first = false;
    out += values_.value(argument);
  }
  return out;
}

Made AttemptMaker::make(const engine::StartAttempt& effect, Wanted&& wanted) {
  const NodeIndex node = effect.node;
  const dag::Settings& settings = dag_.settings(node);
  Attempt attempt;
  attempt.node = node;
  attempt.number = effect.number;
  attempt.inputs = std::move(wanted.inputs);
  attempt.outputs.assign(settings.outputs.begin(), settings.outputs.end());
  attempt.depfile = settings.depfile;
  const dag::Node& what = dag_.node(node);
  if (what.operation == Operation::worker) {
    return make_request(node, effect.instance, std::move(attempt));
  }
  attempt.id =
      context_.attempt_prefix + std::to_string(node.value) + '-' + std::to_string(effect.number);
  switch (what.operation) {
    case Operation::constant:
      return ComputedValue{dag::const_bytes(what)};
    case Operation::concat:
      return make_concat(node, std::move(attempt));
    case Operation::read_file:
      attempt.work = executor::ReadFileWork{dag::path_parameter(what)};
      return attempt;
    case Operation::write_file:
      return make_write(node, std::move(attempt));
    case Operation::sleep:
      attempt.work = executor::SleepWork{dag::sleep_duration(what)};
      return attempt;
    case Operation::map:
    case Operation::primitive:
      DSCHED_ASSERT(false, "what is evaluated is never started");
      break;
    case Operation::computation:
      return make_computation(node, std::move(attempt));
    case Operation::load:
      return make_load(node, std::move(attempt));
    case Operation::list_folder:
      return ComputedValue{examiner_.listing()};
    case Operation::save:
      return make_save(node, std::move(attempt));
    case Operation::shell:
    case Operation::exec:
    case Operation::external:
    case Operation::worker:
      break;
  }
  return make_process(node, std::move(attempt), std::move(wanted.reads));
}

Made AttemptMaker::make_concat(NodeIndex node, Attempt&& attempt) {
  const std::string separator = dag::concat_separator(dag_.node(node));
  std::uint64_t total = 0;
  for (const NodeIndex argument : dag_.arguments(node)) total += values_.content(argument).size;
  if (total <= k_concat_in_memory_max) {
    std::string out;
    bool first = true;
    for (const NodeIndex argument : dag_.arguments(node)) {
      const auto bytes = bytes_of(argument);
      if (!bytes) return LostArgument{argument};
      if (!first) out += separator;
      first = false;
      out += *bytes;
    }
    return ComputedValue{std::move(out)};
  }
  std::vector<std::string> files;
  if (const auto lost = argument_files(node, files)) return *lost;
  executor::ConcatWork work;
  work.separator = separator;
  for (std::string& file : files) work.pieces.push_back({std::move(file), {}});
  attempt.work = std::move(work);
  return std::move(attempt);
}

Made AttemptMaker::make_write(NodeIndex node, Attempt&& attempt) {
  executor::WriteFileWork work;
  work.path = dag::path_parameter(dag_.node(node));
  std::vector<std::string> files;
  if (const auto lost = argument_files(node, files)) return *lost;
  if (!files.empty()) work.content_file = std::move(files.front());
  attempt.work = std::move(work);
  return std::move(attempt);
}

// What was examined is what is read. A list stands for itself.
Made AttemptMaker::make_load(NodeIndex, Attempt&& attempt) {
  if (attempt.inputs.empty()) return ComputedValue{};
  attempt.work = executor::ReadFileWork{attempt.inputs.front().path};
  return std::move(attempt);
}

Made AttemptMaker::make_computation(NodeIndex node, Attempt&& attempt) {
  auto work = program_values_.computation(node);
  if (const auto* lost = std::get_if<LostArgument>(&work)) return *lost;
  attempt.work = std::move(std::get<executor::ComputeWork>(work));
  return std::move(attempt);
}

Made AttemptMaker::make_save(NodeIndex node, Attempt&& attempt) {
  const std::string path = dag::path_parameter(dag_.node(node));
  const auto relative = path_below(context_.folder, path);
  if (path.find('\0') != std::string::npos) {
    return program_values_.fault(node, "save: the name of the file has a NUL character");
  }
  if (!relative || *relative == ".") {
    return program_values_.fault(node, "save: " + path + ": is not below the current folder");
  }
  const NodeIndex argument = dag_.arguments(node).front();
  try {
    const auto value = program_values_.value(argument);
    if (!value) return LostArgument{argument};
    executor::WriteFileWork work;
    work.path = *relative;
    work.content = ProgramValues::saved_text(*value, path);
    work.folders = executor::WriteFileWork::Folders::refused;
    attempt.work = std::move(work);
  } catch (const Error& error) {
    return program_values_.fault(node, "save: " + path + ": " + error.what());
  }
  return std::move(attempt);
}

// All bytes of an argument that fits in memory; empty when the store has lost them.
std::optional<std::string> AttemptMaker::bytes_of(NodeIndex argument) {
  try {
    return values_.bytes(argument, k_concat_in_memory_max);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return std::nullopt;
  }
}

std::optional<LostArgument> AttemptMaker::argument_files(NodeIndex node,
                                                         std::vector<std::string>& files,
                                                         std::optional<NodeIndex> unwritten) {
  for (const NodeIndex argument : dag_.arguments(node)) {
    if (argument == unwritten) {
      files.emplace_back("/dev/stdin");
      continue;
    }
    auto file = file_of(argument);
    if (!file) return LostArgument{argument};
    files.push_back(std::move(*file));
  }
  return std::nullopt;
}

// Empty when the store has lost its bytes.
std::optional<std::string> AttemptMaker::file_of(NodeIndex argument) {
  try {
    if (dag_.form_of(argument) == dag::Form::value) {
      const auto value = program_values_.value(argument);
      if (!value) return std::nullopt;
      return values_.file_with(ProgramValues::file_text(*value));
    }
    return values_.file(argument);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return std::nullopt;
  }
}

Made AttemptMaker::make_request(NodeIndex node, std::uint32_t instance, Attempt&& attempt) {
  const dag::WorkerIndex worker = dag_.worker_of(node);
  attempt.id = instance_attempt_id(context_.attempt_prefix, worker, instance);
  RequestBody body;
  for (const NodeIndex argument : dag_.arguments(node)) {
    if (dag_.workers()[worker.value].takes_inline) {
      if (values_.content(argument).size <= k_inline_argument_max) {
        const auto bytes = bytes_of(argument);
        if (!bytes) return LostArgument{argument};
        body.add_inline(*bytes);
        continue;
      }
    }
    std::optional<std::string> file = file_of(argument);
    if (!file) return LostArgument{argument};
    body.add_path(*file);
  }
  attempt.work = executor::WorkerRequestWork{
      worker.value, instance, std::move(body).finish(attempt.inputs, dag_.node(node).parameters)};
  return std::move(attempt);
}

Made AttemptMaker::make_process(NodeIndex node, Attempt&& attempt,
                                std::shared_ptr<executor::Stream> reads) {
  const dag::Node& what = dag_.node(node);
  const OwnVariables own{{"DSCHED_EXECUTION_ID", context_.execution_id},
                         {"DSCHED_NODE_ID", std::string(what.node_id)},
                         {"DSCHED_ATTEMPT", std::to_string(attempt.number)},
                         {"DSCHED_ATTEMPT_ID", attempt.id},
                         {"DSCHED_STORE", context_.store_folder}};
  executor::ProcessWork work;
  work.folder = context_.folder;
  if (context_.pass_through) work.streams = executor::ProcessWork::Streams::shown;
  std::vector<std::string> files;
  const auto unwritten = reads ? dag_.stream_of(node) : std::nullopt;
  if (const auto lost = argument_files(node, files, unwritten)) return *lost;
  work.stdin_stream = std::move(reads);
  if (what.operation == Operation::shell) {
    set_shell(node, own, files, work);
    attempt.work = std::move(work);
    return std::move(attempt);
  }
  set_environment(environment_.for_command(dag_.settings(node), own), work);
  if (what.operation == Operation::exec) {
    const dag::ExecParameters parameters = dag::exec_parameters(what);
    for (const auto& word : parameters.argv) {
      const auto* position = std::get_if<dag::ArgumentPosition>(&word);
      work.argv.push_back(position ? files[position->value] : std::get<std::string>(word));
    }
    work.file = work.argv.front();
    if (parameters.stdin_argument) work.stdin_file = files[parameters.stdin_argument->value];
  } else {
    work.file = examiner_.operation_path(node);
    work.argv = {work.file};
    work.stdin_text = external_request(node, files);
  }
  attempt.work = std::move(work);
  return std::move(attempt);
}

void AttemptMaker::set_shell(NodeIndex node, const OwnVariables& own,
                             const std::vector<std::string>& files,
                             executor::ProcessWork& work) const {
  const dag::ShellParameters parameters = dag::shell_parameters(dag_.node(node));
  if (parameters.stdin_argument) work.stdin_file = files[parameters.stdin_argument->value];
  ShellCommand shell{parameters.command, {std::string(dag_.node(node).node_id)}};
  shell.words.insert(shell.words.end(), files.begin(), files.end());
  session::set_shell(std::move(shell), environment_, dag_.settings(node), own, work);
}

std::string AttemptMaker::external_request(NodeIndex node, const std::vector<std::string>& files) {
  wire::JsonWriter out;
  out.begin_object();
  out.key("operation").text(dag_.operation_name(node));
  out.key("parameters").raw(dag_.node(node).parameters);
  out.key("arguments").begin_array();
  const auto arguments = dag_.arguments(node);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    out.begin_object();
    out.key("node_id").text(dag_.node(arguments[i]).node_id);
    out.key("path").text(files[i]);
    out.key("digest").text(to_hex(values_.digest(arguments[i])));
    const store::DataType type = data_type(dag_, arguments[i], values_.content(arguments[i]).size);
    out.key("data_type").text(store::name_of(type));
    out.end_object();
  }
  out.end_array().end_object();
  return out.take() + '\n';
}

std::string instance_attempt_id(const std::string& attempt_prefix, dag::WorkerIndex worker,
                                std::uint32_t instance) {
  return attempt_prefix + 'w' + std::to_string(worker.value) + '-' + std::to_string(instance);
}

store::DataType data_type(const dag::Dag& dag, NodeIndex node, std::uint64_t size) {
  const dag::Node& what = dag.node(node);
  if (what.operation == Operation::map || what.operation == Operation::list_folder ||
      what.operation == Operation::computation) {
    return store::DataType::nested;
  }
  if (what.operation == Operation::primitive) return store::DataType::primitive;
  const bool is_element = !dag.maps().is_node(node);
  if (is_element) return store::data_type_of_bytes(size);
  if (what.operation != Operation::constant) return store::data_type_of_bytes(size);
  const std::string_view value = dag::const_value(what);
  const bool nested = value.starts_with('{') || value.starts_with('[');
  return nested ? store::DataType::nested : store::DataType::primitive;
}

std::string command_text(const dag::Dag& dag, NodeIndex node) {
  const dag::Node& what = dag.node(node);
  if (what.operation == Operation::shell) return dag::shell_parameters(what).command;
  std::string out;
  if (what.operation == Operation::exec) {
    for (const auto& word : dag::exec_parameters(what).argv) {
      if (!out.empty()) out += ' ';
      const auto* position = std::get_if<dag::ArgumentPosition>(&word);
      out += shell_word(position ? dag.node(dag.arguments(node)[position->value]).node_id
                                 : std::string_view(std::get<std::string>(word)));
    }
    return out;
  }
  out = dag.operation_name(node);
  // Values say little as they stand in parameters; the place says where to look.
  const std::string place = dag.place_of(node);
  if (!place.empty()) return out + " (" + place + ")";
  if (what.parameters != "{}") out.append(1, ' ').append(what.parameters);
  return out;
}

}  // namespace dsched::session
