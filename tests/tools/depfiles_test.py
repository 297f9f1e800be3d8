# SPDX-License-Identifier: Apache-2.0
"""inputs_from: inputs that the attempt itself writes down in make syntax, as compilers do."""

import os

import harness
from harness import shell


def compiled(command="cat a.c a.h > a.o; printf 'a.o: a.c \\\\\\n a.h\\n' > a.d", **fields):
    return shell("cc", "echo x >> ran; " + command,
                 **{"inputs": ["a.c"], "inputs_from": {"depfile": "a.d"}, "outputs": ["a.o"],
                    **fields})


class Depfiles(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.write("a.c", "1")
        self.write("a.h", "1")

    def runs(self, *options):
        """How often it ran in one more run."""
        before = len(self.world.lines("ran"))
        self.again(*options)
        return len(self.world.lines("ran")) - before

    def test_an_old_depfile_is_not_taken_for_a_new_one(self):
        self.run_nodes(compiled())
        self.write("a.c", "2")
        self.world.program([compiled("touch a.o")])
        answer = self.again(code=1)
        self.assertEqual(answer.node("cc")["status"], "failed")

    def test_a_recorded_input_is_an_input(self):
        self.run_nodes(compiled())
        self.assertEqual(self.runs(), 0)
        self.write("a.h", "2")
        self.assertEqual(self.runs(), 1)
        self.assertEqual(self.read("a.o"), "12")
        self.assertEqual(self.runs(), 0)

    def test_an_older_state_of_recorded_inputs_is_found_again(self):
        self.run_nodes(compiled())
        self.write("a.h", "2")
        self.assertEqual(self.runs(), 1)
        self.write("a.h", "1")
        self.assertEqual(self.runs(), 0)
        self.assertEqual(self.read("a.o"), "11")

    def test_the_explanation_names_the_recorded_input(self):
        self.run_nodes(compiled())
        self.write("a.h", "2")
        self.assertEqual(self.again("--explain").node("cc")["explain"], "input a.h changed")
        os.remove(self.world.path("a.h"))
        self.world.program([compiled("cp a.c a.o; echo 'a.o: a.c' > a.d")])
        self.again()

    def test_a_recorded_input_that_disappears_runs_it_again(self):
        self.run_nodes(compiled("cat a.c a.h > a.o 2>/dev/null; printf 'a.o: a.c a.h' > a.d"))
        os.remove(self.world.path("a.h"))
        done = self.run_tool("program.json", "--dry-run")
        self.assertEqual(done["would_run"][0]["explain"], "input a.h disappeared")

    def test_a_removed_depfile_changes_nothing(self):
        self.run_nodes(compiled())
        os.remove(self.world.path("a.d"))
        self.assertEqual(self.runs(), 0)

    def test_a_removed_output_is_put_back(self):
        self.run_nodes(compiled())
        os.remove(self.world.path("a.o"))
        self.assertEqual(self.runs(), 0)
        self.assertEqual(self.read("a.o"), "11")

    def test_make_syntax_with_escapes_and_phony_targets(self):
        self.write("b c.h", "1")
        self.write("d$e.h", "1")
        self.run_nodes(compiled(
            "touch a.o; printf 'a.o: a.c b\\\\ c.h d$$e.h \\\\\\n  a.h\\n\\na.h:\\n' > a.d"))
        for name in ("b c.h", "d$e.h", "a.h"):
            with self.subTest(name=name):
                self.assertEqual(self.runs(), 0)
                self.write(name, "2")
                self.assertEqual(self.runs(), 1)

    def test_a_depfile_that_was_not_written_fails_the_node(self):
        answer = self.run_nodes(compiled("touch a.o"), code=1)
        self.assertIn("a.d", answer.node("cc")["error"])

    def test_a_recorded_input_changed_during_the_attempt_is_not_remembered(self):
        self.run_nodes(compiled(
            "cat a.c a.h > a.o; echo changed > a.h; echo 'a.o: a.c a.h' > a.d"))
        self.write("a.h", "1")
        self.assertEqual(self.runs(), 1)

    def test_a_generated_header_is_no_cause_to_run_twice(self):
        self.run_nodes(
            shell("gen", "echo gen > g.h", inputs=[], outputs=["g.h"]),
            compiled("cat a.c g.h > a.o; echo 'a.o: a.c g.h' > a.d"),
            dependencies={"cc": ["gen"]})
        self.assertEqual(self.runs(), 0)


if __name__ == "__main__":
    harness.main()
