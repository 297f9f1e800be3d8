// SPDX-License-Identifier: Apache-2.0
#include "program/parameters.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/json_reader.h"
#include "base/text.h"
#include "program/fields.h"

namespace dsched::program {
namespace {

using dag::Operation;

constexpr double k_sleep_s_max = 366.0 * 24 * 3600;

struct Names {
  std::array<std::string_view, 2> all;
  std::size_t count;
  [[nodiscard]] std::vector<std::string_view> list() const {
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)};
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return (count > 0 && all[0] == name) || (count > 1 && all[1] == name);
  }
};

Names names_for(Operation operation) {
  switch (operation) {
    case Operation::shell:
      return {{"command", "stdin"}, 2};
    case Operation::exec:
      return {{"argv", "stdin"}, 2};
    case Operation::constant:
      return {{"value"}, 1};
    case Operation::read_file:
    case Operation::write_file:
      return {{"path"}, 1};
    case Operation::concat:
      return {{"separator"}, 1};
    case Operation::sleep:
      return {{"seconds", "duration_s"}, 2};
    default:
      return {{}, 0};
  }
  return {{}, 0};
}

class Check {
 public:
  Check(const ParametersIn& in, const Path& path, Faults& faults)
      : in_(in), path_(path), faults_(faults), reader_(in.canonical) {}

  ParametersOut run() {
    reader_.next();
    while (reader_.next() == JsonToken::name) {
      const std::string name(reader_.text());
      const Path at = member(path_, name);
      reader_.next();
      read(name, at);
    }
    finish();
    return std::move(out_);
  }

 private:
  void read(std::string_view name, const Path& at);
  void read_command(const Path& at);
  void read_argv(const Path& at);
  void read_stdin(const Path& at);
  void read_path(const Path& at);
  void read_seconds(const Path& at);
  std::optional<std::uint64_t> read_argument(const Path& at);
  std::uint64_t position_from(std::string_view digits) const;
  std::optional<std::string> read_string(const Path& at);
  void finish();
  void require(bool is_there, std::string_view name);
  void fault(std::string_view code, const Path& at, std::string message, std::string hint = {}) {
    faults_.add({.code = code,
                 .message = std::move(message),
                 .pointer = pointer_to(at),
                 .hint = std::move(hint)});
  }
  void wrong_type(const Path& at, std::string_view wanted) {
    fault("wrong_type", at,
          last_name(at) + " must be " + std::string(wanted) + ", not " +
              std::string(describe(reader_.token())));
    reader_.skip();
  }

  const ParametersIn& in_;
  const Path& path_;
  Faults& faults_;
  JsonReader reader_;
  ParametersOut out_;
  // What was given, also when it was faulty.
  bool has_main_ = false;  // the parameter the operation cannot do without
  std::string command_;
  std::string_view argv_;               // its canonical text
  std::optional<std::uint64_t> stdin_;  // from 1
  std::string_view seconds_;            // canonical number
  bool is_rewritten_ = false;
  bool has_unknown_ = false;
};

void Check::read(std::string_view name, const Path& at) {
  const bool is_its_own =
      in_.operation == Operation::external || in_.operation == Operation::worker;
  if (is_its_own) return reader_.skip();
  const Names known = names_for(in_.operation);
  if (!known.has(name)) {
    has_unknown_ = true;
    std::string hint = suggest(name, known.list());
    if (hint.empty()) {
      for (const std::string_view one : known.list())
        hint += (hint.empty() ? "known: " : ", ") + std::string(one);
    }
    fault(
        "unknown_parameter", at,
        std::string(dag::name_of(in_.operation)) + " has no parameter '" + std::string(name) + "'",
        std::move(hint));
    return reader_.skip();
  }
  if (name == "stdin") return read_stdin(at);
  if (name == "separator") {
    (void)read_string(at);
    return;
  }
  if (name == "command") return read_command(at);
  if (name == "argv") return read_argv(at);
  if (name == "path") return read_path(at);
  if (name == "value") {
    has_main_ = true;
    return reader_.skip();
  }
  read_seconds(at);
}

