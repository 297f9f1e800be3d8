// SPDX-License-Identifier: Apache-2.0
#include "session/detach.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "session/environment.h"
#include "session/makeflags.h"

namespace dsched::session {
namespace {

using nlohmann::json;

// CBOR, unlike JSON text, carries names of files that are not UTF-8.
class Packer {
 public:
  template <class Value>
  void operator()(const char* name, const Value& value) {
    if constexpr (std::is_enum_v<Value>) {
      settings_[name] = static_cast<unsigned>(value);
    } else {
      settings_[name] = value;
    }
  }
  template <class Value>
  void operator()(const char* name, const std::optional<Value>& value) {
    if (value) (*this)(name, *value);
  }
  void operator()(const char* name, const Slots& value) { settings_[name] = value.count; }
  void operator()(const char* name, const Priority& value) { settings_[name] = value.level; }
  [[nodiscard]] std::string take() const {
    std::string bytes;
    json::to_cbor(settings_, bytes);
    return bytes;
  }

 private:
  json settings_ = json::object();
};

class Unpacker {
 public:
  explicit Unpacker(const std::string& bytes) : settings_(json::from_cbor(bytes)) {}
  template <class Value>
  void operator()(const char* name, Value& value) const {
    if constexpr (std::is_enum_v<Value>) {
      value = static_cast<Value>(settings_.at(name).get<unsigned>());
    } else {
      value = settings_.at(name).get<Value>();
    }
  }
  template <class Value>
  void operator()(const char* name, std::optional<Value>& value) const {
    value.reset();
    if (settings_.contains(name)) (*this)(name, value.emplace());
  }
  void operator()(const char* name, Slots& value) const { settings_.at(name).get_to(value.count); }
  void operator()(const char* name, Priority& value) const {
    settings_.at(name).get_to(value.level);
  }

 private:
  json settings_;
};

template <class Each>
void each_store_option(store::Options& options, Each& each) {
  auto& [folder, mode, backend, compression, results_folder, trust, state_folder] = options;
  each("store", folder);
  each("mode", mode);
  each("backend", backend);
  each("compression", compression);
  each("results_folder", results_folder);
  each("trust", trust);
  each("state_folder", state_folder);
}

template <class Each>
void each_run_option(RunOptions& options, Each& each) {
  auto& [width, is_width_chosen, failure_limit, is_failure_limit_chosen, retries, priority, targets,
         operations_folder, use_cache, explain, waits_for_consent, jobserver] = options;
  each("width", width);
  each("is_width_chosen", is_width_chosen);
  each("failure_limit", failure_limit);
  each("is_failure_limit_chosen", is_failure_limit_chosen);
  each("retries", retries);
  each("priority", priority);
  each("targets", targets);
  each("operations_folder", operations_folder);
  each("use_cache", use_cache);
  each("explain", explain);
  each("waits_for_consent", waits_for_consent);
  each("jobserver", jobserver);
}

template <class Each>
void each_answer_option(AnswerOptions& options, Each& each) {
  auto& [nodes, full_results, full_prints, with_results, result_node, result_fd] = options;
  each("nodes", nodes);
  each("full_results", full_results);
  each("full_prints", full_prints);
  each("with_results", with_results);
  each("result_node", result_node);
  each("result_fd", result_fd);
}

// The one definition of what is handed over. The bindings name every member, so that a new one
// cannot be forgotten.
template <class Each>
void each_setting(RunRequest& request, LogSettings& log, Each& each) {
  auto& [program, folder, program_options, run, answer, resume, store, environment, initiated_by,
         shares_machine, pass_through, fix] = request;
  static_cast<void>(fix);          // fix-it waits for what it began
  static_cast<void>(program);      // handed over as it is
  static_cast<void>(environment);  // inherited
  auto& [set] = program_options;
  each("folder", folder);
  each("set", set);
  each_run_option(run, each);
  each_answer_option(answer, each);
  each("resume", resume);
  each_store_option(store, each);
  each("initiated_by", initiated_by);
  each("shares_machine", shares_machine);
  each("pass_through", pass_through);
  auto& [program_name, progress, color, quiet, notify] = log;
  each("program_name", program_name);
  each("progress", progress);
  each("color", color);
  each("quiet", quiet);
  each("notify", notify);
}

}  // namespace

sys::HandedOver pack(const RunRequest& request, const LogSettings& log) {
  RunRequest same = request;
  LogSettings same_log = log;
  Packer packer;
  each_setting(same, same_log, packer);
  bool has_program = request.program.has_value();
  packer("has_program", has_program);
  return {packer.take(), std::string(has_program ? request.program->text : std::string_view{})};
}

Unpacked unpack(sys::HandedOver&& handed, std::vector<std::string> environment) {
  Unpacked unpacked;
  const Unpacker unpacker(handed.settings);
  each_setting(unpacked.request, unpacked.log, unpacker);
  bool has_program = false;
  unpacker("has_program", has_program);
  if (has_program) unpacked.request.program = program::source_from(std::move(handed.text));
  unpacked.request.environment = std::move(environment);
  return unpacked;
}

void refuse_to_detach_in_node(const std::vector<std::string>& environment) {
  if (!Environment(environment, {}).get("DSCHED_ATTEMPT_ID")) return;
  throw Error(ErrorKind::environment,
              "--detach: this command runs in a node, and whatever a node starts ends with it",
              "without --detach the inner execution is a part of the node");
}

std::vector<std::string> detached_environment(std::vector<std::string> environment) {
  constexpr std::string_view k_flags = "MAKEFLAGS=";
  for (std::string& variable : environment) {
    if (!variable.starts_with(k_flags)) continue;
    const std::string flags = variable.substr(k_flags.size());
    if (jobserver_in(flags)) variable = std::string(k_flags) + without_jobserver(flags);
  }
  return environment;
}

std::string log_path(const std::string& store_folder, std::string_view execution_id) {
  return store_folder + "/run/" + std::string(execution_id) + ".log";
}

}  // namespace dsched::session
