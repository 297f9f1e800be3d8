# SPDX-License-Identifier: Apache-2.0
"""VoxLogica programs that are run: what they print and save, what follows files, what is reused."""

import json
import pathlib

import harness
from harness import ToolTest

CASES = pathlib.Path(__file__).resolve().parent.parent / "voxlogica" / "cases"


class ImgqlTest(ToolTest):
    def printed(self, text, *options, code=0):
        """What the program prints as text."""
        self.write("p.imgql", text)
        return self.run_tool("p.imgql", "--format", "text", "--progress", "none", *options,
                             code=code).out.decode()

    def remove(self, name):
        self.world.path(name).unlink()

    def tool(self, tool, *arguments):
        done = self.world.run(*arguments, tool=tool)
        self.assertEqual(done.code, 0, repr(done))
        return done

    def answer(self, text, *options, code=0):
        self.write("p.imgql", text)
        return self.run_tool("p.imgql", *options, code=code)


class Cases(ImgqlTest):
    def test_the_cases_print_what_the_reference_prints(self):
        for program in sorted(CASES.glob("*.imgql")):
            expected = program.with_suffix(".out").read_text()
            # Cold on one slot, then warm; then both without what is known.
            for options in (("-j1",), (), ("--no-cache", "-j4"), ("-j1",)):
                done = self.run_tool(program, "--format", "text", "--progress", "none", *options)
                self.assertEqual(done.out.decode(), expected, f"{program.name} {options}")


class Goals(ImgqlTest):
    def test_prints_are_fields_of_the_answer(self):
        done = self.answer('x = 2\nprint "total" x * 3\nprint "total" "two"\nprint "" [1,"a"]')
        results = done["results"]
        self.assertEqual({name: result["text"] for name, result in results.items()},
                         {"total": "6.0", "total~2": "two", "": "[1.0, 'a']"})
        self.assertEqual(done["dag_id"], "p")

    def test_a_goal_that_fails_stops_no_other(self):
        text = 'print "a" 1\nprint "b" 1 / 0\nsave "c.txt" 3\nprint "d" [1,2][5]\nprint "e" 2'
        done = self.answer(text, code=1)
        self.assertEqual(sorted(done["results"]), ["a", "e"])
        self.assertEqual(self.read("c.txt"), "3.0")
        failed = sorted(node["error"] for node in done["nodes"] if node["status"] == "failed")
        self.assertEqual(len(failed), 2)
        self.assertTrue(failed[0].startswith("p.imgql:2:"), failed)
        self.assertTrue(failed[1].startswith("p.imgql:4:"), failed)
        self.assertEqual(self.printed(text, code=1), "a=1.0\ne=2.0\n")

    def test_save_writes_text_and_json_and_makes_folders(self):
        self.answer('save "out/a.txt" [1,"x"]\nsave "out/deep/b.json" [1,"x",true]\nsave "c" "plain"')
        self.assertEqual(self.read("out/a.txt"), "[1.0, 'x']")
        self.assertEqual(self.read("out/deep/b.json"), '[\n  1.0,\n  "x",\n  true\n]')
        self.assertEqual(self.read("c"), "plain")
        self.answer('save "c" 1\nsave "./c" 2\nsave "out/../c" 3')
        self.assertEqual(self.read("c"), "3.0")

    def test_save_does_not_leave_the_folder(self):
        (self.world.root / "outside").mkdir()
        (self.world.folder / "link").symlink_to(self.world.root / "outside")
        for path in ("../x.txt", "/tmp/dsched-never.txt", "link/x.txt"):
            done = self.answer(f'save "{path}" 1\nprint "a" 1', code=1)
            self.assertEqual(sorted(done["results"]), ["a"])
        self.assertEqual(list((self.world.root / "outside").iterdir()), [])
        self.write("kept/x", "x")
        self.answer('save "kept" 1', code=1)
        self.assertEqual(self.read("kept/x"), "x")
        inside = self.world.folder / "in.txt"
        self.answer(f'save "{inside}" 1')
        self.assertEqual(self.read("in.txt"), "1.0")

    def test_effects_happen_on_every_run_and_nothing_else_does(self):
        text = ('a = for f in ["x","y"] do shell("cat \\"$1\\"; echo >> log", f)\n'
                'save "out.txt" a\nprint "a" a')
        self.answer(text)
        self.remove("out.txt")
        done = self.answer(text)
        self.assertEqual(self.read("out.txt"), "['x', 'y']")
        self.assertEqual(self.read("log"), "\n\n")
        self.assertEqual(done["results"]["a"]["text"], "['x', 'y']")

    def test_result_and_target_name_labels_and_declarations(self):
        self.write("p.imgql", 'a = 1 + 1\nb = a * 4\nprint "eight" b\nprint "other" shell("echo")')
        self.assertEqual(self.run_tool("p.imgql", "--result", "a").out, b"2.0")
        self.assertEqual(self.run_tool("p.imgql", "--result", "eight").out, b"8.0")
        done = self.run_tool("p.imgql", "--target", "eight")
        self.assertEqual(list(done["results"]), ["eight"])

    def test_the_store_gives_values_as_text(self):
        self.answer('xs = for x in range(0,3) do x + 1\nprint "xs" xs')
        got = self.tool(harness.STORE, "get", "@latest/xs")
        self.assertEqual(got.out, b"[1.0, 2.0, 3.0]")

    def test_print_primitive_prints_a_line_and_is_it(self):
        text = ('p = print_primitive("x", 1 + 1)\nprint "all" p\n'
                'print "loop" for i in [1,2] do print_primitive("i", i)')
        expected = "x=2.0\ni=1.0\ni=2.0\nall=x=2.0\nloop=['i=1.0', 'i=2.0']\n"
        self.assertEqual(self.printed(text, "-j1"), expected)
        self.assertEqual(self.printed(text), expected)


