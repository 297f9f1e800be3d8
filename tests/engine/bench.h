// SPDX-License-Identifier: Apache-2.0
#pragma once
// An execution on a test bench: nodes by name, facts in, every effect kept until it is asked for.
//
// settle() answers what a session would answer at once: Examine with MustRun (or as the test said),
// Evaluate with success, Withdraw with AttemptWithdrawn unless the attempt has begun, then
// dispatch. Attempts begin and end only when the test says so. check_quiet() fails when an effect
// was left unseen.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "play.h"

namespace dsched::engine::test {

// Node ids in the order things happened to them.
struct Ids : std::vector<std::string> {
  using vector::vector;
};
inline std::ostream& operator<<(std::ostream& out, const Ids& ids) {
  for (const std::string& id : ids) out << id << ' ';
  return out;
}

// What of a machine of eight slots an execution holds, and owes of it.
inline Leased lease_of(std::uint32_t held, std::uint32_t due = 0) {
  Leased fact;
  fact.holding.held = {held};
  fact.holding.due = {due};
  fact.machine = {8};
  return fact;
}

struct Settled {
  std::string id;
  NodeState state = NodeState::completed;
  Reason reason = Reason::none;
  FailureClass failure = FailureClass::none;
  std::string because;
  Nanoseconds retry_in{0};
};

struct Controlled {
  std::string id;
  TreeControl control = TreeControl::terminate;
  bool operator==(const Controlled&) const = default;
};

class Bench {
 public:
  Bench() : builder_(nullptr) { builder_.set_names("bench", {}); }

  // `needs` are order only; give arguments in `arguments`.
  Bench& node(std::string_view id, std::vector<std::string_view> needs = {},
              const dag::Settings& settings = {}, std::vector<std::string_view> arguments = {}) {
    return add(id, "{}", needs, settings, arguments);
  }
  // Its one argument is its standard input.
  Bench& reader(std::string_view id, std::string_view of, const dag::Settings& settings = {},
                std::vector<std::string_view> needs = {}) {
    return add(id, R"({"command":"","stdin":{"argument":1}})", needs, settings, {of});
  }
  Bench& add(std::string_view id, std::string_view parameters, std::vector<std::string_view> needs,
             const dag::Settings& settings, std::vector<std::string_view> arguments) {
    dag::NewNode added;
    added.node.node_id = keep(id);
    added.node.parameters = parameters;
    added.node.operation = dag::Operation::shell;
    added.node.settings = builder_.add_settings(settings);
    for (std::string_view& argument : arguments) argument = keep(argument);
    added.arguments = arguments;
    (void)builder_.add_node(added);
    for (const std::string_view need : needs) {
      builder_.add_dependency({keep(id), keep(need)});
    }
    return *this;
  }
  // A map over `list`; `elements` says of how many when it is expanded. Its nodes are shell nodes.
  Bench& map(std::string_view id, std::string_view list, const dag::Settings& settings = {}) {
    dag::TemplateNode made;
    made.node.operation = dag::Operation::shell;
    made.node.parameters = "{}";
    made.node.settings = builder_.add_settings(settings);
    made.arguments = {{}};
    return map_of(id, list, std::move(made));
  }
  // A map whose elements are maps.
  Bench& map_of_maps(std::string_view id, std::string_view list) {
    dag::TemplateNode inner;
    inner.node.operation = dag::Operation::shell;
    inner.node.parameters = "{}";
    inner.arguments = {{}};
    dag::TemplateNode outer;
    outer.node.operation = dag::Operation::map;
    outer.node.parameters = "{}";
    outer.arguments = {{}};
    outer.inner = builder_.add_template({dag::MapKind::bytes, {std::move(inner)}, 0});
    return map_of(id, list, std::move(outer));
  }
  Bench& worker(std::string_view name, std::uint32_t max_batch, std::uint32_t instances = 1) {
    dag::Worker worker;
    worker.name = name;
    worker.max_batch = max_batch;
    worker.instances = instances;
    builder_.add_worker(std::move(worker));
    return *this;
  }
  // A request to the worker `name`.
  Bench& request(std::string_view id, std::string_view name, const dag::Settings& settings = {}) {
    dag::NewNode added;
    added.node.node_id = keep(id);
    added.node.parameters = "{}";
    added.node.operation = dag::Operation::external;
    added.node.operation_name = builder_.add_operation_name(keep(name));
    added.node.settings = builder_.add_settings(settings);
    (void)builder_.add_node(added);
    return *this;
  }
  PoolIndex pool(std::string_view name, std::uint32_t limit) {
    builder_.add_pool({keep(name), Slots{limit}});
    return builder_.pool_named(keep(name));
  }

