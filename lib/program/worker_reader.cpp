// SPDX-License-Identifier: Apache-2.0
#include "program/worker_reader.h"

#include <algorithm>

#include "base/text.h"
#include "program/fields.h"

namespace dsched::program {
namespace {

constexpr double k_idle_s_max = 366.0 * 24 * 3600;
constexpr std::string_view k_field_list[] = {"command", "max_batch", "instances", "idle_timeout_s",
                                             "inline"};
// What a node's operation means without any worker.
constexpr std::string_view k_builtin_names[] = {"shell",      "exec",   "const", "read_file",
                                                "write_file", "concat", "sleep", "map"};

bool is_worker_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

void check_worker_name(std::string_view name, const Path& path, Values& values) {
  if (!is_worker_name(name)) {
    return values.fault("invalid_value", path,
                        "'" + escape_for_terminal(name) + "' cannot be the name of a worker",
                        "letters, digits and _ . - make the name of an operation");
  }
  if (std::find(std::begin(k_builtin_names), std::end(k_builtin_names), name) !=
      std::end(k_builtin_names)) {
    values.fault("invalid_value", path,
                 "worker '" + std::string(name) + "' has the name of a built-in operation",
                 "give it another name");
  }
}

class WorkerReader {
 public:
  WorkerReader(std::string_view name, Values& values) : values_(values) { worker_.name = name; }

  dag::Worker read(const Path& path) {
    // Kept here, because the reader has gone on when it is needed.
    const bool is_object = values_.reader().token() == JsonToken::begin_object;
    values_.each_member(path, [&](std::string_view name, const Path& at) { read_field(name, at); });
    if (is_object && !has_command_) {
      values_.fault("missing_field", path, "worker '" + worker_.name + "' has no command",
                    "\"command\": [EXECUTABLE, WORD...] starts it");
    }
    return std::move(worker_);
  }

 private:
  void read_field(std::string_view name, const Path& at) {
    if (name == "command") return read_command(at);
    if (name == "max_batch") {
      if (const auto count = values_.integer(at, {1, dag::k_max_batch_max}))
        worker_.max_batch = static_cast<std::uint32_t>(*count);
    } else if (name == "instances") {
      if (const auto count = values_.integer(at, {1, dag::k_instances_max}))
        worker_.instances = static_cast<std::uint32_t>(*count);
    } else if (name == "idle_timeout_s") {
      if (const auto seconds = values_.number(at, {0, k_idle_s_max})) {
        worker_.idle_timeout =
            std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(*seconds));
      }
    } else if (name == "inline") {
      if (const auto value = values_.boolean(at)) worker_.takes_inline = *value;
    } else {
      values_.fault("unknown_field", at, "a worker has no field '" + std::string(name) + "'",
                    suggest(name, {std::begin(k_field_list), std::end(k_field_list)}));
      values_.reader().skip();
    }
  }

  void read_command(const Path& at) {
    has_command_ = true;
    if (values_.reader().token() != JsonToken::begin_array) {
      return values_.wrong_type(at, "an array of strings");
    }
    bool any = false;
    values_.each_element(at, [&](const Path& one) {
      const bool first = !any;
      any = true;
      const auto word = values_.string(one);
      if (!word) return;
      if (word->find('\0') != std::string_view::npos) {
        return values_.fault("invalid_value", one, "command holds a null character");
      }
      if (first && word->empty()) {
        return values_.fault("invalid_value", one,
                             "command[0] is empty, but it names the executable");
      }
      worker_.command.emplace_back(*word);
    });
    if (!any) {
      values_.fault("invalid_value", at, "command is empty, but its first word is the executable");
    }
  }

  Values& values_;
  dag::Worker worker_;
  bool has_command_ = false;
};

}  // namespace

std::vector<dag::Worker> read_workers(const Path& path, Values& values) {
  std::vector<dag::Worker> workers;
  std::uint64_t instances = 0;
  values.each_member(path, [&](std::string_view name, const Path& at) {
    check_worker_name(name, at, values);
    workers.push_back(WorkerReader(name, values).read(at));
    const bool was_within = instances <= dag::k_instances_total_max;
    instances += workers.back().instances;
    if (!was_within || instances <= dag::k_instances_total_max) return;
    values.fault("limit", at,
                 "the workers have more than " + std::to_string(dag::k_instances_total_max) +
                     " instances together");
  });
  return workers;
}

std::variant<std::vector<dag::Worker>, std::vector<Diagnostic>> read_workers_text(
    std::string_view text) {
  TextArena arena;
  Faults faults;
  JsonReader reader(text, JsonDialect::relaxed);
  Values values(reader, arena, faults);
  reader.next();
  const Path document;
  std::vector<dag::Worker> workers = read_workers(document, values);
  if (reader.token() != JsonToken::failed) reader.next();
  if (reader.token() == JsonToken::failed) {
    faults.add(
        {.code = "syntax", .message = reader.error(), .pointer = {}, .offset = reader.offset()});
  }
  if (faults.empty()) return workers;
  return std::move(faults).diagnostics(text);
}

}  // namespace dsched::program
