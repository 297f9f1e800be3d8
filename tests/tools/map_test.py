# SPDX-License-Identifier: Apache-2.0
"""map: one node for each element of a list that is known only at run time."""

import base64
import json

import harness
from harness import STATS, STORE, const, shell

SAY = 'cat "$1"'


def mapped(node_id, template, arguments=("list",), **fields):
    return {"node_id": node_id, "operation": "map", "arguments": list(arguments),
            "parameters": {"node": template}, **fields}


def template(command, **fields):
    node = shell("", command, **fields)
    del node["node_id"]
    return node


def counted(command=SAY, **fields):
    """A reusable template that leaves its node's name in `ran` each time it runs."""
    return template("echo $DSCHED_NODE_ID >> ran; " + command, **{"inputs": [], **fields})


class MapTest(harness.ToolTest):
    def reran(self, *options, **kwargs):
        self.write("ran", "")
        self.answer = self.again(*options, **kwargs)
        return sorted(self.world.lines("ran"))


class Elements(MapTest):
    def elements(self, producer):
        """What the elements of a list are, as the nodes of a map see them."""
        answer = self.run_nodes(producer, mapped("m", template(SAY)))
        return [entry.get("text", entry.get("base64")) for entry in json.loads(answer.text("m"))]

    def lines(self, text):
        self.write("text", text)
        return self.elements(shell("list", "cat text"))

    def test_of_an_array_strings_are_text_and_all_else_is_json(self):
        value = ["a", "", "é\n\"", 1, 2.5, True, None, {"b": 1, "a": []}, ["x", 1]]
        self.assertEqual(self.elements(const("list", value)),
                         ["a", "", "é\n\"", "1", "2.5", "true", "null", '{"a":[],"b":1}', '["x",1]'])

    def test_an_array_that_a_command_prints_is_one(self):
        self.assertEqual(self.lines('\n [1,\n "b" ,\r\n {"z":1, "a":2}]\n\n'),
                         ["1", "b", '{"a":2,"z":1}'])

    def test_what_has_no_canonical_form_stands_as_it_was_written(self):
        self.assertEqual(self.lines('[1e999, {"a":1,"a":2}, 1.0]'), ["1e999", '{"a":1,"a":2}', "1"])

    def test_other_text_is_lines(self):
        for text, expected in (
                ("a\nb\n", ["a", "b"]), ("a\nb", ["a", "b"]), ("\n", [""]), ("a\n\nb\n", ["a", "", "b"]),
                ("a\r\nb\r\n", ["a", "b"]), ("a\rb\n", ["a\rb"]), (" a \n", [" a "]), ("a\n\n", ["a", ""]),
                ('{"a": 1}\n', ['{"a": 1}']), ('"x"', ['"x"']), ("a\r", ["a\r"])):
            with self.subTest(text=text):
                self.assertEqual(self.lines(text), expected)

    def test_lines_need_not_be_utf8(self):
        raw = base64.b64encode(b"\xff\xfe").decode()
        self.assertEqual(self.lines(b"a\n\xff\xfe\n"), ["a", raw])

    def test_text_that_only_begins_like_an_array_is_lines_and_that_is_said(self):
        answer = self.run_nodes(shell("list", "echo '[x] one'; echo '[y] two'"),
                                mapped("m", template(SAY)))
        self.assertEqual(json.loads(answer.text("m")), [{"text": "[x] one"}, {"text": "[y] two"}])
        self.assertIn("the list of m begins with [ but is no JSON array", answer.err)

    def test_nothing_is_an_empty_list(self):
        for producer in (const("list", []), shell("list", ":"), shell("list", "echo ' [ ] '")):
            answer = self.run_nodes(producer, mapped("m", template("exit 1")))
            self.assertEqual(answer.text("m"), "[]")
            self.assertEqual(answer.counts, {"total": 2, "completed": 2})

    def test_more_than_a_million_elements_are_refused(self):
        answer = self.run_nodes(shell("list", "yes | head -n 1000001"),
                                mapped("m", {"operation": "concat"}), code=1)
        self.assertEqual(answer.node("m")["class"], "refused")
        self.assertEqual(answer.node("m")["error"],
                         "its list has more than 1000000 elements, the limit of a map")


