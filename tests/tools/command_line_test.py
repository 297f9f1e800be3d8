# SPDX-License-Identifier: Apache-2.0
"""Section 9: options, formats, exit codes, documents on stdin, `-- COMMAND`, what goes where."""

import hashlib
import json
import os
import pathlib
import pty
import re

import harness
from harness import schema, schema_of, shell


class Usage(harness.ToolTest):
    def test_help_names_store_format_and_exit_codes(self):
        out = self.run_tool("--help").out.decode()
        for word in ("--store", "--format", "Exit codes", "124", "128+n"):
            self.assertIn(word, out)

    def test_every_option_of_the_man_page_is_in_the_help(self):
        page = (harness.SOURCE / "man" / "dsched-run.1").read_text()
        out = self.run_tool("--help").out.decode()
        named = set(re.findall(r"(?m)^\.It Fl (?:\w , Fl )?-([a-z-]+)", page))
        self.assertGreater(len(named), 20)
        for name in named:
            self.assertIn("--" + name, out)

    def test_a_missing_subcommand_is_told_with_all_there_are(self):
        for tool in ("dsched-stats", "dsched-store"):
            out = self.run_tool("--help", tool=str(harness.BUILD / "bin" / tool)).out.decode()
            names = re.findall(r"(?m)^  ([a-z]+)  ", out[out.index("Subcommands:"):])
            self.assertGreater(len(names), 5)
            done = self.run_tool(tool=str(harness.BUILD / "bin" / tool), code=2)
            listed = ", ".join(names[:-1]) + " or " + names[-1]
            self.assertEqual(done.document["error"]["message"], "what to do is missing: " + listed)

    def test_version(self):
        self.assertRegex(self.run_tool("--version").out.decode(), r"^dsched-run \d+\.\d+\.\d+\n$")

    def test_wrong_usage_is_2_and_makes_nothing(self):
        self.world.program([shell("a", "touch ran")])
        for words in ([], ["--nosuch"], ["program.json", "-j", "0"], ["program.json", "-j", "x"],
                      ["program.json", "--priority", "11"], ["program.json", "--format", "xml"],
                      ["program.json", "--storage-backend", "s3"], ["program.json", "extra.json"],
                      ["program.json", "--keep-going=0"], ["program.json", "--keep-going=x"],
                      ["program.json", "--retries", "-1"], ["program.json", "--", "true"], ["--"],
                      ["-C", "nofolder", "program.json"], ["program.json", "--progress", "loud"]):
            with self.subTest(words=words):
                done = self.run_tool(*words, code=2)
                self.assertEqual(done.kind, "usage")
                self.assertRegex(done.err, r"^dsched-run: [^\n]+\n")
        self.assertEqual(sorted(os.listdir(self.world.folder)), ["program.json"])

    def test_k_and_an_n_may_stand_before_the_program(self):
        self.world.program([shell("a", "exit 1"), shell("b", ":")])
        self.assertEqual(self.run_tool("-k", "program.json", code=1)["completed_nodes"], 1)
        self.assertEqual(self.run_tool("--keep-going", "program.json", code=1)["completed_nodes"], 1)

    def test_C_changes_the_folder_first(self):
        (self.world.folder / "sub").mkdir()
        self.world.program([shell("a", "pwd")], name="sub/program.json")
        done = self.run_tool("-C", "sub", "program.json")
        self.assertTrue(done.text("a").endswith("/sub\n"))
        self.assertTrue(self.exists("sub/.dsched"))
        self.assertFalse(self.exists(".dsched"))

    def test_the_store_by_option_and_by_variable(self):
        self.world.program([shell("a", "echo $DSCHED_STORE")])
        self.run_tool("program.json", env={"DSCHED_STORE": "by-variable"})
        done = self.run_tool("program.json", "--store", "by-option", env={"DSCHED_STORE": "unused"})
        self.assertEqual(done.text("a").strip(), os.path.realpath(self.world.path("by-option")))
        self.assertEqual(sorted(os.listdir(self.world.folder)),
                         ["by-option", "by-variable", "program.json"])

    def test_the_store_is_private_and_kept_out_of_backups_and_repositories(self):
        self.run_nodes(shell("a", ":"))
        self.assertEqual(os.stat(self.world.path(".dsched")).st_mode & 0o777, 0o700)
        self.assertTrue(self.read(".dsched/CACHEDIR.TAG").startswith("Signature: 8a477f597d28d172"))
        self.assertIn("*", self.world.lines(".dsched/.gitignore"))

    def test_a_full_disk_or_closed_stdout_is_told(self):
        self.world.program([shell("a", "yes | head -c 200000")])
        with open("/dev/full", "wb") as full:
            running = self.world.start("program.json", "--full-results", stdout=full)
            done = running.end()
        self.assertEqual(done.code, 4)
        self.assertIn("standard output", done.err)


