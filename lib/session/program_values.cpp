// SPDX-License-Identifier: Apache-2.0
#include "session/program_values.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "value/encoding.h"
#include "value/files.h"
#include "value/primitives.h"
#include "value/text.h"

namespace dsched::session {
namespace {

using value::Kind;
using value::Value;

// Values that are kept beside their bytes: less is read from its bytes faster than it is found.
constexpr std::size_t k_kept_bytes_min = 256;
constexpr std::size_t k_kept_bytes_max = std::size_t{256} << 20;
constexpr std::size_t k_calls_max = 4096;

// A command's output is a text, or bytes where it is none.
Value line_of(std::string&& output) {
  if (output.ends_with('\n')) output.pop_back();
  if (!is_utf8(output)) return Value::bytes(std::move(output));
  return Value::text(std::move(output));
}

Value value_from(dag::Form form, std::string&& bytes) {
  switch (form) {
    case dag::Form::value:
      return value::decode(bytes);
    case dag::Form::line:
      return line_of(std::move(bytes));
    case dag::Form::bytes:
      break;
  }
  return Value::bytes(std::move(bytes));
}

double number_of(const Value& value, const char* what) {
  if (value.is(Kind::number)) return value.as_number();
  if (value.is(Kind::integer)) {
    if (const auto number = value.as_integer().as_double()) return *number;
  }
  throw Error(ErrorKind::node_failed, std::string("test.timewaste: ") + what +
                                          " must be a number, not " +
                                          std::string(value::describe(value.kind())));
}

// Work for the sake of it, as much for the same arguments as anybody else's: a matrix of five times
// the size is gone through for each iteration.
Value waste_time(std::span<const Value> arguments, const std::function<bool()>& is_over) {
  const double size = std::clamp(std::fabs(number_of(arguments[0], "the size")), 1.0, 1000.0);
  const double times =
      std::clamp(std::trunc(std::fabs(number_of(arguments[1], "the iterations"))), 1.0, 10'000.0);
  const auto side = static_cast<std::uint64_t>(std::max(10.0, std::trunc(size * 5)));
  double sum = 0;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(times); ++i) {
    std::uint64_t state = i + static_cast<std::uint64_t>(size);
    for (std::uint64_t row = 0; row < side; ++row) {
      for (std::uint64_t column = 0; column < side; ++column) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        sum += std::sin(static_cast<double>(state >> 40));
      }
      if (is_over()) return Value::number(sum);
    }
  }
  return Value::number(sum / times);
}

// `arguments` are those of the graph's node; of a loop the sequence and what its body captures.
Value compute(const std::string& name, const std::string& attributes, const value::Body* body,
              std::span<const Value> arguments, const std::function<bool()>& is_over) {
  if (body != nullptr) {
    return name == "default.filter" ? value::filter(*body, arguments[0], arguments.subspan(1))
                                    : value::map(*body, arguments[0], arguments.subspan(1));
  }
  if (name == "constant" || name == "test.impure") return arguments[0];
  if (name == "default.print_primitive") {
    return Value::text(value::text_of(arguments[0]) + "=" + value::text_of(arguments[1]));
  }
  if (name == "default.load") {
    if (arguments[0].is(Kind::list)) return arguments[0];
    return value::loaded(value::text_of(arguments[0]), std::string(arguments[1].as_text()));
  }
  if (name == "test.timewaste") return waste_time(arguments, is_over);
  return value::apply(name, attributes, arguments);
}

}  // namespace

const ProgramValues::Call& ProgramValues::call_of(NodeIndex node) {
  const std::string_view parameters = dag_.node(node).parameters;
  const auto known = calls_.find(parameters.data());
  if (known != calls_.end()) return known->second;
  if (calls_.size() >= k_calls_max) calls_.clear();
  Call call;
  JsonReader reader(parameters);
  reader.next();
  while (reader.next() == JsonToken::name) {
    const std::string name(reader.text());
    reader.next();
    const std::size_t begin = reader.offset();
    if (name == "arguments") {
      call.is_plain = false;
      while (reader.next() != JsonToken::end_array) {
        if (reader.token() == JsonToken::string) {
          call.arguments.emplace_back(value::from_json(reader.text()));
        } else {
          const auto number = number_from_json(reader.text());
          call.arguments.emplace_back(static_cast<std::uint32_t>(number->unsigned_integer - 1));
        }
      }
      continue;
    }
    reader.skip();
    const std::string_view text = parameters.substr(begin, reader.end_offset() - begin);
    if (name == "attributes") call.attributes = text;
    if (name == "body") {
      call.body = std::make_shared<const value::Body>(value::body_from_text(text));
    }
  }
  return calls_.emplace(parameters.data(), std::move(call)).first->second;
}

void ProgramValues::keep(NodeIndex node, const Value& value, std::size_t bytes) {
  if (bytes < k_kept_bytes_min || bytes > k_kept_bytes_max / 4) return;
  if (kept_bytes_ + bytes > k_kept_bytes_max) {
    kept_.clear();
    kept_bytes_ = 0;
  }
  kept_bytes_ += bytes;
  kept_.insert_or_assign(node, value);
}