class Results(MapTest):
    def test_the_result_has_text_bytes_and_values_in_the_order_of_the_list(self):
        answer = self.run_nodes(
            const("list", ["2", "1", "3"]),
            mapped("m", template('x=$(cat "$1"); sleep 0.0$x; [ $x = 3 ] && printf "\\377" || echo $x')),
            mapped("numbers", {"operation": "const", "parameters": {"value": {"n": [1]}}}),
            mapped("words", {"operation": "const", "parameters": {"value": "w"}}),
            options=["-j3"])
        self.assertEqual(json.loads(answer.text("m")),
                         [{"text": "2\n"}, {"text": "1\n"}, {"base64": "/w=="}])
        self.assertEqual(json.loads(answer.text("numbers")), [{"value": {"n": [1]}}] * 3)
        self.assertEqual(json.loads(answer.text("words")), [{"text": "w"}] * 3)
        self.assertEqual(answer["results"]["m"]["data_type"], "nested")

    def test_the_result_is_an_argument_like_any_other(self):
        answer = self.run_nodes(const("list", ["a", "b"]), mapped("m", template(SAY)),
                                shell("user", 'cat "$1"', arguments=["m"]),
                                {"node_id": "joined", "operation": "concat", "arguments": ["m", "m"]})
        text = '[{"text":"a"},{"text":"b"}]'
        self.assertEqual(answer.text("user"), text)
        self.assertEqual(answer.text("joined"), text * 2)

    def test_a_map_over_a_map_has_the_entries_of_its_result(self):
        answer = self.run_nodes(const("list", ["a"]), mapped("m", template(SAY)),
                                mapped("n", template(SAY), ["m"]))
        self.assertEqual(json.loads(answer.text("n")), [{"text": '{"text":"a"}'}])

    def test_maps_nest(self):
        answer = self.run_nodes(
            const("list", [["a", "b"], [], ["c"]]), const("x", "X"),
            mapped("m", {"operation": "map", "arguments": ["x"], "parameters": {"node": template(
                'echo $DSCHED_NODE_ID $(cat "$1" "$2")')}}))
        self.assertEqual(json.loads(answer.text("m")), [
            {"value": [{"text": "m.0.0 aX\n"}, {"text": "m.0.1 bX\n"}]}, {"value": []},
            {"value": [{"text": "m.2.0 cX\n"}]}])
        self.assertEqual(answer.counts["total"], 3 + 3 + 3)

    def test_the_arguments_are_the_element_and_those_of_the_template(self):
        both = 'echo $# $(cat "$@")'
        answer = self.run_nodes(
            const("list", ["e"]), const("a", "A"), const("b", "B"),
            mapped("own", template(both, arguments=["b", "a"]), ["list", "a"]),
            mapped("shared", template(both), ["list", "a", "b"]),
            mapped("none", template(both, arguments=[]), ["list", "a"]),
            mapped("fed", template("cat", stdin={"argument": 1})),
            mapped("named", template("cat", stdin="list")),
            mapped("second", template("cat", arguments=["a"], stdin="a")))
        for node_id, text in (("own", "3 eBA\n"), ("shared", "3 eAB\n"), ("none", "1 e\n"),
                              ("fed", "e"), ("named", "e"), ("second", "A")):
            self.assertEqual(json.loads(answer.text(node_id)), [{"text": text}], node_id)

    def test_operations_in_a_map(self):
        self.write("f", "file")
        answer = self.run_nodes(
            const("list", ["e", "e2"]), const("s", "-"),
            mapped("joined", {"operation": "concat", "arguments": ["s", "list"],
                              "parameters": {"separator": "+"}}),
            mapped("read", {"operation": "read_file", "parameters": {"path": "f"}}),
            mapped("slept", {"operation": "sleep", "parameters": {"seconds": 0}}),
            mapped("exec", {"operation": "exec", "parameters": {"argv": ["cat", {"argument": 1}]}}))
        texts = {i: [e["text"] for e in json.loads(answer.text(i))]
                 for i in ("joined", "read", "slept", "exec")}
        self.assertEqual(texts, {"joined": ['e+-+["e","e2"]', 'e2+-+["e","e2"]'],
                                 "read": ["file", "file"], "slept": ["", ""], "exec": ["e", "e2"]})