// A string without null characters, which neither a path nor an argument can hold.
std::optional<std::string> Check::read_string(const Path& at) {
  if (reader_.token() != JsonToken::string) {
    wrong_type(at, "a string");
    return std::nullopt;
  }
  std::string text(reader_.text());
  if (in_.operation != Operation::concat && text.find('\0') != std::string::npos) {
    fault("invalid_value", at, last_name(at) + " holds a null character");
    return std::nullopt;
  }
  return text;
}

void Check::read_command(const Path& at) {
  has_main_ = true;
  if (reader_.token() != JsonToken::begin_array) {
    if (reader_.token() != JsonToken::string)
      return wrong_type(at, "a string or an array of lines");
    command_ = read_string(at).value_or("");
    return;
  }
  is_rewritten_ = true;
  for (std::size_t i = 0; reader_.next() != JsonToken::end_array; ++i) {
    if (i > 0) command_ += '\n';
    command_ += read_string(element(at, i)).value_or("");
  }
}

void Check::read_argv(const Path& at) {
  has_main_ = true;
  if (reader_.token() != JsonToken::begin_array) {
    return wrong_type(at, "an array of strings and {\"argument\": N}");
  }
  const std::size_t begin = reader_.offset();
  std::size_t count = 0;
  for (; reader_.next() != JsonToken::end_array; ++count) {
    const Path one = element(at, count);
    if (reader_.token() == JsonToken::begin_object && count > 0) {
      (void)read_argument(one);
    } else if (reader_.token() == JsonToken::string) {
      if (read_string(one) == "" && count == 0)
        fault("invalid_value", one, "argv[0] is empty, but it names the executable");
    } else {
      wrong_type(
          one, count == 0 ? "a string that names the executable" : "a string or {\"argument\": N}");
    }
  }
  if (count == 0) fault("invalid_value", at, "argv is empty, but argv[0] names the executable");
  argv_ = in_.canonical.substr(begin, reader_.end_offset() - begin);
}

// Reads {"argument": N}; the number counts from 1.
std::optional<std::uint64_t> Check::read_argument(const Path& at) {
  const std::uint32_t outside = reader_.depth() - 1;
  const auto leave = [&] {
    while (reader_.depth() > outside) reader_.next();
  };
  if (reader_.next() != JsonToken::name || reader_.text() != "argument") {
    leave();
    fault("invalid_value", at, last_name(at) + " must be {\"argument\": N}");
    return std::nullopt;
  }
  const Path inside = member(at, "argument");
  std::uint64_t position = 0;  // none
  if (reader_.next() != JsonToken::number) {
    wrong_type(inside, "a whole number");
  } else {
    position = position_from(reader_.text());
    if (position == 0) {
      fault("out_of_range", inside,
            "argument is " + std::string(reader_.text()) + ", but " +
                (in_.arguments.empty()
                     ? std::string("the node has no arguments")
                     : "the node's arguments are 1 to " + std::to_string(in_.arguments.size())));
    }
  }
  if (reader_.next() == JsonToken::name)
    fault("unknown_field", at, last_name(at) + " has more than \"argument\"");
  leave();
  if (position == 0) return std::nullopt;
  return position;
}

// The number of an argument that the node has, else 0.
std::uint64_t Check::position_from(std::string_view digits) const {
  const JsonNumber number = number_from_json(digits).value_or(JsonNumber{});
  const bool is_whole = number.kind == JsonNumber::Kind::unsigned_integer;
  return is_whole && number.unsigned_integer <= in_.arguments.size() ? number.unsigned_integer : 0;
}

