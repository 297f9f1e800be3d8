// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "base/error.h"
#include "program/imgql_program.h"
#include "program/imgql_reduce.h"

using namespace dsched;
using namespace dsched::imgql;

namespace {

// Files by their path.
class MemoryFiles final : public ProgramFiles {
 public:
  explicit MemoryFiles(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  std::optional<ProgramFile> read(const std::string& path) override {
    const auto found = files_.find(path);
    if (found == files_.end()) return std::nullopt;
    return ProgramFile{path, found->second};
  }

 private:
  std::map<std::string, std::string> files_;
};

struct Read {
  Syntax syntax;
  std::vector<Fault> faults;
  Reduced reduced;

  explicit Read(const std::string& text, std::map<std::string, std::string> files = {},
                Dialect dialect = Dialect::wide) {
    MemoryFiles source(std::move(files));
    syntax = read_program({"p.imgql", text}, source, dialect, faults);
    reduced = reduce(syntax, {{"$cwd", "/here"}, {"$stem", "p"}}, faults);
    sort_faults(faults);
  }
  // "LINE:COLUMN CODE" of every fault.
  [[nodiscard]] std::string places() const {
    std::string out;
    for (const Fault& fault : faults) {
      const Position at = syntax.position(fault.place);
      if (!out.empty()) out += ", ";
      out += std::to_string(at.line) + ":" + std::to_string(at.column) + " " + fault.code;
    }
    return out;
  }
  [[nodiscard]] std::string text() const { return canonical_text(syntax); }
  [[nodiscard]] std::string goal_id(std::size_t goal) {
    return to_hex(reduced.graph.id(reduced.goals.at(goal).node));
  }
};

std::filesystem::path cases_folder() {
  return std::filesystem::path(__FILE__).parent_path().parent_path() / "voxlogica/cases";
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The canonical text of one expression.
std::string expression(const std::string& text, Dialect dialect = Dialect::wide) {
  const Read read("print \"l\" " + text, {}, dialect);
  const std::string all = read.text();
  return all.starts_with("print \"l\" ") ? all.substr(10) : read.places();
}

}  // namespace

TEST_CASE("program: imgql syntax and graph of every case are those of the reference") {
  std::size_t cases = 0;
  const std::filesystem::path folder = cases_folder();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".imgql") continue;
    ++cases;
    CAPTURE(entry.path().string());
    Read read(bytes_of(entry.path()));
    CHECK(read.places().empty());
    auto expected = entry.path();
    CHECK(read.text() + "\n" == bytes_of(expected.replace_extension(".syntax")));
    CHECK(graph_json(read.reduced.graph, read.reduced.goals) ==
          bytes_of(expected.replace_extension(".graph.json")));
  }
  CHECK(cases == 23);
}

TEST_CASE("program: imgql texts are escaped for ids as Python's json does") {
  std::string out;
  append_ascii_json(out, "\x1f\x7f~é😀\"\\/\n");
  CHECK(out == R"("\u001f\u007f~\u00e9\ud83d\ude00\"\\/\n")");
}

TEST_CASE("program: imgql ids are those that the language defines") {
  Read read("print \"one\" 1 print \"sum\" 1 + 2");
  CHECK(read.goal_id(0) == "80d4cbcc106df22b52fd9a0dc4435b10cd838af0ea99a88b650748d1910e78f1");
  CHECK(read.goal_id(1) == "ae53ea5ad54f9c47bbe35036c4f0e228210b920d9205b0c63a3c1daff04c28bf");
}