  // Makes the execution without beginning it, so that a test may recall things first.
  Bench& prepare(const Options& options = {}) {
    auto built = std::move(builder_).build();
    REQUIRE(std::holds_alternative<dag::Dag>(built));
    dag_ = std::make_unique<dag::Dag>(std::move(std::get<dag::Dag>(built)));
    plan.resize(dag_->size());
    execution_ = std::make_unique<Execution>(*dag_, options, plan);
    return *this;
  }
  Bench& begin(const Options& options = {}) {
    if (!execution_) prepare(options);
    execution_->begin(effects_);
    settle();
    return *this;
  }

  void settle() {
    engine::settle(
        *execution_, now, effects_, [this](const auto& what) { perform(what); }, [] {});
  }

  void apply(const Fact& fact) {
    execution_->apply(now, fact, effects_);
    settle();
  }
  // The attempt can no longer be taken back; its start is on the way.
  void will_begin(std::string_view id) { begun_[std::string(id)] = true; }
  // The attempt really begins.
  void start(std::string_view id) {
    begun_[std::string(id)] = true;
    apply(AttemptStarted{find(id)});
  }
  void end(std::string_view id, FailureClass failure = FailureClass::none, double jitter = 0) {
    begun_[std::string(id)] = false;
    apply(AttemptEnded{find(id), failure, jitter});
  }
  void run(std::string_view id, FailureClass failure = FailureClass::none) {
    start(id);
    end(id, failure);
  }
  // Time passes; timers that are due fire.
  void pass(Nanoseconds by) {
    now += by;
    apply(Tick{});
  }

  [[nodiscard]] NodeIndex find(std::string_view id) const {
    const auto node = dag_->find(id);
    REQUIRE(node);
    return *node;
  }
  [[nodiscard]] Phase phase(std::string_view id) const { return execution_->phase(find(id)); }
  [[nodiscard]] Execution& execution() { return *execution_; }
  [[nodiscard]] const dag::Dag& dag() const { return *dag_; }

  // What came out since the last look.
  Ids granted() { return std::exchange(granted_, {}); }
  Ids examined() { return std::exchange(examined_, {}); }
  Ids withdrawn() { return std::exchange(withdrawn_, {}); }
  std::vector<Settled> settled() { return std::exchange(settled_, {}); }
  std::vector<Controlled> controlled() { return std::exchange(controlled_, {}); }
  std::optional<ExecutionStatus> ended() { return std::exchange(ended_, {}); }
  std::uint32_t number(std::string_view id) const { return numbers_.at(std::string(id)); }
  void forget() { granted(), examined(), withdrawn(), settled(), controlled(), ended(); }
  void check_quiet() {
    CHECK(granted_.empty());
    CHECK(withdrawn_.empty());
    CHECK(settled_.empty());
    CHECK(controlled_.empty());
    CHECK_FALSE(ended_);
  }

  // The instance that a request was last given to.
  std::uint32_t instance(std::string_view id) const { return instances_.at(std::string(id)); }

  std::map<std::string, std::uint32_t> elements;  // of maps, by node id; else 1
  std::vector<NodePlan> plan;           // fill in before prepare(); shorter ones are completed
  std::map<std::string, Fact> answers;  // to Examine and Expand, by node id; else MustRun
  Instant now{std::chrono::seconds{1000}};

  std::vector<std::string> recalled;  // nodes of expansions that an earlier runner completed
  Expanded::Wanted wanted = Expanded::Wanted::all;

