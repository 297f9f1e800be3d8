# SPDX-License-Identifier: Apache-2.0
"""dsched-stats executions, nodes and log: what is on record, and nothing made by looking."""

import signal

import harness
from harness import const, execute, shell
from stats_support import StatsTest

MIXED = (
    shell("first", "echo hi; echo noise >&2", inputs=[]),
    shell("second", 'cat "$1"', inputs=[], arguments=["first"]),
    shell("bad", "echo oops >&2; exit 3"),
    shell("after", "true", arguments=["bad"]),
    shell("flaky", "echo try $DSCHED_ATTEMPT >&2; [ $DSCHED_ATTEMPT = 2 ]", max_retries=1,
          backoff_s=0.01),
    execute("killed", ["/bin/sh", "-c", "kill -9 $$"]),
    const("value", 5),
)


class Executions(StatsTest):
    def test_without_a_store_there_are_none_and_none_is_made(self):
        self.assertEqual(self.executions(), [])
        self.assertEqual(self.stats("executions", "--format", "text").out, b"")
        self.assertFalse(self.exists(".dsched"))

    def test_newest_comes_first_with_what_dsched_run_answered(self):
        answers = [self.run_nodes(*MIXED, options=["-k"], code=1, dag_id="mixed"),
                   self.run_nodes(const("x", 1), dag_id="small")]
        found = self.executions()
        self.assertEqual([line["execution"] for line in found], [2, 1])
        for line, answer in zip(found, reversed(answers)):
            for name in ("execution", "execution_id", "dag_id", "status", "total_nodes",
                         "completed_nodes", "failed_nodes", "reused_nodes", "finished_at"):
                self.assertEqual(line[name], answer[name], name)

    def test_limit_and_filters(self):
        self.run_nodes(const("x", 1), dag_id="one")
        self.run_nodes(shell("x", "exit 1"), dag_id="two", code=1)
        self.run_nodes(const("x", 1), dag_id="two")

        def numbers(*options):
            return [line["execution"] for line in self.executions(*options)]

        self.assertEqual(numbers("--limit", "2"), [3, 2])
        self.assertEqual(numbers("--limit", "0"), [])
        self.assertEqual(numbers("--status", "completed"), [3, 1])
        self.assertEqual(numbers("--status", "completed", "--limit", "1"), [3])
        self.assertEqual(numbers("--status", "completed", "--status", "failed"), [3, 2, 1])
        self.assertEqual(numbers("--dag", "two"), [3, 2])
        self.assertEqual(numbers("--dag", "two", "--status", "failed"), [2])
        self.assertEqual(numbers("--dag", "none"), [])
        self.stats("executions", "--status", "done", code=2)

    def test_a_runner_that_was_killed_leaves_an_interrupted_execution(self):
        self.world.program([shell("a", "touch here; " + harness.waits("never"))])
        running = self.world.start("program.json")
        self.wait_for_file("here")
        self.assertEqual(self.executions()[0]["status"], "running")
        self.assertIsNone(self.executions()[0]["finished_at"])
        running.signal(signal.SIGKILL)
        running.end()
        self.assertEqual(self.executions()[0]["status"], "interrupted")
        self.assertEqual(self.executions("--status", "interrupted")[0]["execution"], 1)
        self.assertEqual(self.executions("--status", "running"), [])

    def test_text_has_a_title_and_a_line_each(self):
        self.run_nodes(const("x", 1), dag_id="a\u202eb")
        lines = self.stats("executions", "--format", "text").out.decode().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"^EXECUTION +STATUS +DAG +NODES")
        self.assertRegex(lines[1], r"^ +1 +completed .*1/1")