class Reuse(MapTest):
    def test_one_changed_element_runs_one_node(self):
        lines = [f"line {i}" for i in range(60)]
        self.write("in", "\n".join(lines))
        self.run_nodes(shell("list", "cat in", inputs=["in"]), mapped("m", counted()))
        self.assertEqual(len(self.world.lines("ran")), 60)
        self.assertEqual(self.reran(), [])
        lines[7] = "changed"
        self.write("in", "\n".join(lines))
        self.assertEqual(self.reran(), ["m.7"])
        self.assertEqual(json.loads(self.answer.text("m"))[7], {"text": "changed"})
        # What stands at another place now is known all the same.
        self.write("in", "\n".join(["new"] + lines))
        self.assertEqual(self.reran(), ["m.0"])

    def test_equal_elements_run_once(self):
        answer = self.run_nodes(const("list", ["a", "b", "a", "a"]), mapped("m", counted()))
        self.assertEqual(len(self.world.lines("ran")), 2)
        self.assertEqual(len(json.loads(answer.text("m"))), 4)

    def test_without_declared_inputs_every_element_runs_each_time(self):
        self.run_nodes(const("list", ["a", "a"]),
                       mapped("m", template("echo $DSCHED_NODE_ID >> ran")))
        self.assertEqual(self.reran(), ["m.0", "m.1"])

    def test_a_changed_input_of_the_template_runs_all(self):
        self.write("in", "1")
        self.run_nodes(const("list", ["a", "b"]), mapped("m", counted("cat in", inputs=["in"])))
        self.write("in", "2")
        self.assertEqual(self.reran(), ["m.0", "m.1"])

    def test_explanations_name_the_list(self):
        self.run_nodes(const("list", ["a", "b"]), mapped("m", counted()))
        answer = self.run_nodes(const("list", ["a", "c"]), mapped("m", counted()),
                                options=["--explain"])
        self.assertEqual(answer.node("m.1")["explain"], "argument list changed")
        self.assertNotIn("explain", {k for k, v in answer.node("m.0").items() if v})

    def test_a_dry_run_looks_into_a_map_whose_list_is_known(self):
        self.write("in", "a\nb\n")
        nodes = [shell("list", "cat in", inputs=["in"]), mapped("m", counted()),
                 shell("user", ":", arguments=["m"], inputs=[])]
        self.world.program(nodes)
        before = self.run_tool("-n", "program.json")
        self.assertEqual([n["node_id"] for n in before["would_run"]], ["list"])
        self.assertEqual(before["unknown"], ["m", "user"])
        self.again()
        done = self.run_tool("-n", "program.json")
        self.assertEqual(done["would_run"], [])
        self.assertEqual(sorted(done["would_reuse"]), ["list", "m", "m.0", "m.1", "user"])
        self.world.program([const("list", ["a", "x"]), *nodes[1:]])
        changed = self.run_tool("-n", "program.json")
        runs = {n["node_id"]: n["explain"] for n in changed["would_run"]}
        self.assertEqual(runs.get("m.1"), "argument list changed")
        self.assertIn("m.0", changed["would_reuse"])
        self.assertEqual(changed["unknown"], ["m", "user"])