class Formats(harness.ToolTest):
    def test_off_a_terminal_the_answer_is_json_on_one_line(self):
        done = self.run_nodes(shell("a", "echo hi"))
        self.assertEqual(done.out.count(b"\n"), 1)
        self.assertTrue(done["success"])

    def test_text_is_for_people(self):
        self.world.program([shell("a", "echo hi")])
        self.assertEqual(self.run_tool("program.json", "--format", "text").out, b"hi\n")
        self.assertEqual(self.run_tool("program.json", env={"DSCHED_FORMAT": "text"}).out, b"hi\n")
        done = self.run_tool("program.json", "--format", "json", env={"DSCHED_FORMAT": "text"})
        self.assertEqual(done.text("a"), "hi\n")

    def test_on_a_terminal_the_answer_is_text(self):
        self.world.program([shell("a", "echo hi")])
        master, slave = pty.openpty()
        running = self.world.start("program.json", stdout=slave, stderr=harness.subprocess.DEVNULL)
        self.assertEqual(running.process.wait(harness.PATIENCE_S), 0)
        os.close(slave)
        self.assertEqual(os.read(master, 1000), b"hi\r\n")
        os.close(master)

    def test_errors_are_one_line_for_people_and_a_document_for_programs(self):
        done = self.run_tool("--resume", "9", code=1)
        self.assertEqual(len(done.err.splitlines()), 1)
        text = self.run_tool("--resume", "9", "--format", "text", code=1)
        self.assertEqual(text.out, b"")
        self.assertRegex(text.err, r"^dsched-run: .+: .+\n")

    def test_quiet_says_nothing_when_all_is_well(self):
        self.world.program([shell("a", "echo noise >&2")])
        self.assertEqual(self.run_tool("program.json", "-q").err, "")

    def test_progress_goes_to_stderr_only(self):
        self.world.program([shell("a", "echo hi")])
        for mode in ("plain", "none", "json", "bar", "auto"):
            with self.subTest(mode=mode):
                done = self.run_tool("program.json", "--progress", mode)
                self.assertEqual(done.text("a"), "hi\n")
                self.assertEqual(done.err == "", mode == "none")

    def test_progress_lines_in_json_fit_their_schema_and_never_go_back(self):
        self.world.program([shell(f"n{i}", ":") for i in range(30)])
        done = self.run_tool("program.json", "--progress", "json", "-j2")
        lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
        self.assertTrue(lines)
        for line in lines:
            self.assertEqual(schema.faults(line, schema_of("progress")), [])
        shares = [line["progress_percentage"] for line in lines]
        self.assertEqual(shares, sorted(shares))
        self.assertEqual((shares[-1], lines[-1]["completed_nodes"]), (100, 30))

    def test_no_colour_reaches_a_pipe(self):
        self.world.program([shell("a", "exit 1")])
        done = self.run_tool("program.json", "--format", "text", code=1)
        self.assertNotIn("\x1b", done.err)