class Nodes(StatsTest):
    def test_states_are_those_that_dsched_run_answered(self):
        answer = self.run_nodes(*MIXED, options=["-k"], code=1)
        found = self.nodes("@latest")
        self.assertEqual(list(found), [n["node_id"] for n in answer["nodes"]])
        for node in answer["nodes"]:
            line = found[node["node_id"]]
            for name in ("status", "reason", "attempts", "reused"):
                self.assertEqual(line[name], node[name], (node["node_id"], name))
            if node["status"] == "failed":
                self.assertEqual(line["exit_code"], node["exit_code"])
        self.assertEqual(found["after"]["reason"], "dependency_failed")
        self.assertEqual(found["first"]["exit_code"], 0)
        self.assertEqual(found["first"]["operation"], "shell")
        self.assertLessEqual(found["flaky"]["started_at"], found["flaky"]["finished_at"])
        self.assertIsNone(found["after"]["started_at"])

    def test_digests_and_keys_are_those_of_the_results(self):
        answer = self.run_nodes(*MIXED[:2], const("value", 5), goals=["first", "second", "value"])
        again = self.again()
        for number, run in (("1", answer), ("2", again)):
            found = self.nodes(number)
            for name, result in run["results"].items():
                self.assertEqual(found[name]["digest"], result["digest"], name)
                if result["key"]:
                    self.assertEqual(found[name]["key"], result["key"], name)
        self.assertTrue(self.nodes("2")["first"]["reused"])

    def test_values_in_memory_have_a_digest_too(self):
        self.run_nodes(const("a", 1), {"node_id": "b", "operation": "concat", "arguments": ["a"]},
                       const("z", 2), goals=["b"])
        found = self.nodes()
        self.assertEqual(sorted(found), ["a", "b"])  # nothing needs z
        self.assertRegex(found["a"]["digest"], r"^[0-9a-f]{64}$")

    def test_filter_by_status(self):
        self.run_nodes(*MIXED, options=["-k"], code=1)
        self.assertEqual(sorted(self.nodes("--status", "failed")), ["bad", "killed"])
        self.assertEqual(sorted(self.nodes("1", "--status", "cancelled")), ["after"])
        self.assertEqual(self.nodes("--status", "running"), {})
        self.stats("nodes", "--status", "ready", code=2)

    def test_targets_say_which_nodes_there_are(self):
        self.run_nodes(*MIXED, options=["--target", "second"])
        self.assertEqual(sorted(self.nodes()), ["first", "second"])

    def test_variables_of_the_command_line_are_known(self):
        nodes = [{"node_id": "v", "operation": "const", "parameters": {"value": {"variable": "X"}}}]
        self.world.program(nodes, variables={"X": None})
        done = self.world.run("program.json", "--set", "X=3")
        self.assertEqual(done.code, 0, repr(done))
        self.assertEqual(self.nodes()["v"]["status"], "completed")

    def test_what_a_killed_runner_left(self):
        self.world.program([shell("done", "true"),
                            shell("runs", "touch here; " + harness.waits("never"),
                                  arguments=["done"], idempotent=False),
                            shell("next", "true", arguments=["runs"])])
        running = self.world.start("program.json")
        self.wait_for_file("here")
        self.assertEqual(self.nodes()["runs"]["status"], "running")
        running.signal(signal.SIGKILL)
        running.end()
        found = self.nodes()
        self.assertEqual(found["done"]["status"], "completed")
        self.assertEqual((found["runs"]["status"], found["runs"]["reason"]),
                         ("pending", "needs_decision"))
        self.assertEqual(found["next"]["status"], "pending")

    def test_an_unknown_execution_is_a_no(self):
        self.assertEqual(self.error("nodes", "7", code=1)["kind"], "not_found")
        self.assertEqual(self.error("nodes", code=1)["kind"], "not_found")
        self.assertFalse(self.exists(".dsched"))


class Log(StatsTest):
    def test_bytes_are_those_that_the_attempt_wrote(self):
        self.run_nodes(*MIXED, shell("raw", r"printf '\377\000\n' >&2"), options=["-k"], code=1)
        self.assertEqual(self.stats("log", "@latest/bad").out, b"oops\n")
        self.assertEqual(self.stats("log", "1/raw").out, b"\xff\x00\n")
        self.assertEqual(self.stats("log", "1/second").out, b"")
        self.assertEqual(self.stats("log", "1/flaky").out, b"try 2\n")
        self.assertEqual(self.stats("log", "1/flaky", "--attempt", "1").out, b"try 1\n")

    def test_what_has_no_log_is_a_no(self):
        self.run_nodes(*MIXED, options=["-k"], code=1)
        self.again("-k", code=1)
        for name, says in (("1/none", "no such node"), ("1/after", "no attempt has ended"),
                           ("2/first", "was reused"), ("9/first", "there is none")):
            with self.subTest(name):
                error = self.error("log", name, code=1)
                self.assertEqual(error["kind"], "not_found")
                self.assertIn(says, error["message"])
        self.assertEqual(self.error("log", "1/flaky", "--attempt", "3", code=1)["kind"],
                         "not_found")

    def test_a_name_with_slashes_is_split_at_the_first(self):
        self.run_nodes(shell("a/b", "echo x >&2"))
        self.assertEqual(self.stats("log", "1/a/b").out, b"x\n")


if __name__ == "__main__":
    harness.main()
