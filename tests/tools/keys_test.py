# SPDX-License-Identifier: Apache-2.0
"""Section 5: when a result is reused, and what stops a change."""

import os

import harness
from harness import const, execute, shell

COUNTED = "echo $DSCHED_NODE_ID >> ran; "


def counted(node_id, command, **fields):
    """A reusable node that leaves a line in `ran` each time it runs."""
    return shell(node_id, COUNTED + command, **{"inputs": [], **fields})


class Reuse(harness.ToolTest):
    def reran(self, *options, **kwargs):
        """Runs again; the nodes that ran, by their own account and by the answer's."""
        self.write("ran", "")
        answer = self.again(*options, **kwargs)
        by_ledger = sorted(self.world.lines("ran"))
        self.assertEqual(by_ledger, self.ran(answer))
        return by_ledger

    def test_a_node_with_declared_inputs_is_reused(self):
        self.write("in", "1")
        first = self.run_nodes(counted("a", "cat in", inputs=["in"]))
        self.assertEqual(self.reran(), [])
        again = self.again()
        self.assertEqual(again["results"], first["results"])
        self.assertEqual((again.node("a")["reason"], again["reused_nodes"]), ("reused", 1))

    def test_without_declared_inputs_a_node_always_runs(self):
        self.run_nodes(shell("a", COUNTED))
        self.assertEqual(self.reran(), ["a"])

    def test_cache_overrides_the_default(self):
        self.run_nodes(shell("a", COUNTED, cache=True), counted("b", ":", cache=False))
        self.assertEqual(self.reran(), ["b"])

    def test_a_changed_input_runs_its_readers_only(self):
        self.write("x", "1"), self.write("y", "1")
        self.run_nodes(counted("a", "cat x", inputs=["x"]), counted("b", "cat y", inputs=["y"]))
        self.write("x", "2")
        self.assertEqual(self.reran(), ["a"])

    def test_a_new_time_alone_changes_nothing(self):
        self.write("x", "1")
        self.run_nodes(counted("a", "cat x", inputs=["x"]))
        os.utime(self.world.path("x"))
        self.assertEqual(self.reran(), [])

    def test_going_back_to_an_old_content_finds_the_old_result(self):
        self.write("x", "1")
        self.run_nodes(counted("a", "cat x", inputs=["x"]))
        self.write("x", "2")
        self.assertEqual(self.reran(), ["a"])
        self.write("x", "1")
        self.assertEqual(self.reran(), [])
        self.assertEqual(self.again().text("a"), "1")

    def test_an_edit_that_keeps_size_and_time_is_seen(self):
        path = self.write("x", "1")
        self.run_nodes(counted("a", "cat x", inputs=["x"]))
        before = os.stat(path)
        self.write("x", "2")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertEqual(self.reran(), ["a"])

    def test_equal_bytes_stop_the_change(self):
        self.write("x", "a b # one")
        self.run_nodes(counted("strip", "cut -d'#' -f1 x", inputs=["x"]),
                       counted("use", 'cat "$1"', arguments=["strip"]),
                       counted("more", 'cat "$1"', arguments=["use"]))
        self.write("x", "a b # two")
        self.assertEqual(self.reran(), ["strip"])

    def test_a_silent_command_with_a_changed_output_does_not_stop_it(self):
        """The classic trap: a compiler prints nothing."""
        self.write("x", "1")
        self.run_nodes(counted("make", "cp x o", inputs=["x"], outputs=["o"]),
                       counted("use", "cat o", arguments=["make"]))
        self.write("x", "2")
        self.assertEqual(self.reran(), ["make", "use"])
        self.assertEqual(self.again().text("use"), "2")

    def test_an_order_dependency_is_not_in_the_key(self):
        self.write("x", "1")
        self.run_nodes(counted("first", "cat x", inputs=["x"]), counted("then", ":"),
                       dependencies={"then": ["first"]})
        self.write("x", "2")
        self.assertEqual(self.reran(), ["first"])

    def test_what_is_not_in_the_key_changes_nothing(self):
        self.run_nodes(counted("a", ":"), pools={"p": 1})
        for fields in ({"timeout_s": 100}, {"max_retries": 3}, {"backoff_s": 2}, {"priority": 9},
                       {"slots": 2}, {"pool": "p"}, {"metadata": {"m": 1}}, {"expected_s": 5},
                       {"preemptible": False}, {"idempotent": False}):
            with self.subTest(fields=fields):
                self.world.program([counted("a", ":", **fields)], pools={"p": 1})
                self.assertEqual(self.reran(), [])

    def test_what_is_in_the_key_changes_it(self):
        self.write("x", "1")
        self.run_nodes(counted("a", ":"))
        for fields in ({"inputs": ["x"]}, {"environment": {"V": "1"}},
                       {"environment_from": ["HOME"]}, {"arguments": ["c"]},
                       {"secret_environment": ["HOME"]}):
            with self.subTest(fields=fields):
                self.write("ran", "")
                self.run_nodes(counted("a", ":", **fields), const("c", "1"), goals=["a"])
                self.assertEqual(self.world.lines("ran"), ["a"])

    def test_a_renamed_node_is_the_same_node(self):
        self.run_nodes(shell("a", "echo x >> ran", inputs=[]))
        self.world.program([shell("b", "echo x >> ran", inputs=[])])
        self.assertEqual(self.ran(self.again()), [])

    def test_locale_and_time_zone_are_in_the_key_and_path_is_not(self):
        self.run_nodes(counted("a", ":"))
        self.assertEqual(self.reran(env={"TZ": "UTC"}), ["a"])
        self.assertEqual(self.reran(env={"LANG": "C"}), ["a"])
        self.assertEqual(self.reran(env={"LC_TIME": "C"}), ["a"])
        self.assertEqual(self.reran(env={"PATH": "/bin:/usr/bin", "OTHER": "1"}), [])

    def test_the_executable_of_exec_is_in_the_key(self):
        tool = self.write("tool", "#!/bin/sh\necho x >> ran; echo 1\n")
        tool.chmod(0o755)
        self.run_nodes(execute("a", ["./tool"], inputs=[]))
        self.assertEqual(self.ran(self.again()), [])
        self.write("tool", "#!/bin/sh\necho 2\n")
        self.assertEqual(self.again().text("a"), "2\n")

    def test_the_order_of_arguments_counts(self):
        nodes = [const("x", "1"), const("y", "2")]
        self.run_nodes(*nodes, counted("a", 'cat "$@"', arguments=["x", "y"]))
        self.world.program([*nodes, counted("a", 'cat "$@"', arguments=["y", "x"])])
        self.assertEqual(self.again().text("a"), "21")

    def test_order_of_names_in_the_program_does_not_count(self):
        self.write("program.json", '{"nodes": [{"node_id": "a", "operation": "shell", "inputs": [],'
                   '"parameters": {"command": "echo x"}, "environment": {"A": "1", "B": "2"}}]}')
        self.again()
        self.write("program.json", '{"nodes": [{"environment": {"B": "2", "A": "1"}, "inputs": [],'
                   '"parameters": {"command": "echo x"}, "operation": "shell", "node_id": "a"}]}')
        self.assertEqual(self.ran(self.again()), [])

    def test_equal_keys_run_once(self):
        command = "echo x >> ran; echo same"
        answer = self.run_nodes(*(shell(f"n{i}", command, inputs=[]) for i in range(20)),
                                options=["-j8"])
        self.assertEqual(len(self.world.lines("ran")), 1)
        self.assertEqual((answer["completed_nodes"], answer["reused_nodes"]), (20, 19))
        self.assertEqual({answer.text(f"n{i}") for i in range(20)}, {"same\n"})

    def test_no_cache_reuses_nothing_but_stores(self):
        self.run_nodes(counted("a", ":"))
        self.assertEqual(self.reran("--no-cache"), ["a"])
        self.assertEqual(self.reran(), [])

    def test_a_failed_command_is_never_a_result(self):
        self.run_nodes(counted("a", "echo half; exit 1"), code=1)
        self.write("ran", "")
        self.assertEqual(self.again(code=1).node("a")["status"], "failed")
        self.assertEqual(self.world.lines("ran"), ["a"])

    def test_another_dag_shares_results(self):
        self.run_nodes(counted("a", ":"), dag_id="one")
        self.world.program([counted("a", ":")], dag_id="two")
        self.assertEqual(self.reran(), [])

    def test_digests_cover_stdout_and_outputs(self):
        first = self.run_nodes(shell("a", "echo 1; echo o > o", inputs=[], outputs=["o"]))
        second = self.run_nodes(shell("a", "echo 1; echo p > o", inputs=[], outputs=["o"]))
        third = self.run_nodes(shell("a", "echo 1; echo o > o; :", inputs=[], outputs=["o"]))
        digests = [run["results"]["a"]["digest"] for run in (first, second, third)]
        self.assertNotEqual(digests[0], digests[1])
        self.assertEqual(digests[0], digests[2])
        self.assertEqual(len({run["results"]["a"]["key"] for run in (first, second, third)}), 3)