class Language(ImgqlTest):
    def test_standard_input_that_is_no_json_is_imgql(self):
        for options in ((), ("--language", "imgql")):
            done = self.run_tool("-", "--format", "text", *options, stdin_bytes=b'// {\nprint "a" 1+1')
            self.assertEqual(done.out, b"a=2.0\n")
        self.run_tool("-", "--language", "json", stdin_bytes=b'print "a" 1', code=2)
        self.run_tool("-", "--strict", stdin_bytes=b'print "a" 3-1', code=2)

    def test_faults_are_told_before_anything_is_made(self):
        done = self.answer('print "a" 1\nprint "y" y\n', code=2)
        self.assertEqual([fault["code"] for fault in done.details], ["E_UNBOUND_IDENTIFIER"])
        self.assertIn("p.imgql:2:11: E_UNBOUND_IDENTIFIER", done.err)
        self.assertFalse(self.exists(".dsched"))

    def test_a_command_must_be_a_constant(self):
        done = self.answer('print "a" for x in ["ls"] do shell(x)', code=2)
        self.assertEqual([fault["code"] for fault in done.details], ["E_SHELL_COMMAND"])
        self.assertEqual(self.printed('print "a" shell(concat("echo ", "hi"))'), "a=hi\n")

    def test_images_are_refused_by_name(self):
        done = self.answer('import "simpleitk"\nprint "a" simpleitk.Sobel(1)', code=2)
        self.assertIn("images", done.details[0]["message"])

    def test_a_program_without_goals_completes(self):
        self.assertEqual(self.answer("a = 1 / 0").counts, {})

    def test_loops_nest_as_deep_as_said(self):
        def nested(depth):
            text = "1"
            for level in range(depth):
                text = f"for x{level} in [1] do {text} + x{level}"
            return f'print "n" ({text})'
        self.assertIn("n=[", self.printed(nested(10)))
        done = self.answer(nested(60), code=2)
        self.assertEqual([fault["code"] for fault in done.details], ["E_DEPTH"])


