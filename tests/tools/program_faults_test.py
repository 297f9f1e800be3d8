# SPDX-License-Identifier: Apache-2.0
"""Section 3: a faulty program is refused as a whole: every fault, its place, exit 2, nothing written."""

import harness
from harness import shell


def codes(details):
    return [fault["code"] for fault in details]


class ProgramFaults(harness.ToolTest):
    def test_all_faults_are_reported_together(self):
        details = self.refused({"nodes": [
            {"node_id": "a", "operation": "shell", "parameters": {"command": 7}},
            {"node_id": "a", "operation": "shell", "parameters": {"command": ":"}},
            {"node_id": "b", "operation": "shell", "parameters": {"command": ":"},
             "arguments": ["nobody"], "priorty": 3, "slots": 0}],
            "goals": ["nowhere"], "gaols": []})
        self.assertLessEqual({"wrong_type", "duplicate_node", "unknown_argument", "unknown_field",
                              "out_of_range", "unknown_goal"}, set(codes(details)))

    def test_a_fault_has_line_column_and_pointer(self):
        details = self.refused('{"nodes": [\n  {"node_id": "a",\n   "operation": "shell",\n'
                               '   "parameters": {"command": ":"},\n   "slots": -1}\n]}')
        self.assertEqual(len(details), 1)
        self.assertEqual((details[0]["line"], details[0]["pointer"]), (5, "/nodes/0/slots"))
        self.assertGreater(details[0]["column"], 0)

    def test_an_unknown_field_names_the_nearest_known_one(self):
        details = self.refused({"nodes": [{**shell("a", ":"), "argumnets": []}]})
        self.assertEqual(codes(details), ["unknown_field"])
        self.assertIn("arguments", details[0]["hint"])

    def test_an_unknown_argument_names_the_nearest_node(self):
        details = self.refused({"nodes": [shell("compile", ":"),
                                          shell("b", ":", arguments=["compiel"])]})
        self.assertEqual(codes(details), ["unknown_argument"])
        self.assertIn("compile", details[0]["hint"])

    def test_a_cycle_is_shown_whole(self):
        details = self.refused({"nodes": [shell("a", ":", arguments=["c"]),
                                          shell("b", ":", arguments=["a"]), shell("c", ":")],
                                "dependencies": {"c": ["b"]}})
        self.assertEqual(codes(details), ["cycle"])
        self.assertRegex(details[0]["message"], r"(\w) -> \w -> \w -> \1")

    def test_a_node_that_needs_itself_is_a_cycle(self):
        details = self.refused({"nodes": [shell("a", ":", arguments=["a"])]})
        self.assertEqual(codes(details), ["cycle"])
        self.assertIn("a -> a", details[0]["message"])

    def test_a_cycle_through_a_file_is_found(self):
        details = self.refused({"nodes": [
            shell("a", ":", inputs=["y"], outputs=["x"]),
            shell("b", ":", inputs=["x"], outputs=["y"])]})
        self.assertEqual(codes(details), ["cycle"])

    def test_two_nodes_with_one_output_are_refused(self):
        for paths in (("out", "out"), ("out", "./out"), ("dir/out", "dir//out"), ("dir", "dir/x")):
            with self.subTest(paths=paths):
                details = self.refused({"nodes": [shell("a", ":", outputs=[paths[0]]),
                                                  shell("b", ":", outputs=[paths[1]])]})
                self.assertEqual(codes(details), ["duplicate_output"])

    def test_write_file_counts_as_an_output(self):
        details = self.refused({"nodes": [
            harness.const("c", "x"), shell("a", ":", outputs=["o"]),
            {"node_id": "w", "operation": "write_file", "arguments": ["c"],
             "parameters": {"path": "o"}}]})
        self.assertEqual(codes(details), ["duplicate_output"])

    def test_a_name_twice_in_an_object_is_refused(self):
        details = self.refused('{"nodes": [], "goals": [], "nodes": []}')
        self.assertEqual(codes(details), ["duplicate_name"])

    def test_wrong_values_are_named(self):
        cases = [({"timeout_s": "soon"}, "wrong_type"), ({"timeout_s": -1}, "out_of_range"),
                 ({"max_retries": -1}, "out_of_range"), ({"priority": 11}, "out_of_range"),
                 ({"priority": "huge"}, "invalid_value"), ({"pool": "none"}, "unknown_pool"),
                 ({"cache": "yes"}, "wrong_type"), ({"inputs": "x"}, "wrong_type"),
                 ({"outputs": ["../x"]}, "invalid_path"), ({"outputs": ["/x"]}, "invalid_path")]
        for fields, code in cases:
            with self.subTest(fields=fields):
                details = self.refused({"nodes": [{**shell("a", ":"), **fields}]})
                self.assertEqual(codes(details), [code])

    def test_unknown_parameters_of_operations_are_faults(self):
        for operation, parameters in (("shell", {"command": ":", "cmd": 1}),
                                      ("exec", {"argv": ["true"], "shell": True}),
                                      ("const", {"value": 1, "vlaue": 2}),
                                      ("sleep", {"seconds": 0, "minutes": 1}),
                                      ("concat", {"seperator": ""})):
            with self.subTest(operation=operation):
                details = self.refused({"nodes": [{"node_id": "a", "operation": operation,
                                                   "parameters": parameters}]})
                self.assertEqual(codes(details), ["unknown_parameter"])

    def test_missing_fields_and_parameters_are_faults(self):
        self.assertIn("missing_field", codes(self.refused({"nodes": [{"operation": "shell"}]})))
        self.assertIn("missing_field", codes(self.refused({"dag_id": "x"})))
        self.assertIn("missing_parameter", codes(self.refused(
            {"nodes": [{"node_id": "a", "operation": "shell", "parameters": {}}]})))

    def test_an_argument_number_beyond_the_arguments_is_a_fault(self):
        for number in (0, 2):
            self.refused({"nodes": [shell("a", ":"), harness.execute(
                "b", ["cat", {"argument": number}], arguments=["a"])]})

    def test_stdin_must_name_an_argument(self):
        self.refused({"nodes": [shell("a", ":"), shell("b", "cat", stdin="a")]})

    def test_malformed_text_is_one_clear_fault(self):
        for text in ("", "   ", "{", "[]", "nonsense", '{"nodes": [}', b'{"nodes": [], "x": "\xff"}',
                     '{"nodes": []} {}', '{"nodes": [] "a": 1}', '{"dag_id": "\\ud800", "nodes": []}',
                     b'\x00\x01\x02'):
            with self.subTest(text=text):
                details = self.refused(text)
                self.assertGreaterEqual(len(details), 1)

    def test_nesting_has_a_limit_with_a_name(self):
        deep = '{"nodes": [], "metadata": ' + "[" * 5000 + "]" * 5000 + "}"
        details = self.refused(deep)
        self.assertEqual(len(details), 1)
        self.assertIn("200", details[0]["message"])

    def test_an_id_has_at_most_255_bytes_and_no_control_characters(self):
        for bad in ("", "a" * 256, "a\nb", "a\u007fb", "a\u0085b", "\u001b[31m", "é" * 128):
            with self.subTest(bad=bad):
                self.assertEqual(codes(self.refused({"nodes": [shell(bad, ":")]})),
                                 ["invalid_node_id"])

    def test_many_faults_are_cut_and_counted(self):
        details = self.refused({"nodes": [{**shell(f"n{i}", ":"), "x": 1} for i in range(500)]})
        self.assertLessEqual(len(details), 101)
        self.assertEqual(details[-1]["code"], "more")

    def test_an_unknown_operation_is_refused_before_anything_runs(self):
        details = self.refused({"nodes": [shell("a", "touch a"),
                                          {"node_id": "b", "operation": "shel"}]})
        self.assertEqual(codes(details), ["unknown_operation"])
        self.assertIn("shell", details[0]["hint"])
        self.assertFalse(self.exists("a"))

    def test_a_variable_that_nobody_declares_is_a_fault(self):
        details = self.refused({"nodes": [harness.const("a", {"variable": "nmae"})],
                                "variables": {"name": 1}})
        self.assertEqual(codes(details), ["unknown_variable"])

    def test_people_get_lines_with_file_line_and_column(self):
        self.write("p.json", '{"nodes": [\n{"node_id": 7}]}')
        done = self.run_tool("p.json", "--format", "text", code=2)
        self.assertRegex(done.err, r"(?m)^dsched-run: p\.json:2:\d+: ")
        self.assertEqual(done.out, b"")

    def test_a_missing_program_file_is_named(self):
        done = self.run_tool("nofile.json", code=2)
        self.assertIn("nofile.json", done.err)
        self.assertFalse(self.exists(".dsched"))


