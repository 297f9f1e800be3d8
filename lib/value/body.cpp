// SPDX-License-Identifier: Apache-2.0
#include "value/body.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "value/body_check.h"
#include "value/failure.h"
#include "value/operations.h"
#include "value/primitives.h"

namespace dsched::value {
namespace {

// A body with its operators looked up, made once for however many loops over it.
struct Compiled {
  struct CompiledStep {
    const Operation* operation = nullptr;  // none: a loop over `inner`
    std::unique_ptr<Compiled> inner;
    bool is_filter = false;
    bool depends_on_parameter = false;
    bool is_deferred = false;  // see mark_deferred()
  };
  const Body* body = nullptr;
  std::vector<CompiledStep> steps;
};

// What only inner loops need, and not as their sequence, stood inside of them in the program: it is
// not evaluated for an element that no inner loop goes over anything for.
void mark_deferred(Compiled& compiled) {
  const Body& body = *compiled.body;
  std::vector<bool> is_used(body.first_step() + body.steps.size());
  std::vector<bool> is_needed = is_used;  // for each element
  is_used[body.result] = true;
  is_needed[body.result] = true;
  for (std::size_t i = body.steps.size(); i-- > 0;) {
    const Step& step = body.steps[i];
    const std::size_t number = body.first_step() + i;
    const bool is_deferred = is_used[number] && !is_needed[number];
    compiled.steps[i].is_deferred = is_deferred;
    for (std::size_t k = 0; k < step.arguments.size(); ++k) {
      const bool is_capture = step.body != nullptr && k > 0;
      is_used[step.arguments[k]] = true;
      if (!is_deferred && !is_capture) is_needed[step.arguments[k]] = true;
    }
  }
}

// Recursion is as deep as bodies may nest (k_body_depth_max), which check_body() has seen to.
std::unique_ptr<Compiled> compile(const Body& body) {
  auto made = std::make_unique<Compiled>();
  made->body = &body;
  std::vector<bool> depends(body.first_step() + body.steps.size());
  depends[0] = true;
  std::size_t number = body.first_step();
  for (const Step& step : body.steps) {
    Compiled::CompiledStep& compiled = made->steps.emplace_back();
    if (step.body != nullptr) {
      compiled.inner = compile(*step.body);
      compiled.is_filter = step.operator_name == "default.filter";
    } else {
      compiled.operation = find_operation(step.operator_name);
    }
    compiled.depends_on_parameter =
        std::any_of(step.arguments.begin(), step.arguments.end(),
                    [&](std::uint32_t argument) { return depends[argument]; });
    depends[number++] = compiled.depends_on_parameter;
  }
  mark_deferred(*made);
  return made;
}

// A value for each element of a run, in the form that loops can use best.
struct Slot {
  bool is_known = false;
  bool is_single = false;  // one value for all elements
  Value single;
  std::optional<Column> column;  // an array; into `packed` or into the sequence
  Packed packed;
  std::vector<Value> values;  // where there is no array
  // Of a deferred step: the element that `single` was worked out for, counted from 1.
  std::size_t worked_out_for = 0;
};

Value value_at(const Slot& slot, std::size_t index) {
  if (slot.is_single) return slot.single;
  if (!slot.column) return slot.values[index];
  if (const auto* numbers = std::get_if<std::span<const double>>(&slot.column->data)) {
    return Value::number((*numbers)[index]);
  }
  if (const auto* integers = std::get_if<std::span<const std::int64_t>>(&slot.column->data)) {
    return Value::integer((*integers)[index]);
  }
  return Value::boolean(std::get<std::span<const std::uint8_t>>(slot.column->data)[index] != 0);
}

bool is_true_at(const Slot& slot, std::size_t index) {
  if (!slot.is_single && slot.column) {
    if (const auto* bits = std::get_if<std::span<const std::uint8_t>>(&slot.column->data)) {
      return (*bits)[index] != 0;
    }
  }
  return is_true(value_at(slot, index));
}

// How many elements go through the steps together: as many as keep a step's arrays in the cache,
// and fewer where there are so many steps that the arrays of all of them would be large.
std::size_t run_length(std::size_t steps) {
  constexpr std::size_t k_elements_max = 1024;
  constexpr std::size_t k_slots_max = std::size_t{1} << 20;
  return std::clamp<std::size_t>(k_slots_max / std::max<std::size_t>(steps, 1), 1, k_elements_max);
}

// One loop over one sequence.
class Loop {
 public:
  Loop(const Compiled& compiled, const Value& sequence, std::span<const Value> captures)
      : compiled_(compiled),
        body_(*compiled.body),
        sequence_(elements_of(sequence)),
        slots_(body_.first_step() + body_.steps.size()) {
    std::size_t number = 1;
    for (const Value& capture : captures) set_single(slots_[number++], capture);
    for (const Value& constant : body_.constants) set_single(slots_[number++], constant);
  }

