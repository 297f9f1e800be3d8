# SPDX-License-Identifier: Apache-2.0
"""--resume: every completed node is kept, cached or not; what is left runs; another program too."""

import os
import signal

import harness
from harness import shell, waits


def noted(name, command=":", **fields):
    return shell(name, f"echo {name} >> ran; {command}", **fields)


class Resume(harness.ToolTest):
    def resume(self, *options, code=0, execution="@latest"):
        """Resumes; which nodes ran."""
        self.write("ran", "")
        self.answer = self.run_tool("--resume", execution, "--nodes", "all", *options, code=code)
        return sorted(self.world.lines("ran"))

    def test_completed_nodes_are_kept_although_they_declare_no_inputs(self):
        self.run_nodes(noted("a", "echo A"), noted("b", "test -e go", arguments=["a"]),
                       noted("c", 'cat "$1"', arguments=["a"]),
                       dependencies={"b": ["c"]}, code=1)
        self.write("go", "")
        self.assertEqual(self.resume(), ["b"])
        self.assertEqual(self.answer["completed_nodes"], 3)
        self.assertEqual(self.answer["execution"], 1)

    def test_a_finished_execution_runs_nothing_again(self):
        first = self.run_nodes(noted("a", "echo A"))
        self.assertEqual(self.resume(), [])
        self.assertEqual(self.answer.text("a"), "A\n")
        self.assertEqual(self.answer["execution_id"], first["execution_id"])

    def test_it_needs_no_program_file_and_no_current_folder(self):
        self.run_nodes(noted("a", "echo A"), noted("b", "test -e go"), code=1)
        self.write("go", "")
        os.remove(self.world.path("program.json"))
        self.run_tool("--resume", "1", "--store", self.world.path(".dsched"), cwd="/")
        self.assertIn("b", self.world.lines("ran"))

    def test_what_the_command_line_said_is_kept(self):
        self.world.program([noted("a", "exit 1"), noted("t", "test -e go"),
                            harness.const("v", {"variable": "x"}),
                            shell("u", 'cat "$1"', arguments=["v"])], variables={"x": "default"})
        self.again("--target", "t", "--target", "u", "--set", "x=set", "-k", code=1)
        self.write("go", "")
        self.assertEqual(self.resume(), ["t"])
        self.assertEqual(self.answer.text("u"), "set")

    def test_an_execution_is_named_by_number_id_prefix_suffix_and_latest(self):
        first = self.run_nodes(noted("a"))["execution_id"]
        second = self.run_nodes(noted("b"))["execution_id"]
        for name, expected in (("1", first), (first, first), (first[-8:], first), ("@latest", second),
                               ("@-2", first), ("2", second), (second[-6:], second)):
            with self.subTest(name=name):
                self.resume(execution=name)
                self.assertEqual(self.answer["execution_id"], expected)

    def test_an_unknown_execution_is_no(self):
        self.run_nodes(noted("a"))
        for name in ("7", "ffffffff", "@-9", "nonsense"):
            with self.subTest(name=name):
                self.assertEqual(self.run_tool("--resume", name, code=1).kind, "not_found")

    def test_without_a_store_there_is_no_execution(self):
        done = self.run_tool("--resume", "1", code=1)
        self.assertEqual(done.kind, "not_found")
        self.assertFalse(self.exists(".dsched"))

    def test_a_changed_file_does_not_undo_what_completed(self):
        self.write("in", "1")
        self.run_nodes(noted("a", "cat in"), noted("b", "test -e go"), code=1)
        self.write("in", "2")
        self.write("go", "")
        self.resume()
        self.assertEqual(self.world.lines("ran"), ["b"])
        self.assertEqual(self.answer.text("a"), "1")

    def test_outputs_of_completed_nodes_are_put_back(self):
        self.run_nodes(noted("a", "echo o > o", outputs=["o"]),
                       noted("b", "test -e go && cat o", arguments=["a"]), code=1)
        os.remove(self.world.path("o"))
        self.write("go", "")
        self.assertEqual(self.resume(), ["b"])
        self.assertEqual(self.answer.text("b"), "o\n")

    def test_cancelled_nodes_run_when_what_failed_is_mended(self):
        self.run_nodes(noted("a", "test -e go"), noted("b", arguments=["a"]), options=["-k"], code=1)
        self.write("go", "")
        self.assertEqual(self.resume(), ["a", "b"])


class AnotherProgram(harness.ToolTest):
    def test_nodes_with_equal_id_and_key_are_kept(self):
        self.run_nodes(noted("a", "echo A"), noted("b", "echo B"), noted("c", "exit 1"),
                       options=["-k"], code=1)
        self.write("ran", "")
        self.world.program([noted("a", "echo A"), noted("b", "echo changed"), noted("c"),
                            noted("new", 'cat "$@"', arguments=["a", "b"])])
        answer = self.run_tool("--resume", "1", "program.json", "--nodes", "all")
        self.assertEqual(sorted(self.world.lines("ran")), ["b", "c", "new"])
        self.assertEqual(answer.text("new"), "A\nchanged\n")
        self.write("ran", "")
        answer = self.run_tool("--resume", "1", "--nodes", "all")
        self.assertEqual((self.world.lines("ran"), answer["completed_nodes"]), ([], 4))

    def test_an_invalid_program_changes_nothing(self):
        self.run_nodes(noted("a", "echo A"), noted("b", "exit 1"), code=1)
        self.write("program.json", "{")
        self.run_tool("--resume", "1", "program.json", code=2)
        self.write("ran", "")
        self.run_tool("--resume", "1", code=1)
        self.assertEqual(self.world.lines("ran"), ["b"])


class AfterTheRunnerVanished(harness.ToolTest):
    def kill_when(self, name, *options):
        running = self.world.start("program.json", *options)
        self.wait_for_file(name)
        running.signal(signal.SIGKILL)
        running.end()

    def test_what_was_running_runs_again_and_what_was_told_does_not(self):
        self.world.program([noted("a", "echo A"),
                            noted("b", f"touch begun; {waits('go')}", arguments=["a"])])
        running = self.world.start("program.json")
        seen = b""
        while b"a completed" not in seen:
            seen += running.process.stderr.readline()
        self.wait_for_file("begun")
        running.signal(signal.SIGKILL)
        running.end()
        self.write("go", "")
        self.write("ran", "")
        answer = self.run_tool("--resume", "1", "--nodes", "all")
        self.assertEqual(self.world.lines("ran"), ["b"])
        self.assertEqual(answer["status"], "completed")

    def test_a_lost_node_that_is_not_idempotent_waits_for_a_decision(self):
        self.world.program([noted("a", f"touch begun; {waits('go')}; echo A", idempotent=False),
                            noted("b", arguments=["a"]), noted("c")])
        self.kill_when("begun", "-j1")
        self.write("ran", "")
        answer = self.run_tool("--resume", "1", "--nodes", "all", code=3)
        self.assertEqual((answer["status"], answer.kind), ("waiting", "waiting"))
        self.assertEqual(answer.node("a")["reason"], "needs_decision")
        self.assertNotIn("a", self.world.lines("ran"))
        self.write("go", "")
        answer = self.run_tool("--resume", "1", "--target", "a", "--target", "b")
        self.assertEqual(answer.text("a"), "A\n")

    def test_the_store_can_be_used_at_once(self):
        self.world.program([shell("a", f"touch begun; {waits('never')}")])
        self.kill_when("begun")
        self.assertEqual(self.run_nodes(shell("a", "echo A")).text("a"), "A\n")
        self.store_is_clean()


if __name__ == "__main__":
    harness.main()
