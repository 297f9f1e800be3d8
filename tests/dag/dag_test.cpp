// SPDX-License-Identifier: Apache-2.0
#include "dag/dag.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "dag/builder.h"
#include "dag/operation.h"
#include "dag/order.h"

namespace dsched::dag {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

// A builder of nodes that say only what a test is about. Texts are literals, so nothing owns them.
class Sketch {
 public:
  Sketch& node(std::string_view node_id, std::vector<std::string_view> arguments = {},
               Settings settings = {}) {
    NewNode added;
    added.node.node_id = node_id;
    added.node.parameters = "{}";
    added.node.line = ++lines_;
    added.node.operation = Operation::concat;
    added.node.settings = builder_.add_settings(settings);
    added.arguments = arguments;
    (void)builder_.add_node(added);
    return *this;
  }
  Sketch& waits(std::string_view node, std::string_view need) {
    builder_.add_dependency({node, need});
    return *this;
  }
  Sketch& goal(std::string_view node_id) {
    builder_.add_goal(node_id);
    return *this;
  }
  Builder& builder() { return builder_; }

  Dag dag() {
    builder_.set_names("sketch", {});
    auto built = std::move(builder_).build();
    if (const Faults* faults = std::get_if<Faults>(&built)) {
      FAIL("refused: " << faults->faults.front().message);
    }
    return std::get<Dag>(std::move(built));
  }
  Faults faults() {
    builder_.set_names("sketch", {});
    auto built = std::move(builder_).build();
    if (std::holds_alternative<Dag>(built)) FAIL("accepted");
    return std::get<Faults>(std::move(built));
  }