  [[nodiscard]] Value map() {
    ListBuilder builder;
    builder.reserve(sequence_.size());
    run([&](std::size_t, std::size_t count) { append(builder, result(), count); });
    return builder.finish();
  }

  [[nodiscard]] Value filter() {
    ListBuilder builder;
    run([&](std::size_t begin, std::size_t count) {
      keep_true(builder, sequence_.as_values(), begin, count);
      keep_true(builder, sequence_.as_numbers(), begin, count);
      keep_true(builder, sequence_.as_integers(), begin, count);
      keep_true(builder, sequence_.as_booleans(), begin, count);
    });
    return builder.finish();
  }

 private:
  static void set_single(Slot& slot, Value value) {
    slot.is_known = true;
    slot.is_single = true;
    slot.single = std::move(value);
  }
  [[nodiscard]] const Slot& result() const { return slots_[body_.result]; }

  // Of all arrays of the sequence but one there are no elements.
  template <class Element>
  void keep_true(ListBuilder& builder, std::span<const Element> elements, std::size_t begin,
                 std::size_t count) const {
    if (elements.empty()) return;
    std::vector<Element> kept;
    for (std::size_t i = 0; i < count; ++i) {
      if (is_true_at(result(), i)) kept.push_back(elements[begin + i]);
    }
    if constexpr (std::is_same_v<Element, Value>) {
      for (const Value& element : kept) builder.add(element);
    } else {
      builder.add(std::span<const Element>(kept));
    }
  }

  static void append(ListBuilder& builder, const Slot& slot, std::size_t count) {
    if (slot.is_single || !slot.column) {
      for (std::size_t i = 0; i < count; ++i) builder.add(value_at(slot, i));
    } else {
      std::visit(
          [&](const auto& data) {
            if constexpr (!std::is_arithmetic_v<std::decay_t<decltype(data)>>) builder.add(data);
          },
          slot.column->data);
    }
  }

  template <class Done>
  void run(const Done& done) {
    const std::size_t length = run_length(body_.steps.size());
    for (std::size_t begin = 0; begin < sequence_.size(); begin += length) {
      const std::size_t count = std::min(length, sequence_.size() - begin);
      try {
        run_steps(begin, count);
      } catch (const Error& error) {
        fail_at_first(begin, error);
      }
      done(begin, count);
    }
  }

  // Something is wrong with the element `failing_` of the run. The ones before it have come as far
  // as that step only: one of them may fail in a later one.
  [[noreturn]] void fail_at_first(std::size_t begin, const Error& error) {
    const std::size_t failing = failing_;
    for (std::size_t i = 0; i < failing; ++i) {
      try {
        run_steps(begin + i, 1);
      } catch (const Error& earlier) {
        fail_at(begin + i, earlier);
      }
    }
    fail_at(begin + failing, error);
  }

  [[noreturn]] static void fail_at(std::size_t element, const Error& error) {
    throw Error(error.kind(), "element " + std::to_string(element) + ": " + error.what(),
                error.hint());
  }

  void run_steps(std::size_t begin, std::size_t count) {
    failing_ = 0;
    begin_ = begin;
    take_elements(begin, count);
    for (std::size_t i = 0; i < body_.steps.size(); ++i) {
      const Compiled::CompiledStep& compiled = compiled_.steps[i];
      Slot& slot = slots_[body_.first_step() + i];
      failing_ = 0;
      if (compiled.is_deferred) continue;
      if (!compiled.depends_on_parameter) {
        if (!slot.is_known) set_single(slot, run_for(body_.steps[i], compiled, 0));
      } else if (!run_arrays(body_.steps[i], compiled, slot, count)) {
        slot.column.reset();
        slot.values.clear();
        for (; failing_ < count; ++failing_) {
          slot.values.push_back(run_for(body_.steps[i], compiled, failing_));
        }
        pack(slot);
      }
    }
  }

  // The elements themselves become the parameter.
  void take_elements(std::size_t begin, std::size_t count) {
    Slot& slot = slots_[0];
    switch (sequence_.packing()) {
      case Packing::numbers:
        slot.column = Column{sequence_.as_numbers().subspan(begin, count)};
        return;
      case Packing::integers:
        slot.column = Column{sequence_.as_integers().subspan(begin, count)};
        return;
      case Packing::booleans:
        slot.column = Column{sequence_.as_booleans().subspan(begin, count)};
        return;
      case Packing::values:
        break;
    }
    const auto elements = sequence_.as_values().subspan(begin, count);
    slot.values.assign(elements.begin(), elements.end());
  }

  // What came out element by element may be fit for arrays in the steps that follow.
  static void pack(Slot& slot) {
    if (slot.values.empty() || slot.values[0].is(Kind::text) || slot.values[0].is(Kind::list)) {
      return;
    }
    slot.single = Value::list(slot.values);  // holds the array; no single value meanwhile
    slot.column = column_of(slot.single);
  }