class Documents(harness.ToolTest):
    def send(self, document, *options, code=0):
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.run_tool("-", *options, stdin_bytes=text, code=code)

    def test_a_program_from_stdin_has_the_current_folder(self):
        done = self.send({"nodes": [shell("a", "pwd")]})
        self.assertEqual(done.text("a").strip(), os.path.realpath(self.world.folder))

    def test_a_request_holds_a_program_or_names_a_file(self):
        self.assertEqual(self.send({"program": {"nodes": [shell("a", "echo 1")]}}).text("a"), "1\n")
        self.world.program([shell("a", "echo 2")])
        self.assertEqual(self.send({"program": "program.json"}).text("a"), "2\n")

    def test_fields_are_options_and_flags_override_them(self):
        request = {"program": {"nodes": [shell("a", "exit 1"), shell("b", ":"),
                                         harness.const("v", {"variable": "x"})],
                               "variables": {"x": "0"}},
                   "keep_going": True, "nodes_listed": "all", "set": {"x": "doc"},
                   "storage_path": "from-request", "max_concurrent_nodes": 1, "max_retries": 0}
        done = self.send(request, code=1)
        self.assertEqual((done["completed_nodes"], done.text("v")), (2, "doc"))
        self.assertTrue(self.exists("from-request"))
        done = self.send(request, "--store", "from-flag", "--set", "x=flag", code=1)
        self.assertEqual(done.text("v"), "flag")
        self.assertTrue(self.exists("from-flag"))

    def test_unknown_and_wrong_fields_are_refused(self):
        program = {"nodes": []}
        for fields in ({"storage_bakend": "sqlite"}, {"storage_backend": "s3"}, {"set": []},
                       {"max_retries": -1}, {"targets": "a"}, {"keep_going": "yes"}):
            with self.subTest(fields=fields):
                done = self.send({"program": program, **fields}, code=2)
                self.assertEqual(done.kind, "invalid_request")
                self.assertIn(next(iter(fields)), done["error"]["message"])
        self.assertFalse(self.exists(".dsched"))

    def test_what_is_neither_is_an_invalid_program(self):
        for text in (b"", b"{}", b"7", b"{", b"let x ="):
            with self.subTest(text=text):
                self.assertEqual(self.send(text, code=2).kind, "invalid_program")


class Commands(harness.ToolTest):
    """dsched-run -- COMMAND ARG..."""

    def test_streams_and_code_pass_through(self):
        done = self.run_tool("--", "sh", "-c", "cat; echo err >&2; exit 7", code=7,
                             stdin_bytes=b"from the caller")
        self.assertEqual(done.out, b"from the caller")
        self.assertTrue(done.err.startswith("err\n"), done.err)

    def test_words_arrive_exactly(self):
        done = self.run_tool("--", "printf", "%s,", "a b", "", "--store", "*", "--")
        self.assertEqual(done.out, b"a b,,--store,*,--,")

    def test_it_is_recorded(self):
        self.run_tool("--", "echo", "hi")
        done = self.run_tool("--resume", "@latest", "--result", "command")
        self.assertEqual(done.out, b"hi\n")

    def test_a_signal_is_128_plus_n_and_what_is_missing_127(self):
        self.run_tool("--", "sh", "-c", "kill -9 $$", code=137)
        self.run_tool("--", "nosuchcommand-x", code=127)
        self.write("notexec", "x")
        self.assertIn(self.world.run("--", "./notexec").code, (126, 127))

    def test_with_json_it_answers_the_document(self):
        done = self.run_tool("--format", "json", "--", "sh", "-c", "echo hi; exit 3", code=1)
        self.assertEqual(done["nodes"][0]["exit_code"], 3)
        done = self.run_tool("--format", "json", "--", "echo", "hi")
        self.assertEqual(done.text("command"), "hi\n")

    def test_binary_output_is_exact(self):
        done = self.run_tool("--", "head", "-c", "300000", "/dev/zero")
        self.assertEqual(done.out, bytes(300_000))


