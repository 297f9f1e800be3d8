// SPDX-License-Identifier: Apache-2.0
#include "program/batch_request.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "program/fields.h"
#include "program/foreign_names.h"
#include "program/parameters.h"

namespace dsched::program {
namespace {

using dag::Operation;

// In the order of RequestField.
enum class RequestField : std::uint8_t {
  request_id,
  operation,
  parameters,
  arguments,
  priority,
  timeout_s,
  metadata,
};
constexpr std::array<std::string_view, 7> k_request_fields = {
    "request_id", "operation", "parameters", "arguments", "priority", "timeout_s", "metadata"};

constexpr std::string_view k_request_parameter_hint = "it belongs in the request's 'parameters'";
constexpr ForeignName k_foreign_request_names[] = {
    {"command", k_request_parameter_hint},         {"argv", k_request_parameter_hint},
    {"value", k_request_parameter_hint},           {"path", k_request_parameter_hint},
    {"stdin", k_request_parameter_hint},           {"separator", k_request_parameter_hint},
    {"id", "did you mean 'request_id'?"},          {"node_id", "did you mean 'request_id'?"},
    {"requestId", "did you mean 'request_id'?"},   {"timeout", "did you mean 'timeout_s'?"},
    {"inputs", "only nodes of a program have it"}, {"outputs", "only nodes of a program have it"},
};

std::string hint_for_field(std::string_view name) {
  std::string hint = hint_for_unknown(name, k_foreign_request_names, k_request_fields);
  if (!hint.empty()) return hint;
  std::string known = "known: ";
  for (const std::string_view one : k_request_fields) {
    if (known.size() > 7) known += ", ";
    known += one;
  }
  return known;
}

// One line of text, whatever the request was written in.
std::string on_one_line(std::string_view json) {
  std::string out(json);
  std::replace(out.begin(), out.end(), '\n', ' ');
  std::replace(out.begin(), out.end(), '\r', ' ');
  return out;
}

class Reading {
 public:
  Reading(std::string_view text, CanonicalJson& canonical, std::span<const dag::Worker> workers)
      : text_(text), reader_(text), canonical_(canonical), workers_(workers) {}

  std::variant<BatchRequest, BadRequest> run(std::uint64_t line);

 private:
  void read_members();
  void read(RequestField field);
  void read_id();
  void read_operation();
  void read_parameters(const Path& path);
  void read_arguments(const Path& path);
  void read_argument(const Path& path);
  bool read_named_bytes(const Path& path);
  void read_limits(RequestField field, const Path& path);
  void check();
  void skip() { reader_.skip(); }
  std::string_view source(std::size_t begin) const {
    return text_.substr(begin, reader_.end_offset() - begin);
  }
  // The canonical text of the value at the reader; false after a fault.
  bool append_canonical(const Path& path, std::string& out);
  void fault(std::string_view code, const Path& path, std::string message, std::string hint = {}) {
    faults_.add({.code = code,
                 .message = std::move(message),
                 .pointer = pointer_to(path),
                 .offset = reader_.offset(),
                 .hint = std::move(hint)});
  }
  void wrong_type(const Path& path, std::string_view wanted) {
    fault("wrong_type", path,
          last_name(path) + " must be " + std::string(wanted) + ", not " +
              std::string(describe(reader_.token())));
    skip();
  }