class Files(ImgqlTest):
    def test_load_gives_lines_json_or_bytes_and_follows_the_file(self):
        self.write("a.txt", "x\ny\n")
        self.write("b.json", '{"k": [1, 2.5, "z"]}')
        text = 'print "a" load("a.txt")\nprint "b" load("b.json")\nprint "n" load("./c.bin")'
        self.write("c.bin", "raw")
        self.assertEqual(self.printed(text), "a=['x', 'y']\nb={'k': [1, 2.5, 'z']}\nn=b'raw'\n")
        self.write("a.txt", "new\n")
        self.assertIn("a=['new']\n", self.printed(text))
        self.remove("a.txt")
        self.assertNotIn("a=", self.printed(text, code=1))

    def test_load_of_what_is_not_there_says_where(self):
        done = self.answer('x = load("none.txt")\nprint "x" x', code=1)
        error = next(node["error"] for node in done["nodes"] if node["status"] == "failed")
        self.assertEqual(error, "p.imgql:1:5: load: none.txt: there is no such file")
        self.write("folder/x", "")
        self.answer('print "x" load("folder")', code=1)

    def test_dir_lists_and_follows_the_folder(self):
        for name in ("b.txt", "a.txt", "c.csv", "sub/d.txt", ".hidden.txt"):
            self.write(f"data/{name}", name)
        text = ('print "all" dir("data")\nprint "txt" dir("data","*.txt")\n'
                'print "deep" dir("data","*.txt",true)\nprint "full" dir("data","*.csv",false,true)')
        full = self.world.folder / "data" / "c.csv"
        expected = ("all=['.hidden.txt', 'a.txt', 'b.txt', 'c.csv', 'sub']\n"
                    "txt=['.hidden.txt', 'a.txt', 'b.txt']\n"
                    "deep=['.hidden.txt', 'a.txt', 'b.txt', 'sub/d.txt']\n"
                    f"full=['{full}']\n")
        self.assertEqual(self.printed(text), expected)
        self.assertEqual(self.printed(text), expected)
        self.write("data/a2.txt", "")
        self.assertIn("'a.txt', 'a2.txt', 'b.txt'", self.printed(text))
        self.assertEqual(self.printed('print "x" dir("none")', code=1), "")
        self.assertNotIn(".dsched", self.printed('print "x" dir(".","*",true)'))

    def test_shell_gets_its_arguments_as_files(self):
        self.write("lines.txt", "b\na\n")
        text = ('print "t" shell("cat \\"$1\\"", "some text")\n'
                'print "n" shell("cat \\"$1\\"", 3)\n'
                'print "l" shell("cat \\"$1\\"", [1,"x",true])\n'
                'print "s" shell("sort \\"$1\\"", load("lines.txt"))\n'
                'print "two" shell("cat \\"$2\\" \\"$1\\"", "a", "b")\n'
                'print "chain" shell("wc -l < \\"$1\\"", shell("printf \'1\\n2\\n\'"))')
        self.assertEqual(self.printed(text),
                         't=some text\nn=3.0\nl=[1.0,"x",true]\ns=a\nb\ntwo=ba\nchain=2\n')

    def test_shell_follows_the_files_it_names(self):
        self.write("in.txt", "1\n")
        self.write("other.txt", "1\n")
        text = ('print "word" shell("echo >> log1; cat in.txt")\n'
                'print "path" shell("echo >> log2; cat \\"$(cat \\"$1\\")\\"", "other.txt")')
        self.assertEqual(self.printed(text), "word=1\npath=1\n")
        self.write("in.txt", "2\n")
        self.assertEqual(self.printed(text), "word=2\npath=1\n")
        self.write("other.txt", "2\n")
        self.assertEqual(self.printed(text), "word=2\npath=2\n")
        self.assertEqual(self.printed(text), "word=2\npath=2\n")
        self.assertEqual((self.read("log1"), self.read("log2")), ("\n\n", "\n\n"))

    def test_a_command_that_fails_is_a_node_that_fails(self):
        done = self.answer('x = shell("echo no >&2; exit 3")\nprint "x" x\nprint "y" 1', code=1)
        self.assertEqual(done.node("x")["exit_code"], 3)
        self.assertIn("no", done.node("x")["log"])
        self.assertEqual(list(done["results"]), ["y"])