TEST_CASE("program: imgql canonical text of expressions") {
  const std::map<std::string, std::string> texts{
      {"1 - 2 * 3", "*(-(1.0,2.0),3.0)"},
      {"!true && false", "&&(!(true),false)"},
      {"1 <= 2 && 3 > 2", ">(&&(<=(1.0,2.0),3.0),2.0)"},
      {"- x[1]", "-(index(x,1.0))"},
      {"xs[1:2][0]", "index(xs[1.0:2.0],0.0)"},
      {"xs[:]", "xs[:]"},
      {"xs[1 + 1:]", "xs[+(1.0,1.0):]"},
      {"let a = 1 in a + a", "let a = 1.0 in +(a,a)"},
      {"for i in filter j in xs do j > 1 do i", "for i in filter j in xs do >(j,1.0) do i"},
      {"(fold max 0 xs)", "fold max 0.0 xs"},
      {"fold + 0 -1", "fold + 0.0 -1.0"},
      {"1e21", "1e+21"},
      {"123456789012345680", "1.2345678901234568e+17"},
      {"+.5e-5", "5e-06"},
      {"0.00012", "0.00012"},
      {"\"a \\\" b\"", "\"a \\\" b\""},
      {"AND&(1, 2)", "AND&(1.0,2.0)"},
      {"[]", "[]"},
  };
  for (const auto& [text, canonical] : texts) {
    CAPTURE(text);
    CHECK(expression(text) == canonical);
  }
}

TEST_CASE("program: imgql a comment begins where two slashes begin a word") {
  CHECK(expression("1 // + 2\n") == "1.0");
  CHECK(expression("1 /// + 2\n") == "1.0");
  CHECK(expression("1 +// 2\n") == "+//(1.0,2.0)");
}

TEST_CASE("program: imgql the wide language takes what the strict one refuses") {
  const std::map<std::string, std::string> texts{
      {"1-2", "-(1.0,2.0)"},
      {"1-2-3", "-(-(1.0,2.0),3.0)"},
      {"xs[0]-1", "-(index(xs,0.0),1.0)"},
      {"sequence()", "sequence()"},
  };
  for (const auto& [text, canonical] : texts) {
    CAPTURE(text);
    CHECK(expression(text) == canonical);
    CHECK_FALSE(Read("print \"l\" " + text, {}, Dialect::strict).faults.empty());
  }
  const std::string fold = "xs = [1]\ns = fold + xs\nt = 2\nprint \"s\" s";
  CHECK(Read(fold).text() == "let xs=[1.0]\nlet s=fold + xs\nlet t=2.0\nprint \"s\" s");
  CHECK_FALSE(Read(fold, {}, Dialect::strict).faults.empty());
}

TEST_CASE("program: imgql a declaration ends the expression before it") {
  CHECK(Read("a = 1\n<+>(x,y) = x\nb = a <+> a").text() ==
        "let a=1.0\nlet <+>(x,y)=x\nlet b=<+>(a,a)");
  CHECK(Read("s = fold + [1] let t = 2").text() == "let s=fold + [1.0]\nlet t=2.0");
  CHECK(Read("s = fold + 0 let t = [2] in t").text() == "let s=fold + 0.0 let t = [2.0] in t");
}

TEST_CASE("program: imgql canonical text reads back as itself") {
  const std::filesystem::path folder = cases_folder();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".imgql") continue;
    std::string text = Read(bytes_of(entry.path())).text();
    CAPTURE(text);
    // An import is shown without its quotes.
    if (text.starts_with("import "))
      text =
          "import \"" + text.substr(7, text.find('\n') - 7) + "\"" + text.substr(text.find('\n'));
    Read again(text);
    CHECK(again.places().empty());
  }
}