  bool run_arrays(const Step& step, const Compiled::CompiledStep& compiled, Slot& slot,
                  std::size_t count) {
    const bool has_arrays =
        compiled.operation != nullptr && compiled.operation->elementwise != Elementwise::none;
    if (!has_arrays) return false;
    std::array<Column, 2> operands;
    std::size_t filled = 0;
    for (const std::uint32_t argument : step.arguments) {
      const Slot& from = slots_[argument];
      const auto column = from.is_single && !from.single.is(Kind::list) ? column_of(from.single)
                          : from.is_single                              ? std::nullopt
                                                                        : from.column;
      if (!column) return false;
      operands[filled++] = *column;
    }
    auto packed =
        run_elementwise(compiled.operation->elementwise, std::span(operands).first(filled), count);
    if (!packed) return false;
    slot.packed = std::move(*packed);
    slot.column = column_of(slot.packed);
    return true;
  }

  // One step for one element of the run.
  Value run_for(const Step& step, const Compiled::CompiledStep& compiled, std::size_t element) {
    if (compiled.operation == nullptr) return run_inner(step, compiled, element);
    std::vector<Value> arguments;
    arguments.reserve(step.arguments.size());
    for (const std::uint32_t argument : step.arguments) {
      arguments.push_back(value_at(slots_[argument], element));
    }
    return run_operation(*compiled.operation, {step.attributes, arguments});
  }

  Value run_inner(const Step& step, const Compiled::CompiledStep& compiled, std::size_t element) {
    const Value sequence = elements_of(value_at(slots_[step.arguments[0]], element));
    if (sequence.size() == 0) return sequence;
    std::vector<Value> captures;
    for (const std::uint32_t argument : std::span(step.arguments).subspan(1)) {
      work_out(argument, element);
      captures.push_back(value_at(slots_[argument], element));
    }
    Loop inner(*compiled.inner, sequence, captures);
    return compiled.is_filter ? inner.filter() : inner.map();
  }

  [[nodiscard]] bool is_there(std::uint32_t number, std::size_t element) const {
    if (number < body_.first_step()) return true;
    const Slot& slot = slots_[number];
    return !compiled_.steps[number - body_.first_step()].is_deferred || slot.is_known ||
           slot.worked_out_for == begin_ + element + 1;
  }

  // Evaluates a deferred step and what it needs of others. Without recursion: they may be many.
  void work_out(std::uint32_t number, std::size_t element) {
    std::vector<std::uint32_t> open{number};
    while (!open.empty()) {
      const std::uint32_t at = open.back();
      const std::size_t before = open.size();
      if (!is_there(at, element)) {
        const Step& step = body_.steps[at - body_.first_step()];
        const auto& compiled = compiled_.steps[at - body_.first_step()];
        add_missing(step, element, open);
        if (open.size() > before) continue;
        Value made = run_for(step, compiled, element);
        Slot& slot = slots_[at];
        slot.is_single = true;
        slot.single = std::move(made);
        slot.is_known = !compiled.depends_on_parameter;
        slot.worked_out_for = begin_ + element + 1;
      }
      open.pop_back();
    }
  }

  // Adds the arguments that must be worked out before: of an inner loop its sequence, and then, if
  // there is anything in that, the captures.
  void add_missing(const Step& step, std::size_t element, std::vector<std::uint32_t>& missing) {
    std::span<const std::uint32_t> arguments(step.arguments);
    if (step.body != nullptr) {
      const std::uint32_t sequence = arguments[0];
      if (!is_there(sequence, element)) return missing.push_back(sequence);
      if (elements_of(value_at(slots_[sequence], element)).size() == 0) return;
    }
    for (const std::uint32_t argument : arguments) {
      if (!is_there(argument, element)) missing.push_back(argument);
    }
  }

  const Compiled& compiled_;
  const Body& body_;
  Value sequence_;
  std::vector<Slot> slots_;
  std::size_t begin_ = 0;    // the first element of the run
  std::size_t failing_ = 0;  // the one of the run that is being evaluated, counted from there
};

Loop loop_of(const Compiled& compiled, const Value& sequence, std::span<const Value> captures) {
  if (captures.size() != compiled.body->captures) {
    fail("the body captures " + std::to_string(compiled.body->captures) + " values, not " +
         std::to_string(captures.size()));
  }
  return Loop(compiled, sequence, captures);
}

}  // namespace

Value map(const Body& body, const Value& sequence, std::span<const Value> captures) {
  check_body(body);
  const auto compiled = compile(body);
  return loop_of(*compiled, sequence, captures).map();
}

Value filter(const Body& body, const Value& sequence, std::span<const Value> captures) {
  check_body(body);
  const auto compiled = compile(body);
  return loop_of(*compiled, sequence, captures).filter();
}

}  // namespace dsched::value
