# SPDX-License-Identifier: Apache-2.0
"""Section 4: what each operation does, and how its arguments reach it."""

import json
import os

import harness
from harness import const, execute, shell


def operation(node_id, name, arguments=(), **parameters):
    return {"node_id": node_id, "operation": name, "arguments": list(arguments),
            "parameters": parameters}


class Shell(harness.ToolTest):
    def test_stdout_is_the_result_and_stderr_is_not(self):
        answer = self.run_nodes(shell("a", "echo out; echo err >&2"))
        self.assertEqual(answer.text("a"), "out\n")
        self.assertEqual(answer.node("a")["log"], "err\n")

    def test_arguments_are_files_named_by_position(self):
        answer = self.run_nodes(
            shell("a", "printf A"), const("b", "B"),
            shell("c", 'cat "$1" "$2" "$3"; echo "$#"; cat "$@"', arguments=["a", "b", "a"]))
        self.assertEqual(answer.text("c"), "ABA3\nABA")

    def test_nothing_is_pasted_into_a_command(self):
        answer = self.run_nodes(const("a", "$(touch pasted); `touch pasted`\n'\""),
                                shell("b", 'cat "$1"', arguments=["a"]))
        self.assertEqual(answer.text("b"), "$(touch pasted); `touch pasted`\n'\"")
        self.assertFalse(self.exists("pasted"))

    def test_dollar_zero_is_the_node(self):
        for node_id in ("plain", "-c", "a b; $x"):
            with self.subTest(node_id=node_id):
                answer = self.run_nodes(shell(node_id, 'echo "$0"'))
                self.assertEqual(answer.text(node_id), node_id + "\n")

    def test_stdin_is_empty_or_the_named_argument(self):
        answer = self.run_nodes(shell("a", "cat; echo end"), const("x", "1"), const("y", "2"),
                                shell("b", 'cat; cat "$1"', arguments=["x", "y"], stdin="y"))
        self.assertEqual(answer.text("a"), "end\n")
        self.assertEqual(answer.text("b"), "21")

    def test_stdin_is_never_the_callers(self):
        self.world.program([shell("a", "cat"), execute("b", ["cat"])])
        done = self.run_tool("program.json", stdin_bytes=b"typed by a person")
        self.assertEqual((done.text("a"), done.text("b")), ("", ""))

    def test_commands_run_in_the_programs_folder(self):
        (self.world.folder / "sub").mkdir()
        self.world.program([shell("a", "pwd; touch made")], name="sub/p.json")
        answer = self.run_tool("sub/p.json")
        self.assertEqual(answer.text("a").strip(), os.path.realpath(self.world.path("sub")))
        self.assertTrue(self.exists("sub/made"))

    def test_an_array_of_lines_is_one_command(self):
        answer = self.run_nodes(shell("a", ["x=1", "echo $x"]))
        self.assertEqual(answer.text("a"), "1\n")

    def test_a_command_that_could_run_directly_looks_as_in_a_shell(self):
        """Simple commands may skip the shell; codes, messages and results are those of sh(1)."""
        self.write("notexec", "x")
        for command in ("nosuchcommand-x", "./notexec", "/nosuch/file x", "./", "true", "false",
                        "echo a b", "printenv PWD", "test -n \"$PPID\"", "exit 3", "cd /; pwd",
                        "printf '%s' 'a  b'", "echo a\\ b", "x=1 printenv x", "[ -d / ]"):
            with self.subTest(command=command):
                expected = harness.subprocess.run(
                    ["/bin/sh", "-c", command, "a"], cwd=self.world.folder, check=False,
                    stdin=harness.subprocess.DEVNULL, capture_output=True,
                    env={**self.world.environment, "PWD": str(self.world.folder)})
                answer = self.run_nodes(shell("a", command),
                                        code=0 if expected.returncode == 0 else 1)
                node = answer.node("a")
                if expected.returncode == 0:
                    self.assertEqual(answer.text("a"), expected.stdout.decode())
                else:
                    self.assertEqual(node["exit_code"], expected.returncode)
                self.assertEqual(node["log"] or "", expected.stderr.decode())


class Exec(harness.ToolTest):
    def test_words_arrive_exactly_without_a_shell(self):
        words = ["%s\n", "a b", "$HOME", "*", "", "'\"", "é\n"]
        answer = self.run_nodes(execute("a", ["printf", *words]))
        self.assertEqual(answer.text("a"), "".join(word + "\n" for word in words[1:]))

    def test_arguments_count_from_one(self):
        answer = self.run_nodes(const("x", "X"), const("y", "Y"), execute(
            "a", ["cat", {"argument": 2}, {"argument": 1}, {"argument": 2}], arguments=["x", "y"]))
        self.assertEqual(answer.text("a"), "YXY")

    def test_stdin_may_be_an_argument(self):
        node = execute("a", ["cat"], arguments=["x"])
        node["parameters"]["stdin"] = "x"
        self.assertEqual(self.run_nodes(const("x", "X"), node).text("a"), "X")

    def test_an_executable_that_is_not_there_is_not_found(self):
        answer = self.run_nodes(execute("a", ["nosuchprogram-x"]), code=1)
        self.assertEqual(answer.node("a")["class"], "not_found")
        self.assertIn("nosuchprogram-x", answer.node("a")["error"])

    def test_an_executable_by_relative_path_is_in_the_programs_folder(self):
        self.write("tool.sh", "#!/bin/sh\necho from tool\n").chmod(0o755)
        self.assertEqual(self.run_nodes(execute("a", ["./tool.sh"])).text("a"), "from tool\n")