TEST_CASE("program: imgql faults have their code and place, and all are told") {
  const std::vector<std::pair<std::string, std::string>> programs{
      {"print \"x\" y", "1:11 E_UNBOUND_IDENTIFIER"},
      {"print \"x\" y + z", "1:11 E_UNBOUND_IDENTIFIER, 1:15 E_UNBOUND_IDENTIFIER"},
      {"a = y\nb = a\nprint \"b\" b", "1:5 E_UNBOUND_IDENTIFIER"},
      {"f(x) = x\nprint \"f\" f(1, 2)", "2:11 E_ARITY"},
      {"f(x) = x\nprint \"f\" f", "2:11 E_ARITY"},
      {"a = 1\nprint \"a\" a(1)", "2:11 E_ARITY"},
      {"f(x) = f(x)\nprint \"f\" f(1)", "1:8 E_UNBOUND_IDENTIFIER"},
      {"f(x) = y\nprint \"a\" f(1)\nprint \"b\" f(2)", "1:8 E_UNBOUND_IDENTIFIER"},
      {"f(x) = y", ""},  // nobody calls it
      {"print \"x\" range(1, 2, 3)", "1:11 E_ARITY"},
      {"print \"x\" argmax()", "1:11 E_ARITY"},
      {"print \"x\" fold <> [1]", "1:11 E_UNSUPPORTED_FOLD"},
      {"$cwd = 1", "1:1 E_RESERVED_PROGRAM_VARIABLE"},
      {"print \"x\" $home", "1:11 E_UNBOUND_IDENTIFIER"},
      {"import \"nothing\"", "1:8 E_IMPORT"},
      {"import \"./nothing\"", "1:8 E_IMPORT"},
      {"print \"x\" geom.volume(1)", "1:11 E_UNBOUND_IDENTIFIER"},
      {"print \"x\" 1 .+. 2", "1:13 E_UNBOUND_IDENTIFIER"},
      {"print \"x\" for i in [1] do j", "1:27 E_UNBOUND_IDENTIFIER"},
      {"print \"x\" for i in xs do i", "1:20 E_UNBOUND_IDENTIFIER"},
      {"g(i) = h(i)\nprint \"x\" map(g, [1])", "1:8 E_UNBOUND_IDENTIFIER"},
      {"print \"x\" map(h, [1])", "1:15 E_UNBOUND_IDENTIFIER"},
      {"print \"x\" map(1, [1])", "1:15 E_ARITY"},
      {"print \"x\" map(division, [1])", "1:15 E_ARITY"},
      {"g(i, j) = i\nprint \"x\" map(g, [1])", "2:15 E_ARITY"},
      {"print \"x\"", "1:10 E_PARSE"},
      {"print x", "1:7 E_PARSE"},
      {"print \"x\" (1", "1:13 E_PARSE"},
      {"print \"x\" [1, 2", "1:16 E_PARSE"},
      {"print \"x\" [1, , 2]", "1:15 E_PARSE"},
      {"print \"x\" 1 +", "1:14 E_PARSE"},
      {"print \"x\" xs[1", "1:15 E_PARSE"},
      {"print \"x\" \"open", "1:11 E_PARSE"},
      {"print \"x\" let a 1 in a", "1:17 E_PARSE"},
      {"print \"x\" let a = 1 a", "1:21 E_PARSE"},
      {"print \"x\" for i [1] do i", "1:17 E_PARSE"},
      {"print \"x\" for i in [1] i", "1:24 E_PARSE"},
      {"print \"x\" fold [1]", "1:16 E_PARSE"},
      {"f() = 1", "1:3 E_PARSE"},
      {"f(1) = 1", "1:3 E_PARSE"},
      {"f(x = 1", "1:5 E_PARSE"},
      {"a = 1 )", "1:7 E_PARSE"},
      {"a = {", "1:5 E_PARSE"},
      {"a = 1 +\nb = 2\nprint \"b\" b", "2:1 E_PARSE"},
      {"a = (\nb = 2\nc = ]\nprint \"b\" d", "2:1 E_PARSE, 3:5 E_PARSE, 4:11 E_UNBOUND_IDENTIFIER"},
      {"\xC3\xA9 = 1", "1:1 E_PARSE"},
      {"a = \"\xC3\xA9\" + b", "1:11 E_UNBOUND_IDENTIFIER"},
      {"a = \"\xFF\"", "1:6 E_PARSE"},
      {"let in = 1", "1:5 E_PARSE"},
  };
  for (const auto& [text, places] : programs) {
    CAPTURE(text);
    CHECK(Read(text).places() == places);
  }
}