class Inputs(harness.ToolTest):
    def test_a_plain_name_that_is_missing_fails_the_node(self):
        answer = self.run_nodes(shell("a", "touch ran", inputs=["no"]), code=1)
        self.assertEqual(answer.node("a")["class"], "not_found")
        self.assertIn("no", answer.node("a")["error"])
        self.assertEqual(answer.node("a")["attempts"], 0)
        self.assertFalse(self.exists("ran"))

    def test_a_glob_that_matches_nothing_is_fine_until_something_appears(self):
        self.run_nodes(shell("a", "ls *.x 2>/dev/null; :", inputs=["*.x"]))
        self.assertEqual(self.ran(self.again()), [])
        self.write("b.x", "")
        self.assertEqual(self.again().text("a"), "b.x\n")

    def test_globs_see_files_appear_change_and_disappear(self):
        for name in ("d/a.c", "d/e/b.c", "d/e/f/c.c"):
            self.write(name, name)
        self.run_nodes(shell("a", "find d -name '*.c' | wc -l", inputs=["d/**/*.c"]))
        for change in (lambda: self.write("d/e/f/new.c", ""), lambda: self.write("d/a.c", "2"),
                       lambda: os.remove(self.world.path("d/e/b.c"))):
            change()
            self.assertEqual(self.ran(self.again()), ["a"])
            self.assertEqual(self.ran(self.again()), [])
        self.write("d/e/other.h", "")
        self.assertEqual(self.ran(self.again()), [])

    def test_a_folder_is_all_files_below_it(self):
        self.write("d/e/f", "1")
        self.run_nodes(shell("a", "cat d/e/f", inputs=["d"]))
        self.write("d/e/f", "2")
        self.assertEqual(self.ran(self.again()), ["a"])
        self.write("d/g", "")
        self.assertEqual(self.ran(self.again()), ["a"])

    def test_expansion_waits_for_the_nodes_that_write(self):
        self.run_nodes(shell("make", "mkdir -p d; for i in 1 2 3; do echo $i > d/$i.t; done",
                             inputs=[], outputs=["d"]),
                       shell("use", "cat d/*.t", inputs=["d/*.t"]))
        self.assertEqual(self.again().text("use"), "1\n2\n3\n")

    def test_braces_and_classes_match_as_globs_do(self):
        for name in ("a1", "b1", "c1", ".h1"):
            self.write(name, "")
        self.run_nodes(shell("a", ":", inputs=["[ab]1"]))
        self.write("c1", "x")
        self.assertEqual(self.ran(self.again()), [])
        self.write("b1", "x")
        self.assertEqual(self.ran(self.again()), ["a"])

    def test_an_input_changed_during_the_attempt_is_not_remembered(self):
        self.write("in", "1")
        answer = self.run_nodes(shell("a", "cat in; echo 2 > in; touch ran", inputs=["in"]))
        self.assertEqual(answer.text("a"), "1")
        self.assertIsNone(answer["results"]["a"]["key"])
        os.remove(self.world.path("ran"))
        self.write("in", "1")
        self.again()
        self.assertTrue(self.exists("ran"))

    def test_absolute_names_are_inputs_too(self):
        path = self.world.root / "outside"
        path.write_text("1")
        self.run_nodes(shell("a", f"cat {path}", inputs=[str(path)]))
        path.write_text("2")
        self.assertEqual(self.again().text("a"), "2")

    def test_names_of_any_bytes_a_program_can_hold(self):
        for name in ("a b", "ü", "-n", "$x", "a\nb", "#", "'", "~"):
            with self.subTest(name=name):
                self.write(name, "1")
                self.run_nodes(shell("a", ":", inputs=[name]))
                self.write(name, "2")
                self.assertEqual(self.ran(self.again()), ["a"])


if __name__ == "__main__":
    harness.main()