class Failures(MapTest):
    NODES = (const("list", ["0", "1", "2", "3"]),
             mapped("m", template('x=$(cat "$1"); echo $x >> ran; [ $x -gt 0 ] && [ $x -lt 3 ] || exit 3',
                                  inputs=[])),
             shell("user", ":", arguments=["m"]))

    def test_with_keep_going_the_other_elements_run_and_the_map_names_the_first_that_failed(self):
        answer = self.run_nodes(*self.NODES, options=["-k", "-j1"], code=1)
        self.assertEqual(sorted(self.world.lines("ran")), ["0", "1", "2", "3"])
        self.assertEqual((answer.node("m")["status"], answer.node("m")["reason"],
                          answer.node("m")["because"]), ("cancelled", "dependency_failed", "m.0"))
        self.assertEqual(answer.node("user")["because"], "m.0")
        self.assertEqual(answer.counts, {"total": 7, "completed": 3, "failed": 2, "cancelled": 2})
        # Seen from outside it is the same.
        lines = self.run_tool("nodes", "@latest", tool=STATS).out.splitlines()
        states = {line["node_id"]: line["status"] for line in map(json.loads, lines)}
        self.assertEqual(states, {"list": "completed", "m": "cancelled", "user": "cancelled",
                                  "m.0": "failed", "m.1": "completed", "m.2": "completed",
                                  "m.3": "failed"})

    def test_without_it_nothing_starts_after_a_failure(self):
        self.run_nodes(*self.NODES, options=["-j1"], code=1)
        self.assertEqual(self.world.lines("ran"), ["0"])

    def test_each_element_has_its_retries_and_timeout(self):
        answer = self.run_nodes(
            const("list", ["a", "b"]),
            mapped("m", template("echo $DSCHED_NODE_ID $DSCHED_ATTEMPT >> ran; "
                                 "[ $DSCHED_NODE_ID = m.0 ] || [ $DSCHED_ATTEMPT = 2 ]",
                                 max_retries=1, backoff_s=0)),
            mapped("t", template("sleep 600", timeout_s=0.1)), options=["-k"], code=1)
        self.assertEqual(sorted(self.world.lines("ran")), ["m.0 1", "m.1 1", "m.1 2"])
        self.assertEqual(answer.node("m.1")["status"], "completed")
        self.assertEqual(answer.node("t.0")["class"], "timeout")

    def test_a_list_that_fails_makes_no_elements(self):
        answer = self.run_nodes(shell("list", "exit 1"), mapped("m", template(":")), code=1)
        self.assertEqual(answer.node("m")["because"], "list")
        self.assertEqual(answer["total_nodes"], 2)

    def test_pools_hold_for_elements(self):
        answer = self.run_nodes(
            const("list", list(range(6))),
            mapped("m", template("mkdir busy && rmdir busy", pool="one")), pools={"one": 1},
            options=["-j4"])
        self.assertTrue(answer["success"])


class Names(MapTest):
    def setUp(self):
        super().setUp()
        self.nodes = [const("list", ["a", "b", "c"]), mapped("m", counted()),
                      shell("user", ":", arguments=["m"])]
        self.world.program(self.nodes)

    def test_a_target_within_a_map_runs_its_element_alone(self):
        self.assertEqual(self.reran("--target", "m.1"), ["m.1"])
        self.assertEqual(list(self.answer["results"]), ["m.1"])
        self.assertEqual(self.answer["total_nodes"], 2)
        self.assertEqual(self.reran("--target", "m"), ["m.0", "m.2"])

    def test_targets_within_nested_maps(self):
        self.world.program([const("list", [["a"], ["b", "c"]]),
                            mapped("m", {"operation": "map", "parameters": {"node": counted()}})])
        self.assertEqual(self.reran("--target", "m.1.1"), ["m.1.1"])
        self.assertEqual(self.reran("--target", "m.1"), ["m.1.0"])
        self.assertEqual(json.loads(self.answer.text("m.1")), [{"text": "b"}, {"text": "c"}])
        self.assertEqual(self.reran("--target", "m.0.7", code=1), [])

    def test_a_target_that_the_list_does_not_reach_fails_the_map(self):
        self.assertEqual(self.reran("--target", "m.3", code=1), [])
        self.assertEqual(self.answer.node("m")["error"], "there is no node m.3: the list has 3 elements")
        self.run_tool("program.json", "--target", "user.3", code=2)

    def test_result_of_an_element_and_of_the_map(self):
        done = self.run_tool("program.json", "--result", "m.2")
        self.assertEqual(done.out, b"c")
        done = self.run_tool("--resume", "@latest", "--result", "m")
        self.assertEqual(json.loads(done.out), [{"text": t} for t in "abc"])
        done = self.run_tool("--resume", "@latest", "--result", "m.0")
        self.assertEqual(done.out, b"a")

    def test_elements_are_nodes_for_the_other_tools(self):
        self.again()
        self.assertEqual(self.run_tool("get", "@latest/m.1", tool=STORE).out, b"b")
        self.assertEqual(json.loads(self.run_tool("get", "1/m", tool=STORE).out)[1], {"text": "b"})
        self.world.program([const("list", ["a"]), mapped("m", template("echo log of it >&2; exit 1"))])
        self.again(code=1)
        self.assertEqual(self.run_tool("log", "@latest/m.0", tool=STATS).out, b"log of it\n")
        self.run_tool("log", "@latest/m.1", tool=STATS, code=1)


if __name__ == "__main__":
    harness.main()