TEST_CASE("program: imgql a fault is shown with its line and a caret") {
  const Read read("a = 1\n\tprint \"\xC3\xA9\" nothing");
  REQUIRE(read.faults.size() == 1);
  CHECK(fault_text(read.syntax, read.faults[0]) ==
        "p.imgql:2:12: E_UNBOUND_IDENTIFIER: nothing is not declared\n"
        "  \\tprint \"\xC3\xA9\" nothing\n"
        "              ^");
}

TEST_CASE("program: imgql of a very long line what is around the fault is shown") {
  std::string list;
  for (int i = 0; i < 1000; ++i) list += "\"\xC3\xA9\",";
  const Read read("print \"a\" [" + list + "nothing," + list + "1]");
  REQUIRE(read.faults.size() == 1);
  const std::string shown = fault_text(read.syntax, read.faults[0]);
  // The 72nd byte is within a character.
  const std::string line =
      "\n  …" + list.substr(list.size() - 80) + "nothing," + list.substr(0, 71) + "…\n";
  CHECK(shown.find(line) != std::string::npos);
  CHECK(shown.ends_with("\n" + std::string(2 + 1 + 80 / 5 * 4, ' ') + "^"));
}

TEST_CASE("program: imgql imports come in place of the command, each file once") {
  const Read read("import \"lib/a.imgql\"\nimport \"lib/b.imgql\"\nprint \"b\" b",
                  {{"lib/a.imgql", "a = 1"}, {"lib/b.imgql", "import \"a.imgql\"\nb = a + 1"}});
  CHECK(read.places().empty());
  CHECK(read.text() == "let a=1.0\nlet b=+(a,1.0)\nprint \"b\" b");
  const Read ring("import \"./a\"\nprint \"a\" a",
                  {{"./a", "import \"./b\"\na = 1"}, {"./b", "import \"./a\"\nb = 2"}});
  CHECK(ring.text() == "let b=2.0\nlet a=1.0\nprint \"a\" a");
  const Read wrong("import \"./a\"", {{"./a", "x = 1\ny = nothing"}});
  REQUIRE(wrong.faults.size() == 1);
  CHECK(wrong.syntax.position(wrong.faults[0].place).source == "./a");
  CHECK(wrong.places() == "2:5 E_UNBOUND_IDENTIFIER");
}

TEST_CASE("program: imgql names mean what was declared last before them") {
  Read read("a = 1\nf(x) = x + a\na = 2\nprint \"f\" f(1)\nprint \"two\" a\nprint \"sum\" 1 + 1");
  CHECK(read.places().empty());
  CHECK(read.goal_id(0) == read.goal_id(2));
  Read shadows("x = 1\nf(x) = let x = x + x in x\nprint \"f\" f(3)\nprint \"s\" 3 + 3");
  CHECK(shadows.goal_id(0) == shadows.goal_id(1));
}

TEST_CASE("program: imgql equal terms are one node, whatever they are called") {
  Read read(
      "f(x) = x * x\na = f(2)\nb = 2 * 2\nprint \"a\" a\nprint \"b\" b\nprint \"c\" f(1 + 1)");
  CHECK(read.goal_id(0) == read.goal_id(1));
  CHECK(read.goal_id(0) != read.goal_id(2));
}

TEST_CASE("program: imgql a closure's body is reduced with a node that stands for the element") {
  const Read read("k = 2\nprint \"x\" for i in [1] do for j in [i] do i * j + k");
  REQUIRE(read.places().empty());
  const Graph& graph = read.reduced.graph;
  const NodeId loop = read.reduced.goals[0].node;
  const Closure& closure = graph.closure(graph.arguments(loop)[1]);
  CHECK(closure.capture_names == std::vector<std::string_view>{"k"});
  CHECK(graph.node(closure.parameter_node).kind == NodeKind::parameter);
  CHECK(graph.node(closure.result).operator_name == "default.for_loop");
}