class Loops(ImgqlTest):
    COUNTS = ('counts = for f in dir("data","*.txt",false,true) do\n'
              '  shell("echo >> log; wc -l < \\"$1\\"", load(f))\nprint "counts" counts')

    def test_one_changed_file_runs_one_element(self):
        for number in range(1, 6):
            self.write(f"data/{number}.txt", "x\n" * number)
        self.assertEqual(self.printed(self.COUNTS), "counts=['1', '2', '3', '4', '5']\n")
        self.write("data/3.txt", "")
        self.assertEqual(self.printed(self.COUNTS), "counts=['1', '2', '0', '4', '5']\n")
        self.assertEqual(len(self.read("log")), 6)
        self.assertEqual(self.printed(self.COUNTS), "counts=['1', '2', '0', '4', '5']\n")
        self.assertEqual(len(self.read("log")), 6)

    def test_elements_are_nodes_with_names(self):
        self.write("data/1.txt", "")
        done = self.answer(self.COUNTS, "--nodes", "all")
        names = {node["node_id"] for node in done["nodes"]}
        self.assertTrue({"counts", "counts.0", "counts.0:file"} <= names, names)

    def test_elements_run_beside_each_other(self):
        meet = ('touch "$(cat "$1")"; until [ -e a ] && [ -e b ]; do sleep 0.01; done'
                ).replace('"', '\\"')
        self.assertEqual(self.printed(f'print "m" for x in ["a","b"] do shell("{meet}", x)', "-j2"),
                         "m=['', '']\n")

    def test_filter_map_and_nesting_with_commands(self):
        text = ('even(x) = shell("test $(($(cat \\"$1\\" | cut -d. -f1) % 2)) = 0 && echo yes || echo no", x)\n'
                'print "f" filter x in [1,2,3,4] do shell("cat \\"$1\\"", x) == "2.0"\n'
                'print "m" map(even, [1,2])\n'
                'print "n" for x in [1,2] do for y in ["a","b"] do\n'
                '  concat(shell("cat \\"$1\\" \\"$2\\"", x, y), "-", x + 1)\n'
                'print "outer" for x in [1,2] do shell("echo same")')
        self.assertEqual(self.printed(text),
                         "f=[2.0]\nm=['no', 'yes']\n"
                         "n=[['1.0a-2.0', '1.0b-2.0'], ['2.0a-3.0', '2.0b-3.0']]\n"
                         "outer=['same', 'same']\n")

    def test_what_an_element_lacks_fails_the_loop_and_says_where(self):
        done = self.answer('xs = for x in [1,0] do 1 / x\nprint "xs" xs\nprint "a" 1', code=1)
        self.assertIn("p.imgql:1:", done.node("xs")["error"])
        done = self.answer('print "n" for x in 3 do shell("echo")', code=1)
        self.assertEqual(done.counts["failed"], 1)

    def test_values_of_many_kinds_go_through_loops(self):
        text = ('ys = for f in ["a","b"] do shell("cat \\"$1\\"", f)\nprint "ys" ys[1:]\n'
                'print "len" fold + (for y in ys do 1)\n'
                'print "empty" for x in [] do shell("echo", x)')
        self.assertEqual(self.printed('print "e" for x in [] do 1 / 0'), "e=[]\n")
        self.assertEqual(self.printed(text), "ys=['b']\nlen=2.0\nempty=[]\n")