  std::string_view text_;
  JsonReader reader_;
  CanonicalJson& canonical_;
  std::span<const dag::Worker> workers_;
  Faults faults_;
  Path root_;
  BatchRequest request_;
  std::uint32_t seen_ = 0;  // bit n: RequestField n was there
  bool has_operation_ = false;
  bool has_parameters_ = true;  // false: they were faulty
  bool has_arguments_ = true;
};

bool Reading::append_canonical(const Path& path, std::string& out) {
  const std::optional<JsonFault> problem = canonical_.append(out, reader_);
  if (!problem) return true;
  if (problem->kind != JsonFault::Kind::syntax) {
    faults_.add(
        {.code = problem->kind == JsonFault::Kind::number ? "out_of_range" : "duplicate_name",
         .message = problem->message,
         .pointer = pointer_to(path),
         .offset = problem->offset});
  }
  return false;
}

void Reading::read_id() {
  const std::size_t begin = reader_.offset();
  const JsonToken token = reader_.token();
  if (token != JsonToken::string && token != JsonToken::number) {
    return wrong_type(member(root_, "request_id"), "a string or a number");
  }
  request_.id = on_one_line(source(begin));
}

void Reading::read_operation() {
  const Path path = member(root_, "operation");
  if (reader_.token() != JsonToken::string) return wrong_type(path, "a string");
  request_.operation_name = reader_.text();
  has_operation_ = true;
  const auto known = dag::operation_named(request_.operation_name);
  request_.operation = known.value_or(Operation::external);
  if (known == Operation::map) {
    has_operation_ = false;
    return fault("unsupported", path, "map is an operation of programs",
                 "write one request for each element");
  }
  if (known) return;
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].name != request_.operation_name) continue;
    request_.operation = Operation::worker;
    request_.worker = dag::WorkerIndex{i};
    return;
  }
  if (is_operation_name(request_.operation_name)) return;
  has_operation_ = false;
  fault("invalid_value", path,
        "'" + request_.operation_name + "' cannot be the name of an operation",
        "letters, digits and _ . - make the name of a dsched-op-NAME");
}

void Reading::read_parameters(const Path& path) {
  has_parameters_ = false;
  if (reader_.token() != JsonToken::begin_object) return wrong_type(path, "an object");
  has_parameters_ = append_canonical(path, request_.parameters);
}

void Reading::read_arguments(const Path& path) {
  if (reader_.token() != JsonToken::begin_array) {
    has_arguments_ = false;
    return wrong_type(path, "an array");
  }
  for (std::size_t i = 0; reader_.next() != JsonToken::end_array; ++i) {
    if (reader_.token() == JsonToken::failed) return;
    read_argument(element(path, i));
  }
}

void Reading::read_argument(const Path& path) {
  RequestArgument& argument = request_.arguments.emplace_back();
  if (reader_.token() == JsonToken::string) {
    argument.value = reader_.text();
    return;
  }
  if (!append_canonical(path, argument.value)) return;
  if (argument.value.starts_with('{') && !read_named_bytes(path)) has_arguments_ = false;
}

// {"base64"}, {"path"} or {"key"}, and nothing else in it; false after a fault.
bool Reading::read_named_bytes(const Path& path) {
  RequestArgument& argument = request_.arguments.back();
  JsonReader object(argument.value);
  object.next();
  if (object.next() != JsonToken::name) return true;
  const std::string name(object.text());
  if (name != "base64" && name != "path" && name != "key") return true;
  if (object.next() != JsonToken::string) return true;
  std::string value(object.text());
  if (object.next() != JsonToken::end_object) return true;
  const Path inside = member(path, name);
  if (name == "base64") {
    std::optional<std::string> bytes = base64_decode(value);
    if (!bytes) {
      fault("invalid_value", inside, last_name(path) + " is not base64");
      return false;
    }
    value = std::move(*bytes);
  } else if (name == "path") {
    CleanPath cleaned = clean_path(value, PathUse::reads);
    if (cleaned.path.empty()) {
      fault("invalid_path", inside, std::move(cleaned.message), std::move(cleaned.hint));
      return false;
    }
    value = std::move(cleaned.path);
    argument.kind = RequestArgument::Kind::path;
  } else {
    argument.kind = RequestArgument::Kind::key;
  }
  argument.value = std::move(value);
  return true;
}