TEST_CASE("program: imgql program variables are constants") {
  Read read("print \"d\" $cwd\nprint \"d\" \"/here\"");
  CHECK(read.goal_id(0) == read.goal_id(1));
}

TEST_CASE("program: imgql shared work is reduced once, and depth is no matter") {
  std::string tower = "d0(x) = x + 1\n";
  std::string chain = "a0 = 1\n";
  std::string calls = "f0(x) = x\n";
  constexpr int k_height = 30;
  constexpr int k_length = 20'000;
  const auto number = [](int n) { return std::to_string(n); };
  for (int i = 1; i <= k_height; ++i) {
    const std::string below = "d" + number(i - 1);
    tower += "d" + number(i) + "(x) = " + below + "(x) + " + below + "(x * 2)\n";
  }
  for (int i = 1; i <= k_length; ++i) {
    chain += "a" + number(i) + " = a" + number(i - 1) + " + 1\n";
    calls += "f" + number(i) + "(x) = f" + number(i - 1) + "(x) + 1\n";
  }
  CHECK(Read(tower + "print \"d\" d30(1)").reduced.graph.size() < 1000);
  Read long_chain(chain + "print \"a\" a" + number(k_length));
  CHECK(long_chain.goal_id(0).size() == 64);
  CHECK(Read(calls + "print \"f\" f" + number(k_length) + "(1)").places().empty());
  std::string infix = "print \"x\" 1";
  for (int i = 0; i < k_length; ++i) infix += " + 1";
  CHECK(Read(infix).places().empty());
}

TEST_CASE(
    "program: imgql a loop may call functions that call one another in a chain of any length") {
  std::string chain = "f0(x) = x + 1\n";
  for (int i = 1; i <= 100'000; ++i) {
    chain += "f" + std::to_string(i) + "(x) = f" + std::to_string(i - 1) + "(x)\n";
  }
  Read read(chain + "print \"p\" for i in [1] do f100000(i)");
  CHECK(read.places().empty());
  CHECK(read.goal_id(0).size() == 64);
  CHECK_THROWS_WITH_AS(static_cast<void>(graph_json(read.reduced.graph, read.reduced.goals)),
                       "the functions that a loop calls are too many to be written out", Error);
}

TEST_CASE(
    "program: imgql functions shared by what a loop calls cost nothing before they are shown") {
  std::string tower = "f0(x) = x\nf1(x) = x + 1\n";
  for (int i = 2; i <= 60; ++i) {
    tower += "f" + std::to_string(i) + "(x) = f" + std::to_string(i - 1) + "(x) + f" +
             std::to_string(i - 2) + "(x)\n";
  }
  Read read(tower + "print \"p\" for i in [1] do f60(i)\nprint \"q\" for i in [1] do f60(i)");
  CHECK(read.places().empty());
  CHECK(read.reduced.goals.at(0).node == read.reduced.goals.at(1).node);
  CHECK_THROWS_AS(static_cast<void>(read.goal_id(0)), Error);
}

TEST_CASE("program: imgql equal functions make equal closures, wherever they are declared") {
  Read read(
      "f(x) = x + 1\nprint \"a\" for i in [1] do f(i)\n"
      "f(x) = x + 1\nprint \"b\" for i in [1] do f(i)");
  CHECK(read.reduced.goals.at(0).node == read.reduced.goals.at(1).node);
}

TEST_CASE("program: imgql nesting has a limit") {
  const auto nested = [](std::size_t depth) {
    return "print \"x\" " + std::string(depth, '(') + "1" + std::string(depth, ')');
  };
  CHECK(Read(nested(900)).places().empty());
  CHECK(Read(nested(100'000)).places() == "1:1012 E_PARSE");
}