class Executions(ImgqlTest):
    def test_a_killed_runner_loses_no_element(self):
        self.write("p.imgql", 'xs = for x in range(0,5) do shell("echo $(cat $1) >> log; '
                              'test $(cat $1) -lt 3 || until [ -e go ]; do sleep 0.01; done; cat $1", x)\n'
                              'print "xs" xs\nsave "xs.json" xs')
        running = self.world.start("p.imgql", "-j1", "--progress", "none")
        harness.wait_for(lambda: "3" in self.world.lines("log"), "the fourth element")
        on_record = ("nodes", "1", "--status", "completed")
        harness.wait_for(lambda: b'"xs.2"' in self.world.run(*on_record, tool=harness.STATS).out,
                         "the record of the third")
        running.signal(9)
        running.end()
        self.assertFalse(self.exists("xs.json"))
        self.write("go", "")
        done = self.run_tool("--resume", "@latest")
        self.assertEqual(done["results"]["xs"]["text"], "['0', '1', '2', '3', '4']")
        self.assertEqual(sorted(self.world.lines("log")), ["0", "1", "2", "3", "3", "4"])
        self.assertEqual(json.loads(self.read("xs.json")), ["0", "1", "2", "3", "4"])
        self.store_is_clean()

    def test_a_computation_ends_when_it_is_told_to(self):
        self.write("p.imgql", 'print "t" timewaste(1000, 10000)')
        running = self.world.start("p.imgql", "--progress", "plain", "-j1")
        harness.wait_for(lambda: self.world.run("nodes", "1", tool=harness.STATS).out.count(b"running"),
                         "the computation")
        running.signal(2)
        self.assertEqual(running.end().code, 130)

    def test_a_request_document_names_a_program(self):
        self.write("q.imgql", 'print "q" 1')
        done = self.run_tool("-", stdin_bytes=b'{"program": "q.imgql"}')
        self.assertEqual(done["results"]["q"]["text"], "1.0")

    def test_another_program_keeps_what_is_the_same(self):
        self.write("p.imgql", 'a = shell("echo a >> log")\nprint "b" shell("cat none", a)')
        self.run_tool("p.imgql", code=1)
        self.write("p.imgql", 'a = shell("echo a >> log")\nprint "b" shell("echo b", a)')
        done = self.run_tool("--resume", "1", "p.imgql")
        self.assertEqual((done["execution"], done["results"]["b"]["text"]), (1, "b"))
        self.assertEqual(self.world.lines("log"), ["a"])

    def test_a_resume_needs_no_file(self):
        self.write("lib.imgql", 'f(x) = shell("echo >> log; test -e ready && cat \\"$1\\"", x)')
        self.write("p.imgql", 'import "lib.imgql"\nprint "a" f("one")\nprint "b" shell("echo >> log; echo b")')
        self.run_tool("p.imgql", code=1)
        self.remove("p.imgql")
        self.remove("lib.imgql")
        self.write("ready", "")
        done = self.run_tool("--resume", "1", "--format", "text", "--progress", "none")
        self.assertEqual(done.out, b"a=one\nb=b\n")
        self.assertEqual(len(self.read("log")), 3)

    def test_dry_run_and_explain_know_its_nodes(self):
        self.write("in.txt", "1")
        text = 'x = for f in dir(".","*.txt") do shell("cat \\"$1\\"", load(f))\nprint "x" x'
        would = self.answer(text, "--dry-run")
        self.assertEqual([node["node_id"] for node in would["would_run"]], ["x.0:file"])
        self.assertEqual(would["unknown"], ["x.0", "x"])
        self.answer(text)
        would = self.answer(text, "--dry-run")
        self.assertEqual(would["would_run"], [])
        self.write("in.txt", "2")
        done = self.answer(text, "--explain", "--nodes", "all")
        self.assertEqual(done.node("x.0:file")["explain"], "input in.txt changed")

    def test_detached_and_looked_at(self):
        self.write("p.imgql", 'print "a" shell("echo hi")')
        self.run_tool("p.imgql", "--detach")
        def is_over():
            line = self.tool(harness.STATS, "executions").out.splitlines()[0]
            return json.loads(line)["status"] == "completed"
        harness.wait_for(is_over, "the detached execution")
        lines = self.tool(harness.STATS, "nodes", "1").out.decode().splitlines()
        nodes = [json.loads(line) for line in lines]
        self.assertIn("shell", [node["operation"] for node in nodes])
        self.assertEqual(self.run_tool("--resume", "@latest", "--result", "a").out, b"hi\n")


if __name__ == "__main__":
    harness.main()
