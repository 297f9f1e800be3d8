// SPDX-License-Identifier: Apache-2.0
#include "cli/run_document.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/text.h"

namespace dsched::cli {
namespace {

using nlohmann::json;

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The top-level members and where their values stand; empty unless the text is one whole object.
std::optional<std::map<std::string, Span>> members_of(std::string_view text) {
  std::map<std::string, Span> members;
  JsonReader reader(text, JsonDialect::relaxed);
  if (reader.next() != JsonToken::begin_object) return std::nullopt;
  while (reader.next() == JsonToken::name) {
    const std::string name(reader.text());
    reader.next();
    const std::size_t begin = reader.offset();
    reader.skip();
    if (reader.token() == JsonToken::failed) return std::nullopt;
    members[name] = {begin, reader.end_offset()};
    if (name == "nodes") return std::nullopt;  // a program: no need to look further
  }
  if (reader.token() != JsonToken::end_object) return std::nullopt;
  return members;
}

[[noreturn]] void refuse(const std::string& field, const std::string& why) {
  throw Error(ErrorKind::invalid_request, "field " + escape_for_terminal(field) + ": " + why);
}

// Sets `target` unless the option was given on the command line.
class Fields {
 public:
  Fields(const CLI::App& app, const std::string& name, const json& value)
      : app_(app), name_(name), value_(value) {}

  void text(const char* option, std::string& target, std::initializer_list<const char*> allowed) {
    if (!value_.is_string()) refuse(name_, "must be a string");
    const std::string text = value_;
    bool known = allowed.size() == 0;
    std::string list;
    for (const char* word : allowed) {
      known = known || text == word;
      list += (list.empty() ? "" : ", ") + std::string(word);
    }
    if (!known) refuse(name_, "must be one of " + list);
    if (!is_given(option)) target = text;
  }
  template <class Number>
  void number(const char* option, Number& target, unsigned low, unsigned high) {
    if (!value_.is_number_unsigned() || value_ < low || value_ > high) {
      refuse(name_,
             "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    if (!is_given(option)) target = value_.get<unsigned>();
  }
  void flag(const char* option, bool& target) {
    if (!value_.is_boolean()) refuse(name_, "must be true or false");
    if (!is_given(option)) target = value_;
  }
  [[nodiscard]] bool is_given(const char* option) const {
    return app_.get_option(option)->count() > 0;
  }
  [[nodiscard]] const json& value() const { return value_; }

 private:
  const CLI::App& app_;
  const std::string& name_;
  const json& value_;
};

void take_lists(const std::string& name, Fields& fields, RunCommand& command) {
  const json& value = fields.value();
  if (name == "targets") {
    if (!value.is_array()) refuse(name, "must be an array of strings");
    for (const json& target : value) {
      if (!target.is_string()) refuse(name, "must be an array of strings");
      if (!fields.is_given("--target")) command.targets.push_back(target);
    }
  } else {
    if (!value.is_object()) refuse(name, "must be an object");
    std::vector<std::string> assignments;
    for (const auto& [key, set] : value.items()) {
      assignments.push_back(key + "=" + (set.is_string() ? set.get<std::string>() : set.dump()));
    }
    // Those of the command line stand behind and win.
    command.set.insert(command.set.begin(), assignments.begin(), assignments.end());
  }
}

void take(const std::string& name, Fields fields, RunCommand& command, bool& retry) {
  const json& value = fields.value();
  if (name == "max_concurrent_nodes") {
    fields.number("--jobs", command.jobs, 1, 4096);
  } else if (name == "max_retries") {
    fields.number("--retries", command.retries, 0, 1000);
  } else if (name == "retry_failed_nodes") {
    if (!value.is_boolean()) refuse(name, "must be true or false");
    retry = value;
  } else if (name == "storage_backend") {
    fields.text("--storage-backend", command.storage_backend, {"hybrid", "sqlite", "filesystem"});
  } else if (name == "storage_path") {
    fields.text("--store", command.common.store, {});
  } else if (name == "compression") {
    fields.text("--compression", command.compression, {"off", "auto", "zstd"});
  } else if (name == "operations") {
    fields.text("--operations", command.operations, {});
  } else if (name == "nodes_listed") {
    fields.text("--nodes", command.nodes, {"notable", "all"});
  } else if (name == "priority") {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (!fields.is_given("--priority")) command.priority = text;
  } else if (name == "keep_going") {
    const bool number = value.is_number_unsigned() && value > 0;
    if (!number && !value.is_boolean()) refuse(name, "must be true, false or a number from 1");
    if (!fields.is_given("--keep-going") && value != false) {
      command.keep_going = {number ? value.dump() : std::string{}};
    }
  } else if (name == "no_cache") {
    fields.flag("--no-cache", command.no_cache);
  } else if (name == "explain") {
    fields.flag("--explain", command.explain);
  } else if (name == "full_results") {
    fields.flag("--full-results", command.full_results);
  } else {
    take_lists(name, fields, command);
  }
}

constexpr std::array<std::string_view, 16> k_fields{"program",
                                                    "max_concurrent_nodes",
                                                    "storage_backend",
                                                    "storage_path",
                                                    "compression",
                                                    "max_retries",
                                                    "retry_failed_nodes",
                                                    "priority",
                                                    "targets",
                                                    "set",
                                                    "keep_going",
                                                    "no_cache",
                                                    "explain",
                                                    "nodes_listed",
                                                    "full_results",
                                                    "operations"};

}  // namespace

std::optional<DocumentProgram> apply_document(const program::Source& text, const CLI::App& app,
                                              RunCommand& command) {
  const auto members = members_of(text.text);
  if (!members || !members->contains("program")) return std::nullopt;
  DocumentProgram program;
  bool retry = true;
  for (const auto& [name, span] : *members) {
    const std::string_view value_text = text.text.substr(span.begin, span.end - span.begin);
    if (std::find(k_fields.begin(), k_fields.end(), name) == k_fields.end()) {
      const auto near = nearest(name, k_fields);
      refuse(name, "unknown" + (near ? "; did you mean " + std::string(*near) + "?" : ""));
    }
    if (name == "program" && value_text.starts_with('{')) {
      program.source = program::Source{value_text, text.owner};
      continue;
    }
    const json value = json::parse(value_text, nullptr, false, true);
    if (value.is_discarded()) refuse(name, "not JSON");
    if (name == "program") {
      if (!value.is_string()) refuse(name, "must be a program or the name of a file");
      program.file = value;
    } else {
      take(name, Fields(app, name, value), command, retry);
    }
  }
  if (!retry && app.get_option("--retries")->count() == 0) command.retries = 0;
  return program;
}

}  // namespace dsched::cli