 private:
  Builder builder_{nullptr};
  std::uint32_t lines_ = 0;
};

Ids ids(const Dag& dag, std::span<const NodeIndex> nodes) {
  Ids names;
  for (const NodeIndex node : nodes) names.emplace_back(dag.node(node).node_id);
  return names;
}

Ids messages(const Faults& found) {
  Ids all;
  for (const Fault& fault : found.faults) all.push_back(fault.message);
  return all;
}

TEST_CASE("dag: a graph without nodes has no goals and no order") {
  const Dag dag = Sketch().dag();
  CHECK(dag.size() == 0);
  CHECK(dag.topological_order().empty());
  CHECK_FALSE(dag.find("a"));
}

TEST_CASE("dag: arguments keep their order and repeats, predecessors are sorted and unique") {
  const Dag dag = Sketch()
                      .node("c", {"b", "a", "b"})
                      .node("a")
                      .node("b")
                      .node("d")
                      .waits("c", "d")
                      .waits("c", "a")
                      .dag();
  CHECK(ids(dag, dag.arguments({0})) == Ids{"b", "a", "b"});
  CHECK(ids(dag, dag.predecessors({0})) == Ids{"a", "b", "d"});
  CHECK(ids(dag, dag.dependents({1})) == Ids{"c"});
  CHECK(dag.find("d") == NodeIndex{3});
}

TEST_CASE("dag: the topological order takes the lowest node that can come next") {
  const Dag dag = Sketch().node("a", {"d"}).node("b").node("c", {"a"}).node("d").dag();
  CHECK(ids(dag, dag.topological_order()) == Ids{"b", "d", "a", "c"});
}

TEST_CASE("dag: without goals the nodes that nobody waits for are the goals") {
  const Dag dag = Sketch().node("a").node("b", {"a"}).node("c").waits("c", "b").node("d").dag();
  CHECK(ids(dag, dag.goals()) == Ids{"c", "d"});
}

TEST_CASE("dag: goals keep the program's order, each once") {
  const Dag dag = Sketch().node("a").node("b").goal("b").goal("a").goal("b").dag();
  CHECK(ids(dag, dag.goals()) == Ids{"b", "a"});
}

TEST_CASE("dag: what targets need is everything before them and they themselves") {
  const Dag dag =
      Sketch().node("a").node("b", {"a"}).node("c", {"b"}).node("d", {"a"}).node("e").dag();
  const NodeIndex targets[] = {dag.find("c").value(), dag.find("e").value()};
  CHECK(ids(dag, needed_for(dag, targets)) == Ids{"a", "b", "c", "e"});
}

TEST_CASE("dag: the remaining path is the heaviest chain of dependents with the node itself") {
  const Dag dag = Sketch().node("a").node("b", {"a"}).node("c", {"a"}).node("d", {"b", "c"}).dag();
  const Nanoseconds durations[] = {1s, 5s, 2s, 3s};
  CHECK(remaining_paths(dag, durations) == std::vector<Nanoseconds>{9s, 8s, 5s, 3s});
}

TEST_CASE("dag: remaining paths of absurd durations stay within the range") {
  const Dag dag = Sketch().node("a").node("b", {"a"}).dag();
  const Nanoseconds durations[] = {Nanoseconds::max(), Nanoseconds::max()};
  CHECK(remaining_paths(dag, durations)[0] == Nanoseconds::max());
}

TEST_CASE("dag: names are resolved whether used before or after their node, over many batches") {
  std::vector<std::string> names;
  for (int i = 0; i < 5000; ++i) names.push_back("node" + std::to_string(i));
  Sketch sketch;
  for (std::size_t i = 0; i < names.size(); ++i)
    sketch.node(names[i], {names[(i * 7 + 1) % names.size()]});
  // Everything is one large cycle or several: only the names matter here.
  const Faults found = sketch.faults();
  for (const Fault& fault : found.faults) CHECK(fault.code == FaultCode::cycle);
}

TEST_CASE("dag: all faults of a graph are reported together") {
  const Faults found = Sketch()
                           .node("a", {"b"})
                           .node("b", {"a"})
                           .node("b", {"nobody"})
                           .waits("a", "nothing")
                           .waits("noone", "a")
                           .goal("no goal")
                           .faults();
  CHECK(messages(found) == Ids{"two nodes are named 'b'", "argument 'nobody' is not a node",
                               "dependency 'nothing' is not a node",
                               "dependencies name 'noone', which is not a node",
                               "cycle: a -> b -> a", "goal 'no goal' is not a node"});
}

TEST_CASE("dag: each cycle is shown once with its whole path from its lowest node") {
  const Faults found = Sketch()
                           .node("start", {"y"})
                           .node("x", {"z"})
                           .node("y", {"x"})
                           .node("z", {"y"})
                           .node("self", {"self"})
                           .faults();
  CHECK(messages(found) == Ids{"cycle: x -> z -> y -> x", "cycle: self -> self"});
}

TEST_CASE("dag: the number of cycles shown has a limit") {
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) names.push_back("n" + std::to_string(i));
  const std::vector<std::string_view> all(names.begin(), names.end());
  Sketch sketch;
  for (const std::string_view name : all) sketch.node(name, all);
  CHECK(sketch.faults().faults.size() == k_faults_max);
}