void Check::read_stdin(const Path& at) {
  is_rewritten_ = true;
  if (reader_.token() == JsonToken::begin_object) {
    stdin_ = read_argument(at);
    return;
  }
  if (reader_.token() != JsonToken::string) return wrong_type(at, "the id of one of the arguments");
  const auto found = std::find(in_.arguments.begin(), in_.arguments.end(), reader_.text());
  if (found == in_.arguments.end()) {
    const std::vector<std::string_view> known(in_.arguments.begin(), in_.arguments.end());
    const std::string near = suggest(reader_.text(), known);
    return fault("unknown_argument", at,
                 "stdin '" + std::string(reader_.text()) + "' is not one of the node's arguments",
                 near.empty() ? "name it in \"arguments\", too" : near);
  }
  stdin_ = static_cast<std::uint64_t>(found - in_.arguments.begin()) + 1;
}

void Check::read_path(const Path& at) {
  has_main_ = true;
  const std::optional<std::string> written = read_string(at);
  if (!written) return;
  CleanPath cleaned = clean_path(
      *written, in_.operation == Operation::write_file ? PathUse::writes : PathUse::reads);
  if (cleaned.path == "." && cleaned.message.empty()) {
    cleaned = {{}, "path '" + *written + "' is the program's folder, not a file", {}};
  }
  if (cleaned.path.empty())
    return fault("invalid_path", at, std::move(cleaned.message), std::move(cleaned.hint));
  is_rewritten_ = cleaned.path != *written;
  out_.path = std::move(cleaned.path);
}

void Check::read_seconds(const Path& at) {
  if (has_main_) {
    return fault("invalid_value", at, "seconds and duration_s are two names of one parameter",
                 "give one of them");
  }
  has_main_ = true;
  is_rewritten_ = at.name != "seconds";
  if (reader_.token() != JsonToken::number) return wrong_type(at, "a number");
  seconds_ = in_.canonical.substr(reader_.offset(), reader_.text().size());
  const std::optional<JsonNumber> number = number_from_json(seconds_);
  if (!number || number->as_double() < 0 || number->as_double() > k_sleep_s_max) {
    fault("out_of_range", at,
          std::string(at.name) + " is " + std::string(seconds_) +
              ", but must be 0 to 31622400 (366 days)");
  }
}

void Check::require(bool is_there, std::string_view name) {
  // A misspelt name was reported, and most likely it was this one.
  if (is_there || has_unknown_) return;
  fault("missing_parameter", path_,
        std::string(dag::name_of(in_.operation)) + " needs the parameter '" + std::string(name) +
            "'");
}

// What can be said only when all parameters were seen; then writes the normal form.
void Check::finish() {
  const auto add_stdin = [&](std::string_view comma) {
    if (!stdin_) return;
    out_.text += comma;
    out_.text += "\"stdin\":{\"argument\":" + std::to_string(*stdin_) + "}";
  };
  switch (in_.operation) {
    case Operation::shell:
      require(has_main_, "command");
      if (!is_rewritten_) return;
      out_.text = "{\"command\":";
      append_json_string(out_.text, command_);
      add_stdin(",");
      break;
    case Operation::exec:
      require(has_main_, "argv");
      if (!is_rewritten_) return;
      out_.text = "{\"argv\":";
      out_.text += argv_;
      add_stdin(",");
      break;
    case Operation::constant:
      return require(has_main_, "value");
    case Operation::read_file:
    case Operation::write_file:
      require(has_main_, "path");
      if (in_.operation == Operation::write_file && in_.arguments.size() != 1) {
        fault("invalid_value", *path_.parent,
              "write_file needs exactly one argument, the node whose result is written, not " +
                  std::to_string(in_.arguments.size()));
      }
      if (!is_rewritten_) return;
      out_.text = "{\"path\":";
      append_json_string(out_.text, out_.path);
      break;
    case Operation::sleep:
      require(has_main_, "seconds");
      if (!is_rewritten_) return;
      out_.text = "{\"seconds\":";
      out_.text += seconds_;
      break;
    default:
      return;
  }
  out_.text += '}';
}

}  // namespace

ParametersOut check_parameters(const ParametersIn& in, const Path& path, Faults& faults) {
  return Check(in, path, faults).run();
}

}  // namespace dsched::program