class AcceptedPrograms(harness.ToolTest):
    def test_comments_and_trailing_commas_are_accepted(self):
        self.write("p.json", '// a\n{"nodes": [ /* b */ {"node_id": "a", "operation": "shell",\n'
                   '"parameters": {"command": ["echo 1", "echo 2",],},}, ],} // end\n')
        self.assertEqual(self.run_tool("p.json").text("a"), "1\n2\n")

    def test_an_empty_program_completes_at_once(self):
        answer = self.run_nodes()
        self.assertEqual((answer["status"], answer.counts), ("completed", {}))
        self.assertEqual(answer["progress_percentage"], 100)

    def test_a_megabyte_of_text_arrives_whole(self):
        value = "äb" * 400_000
        answer = self.run_nodes(harness.const("a", value), options=["--full-results"])
        self.assertEqual(answer.text("a"), value)

    def test_defaults_hold_where_a_node_says_nothing(self):
        answer = self.run_nodes(
            {"node_id": "a", "parameters": {"command": "echo a"}},
            {"node_id": "b", "parameters": {"command": "false"}, "max_retries": 0},
            defaults={"operation": "shell", "max_retries": 1, "backoff_s": 0}, code=1)
        self.assertEqual(answer.node("b")["attempts"], 1)
        self.assertEqual(answer.node("a")["status"], "completed")

    def test_goals_default_to_what_nobody_uses(self):
        answer = self.run_nodes(shell("a", "echo a"), shell("b", ":", arguments=["a"]),
                                shell("c", ":"), dependencies={"c": ["b"]})
        self.assertEqual(sorted(answer["results"]), ["c"])

    def test_only_what_the_goals_need_runs(self):
        answer = self.run_nodes(shell("a", ":"), shell("b", "touch b"), goals=["a"])
        self.assertEqual(answer["total_nodes"], 1)
        self.assertFalse(self.exists("b"))

    def test_order_dependencies_are_kept(self):
        self.run_nodes(shell("b", "test -e a"), shell("a", "sleep 0.05; touch a"),
                       dependencies={"b": ["a"]}, options=["-j4"])

    def test_an_input_that_is_an_output_makes_an_order(self):
        for pattern in ("d/x", "d/*", "d", "**/x"):
            with self.subTest(pattern=pattern):
                answer = self.run_nodes(
                    shell("user", "cat d/x", inputs=[pattern]),
                    shell("maker", "mkdir -p d; echo made > d/x", outputs=["d/x"]),
                    options=["-j4", "--no-cache"])
                self.assertEqual(answer.text("user"), "made\n")

    def test_metadata_and_schema_are_carried_along(self):
        self.run_nodes(shell("a", ":", metadata={"x": [1]}), metadata="any", **{"$schema": "s"})


if __name__ == "__main__":
    harness.main()