TEST_CASE("dag: a cycle as long as a large program is found without recursion") {
  std::vector<std::string> names;
  for (int i = 0; i < 200'000; ++i) names.push_back(std::to_string(i));
  Sketch sketch;
  for (std::size_t i = 0; i < names.size(); ++i)
    sketch.node(names[i], {names[(i + 1) % names.size()]});
  const Faults found = sketch.faults();
  REQUIRE(found.faults.size() == 1);
  CHECK(found.faults[0].message.starts_with("cycle: 0 -> 1 -> 2 -> "));
  CHECK(found.faults[0].message.ends_with("999 -> (199000 more) -> 0"));
}

TEST_CASE("dag: a file has one writer and no writer inside another's folder") {
  Settings first;
  first.outputs = {"out", "log"};
  Settings second;
  second.outputs = {"log", "out/a/b", "output"};
  const Faults found = Sketch().node("a", {}, first).node("b", {}, second).faults();
  CHECK(messages(found) == Ids{"output 'log' is also an output of 'a'",
                               "output 'out/a/b' lies inside 'out', an output of 'a'"});
}

TEST_CASE("dag: a cycle through files names the file") {
  Settings writes_x_reads_y;
  writes_x_reads_y.outputs = {"x"};
  writes_x_reads_y.inputs = {"y"};
  Settings writes_y;
  writes_y.outputs = {"y"};
  const Faults found = Sketch().node("a", {}, writes_x_reads_y).node("b", {"a"}, writes_y).faults();
  REQUIRE(messages(found) == Ids{"cycle: a -> b -> a"});
  CHECK(found.faults[0].hint == "input 'y' of 'a' makes it wait for 'b', which writes it");
}

TEST_CASE("dag: the program's folder as an input means every output") {
  Settings reads_all;
  reads_all.inputs = {"."};
  Settings writes;
  writes.outputs = {"deep/down/x"};
  const Dag dag = Sketch().node("a", {}, reads_all).node("b", {}, writes).dag();
  CHECK(ids(dag, dag.predecessors({0})) == Ids{"b"});
}

TEST_CASE("dag: the order that folders imply has a limit") {
  std::vector<std::string> names;
  for (int i = 0; i < 4600; ++i) names.push_back("out/" + std::to_string(i));
  Settings reads_all;
  reads_all.inputs = {"out"};
  Sketch sketch;
  for (const std::string& name : names) {
    Settings writes;
    writes.outputs = {name};
    sketch.node(name, {}, writes);
  }
  std::vector<std::string> readers;
  for (int i = 0; i < 4600; ++i) readers.push_back(std::to_string(i));
  for (const std::string& reader : readers) sketch.node(reader, {}, reads_all);
  const Faults found = sketch.faults();
  REQUIRE(found.faults.size() == 1);
  CHECK(found.faults[0].code == FaultCode::limit);
}

TEST_CASE("dag: equal settings are kept once") {
  Settings settings;
  settings.timeout = 3s;
  Sketch sketch;
  Builder& builder = sketch.builder();
  const std::uint32_t first = builder.add_settings(settings);
  CHECK(builder.add_settings(Settings{}) == 0);
  CHECK(builder.add_settings(settings) == first);
  settings.slots = {2};
  CHECK(builder.add_settings(settings) != first);
}

TEST_CASE("dag: a pool that is used but not declared is a fault of each node that uses it") {
  Sketch sketch;
  sketch.builder().add_pool({"disk", Slots{2}});
  Settings settings;
  settings.pool = sketch.builder().pool_named("disc");
  const Faults found = sketch.node("a", {}, settings).node("b", {}, settings).faults();
  REQUIRE(found.faults.size() == 2);
  CHECK(found.faults[1].message == "pool 'disc' is not one of the program's pools");
  CHECK(found.faults[1].hint == "did you mean 'disk'?");
}

TEST_CASE("dag: random graphs are in topological order or have a cycle") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::size_t count = 2 + random() % 30;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
    Builder builder(nullptr);
    builder.set_names("random", {});
    for (const std::string& name : names) {
      std::vector<std::string_view> arguments;
      while (random() % 3 != 0) arguments.push_back(names[random() % count]);
      NewNode added;
      added.node.node_id = name;
      added.arguments = arguments;
      (void)builder.add_node(added);
    }
    const auto built = std::move(builder).build();
    const Dag* dag = std::get_if<Dag>(&built);
    if (dag == nullptr) {
      CHECK(std::get<Faults>(built).faults.front().code == FaultCode::cycle);
      continue;
    }
    std::vector<bool> is_done(count);
    for (const NodeIndex node : dag->topological_order()) {
      for (const NodeIndex before : dag->predecessors(node)) CHECK(is_done[before.value]);
      is_done[node.value] = true;
    }
    CHECK(dag->topological_order().size() == count);
  }
}

}  // namespace
}  // namespace dsched::dag
