// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests share that play session and executor for an execution, with dice or by hand.

#include <deque>
#include <random>
#include <span>
#include <string>

#include "dag/builder.h"
#include "engine/execution.h"

namespace dsched::engine {

struct Dice {
  explicit Dice(std::uint64_t seed) : source(seed) {}
  std::uint32_t below(std::uint64_t limit) { return static_cast<std::uint32_t>(source() % limit); }
  std::mt19937_64 source;
};

struct ShellNode {
  dag::Settings settings;
  std::vector<std::string_view> arguments;
  std::string_view parameters = "{}";
};

// Adds it as the next of n0, n1, …, whose names are kept in `names`.
inline void add_numbered(dag::Builder& builder, std::deque<std::string>& names,
                         const ShellNode& node) {
  dag::NewNode added;
  names.push_back("n" + std::to_string(names.size()));
  added.node.node_id = names.back();
  added.node.parameters = node.parameters;
  added.node.operation = dag::Operation::shell;
  added.node.settings = builder.add_settings(node.settings);
  added.arguments = node.arguments;
  (void)builder.add_node(added);
}

inline dag::Dag built(dag::Builder&& builder) {
  auto made = std::move(builder).build();
  return std::get<dag::Dag>(std::move(made));
}

// Performs all effects, and those that come of it, until the engine has nothing more to say.
// `check` is called after each round.
template <class Perform, class Check>
void settle(Execution& execution, Instant now, Effects& effects, const Perform& perform,
            const Check& check) {
  do {
    Effects batch;
    batch.swap(effects);
    for (const Effect& effect : batch) std::visit(perform, effect);
    check();
    if (effects.empty()) execution.dispatch(now, effects);
  } while (!effects.empty());
}

}  // namespace dsched::engine
