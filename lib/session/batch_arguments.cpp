// SPDX-License-Identifier: Apache-2.0
#include "session/batch_arguments.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "executor/outputs.h"
#include "session/store_operations.h"
#include "sys/private_folder.h"
#include "sys/streams.h"

namespace dsched::session {
namespace {

// Commands may read their arguments, and have no business changing them.
constexpr std::uint32_t k_mode_of_arguments = 0400;
// Larger ones do not go into the machine's folder, which may be memory.
constexpr std::uint64_t k_in_memory_max = 64 * 1024;

RequestProblem problem_of(const Error& error) {
  const FailureClass failure = error.kind() == ErrorKind::damaged     ? FailureClass::damaged
                               : error.kind() == ErrorKind::not_found ? FailureClass::not_found
                                                                      : FailureClass::refused;
  return {failure, error.kind(), error.what(), error.hint()};
}

RequestProblem problem_of(const executor::InputProblem& problem) {
  const bool missing = problem.failure == FailureClass::not_found;
  return {problem.failure, missing ? ErrorKind::not_found : ErrorKind::invalid_request,
          problem.error};
}

bool is_about_the_store(ErrorKind kind) {
  return kind == ErrorKind::damaged || kind == ErrorKind::not_found ||
         kind == ErrorKind::invalid_request;
}

}  // namespace

TemporaryFiles::TemporaryFiles(TemporaryFiles&& other) noexcept
    : files_(other.files_), paths_(std::exchange(other.paths_, {})) {}

TemporaryFiles& TemporaryFiles::operator=(TemporaryFiles&& other) noexcept {
  if (this != &other) {
    remove();
    files_ = other.files_;
    paths_ = std::exchange(other.paths_, {});
  }
  return *this;
}

void TemporaryFiles::remove() {
  for (const std::string& path : paths_) {
    try {
      files_->remove(path);
    } catch (const Error&) {
      // It stays until the runner's folder goes; there is nobody left to tell.
    }
  }
  paths_.clear();
}

std::string BatchArguments::absolute(const std::string& path) const {
  return path.starts_with('/') ? path : on_.folder + '/' + path;
}

std::variant<store::Record, RequestProblem> BatchArguments::find(const std::string& key) {
  try {
    NoResultNames names;
    auto record = on_.store.results().find(resolve_result(on_.store, names, key));
    if (record && (record->content.size == 0 || on_.store.blobs().contains(record->content.hash))) {
      return std::move(*record);
    }
    return RequestProblem{FailureClass::damaged, ErrorKind::damaged,
                          "result " + escape_for_terminal(key) + ": its bytes are missing"};
  } catch (const Error& error) {
    if (!is_about_the_store(error.kind())) throw;
    return problem_of(error);
  }
}

std::variant<BatchArguments::Identity, RequestProblem> BatchArguments::identify(
    const program::RequestArgument& argument) {
  using Kind = program::RequestArgument::Kind;
  if (argument.kind == Kind::bytes) {
    return Identity{executor::node_digest(sha256(argument.value), {}), argument.value.size()};
  }
  if (argument.kind == Kind::key) {
    auto found = find(argument.value);
    if (auto* problem = std::get_if<RequestProblem>(&found)) return std::move(*problem);
    const store::Record& record = std::get<store::Record>(found);
    return Identity{record.digest, record.content.size};
  }
  const std::array<std::string_view, 1> paths{argument.value};
  auto examined = on_.workspace.examine(paths);
  if (const auto* problem = std::get_if<executor::InputProblem>(&examined)) {
    return problem_of(*problem);
  }
  const auto& files = std::get<std::vector<executor::InputFile>>(examined);
  if (files.size() != 1 || files.front().path != argument.value) {
    return RequestProblem{FailureClass::refused, ErrorKind::invalid_request,
                          "path " + escape_for_terminal(argument.value) + ": is not one file"};
  }
  return Identity{executor::node_digest(files.front().hash, {}), files.front().stat.size};
}

std::variant<std::optional<std::string>, RequestProblem> BatchArguments::bytes_up_to(
    const program::RequestArgument& argument, std::uint64_t limit) {
  using Kind = program::RequestArgument::Kind;
  using Bytes = std::optional<std::string>;
  if (argument.kind == Kind::bytes) {
    return argument.value.size() <= limit ? Bytes(argument.value) : Bytes();
  }
  if (argument.kind == Kind::path) {
    const std::string path = absolute(argument.value);
    const auto info = on_.files.info(path);
    const bool is_small = info && info->kind == sys::FileInfo::Kind::regular && info->size <= limit;
    return is_small ? Bytes(sys::read_whole_file(path)) : Bytes();
  }
  auto found = find(argument.value);
  if (auto* problem = std::get_if<RequestProblem>(&found)) return std::move(*problem);
  const store::Content content = std::get<store::Record>(found).content;
  if (content.size > limit) return Bytes();
  if (content.size == 0) return Bytes(std::string());
  try {
    if (auto bytes = store::read_blob(on_.store.blobs(), content.hash)) return bytes;
    throw Error(ErrorKind::damaged, "result " + argument.value + ": its bytes are missing");
  } catch (const Error& error) {
    if (!is_about_the_store(error.kind())) throw;
    return problem_of(error);
  }
}

sys::Staged BatchArguments::stage(std::uint64_t size, std::string& path) {
  const std::string name = "argument-" + std::to_string(++made_);
  if (size > k_in_memory_max) {
    const std::string large = on_.store.identity().folder + "/tmp";
    path = large + on_.runner_folder.substr(on_.runner_folder.rfind('/')) + '-' + name;
    return on_.files.stage(large);
  }
  if (!has_folder_) {
    sys::make_private_folder(on_.machine);
    sys::make_private_folder(on_.runner_folder);
    has_folder_ = true;
  }
  path = on_.runner_folder + '/' + name;
  return on_.files.stage(on_.runner_folder);
}

std::string BatchArguments::write(std::string_view bytes, TemporaryFiles& made) {
  std::string path;
  sys::Staged staged = stage(bytes.size(), path);
  on_.files.write(staged, 0, bytes);
  on_.files.publish(staged, path, k_mode_of_arguments, sys::Existing::replaced);
  made.add(on_.files, path);
  return path;
}

std::variant<std::string, RequestProblem> BatchArguments::as_file(
    const program::RequestArgument& argument, TemporaryFiles& made) {
  using Kind = program::RequestArgument::Kind;
  if (argument.kind == Kind::bytes) return write(argument.value, made);
  if (argument.kind == Kind::path) {
    const std::string path = absolute(argument.value);
    if (on_.files.info(path)) return path;
    return RequestProblem{
        FailureClass::not_found, ErrorKind::not_found,
        "path " + escape_for_terminal(argument.value) + ": no such file or directory"};
  }
  auto found = find(argument.value);
  if (auto* problem = std::get_if<RequestProblem>(&found)) return std::move(*problem);
  const store::Content content = std::get<store::Record>(found).content;
  try {
    if (content.size == 0) return write({}, made);
    if (auto path = on_.store.blobs().file_path(content.hash)) return std::move(*path);
    const auto blob = on_.store.blobs().open(content.hash);
    if (!blob)
      throw Error(ErrorKind::damaged, "result " + argument.value + ": its bytes are missing");
    std::string path;
    sys::Staged staged = stage(content.size, path);
    std::vector<char> buffer(1024 * 1024);
    for (std::uint64_t offset = 0; offset < blob->size();) {
      const std::size_t got = blob->read(offset, buffer);
      if (got == 0) break;
      on_.files.write(staged, offset, {buffer.data(), got});
      offset += got;
    }
    on_.files.publish(staged, path, k_mode_of_arguments, sys::Existing::replaced);
    made.add(on_.files, path);
    return path;
  } catch (const Error& error) {
    if (!is_about_the_store(error.kind())) throw;
    return problem_of(error);
  }
}

std::variant<std::vector<std::string>, RequestProblem> BatchArguments::as_files(
    const std::vector<program::RequestArgument>& arguments, TemporaryFiles& made) {
  std::vector<std::string> paths;
  for (const program::RequestArgument& argument : arguments) {
    auto path = as_file(argument, made);
    if (auto* problem = std::get_if<RequestProblem>(&path)) return std::move(*problem);
    paths.push_back(std::move(std::get<std::string>(path)));
  }
  return paths;
}

}  // namespace dsched::session
