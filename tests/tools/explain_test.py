# SPDX-License-Identifier: Apache-2.0
"""--explain and --dry-run: why each node runs, in exact words; a dry run writes nothing."""

import os

import harness
from harness import const, execute, shell


def tree(folder):
    """Every name below the folder with its state, to see that nothing was written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode)
    return found


class Explanations(harness.ToolTest):
    def after(self, first, second, change=lambda: None, env=None, options=()):
        """Why node `a` runs in the second program, by --dry-run and by --explain, which must agree."""
        self.run_nodes(*first)
        self.world.program(second)
        change()
        dry = self.run_tool("program.json", "--dry-run", *options, env=env)
        told = {node["node_id"]: node["explain"] for node in dry["would_run"]}
        answer = self.again("--explain", *options, env=env)
        self.assertEqual(told.get("a"), answer.node("a").get("explain"))
        return told.get("a")

    def test_never_run(self):
        answer = self.run_nodes(shell("a", ":", inputs=[]), options=["--explain"])
        self.assertEqual(answer.node("a")["explain"], "never run")

    def test_not_reusable(self):
        answer = self.run_nodes(shell("a", ":"), options=["--explain"])
        self.assertEqual(answer.node("a")["explain"], "not reusable: no inputs declared")

    def test_reused_nodes_need_no_explanation(self):
        nodes = [shell("a", ":", inputs=[])]
        self.assertIsNone(self.after(nodes, nodes))

    def test_inputs(self):
        nodes = [shell("a", ":", inputs=["*.x"])]
        self.write("old.x", "1")
        self.write("other.x", "1")
        self.assertEqual(self.after(nodes, nodes, lambda: self.write("old.x", "2")),
                         "input old.x changed")
        self.assertEqual(self.after(nodes, nodes, lambda: self.write("new.x", "")),
                         "input new.x appeared")
        self.assertEqual(
            self.after(nodes, nodes, lambda: os.remove(self.world.path("other.x"))),
            "input other.x disappeared")

    def test_argument(self):
        def nodes(value):
            return [shell("b", f"echo {value}", inputs=[]), const("c", "same"),
                    shell("a", ":", inputs=[], arguments=["c", "b"])]
        self.run_nodes(*nodes(1))
        self.world.program(nodes(2))
        answer = self.again("--explain")
        self.assertEqual(answer.node("a")["explain"], "argument b changed")
        self.assertEqual(answer.node("b")["explain"], "command changed")

    def test_command(self):
        self.assertEqual(self.after([shell("a", "echo 1", inputs=[])],
                                    [shell("a", "echo 2", inputs=[])]), "command changed")
        self.assertEqual(self.after([execute("a", ["echo", "1"], inputs=[])],
                                    [execute("a", ["echo", "2"], inputs=[])]), "command changed")

    def test_parameter(self):
        def node(seconds):
            return {"node_id": "a", "operation": "sleep", "cache": True,
                    "parameters": {"seconds": seconds}}
        self.assertEqual(self.after([node(0)], [node(0.001)]), "parameter seconds changed")

    def test_environment(self):
        def node(**fields):
            return [shell("a", ":", inputs=[], **fields)]
        self.assertEqual(self.after(node(environment={"V": "1"}), node(environment={"V": "2"})),
                         "environment V changed")
        self.assertEqual(self.after(node(environment_from=["W"]), node(environment_from=["W"]),
                                    env={"W": "2"}), "environment W changed")
        self.assertEqual(self.after(node(), node(), env={"LC_ALL": "C"}),
                         "environment LC_ALL changed")
        self.assertEqual(self.after(node(secret_environment=["S"]), node(secret_environment=["S"]),
                                    env={"S": "x"}), "environment S changed")

    def test_operation(self):
        self.assertEqual(self.after([shell("a", "echo", inputs=[])],
                                    [execute("a", ["echo"], inputs=[])]), "operation changed")

    def test_program_version(self):
        tool = self.write("tool", "#!/bin/sh\necho 1\n")
        tool.chmod(0o755)
        nodes = [execute("a", ["./tool"], inputs=[])]
        self.assertEqual(self.after(nodes, nodes, lambda: self.write("tool", "#!/bin/sh\necho 2\n")),
                         "program version changed")

    def test_no_cache(self):
        nodes = [shell("a", ":", inputs=[])]
        self.assertEqual(self.after(nodes, nodes, options=["--no-cache"]), "--no-cache")

    def test_the_first_component_that_differs_is_named(self):
        self.write("x", "1")
        text = self.after([shell("a", "echo 1", inputs=["x"], environment={"V": "1"})],
                          [shell("a", "echo 2", inputs=["x"], environment={"V": "2"})],
                          lambda: self.write("x", "2"))
        self.assertEqual(text, "command changed")


class DryRun(harness.ToolTest):
    def test_it_says_what_would_run_what_is_reused_and_what_is_unknown(self):
        self.write("x", "1")
        nodes = [shell("keep", "echo 1", inputs=[]), shell("edit", "cat x", inputs=["x"]),
                 shell("after", "cat \"$1\"", inputs=[], arguments=["edit"])]
        self.run_nodes(*nodes)
        self.write("x", "2")
        dry = self.run_tool("program.json", "--dry-run")
        self.assertEqual(dry["would_run"],
                         [{"node_id": "edit", "command": "cat x", "explain": "input x changed"}])
        self.assertEqual((dry["would_reuse"], dry["unknown"]), (["keep"], ["after"]))

    def test_nothing_is_written_where_nothing_was(self):
        self.world.program([shell("a", "touch ran", inputs=[]), const("c", 1)])
        before = tree(self.world.root)
        dry = self.run_tool("program.json", "-n")
        self.assertEqual([node["node_id"] for node in dry["would_run"]][0], "a")
        self.assertEqual(tree(self.world.root), before)

    def test_nothing_is_written_into_a_store_or_folder(self):
        self.write("x", "1")
        self.run_nodes(shell("a", "cat x > o", inputs=["x"], outputs=["o"]), shell("b", ":"))
        os.remove(self.world.path("o"))
        # A reader beside writers has the database's log made, and takes it away again: only the
        # store's folder itself may tell.
        store = str(self.world.path(".dsched"))

        def lasting():
            return {name: state for name, state in tree(self.world.folder).items()
                    if name != store and not name.endswith("-shm")}

        before = lasting()
        dry = self.run_tool("program.json", "--dry-run", "--explain")
        self.assertEqual(dry["would_reuse"], ["a"])
        self.assertEqual(lasting(), before)

    def test_an_order_dependency_on_what_runs_leaves_a_node_unknown_or_reused_but_runs_nothing(self):
        self.run_nodes(shell("a", "echo x >> ran"), shell("b", ":", inputs=[]),
                       dependencies={"b": ["a"]})
        dry = self.run_tool("program.json", "--dry-run")
        self.assertEqual([node["node_id"] for node in dry["would_run"]], ["a"])
        self.assertEqual(dry["would_reuse"] + dry["unknown"], ["b"])
        self.assertEqual(len(self.world.lines("ran")), 1)

    def test_targets_narrow_it(self):
        self.world.program([shell("a", ":"), shell("b", ":")])
        dry = self.run_tool("program.json", "--dry-run", "--target", "b")
        self.assertEqual([node["node_id"] for node in dry["would_run"]], ["b"])

    def test_people_get_lines(self):
        self.world.program([shell("a", ":", inputs=[])])
        done = self.run_tool("program.json", "-n", "--format", "text")
        self.assertIn("never run", done.out.decode())


if __name__ == "__main__":
    harness.main()