class Environment(harness.ToolTest):
    def test_the_promised_variables_are_set(self):
        names = ("DSCHED_EXECUTION_ID", "DSCHED_NODE_ID", "DSCHED_ATTEMPT", "DSCHED_STORE",
                 "DSCHED_ATTEMPT_ID")
        answer = self.run_nodes(shell("a", "; ".join(f'echo "${name}"' for name in names)))
        got = dict(zip(names, answer.text("a").splitlines()))
        self.assertEqual(got["DSCHED_EXECUTION_ID"], answer["execution_id"])
        self.assertEqual((got["DSCHED_NODE_ID"], got["DSCHED_ATTEMPT"]), ("a", "1"))
        self.assertEqual(got["DSCHED_STORE"], os.path.realpath(self.world.path(".dsched")))
        self.assertTrue(got["DSCHED_ATTEMPT_ID"])

    def test_environment_is_set_and_from_outside_passed_on(self):
        answer = self.run_nodes(
            shell("a", 'echo "$V-$W-$DSCHED_NODE_ID"', environment={"V": "a b\n'"},
                  environment_from=["W"]), env={"V": "outer", "W": "w"})
        self.assertEqual(answer.text("a"), "a b\n'-w-a\n")

    def test_a_passed_on_variable_is_keyed(self):
        self.run_nodes(shell("a", 'echo "$W"', inputs=[], environment_from=["W"]), env={"W": "1"})
        self.assertEqual(self.again(env={"W": "2"}).text("a"), "2\n")
        self.assertTrue(self.again(env={"W": "1"}).node("a")["reused"])
        self.assertEqual(self.again(env={"W": None}).text("a"), "\n")
        self.assertEqual(self.again(env={"W": ""}).node("a")["reused"], False)

    SECRET = "s3cr3t-Pa55phrase-of-some-length"

    def test_a_secret_is_passed_on_and_stands_nowhere(self):
        node = shell("a", 'printf %s "$S" | wc -c; test -n "$DONE"', inputs=[],
                     secret_environment=["S"], environment_from=["DONE"])
        self.run_nodes(node, env={"S": self.SECRET}, options=["--explain"], code=1)
        answer = self.run_tool("--resume", "1", "--explain", "--nodes", "all",
                               env={"S": self.SECRET, "DONE": "1"})
        self.assertEqual(answer.text("a"), f"{len(self.SECRET)}\n")
        self.again("--explain", env={"S": self.SECRET + "2", "DONE": "1"})
        dry = self.run_tool("program.json", "-n", env={"S": self.SECRET + "3", "DONE": "1"})
        self.assertEqual(dry["would_run"][0]["explain"], "environment S changed")
        for shown in (answer.out.decode(), answer.err, dry.out.decode(), dry.err):
            self.assertNotIn(self.SECRET, shown)
        digests = [hashlib.sha256(self.SECRET.encode()).hexdigest()]
        for path in [*pathlib.Path(self.world.path(".dsched")).rglob("*"),
                     *(self.world.root / "machine").rglob("*")]:
            if path.is_file():
                content = path.read_bytes()
                self.assertNotIn(self.SECRET.encode(), content, path)
                for digest in digests:
                    self.assertNotIn(digest.encode(), content, path)
                    self.assertNotIn(bytes.fromhex(digest), content, path)

    def test_the_same_secret_is_reused(self):
        node = shell("a", "echo x >> ran", inputs=[], secret_environment=["S"])
        self.run_nodes(node, env={"S": self.SECRET})
        self.assertTrue(self.again(env={"S": self.SECRET}).node("a")["reused"])
        self.assertFalse(self.again(env={"S": "other"}).node("a")["reused"])


if __name__ == "__main__":
    harness.main()