class BuiltIns(harness.ToolTest):
    def test_const_gives_text_or_json(self):
        values = {"s": "text", "n": 7, "f": 0.5, "b": True, "z": None, "l": [1, "x"],
                  "o": {"b": 1, "a": [2]}}
        answer = self.run_nodes(*(const(name, value) for name, value in values.items()))
        for name, value in values.items():
            got = answer.text(name)
            self.assertEqual(got if name == "s" else json.loads(got), value)
        self.assertEqual(answer["results"]["o"]["data_type"], "nested")
        self.assertEqual(answer["results"]["n"]["data_type"], "primitive")

    def test_concat_joins_in_order(self):
        answer = self.run_nodes(
            const("a", "A"), shell("b", "printf B"), operation("c", "concat", ["b", "a", "b"]),
            operation("d", "concat", ["a", "b"], separator=", "), operation("e", "concat"))
        self.assertEqual([answer.text(n) for n in "cde"], ["BAB", "A, B", ""])

    def test_concat_of_large_results_is_whole(self):
        answer = self.run_nodes(
            shell("a", "head -c 3000000 /dev/zero | tr '\\0' a"), const("s", "-"),
            operation("c", "concat", ["a", "s", "a"]), shell("n", 'wc -c < "$1"', arguments=["c"]))
        self.assertEqual(answer.text("n").strip(), "6000001")

    def test_read_file_is_the_files_content_and_keyed_by_it(self):
        self.write("f", "one")
        answer = self.run_nodes(operation("a", "read_file", path="f"))
        self.assertEqual(answer.text("a"), "one")
        self.write("f", "two")
        self.assertEqual(self.again().text("a"), "two")
        self.assertEqual(self.again().node("a")["reused"], True)

    def test_read_file_of_what_is_not_there_fails(self):
        answer = self.run_nodes(operation("a", "read_file", path="f"), code=1)
        self.assertEqual(answer.node("a")["class"], "not_found")

    def test_write_file_writes_below_the_folder_and_is_never_reused(self):
        answer = self.run_nodes(const("a", "text"), operation("w", "write_file", ["a"], path="d/f"))
        self.assertEqual(self.read("d/f"), "text")
        self.write("d/f", "changed by hand")
        self.assertEqual(self.again().node("w")["reused"], False)
        self.assertEqual(self.read("d/f"), "text")
        self.assertEqual(answer["status"], "completed")

    def test_write_file_does_not_leave_the_folder(self):
        self.refused({"nodes": [const("a", "x"),
                                operation("w", "write_file", ["a"], path="../out")]})
        os.symlink(self.world.root, self.world.path("link"))
        answer = self.run_nodes(const("a", "x"), operation("w", "write_file", ["a"], path="link/f"),
                                code=1)
        self.assertEqual(answer.node("w")["status"], "failed")
        self.assertFalse((self.world.root / "f").exists())

    def test_sleep_waits(self):
        answer = self.run_nodes(operation("a", "sleep", seconds=0.02),
                                operation("b", "sleep", duration_s=0))
        self.assertEqual((answer.text("a"), answer.counts["completed"]), ("", 2))
        self.assertGreaterEqual(answer.node("a")["wall_ms"], 20)


class External(harness.ToolTest):
    TOOL = ("#!/usr/bin/env python3\nimport json, sys\nrequest = json.load(sys.stdin)\n"
            "out = {'request': request, 'argv': sys.argv[1:],\n"
            "       'read': [open(a['path']).read() for a in request['arguments']]}\n"
            "print(json.dumps(out))\n")

    def setUp(self):
        super().setUp()
        self.write("ops/dsched-op-probe", self.TOOL).chmod(0o755)

    def test_an_executable_operation_gets_its_request_and_gives_its_output(self):
        answer = self.run_nodes(
            shell("a", "printf A"), const("b", [1]),
            operation("p", "probe", ["a", "b"], depth=2, label="é"), options=["--operations", "ops"])
        out = json.loads(answer.text("p"))
        self.assertEqual(out["read"], ["A", "[1]"])
        self.assertEqual(out["request"]["operation"], "probe")
        self.assertEqual(out["request"]["parameters"], {"depth": 2, "label": "é"})
        arguments = out["request"]["arguments"]
        self.assertEqual([a["node_id"] for a in arguments], ["a", "b"])
        self.assertEqual([a["data_type"] for a in arguments], ["binary", "nested"])
        self.assertRegex(arguments[0]["digest"], "^[0-9a-f]{64}$")

    def test_it_is_looked_up_in_path(self):
        path = f"{self.world.path('ops')}:{self.world.environment['PATH']}"
        answer = self.run_nodes(operation("p", "probe"), env={"PATH": path})
        self.assertEqual(json.loads(answer.text("p"))["argv"], [])

    def test_a_changed_executable_is_a_changed_version(self):
        node = {**operation("p", "probe"), "inputs": []}
        options = ["--operations", "ops", "--explain"]
        self.run_nodes(node, options=options)
        self.assertTrue(self.again(*options).node("p")["reused"])
        self.write("ops/dsched-op-probe", self.TOOL + "# changed\n")
        self.assertEqual(self.again(*options).node("p")["explain"], "program version changed")


if __name__ == "__main__":
    harness.main()
