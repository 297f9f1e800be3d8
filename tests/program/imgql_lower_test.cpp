// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_lower.h"

#include <doctest/doctest.h>

#include "program/imgql_bundle.h"
#include "program/program_text.h"

using namespace dsched;
using namespace dsched::imgql;

namespace {

program::Source bundled(const std::string& text) {
  Bundle bundle;
  bundle.dag_id = "p";
  bundle.main = {"p.imgql", text};
  return program::source_from(bundle_text(bundle));
}

dag::Dag read(const std::string& text) {
  auto read = program::read_program(bundled(text));
  REQUIRE(std::holds_alternative<dag::Dag>(read));
  return std::move(std::get<dag::Dag>(read));
}

// "ID:OPERATION(ARGUMENTS) …" of the whole program.
std::string nodes(const dag::Dag& dag) {
  std::string out;
  for (std::uint32_t i = 0; i < dag.size(); ++i) {
    if (!out.empty()) out += ' ';
    out += std::string(dag.node({i}).node_id) + ":" + std::string(dag.operation_name({i})) + "(";
    for (const NodeIndex argument : dag.arguments({i})) {
      if (out.back() != '(') out += ',';
      out += dag.node(argument).node_id;
    }
    out += ')';
  }
  return out;
}

}  // namespace

TEST_CASE("program: a bundle gives back what it was made of") {
  Bundle bundle;
  bundle.dag_id = "name\n7 7";
  bundle.dialect = Dialect::strict;
  bundle.variables = {{"$cwd", "/a b\n"}, {"$stem", ""}};
  bundle.main = {"p.imgql", "import \"a.imgql\"\n"};
  bundle.asked = {{"./a.imgql", "a.imgql"}};
  bundle.files = {{"a.imgql", "x = 1\nmain 3 3\n"}};
  const std::string text = bundle_text(bundle);
  REQUIRE(is_bundle(text));
  const auto again = read_bundle(text);
  REQUIRE(again);
  CHECK(bundle_text(*again) == text);
  CHECK(again->dialect == Dialect::strict);
  CHECK(BundledFiles(*again).read("./a.imgql")->text == "x = 1\nmain 3 3\n");
  CHECK_FALSE(BundledFiles(*again).read("a.imgql").has_value());
}

TEST_CASE("program: a bundle that was cut or changed is none") {
  Bundle bundle;
  bundle.dag_id = "p";
  bundle.main = {"p.imgql", "print \"a\" 1"};
  const std::string text = bundle_text(bundle);
  for (std::size_t size = 16; size < text.size(); ++size) {
    CHECK_FALSE(read_bundle(text.substr(0, size)).has_value());
  }
  CHECK_FALSE(read_bundle(text + "x").has_value());
}

TEST_CASE("program: goals of a VoxLogica program bring along what they need and nothing else") {
  const dag::Dag dag = read("a = 1 + 1\nb = a * a\nunused = b + 1\nprint \"b\" b\nsave \"x\" a");
  CHECK(nodes(dag) == "a:vox1.+() b:vox1.*(a,a) save:x:save(a)");
  CHECK(dag.node({0}).parameters == R"({"arguments":["1.0","1.0"]})");
  CHECK(dag.node({1}).parameters == "{}");
  REQUIRE(dag.prints().size() == 1);
  CHECK(dag.prints()[0].label == "b");
  CHECK(dag.goals().size() == 2);
}

TEST_CASE("program: nodes without a name are named by operator and place, each once") {
  const dag::Dag dag = read("f(x) = x + 1\nprint \"a\" f(1) * 2\nprint \"b\" f(2)\nprint \"c\" 3");
  CHECK(nodes(dag) ==
        "+@1:10:vox1.+() *@2:16:vox1.*(+@1:10) +@1:10~2:vox1.+() constant@4:11:constant()");
  CHECK(dag.place_of({1}) == "p.imgql:2:16");
}

TEST_CASE("program: a load is a file and what is made of it, and commands get the file") {
  const dag::Dag dag = read(
      "x = load(\"a.txt\")\nprint \"s\" shell(\"sort \\\"$1\\\"\", x)\n"
      "print \"x\" x");
  CHECK(nodes(dag) == "x:file:load() x:default.load(x:file) shell@2:11:shell(x:file)");
  CHECK(dag.node({2}).parameters == R"({"command":"sort \"$1\""})");
  CHECK(dag.settings({2}).follows_files);
}

TEST_CASE("program: a loop is one node unless its body touches the world") {
  const dag::Dag dag = read(
      "k = 2 + 2\nxs = for x in [1,2] do x * k\n"
      "ys = for y in xs do shell(\"cat\", y + k)\nprint \"ys\" ys");
  CHECK(nodes(dag) ==
        "k:vox1.+() sequence@2:15:default.sequence() xs:default.for_loop(sequence@2:15,k) "
        "ys:map(xs,k)");
  const dag::Template& made = dag.maps().template_of({3});
  CHECK(made.kind == dag::MapKind::values);
  REQUIRE(made.nodes.size() == 2);
  CHECK(made.nodes[0].node.node_id == ":+");
  CHECK(made.nodes[1].node.operation == dag::Operation::shell);
  CHECK(made.result == 1);
}

TEST_CASE("program: what a body names from outside is handed in, and what it says stands in it") {
  const dag::Dag dag = read(
      "k = 1 / 0\nprint \"xs\" for x in [] do x + 1 / 0\n"
      "print \"ys\" for y in [] do for z in [y] do y + k");
  CHECK(nodes(dag) ==
        "k:vox1./() sequence@2:21:default.sequence() for_loop@2:12:default.for_loop(sequence@2:21) "
        "for_loop@3:12:default.for_loop(sequence@2:21,k)");
}

TEST_CASE("program: what the functions name that a body calls is handed in, too") {
  const dag::Dag dag = read(
      "k = 1 + 2\ng(x) = x * k\nf(x) = g(x) + 1\n"
      "print \"ys\" for y in [1] do for z in [2] do f(y + z)");
  CHECK(nodes(dag) ==
        "k:vox1.+() sequence@4:21:default.sequence() "
        "for_loop@4:12:default.for_loop(sequence@4:21,k)");
}

TEST_CASE("program: faults of a VoxLogica program have a code and a place") {
  const auto read = program::read_program(bundled("print \"a\" shell(1)\nprint \"b\" b"));
  const auto* refused = std::get_if<program::Refused>(&read);
  REQUIRE(refused);
  REQUIRE(refused->diagnostics.size() == 1);
  CHECK(refused->diagnostics[0].code == "E_UNBOUND_IDENTIFIER");
  CHECK(refused->shown[0].find("p.imgql:2:11: E_UNBOUND_IDENTIFIER") == 0);
}