// The same rules as for nodes.
void Reading::read_limits(RequestField field, const Path& path) {
  TextArena arena;
  Values values(reader_, arena, faults_);
  dag::Settings settings;
  read_setting(field == RequestField::priority ? Field::priority : Field::timeout_s, path, values,
               settings);
  if (field == RequestField::priority) request_.priority = settings.priority;
  if (field == RequestField::timeout_s) request_.timeout = settings.timeout;
}

void Reading::read(RequestField field) {
  const Path path = member(root_, k_request_fields[static_cast<std::size_t>(field)]);
  switch (field) {
    case RequestField::request_id:
      return read_id();
    case RequestField::operation:
      return read_operation();
    case RequestField::parameters:
      return read_parameters(path);
    case RequestField::arguments:
      return read_arguments(path);
    case RequestField::priority:
    case RequestField::timeout_s:
      return read_limits(field, path);
    case RequestField::metadata: {
      const std::size_t begin = reader_.offset();
      skip();
      if (reader_.token() != JsonToken::failed) request_.metadata = on_one_line(source(begin));
      return;
    }
  }
}

void Reading::read_members() {
  while (reader_.next() == JsonToken::name) {
    const auto known = std::find(k_request_fields.begin(), k_request_fields.end(), reader_.text());
    if (known == k_request_fields.end()) {
      const std::string name(reader_.text());
      fault("unknown_field", member(root_, name), "a request has no field '" + name + "'",
            hint_for_field(name));
      reader_.next();
      skip();
      continue;
    }
    const auto number = static_cast<std::uint32_t>(known - k_request_fields.begin());
    const bool is_new = (seen_ >> number & 1U) == 0;
    if (!is_new) {
      fault("duplicate_name", member(root_, *known), "'" + std::string(*known) + "' stands twice");
    }
    seen_ |= 1U << number;
    reader_.next();
    if (is_new) {
      read(static_cast<RequestField>(number));
    } else {
      skip();
    }
  }
}

void Reading::check() {
  if (!has_operation_ && (seen_ >> static_cast<unsigned>(RequestField::operation) & 1U) == 0) {
    return fault("missing_field", root_, "the request has no operation");
  }
  if (!has_operation_ || !has_parameters_ || !has_arguments_) return;
  if (request_.parameters.empty()) request_.parameters = "{}";
  // Arguments have no names; their positions stand for them.
  std::vector<std::string> positions;
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i <= request_.arguments.size(); ++i) {
    positions.push_back(std::to_string(i));
  }
  names.assign(positions.begin(), positions.end());
  ParametersOut checked = check_parameters({request_.operation, request_.parameters, names},
                                           member(root_, "parameters"), faults_);
  if (!checked.text.empty()) request_.parameters = std::move(checked.text);
}

std::variant<BatchRequest, BadRequest> Reading::run(std::uint64_t line) {
  if (reader_.next() == JsonToken::begin_object) {
    read_members();
    if (reader_.token() != JsonToken::failed && reader_.next() == JsonToken::end) check();
  } else if (reader_.token() != JsonToken::failed) {
    fault("wrong_type", root_,
          "a request must be an object, not " + std::string(describe(reader_.token())));
    skip();
    reader_.next();
  }
  if (reader_.token() == JsonToken::failed) {
    faults_.add(
        {.code = "syntax", .message = reader_.error(), .pointer = {}, .offset = reader_.offset()});
  }
  if (faults_.empty()) return std::move(request_);
  BadRequest bad{std::move(request_.id), std::move(request_.metadata),
                 std::move(faults_).diagnostics(text_)};
  for (Diagnostic& diagnostic : bad.faults) {
    if (diagnostic.line > 0) diagnostic.line += static_cast<std::uint32_t>(line - 1);
  }
  return bad;
}

}  // namespace

RequestReader::RequestReader(std::span<const dag::Worker> workers) : workers_(workers) {}

std::variant<BatchRequest, BadRequest> RequestReader::read(std::string_view text,
                                                           std::uint64_t line) {
  return Reading(text, canonical_, workers_).run(line);
}

}  // namespace dsched::program