std::optional<Value> ProgramValues::value(NodeIndex node) {
  if (!kept_.empty()) {
    if (const auto kept = kept_.find(node); kept != kept_.end()) return kept->second;
  }
  if (values_.is_in_process(node)) {
    const std::string& bytes = values_.value(node);
    if (dag_.form_of(node) != dag::Form::value) {
      return value_from(dag_.form_of(node), std::string(bytes));
    }
    Value value = value::decode(bytes);
    keep(node, value, bytes.size());
    return value;
  }
  std::optional<std::string> bytes;
  try {
    bytes = values_.bytes(node, UINT64_MAX);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
  }
  if (!bytes) return std::nullopt;
  const std::size_t size = bytes->size();
  Value value = value_from(dag_.form_of(node), std::move(*bytes));
  keep(node, value, size);
  return value;
}

std::variant<std::vector<Value>, LostArgument> ProgramValues::arguments(NodeIndex node) {
  const auto own = dag_.arguments(node);
  const Call& call = call_of(node);
  std::vector<Value> values;
  const std::size_t count = call.is_plain ? own.size() : call.arguments.size();
  values.reserve(own.size() + count);
  // A load's file and what a loop captures are not among those that parameters name.
  std::uint32_t taken = 0;
  const auto take = [&](std::uint32_t position) {
    taken = std::max(taken, position + 1);
    auto one = value(own[position]);
    if (one) values.push_back(std::move(*one));
    return one.has_value();
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!call.is_plain) {
      if (const auto* constant = std::get_if<Value>(&call.arguments[i])) {
        values.push_back(*constant);
        continue;
      }
    }
    const std::uint32_t position = call.is_plain ? i : std::get<std::uint32_t>(call.arguments[i]);
    if (!take(position)) return LostArgument{own[position]};
  }
  while (taken < own.size()) {
    if (const std::uint32_t position = taken; !take(position)) return LostArgument{own[position]};
  }
  return values;
}

NoValue ProgramValues::fault(NodeIndex node, const std::string& cause) const {
  const std::string place = dag_.place_of(node);
  return {place.empty() ? cause : place + ": " + cause};
}

ProgramValues::Evaluated ProgramValues::evaluate(NodeIndex node) {
  try {
    auto given = arguments(node);
    if (const auto* lost = std::get_if<LostArgument>(&given)) return *lost;
    const Call& call = call_of(node);
    const Value made =
        compute(std::string(dag_.operation_name(node)), call.attributes, call.body.get(),
                std::get<std::vector<Value>>(given), [] { return false; });
    std::string bytes;
    value::encode(bytes, made);
    keep(node, made, bytes.size());
    return bytes;
  } catch (const Error& error) {
    return fault(node, error.what());
  }
}

std::variant<executor::ComputeWork, LostArgument> ProgramValues::computation(NodeIndex node) {
  auto given = arguments(node);
  if (const auto* lost = std::get_if<LostArgument>(&given)) return *lost;
  const Call& call = call_of(node);
  executor::ComputeWork work;
  work.compute = [name = std::string(dag_.operation_name(node)), attributes = call.attributes,
                  body = call.body, arguments = std::move(std::get<std::vector<Value>>(given)),
                  place = dag_.place_of(node)](
                     const std::function<bool()>& is_over) -> executor::ComputeWork::Outcome {
    try {
      std::string bytes;
      value::encode(bytes, compute(name, attributes, body.get(), arguments, is_over));
      return bytes;
    } catch (const Error& error) {
      return executor::ComputeWork::Problem{(place.empty() ? "" : place + ": ") + error.what()};
    }
  };
  return work;
}

std::variant<std::vector<std::string>, NoValue> ProgramValues::elements(NodeIndex map,
                                                                        const Value& list) {
  try {
    const Value all = value::elements_of(list);
    std::vector<std::string> elements(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) value::encode(elements[i], all.at(i));
    return elements;
  } catch (const Error& error) {
    return fault(map, error.what());
  }
}

ProgramValues::Evaluated ProgramValues::gather(NodeIndex map) {
  const dag::Expansion& expansion = *dag_.maps().of(map);
  const bool is_filter = dag_.maps().template_of(map).kind == dag::MapKind::filtered;
  try {
    value::ListBuilder results;
    for (std::uint32_t i = 0; i < expansion.elements; ++i) {
      const NodeIndex node = expansion.result(i);
      const auto result = value(node);
      if (!result) return LostArgument{node};
      if (!is_filter) {
        results.add(*result);
      } else if (value::is_true(*result)) {
        results.add(*value(expansion.value(i)));
      }
    }
    const Value made = results.finish();
    std::string bytes;
    value::encode(bytes, made);
    keep(map, made, bytes.size());
    return bytes;
  } catch (const Error& error) {
    return fault(map, error.what());
  }
}

std::string ProgramValues::saved_text(const Value& value, std::string_view path) {
  constexpr std::size_t k_indent = 2;
  std::string ending(path.substr(path.size() - std::min<std::size_t>(path.size(), 5)));
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return ending == ".json" ? value::json_of(value, k_indent) : value::text_of(value);
}

std::string ProgramValues::file_text(const Value& value) {
  if (value.is(Kind::text) || value.is(Kind::bytes)) return std::string(value.as_text());
  return value::strict_json_of(value);
}

std::string readable_bytes(const dag::Dag& dag, NodeIndex node, std::string&& bytes) {
  if (is_readable(dag, node)) return std::move(bytes);
  const Value value = value::decode(bytes);
  return value.is(Kind::bytes) ? std::string(value.as_text()) : value::text_of(value);
}

}  // namespace dsched::session
