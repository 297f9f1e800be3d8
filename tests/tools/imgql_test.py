# SPDX-License-Identifier: Apache-2.0
"""VoxLogica programs: what is shown of them, their imports from disk, and their faults."""

import json
import pathlib

import harness
from harness import ToolTest

CASES = pathlib.Path(__file__).resolve().parent.parent / "voxlogica" / "cases"


class Imgql(ToolTest):
    def show(self, *arguments, code=0):
        return self.run_tool(*arguments, code=code).out.decode()

    def test_syntax_and_graph_of_a_case(self):
        program = CASES / "loop_capture.imgql"
        self.assertEqual(self.show("--print-syntax", program),
                         program.with_suffix(".syntax").read_text())
        self.assertEqual(json.loads(self.show("--print-graph", "json", program)),
                         json.loads(program.with_suffix(".graph.json").read_text()))
        self.assertIn("digraph", self.show("--print-graph", "dot", program))

    def test_imports_are_found_beside_the_importing_file_then_here(self):
        self.write("lib/a.imgql", 'import "b.imgql"\nimport "here.imgql"\na = b + h')
        self.write("lib/b.imgql", "b = 1")
        self.write("here.imgql", "h = 2")
        self.write("p.imgql", 'import "lib/a.imgql"\nimport "./lib/b.imgql"\nprint "a" a')
        self.assertEqual(self.show("--print-syntax", "p.imgql"),
                         'let b=1.0\nlet h=2.0\nlet a=+(b,h)\nprint "a" a\n')

    def test_program_variables_are_those_of_the_file(self):
        self.write("p.imgql", 'print "s" concat($stem, $filename, $dir)')
        nodes = json.loads(self.show("--print-graph", "json", "p.imgql"))["nodes"]
        values = {node["value"] for node in nodes if node["type"] == "constant"}
        self.assertEqual(values, {"p", "p.imgql", str(self.world.folder)})

    def test_faults_go_to_people_and_to_programs(self):
        self.write("lib.imgql", "x = 1 +\n")
        self.write("p.imgql", 'import "./lib.imgql"\nprint "y" y\n')
        done = self.run_tool("--print-syntax", "p.imgql", code=2)
        self.assertEqual(done.kind, "invalid_program")
        self.assertEqual([(fault["code"], fault["line"], fault["column"])
                          for fault in done["error"]["details"]],
                         [("E_UNBOUND_IDENTIFIER", 2, 11), ("E_PARSE", 2, 1)])
        self.assertIn('p.imgql:2:11: E_UNBOUND_IDENTIFIER: y is not declared\n  print "y" y\n'
                      "            ^\n", done.err)

    def test_what_cannot_be_read_is_said(self):
        self.assertIn("nothing.imgql", self.run_tool("nothing.imgql", code=2).err)
        self.assertFalse(self.exists(".dsched"))

    def test_strict_and_standard_input(self):
        done = self.run_tool("--print-syntax", "--language", "imgql", "-", stdin_bytes=b'print "a" 3-1')
        self.assertEqual(done.out, b'print "a" -(3.0,1.0)\n')
        self.run_tool("--print-syntax", "--strict", "-", stdin_bytes=b'print "a" 3-1', code=2)


if __name__ == "__main__":
    harness.main()