 private:
  Bench& map_of(std::string_view id, std::string_view list, dag::TemplateNode made) {
    dag::NewNode added;
    added.node.node_id = keep(id);
    added.node.parameters = "{}";
    added.node.operation = dag::Operation::map;
    const std::string_view arguments[] = {keep(list)};
    added.arguments = arguments;
    added.template_index = builder_.add_template({dag::MapKind::bytes, {std::move(made)}, 0});
    (void)builder_.add_node(added);
    return *this;
  }
  std::string_view keep(std::string_view text) {
    return *texts_.emplace_back(std::make_unique<std::string>(text));
  }
  [[nodiscard]] std::string id(NodeIndex node) const {
    return std::string(dag_->node(node).node_id);
  }
  [[nodiscard]] Fact must_run(NodeIndex node) const {
    return MustRun{node, dag_->settings(node).approval.has_value()};
  }
  void perform(const Examine& effect) {
    examined_.push_back(id(effect.node));
    const auto answer = answers.find(id(effect.node));
    const Fact fact = answer == answers.end() ? must_run(effect.node) : answer->second;
    execution_->apply(now, fact, effects_);
  }
  void perform(const Evaluate& effect) {
    execution_->apply(now, AttemptEnded{effect.node, FailureClass::none, 0}, effects_);
  }
  void perform(const Expand& effect) {
    if (const auto answer = answers.find(id(effect.node)); answer != answers.end()) {
      return execution_->apply(now, answer->second, effects_);
    }
    const auto width = elements.find(id(effect.node));
    const std::uint32_t count = width == elements.end() ? 1 : width->second;
    const dag::Expansion expansion = dag_->expand(effect.node, count);
    std::vector<NodePlan> joining(dag_->size() - expansion.first.value);
    for (std::uint32_t i = 0; i < count; ++i) joining[i].wanted = false;
    execution_->admit(expansion.first, joining);
    for (const std::string& done : recalled) {
      const auto node = dag_->find(done);
      if (node && dag_->maps().with(*node) == dag_->maps().of(effect.node)) {
        execution_->recall(*node, Phase::completed, 1);
      }
    }
    execution_->apply(now, Expanded{effect.node, wanted}, effects_);
  }
  void perform(const StartAttempt& effect) {
    granted_.push_back(id(effect.node));
    numbers_[id(effect.node)] = effect.number;
    instances_[id(effect.node)] = effect.instance;
  }
  void perform(const Withdraw& effect) {
    if (begun_[id(effect.node)] || execution_->phase(effect.node) != Phase::granted) return;
    withdrawn_.push_back(id(effect.node));
    execution_->apply(now, AttemptWithdrawn{effect.node}, effects_);
  }
  void perform(const ControlTree& effect) {
    controlled_.push_back({id(effect.node), effect.control});
  }
  void perform(const NodeSettled& effect) {
    const bool has_cause = effect.reason == Reason::dependency_failed;
    settled_.push_back({id(effect.node), effect.state, effect.reason, effect.failure,
                        has_cause ? id(effect.because) : "", effect.retry_in});
  }
  void perform(const ExecutionEnded& effect) { ended_ = effect.status; }

  dag::Builder builder_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::unique_ptr<dag::Dag> dag_;
  std::unique_ptr<Execution> execution_;
  Effects effects_;
  Ids granted_, examined_, withdrawn_;
  std::vector<Settled> settled_;
  std::vector<Controlled> controlled_;
  std::optional<ExecutionStatus> ended_;
  std::map<std::string, std::uint32_t> numbers_;
  std::map<std::string, std::uint32_t> instances_;
  std::map<std::string, bool> begun_;
};

// ---- settings that say one thing

inline dag::Settings with_priority(std::uint8_t level) {
  dag::Settings settings;
  settings.priority = {level};
  return settings;
}
inline dag::Settings with_slots(std::uint32_t count) {
  dag::Settings settings;
  settings.slots = {count};
  return settings;
}
inline dag::Settings in_pool(PoolIndex pool) {
  dag::Settings settings;
  settings.pool = pool;
  return settings;
}
inline dag::Settings with_retries(std::uint32_t count) {
  dag::Settings settings;
  settings.max_retries = count;
  return settings;
}
inline dag::Settings with_timeout(Nanoseconds timeout) {
  dag::Settings settings;
  settings.timeout = timeout;
  return settings;
}
inline Options width(std::uint32_t slots) {
  Options options;
  options.slots.width = {slots};
  return options;
}
inline Options keep_going(std::uint32_t slots) {
  Options options = width(slots);
  options.failure_limit.reset();
  return options;
}

}  // namespace dsched::engine::test
