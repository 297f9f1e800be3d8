# SPDX-License-Identifier: Apache-2.0
"""--target, --set, --result and what they mean for a resume and for the answer."""

import harness
from harness import const, shell


class Targets(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.nodes = [shell("a", "echo a >> ran", outputs=[]),
                      shell("b", "echo b >> ran; mkdir -p d; echo x > d/o", arguments=["a"], outputs=["d/o"]),
                      shell("c", "echo c >> ran", arguments=["b"]), shell("e", "echo e >> ran")]
        self.world.program(self.nodes)

    def test_only_what_a_target_needs_runs(self):
        answer = self.again("--target", "b")
        self.assertEqual(sorted(self.world.lines("ran")), ["a", "b"])
        self.assertEqual((sorted(answer["results"]), answer["total_nodes"]), (["b"], 2))

    def test_an_output_names_its_node(self):
        for name in ("d/o", "./d/o"):
            self.write("ran", "")
            self.again("--target", name)
            self.assertEqual(sorted(self.world.lines("ran")), ["a", "b"])

    def test_several_targets_add_up(self):
        self.again("--target", "a", "--target", "e")
        self.assertEqual(sorted(self.world.lines("ran")), ["a", "e"])

    def test_an_unknown_target_is_usage_and_names_the_nearest(self):
        self.world.program([shell("compile", ":")])
        done = self.run_tool("program.json", "--target", "compiel", code=2)
        self.assertEqual(done.kind, "usage")
        self.assertIn("compile", done.err)
        self.assertFalse(self.exists(".dsched"))


class Set(harness.ToolTest):
    def program_with(self, default):
        self.world.program([const("v", {"variable": "x"})], variables={"x": default})

    def test_a_default_holds_and_set_replaces_it(self):
        self.program_with("one")
        self.assertEqual(self.again().text("v"), "one")
        self.assertEqual(self.again("--set", "x=two words=and more").text("v"), "two words=and more")
        self.assertEqual(self.again("--set", "x=").text("v"), "")

    def test_text_stays_text_and_other_values_are_json(self):
        self.program_with("text")
        self.assertEqual(self.again("--set", "x=7").text("v"), "7")
        self.program_with(1)
        self.assertEqual(self.again("--set", "x=[1,2]").text("v"), "[1,2]")

    def test_a_set_value_is_in_the_key(self):
        self.program_with("one")
        first = self.again()["results"]["v"]
        second = self.again("--set", "x=two")["results"]["v"]
        self.assertNotEqual(first["key"], second["key"])

    def test_an_unknown_variable_or_no_assignment_is_usage(self):
        self.program_with("one")
        for word in ("y=1", "x", "=1"):
            with self.subTest(word=word):
                self.assertIn(self.run_tool("program.json", "--set", word, code=2).kind,
                              ("usage", "invalid_program"))
        self.assertFalse(self.exists(".dsched"))

    def test_a_variable_reaches_into_a_command(self):
        node = {"node_id": "a", "operation": "exec",
                "parameters": {"argv": ["echo", {"variable": "who"}]}}
        self.world.program([node], variables={"who": "world"})
        self.assertEqual(self.again("--set", "who=a b").text("a"), "a b\n")


class Result(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.world.program([shell("mid", "printf 'm\\377\\000'", inputs=[]),
                            shell("goal", "cat \"$1\"; echo g", arguments=["mid"])])

    def test_the_bytes_of_a_node_come_alone(self):
        self.assertEqual(self.run_tool("program.json", "--result", "goal").out, b"m\xff\x00g\n")
        self.assertEqual(self.run_tool("program.json", "--result", "mid").out, b"m\xff\x00")

    def test_of_a_finished_execution_too(self):
        self.run_tool("program.json")
        done = self.run_tool("--resume", "@latest", "--result", "mid")
        self.assertEqual(done.out, b"m\xff\x00")

    def test_a_failure_gives_no_bytes(self):
        self.world.program([shell("a", "echo half; exit 1")])
        done = self.run_tool("program.json", "--result", "a", code=1)
        self.assertEqual(done.out, b"")

    def test_an_unknown_node_is_usage(self):
        self.assertEqual(self.run_tool("program.json", "--result", "gaol", code=2).kind, "usage")

    def test_a_reader_that_goes_away_is_no_crash(self):
        self.world.program([shell("a", "yes | head -c 5000000")])
        running = self.world.start("program.json", "--result", "a")
        running.process.stdout.read(10)
        running.process.stdout.close()
        running.process.stderr.read()
        code = running.process.wait(harness.PATIENCE_S)
        self.assertIn(code, (4, 141, -13))


if __name__ == "__main__":
    harness.main()
