# SPDX-License-Identifier: Apache-2.0
"""Sections 3 and 7: what runs at once and in which order; large and wide graphs; output kept apart."""

import harness
from harness import const, execute, shell, waits


def order(name):
    return f"echo {name} >> order"


class Width(harness.ToolTest):
    # Counts itself in and out; `most` has the numbers of nodes that were at work at once.
    COUNTS = "mkdir -p in; touch in/$0; ls in | wc -l >> most; sleep 0.02; rm in/$0"

    def most(self):
        return max(int(line) for line in self.world.lines("most"))

    def test_j_is_never_exceeded(self):
        for width in (1, 3):
            with self.subTest(width=width):
                self.write("most", "")
                self.run_nodes(*(shell(f"n{i}", self.COUNTS) for i in range(12)),
                               options=["-j", str(width)])
                self.assertLessEqual(self.most(), width)

    def test_j_is_used(self):
        """Four nodes that wait for each other end only if four run at once."""
        meet = "touch here.$0; " + "; ".join(waits(f"here.n{i}") for i in range(4))
        self.assertEqual(self.run_nodes(*(shell(f"n{i}", meet) for i in range(4)),
                                        options=["-j4"])["completed_nodes"], 4)

    def test_a_pool_limits_its_nodes_and_no_others(self):
        limited = [shell(f"n{i}", self.COUNTS, pool="p") for i in range(8)]
        meet = [shell(f"m{i}", f"touch here.m{i}; {waits('here.m0')}; {waits('here.m1')}")
                for i in range(2)]
        self.run_nodes(*limited, *meet, pools={"p": 2}, options=["-j8"])
        self.assertLessEqual(self.most(), 2)

    def test_slots_add_up(self):
        self.run_nodes(*(shell(f"n{i}", self.COUNTS, slots=2) for i in range(6)), options=["-j4"])
        self.assertLessEqual(self.most(), 2)

    def test_a_node_wider_than_the_machine_runs_alone(self):
        self.run_nodes(*(shell(f"n{i}", self.COUNTS, slots=100 if i == 3 else 1)
                         for i in range(6)),
                       shell("wide", "mkdir -p in; ls in | wc -l > alone; sleep 0.02; "
                             "ls in | wc -l >> alone", slots=100), options=["-j3"])
        self.assertEqual(self.world.lines("alone"), ["0", "0"])


class Order(harness.ToolTest):
    def order_of(self, *nodes, options=(), **top):
        self.write("order", "")
        self.run_nodes(*nodes, options=["-j1", *options], **top)
        return self.world.lines("order")

    def test_program_order_where_nothing_else_tells(self):
        names = [f"n{i}" for i in range(8)]
        self.assertEqual(self.order_of(*(shell(name, order(name)) for name in names)), names)

    def test_priority_goes_first(self):
        nodes = [shell(name, order(name), priority=priority) for name, priority in
                 (("low", "low"), ("five", 5), ("ten", 10), ("none", 0), ("high", "high"))]
        self.assertEqual(self.order_of(*nodes), ["ten", "high", "five", "low", "none"])

    def test_the_longest_remaining_path_goes_first(self):
        chain = [shell("c1", order("c1")), shell("c2", order("c2"), arguments=["c1"]),
                 shell("c3", order("c3"), arguments=["c2"])]
        first = self.order_of(shell("alone", order("alone")), *chain)
        self.assertEqual(first[0], "c1")
        self.assertLess(first.index("c2"), first.index("alone"))

    def test_expected_durations_count_until_some_are_recorded(self):
        nodes = [shell("short", order("short"), expected_s=1),
                 shell("long", order("long"), expected_s=100),
                 shell("middle", order("middle"), expected_s=10)]
        self.assertEqual(self.order_of(*nodes), ["long", "middle", "short"])

    def test_recorded_durations_count(self):
        nodes = [shell("a", order("a")), shell("b", order("b") + "; sleep 0.3"),
                 shell("c", order("c") + "; sleep 0.1")]
        self.order_of(*nodes)
        self.assertEqual(self.order_of(*nodes), ["b", "c", "a"])


class Large(harness.ToolTest):
    def test_1025_nodes_ready_at_once(self):
        nodes = [shell(f"n{i}", f"echo {i}") for i in range(1025)]
        nodes.append(shell("sum", 'cat "$@" | awk \'{ s += $1 } END { print s }\'',
                           arguments=[f"n{i}" for i in range(1025)]))
        answer = self.run_nodes(*nodes, options=["-j16"])
        self.assertEqual(answer.text("sum"), f"{1025 * 1024 // 2}\n")

    def test_more_slots_than_one_would_dare(self):
        answer = self.run_nodes(*(shell(f"n{i}", ":") for i in range(200)), options=["-j200"])
        self.assertEqual(answer["completed_nodes"], 200)

    def test_1100_arguments_to_one_node(self):
        nodes = [const(f"c{i}", f"{i}\n") for i in range(1100)]
        ids = [f"c{i}" for i in range(1100)]
        answer = self.run_nodes(*nodes, shell("all", 'echo $#; cat "$@"', arguments=ids),
                                {"node_id": "join", "operation": "concat", "arguments": ids})
        expected = "".join(f"{i}\n" for i in range(1100))
        self.assertEqual(answer.text("all"), "1100\n" + expected)
        self.assertEqual(answer.text("join"), expected)

    def test_a_chain_of_2000_nodes(self):
        nodes = [const("n0", 0)] + [
            {"node_id": f"n{i}", "operation": "concat", "arguments": [f"n{i - 1}"]}
            for i in range(1, 2000)]
        self.assertEqual(self.run_nodes(*nodes).text("n1999"), "0")

    def test_too_many_words_for_the_system_are_one_failed_node(self):
        answer = self.run_nodes(execute("a", ["echo", *(["x" * 120_000] * 30)]), const("b", 1),
                                options=["-k"], code=1)
        self.assertEqual(answer.node("a")["class"], "refused")
        self.assertEqual(answer.node("b")["status"], "completed")

    def test_a_large_result_passes_through_whole(self):
        answer = self.run_nodes(
            shell("make", "yes 0123456789abcde | head -c 20000000", inputs=[]),
            shell("read", "sha256sum < \"$1\"; wc -c < \"$1\"", arguments=["make"]),
            shell("pipe", "sha256sum", arguments=["make"], stdin="make"))
        self.assertEqual(answer.text("read").split()[2], "20000000")
        self.assertEqual(answer.text("read").split()[0], answer.text("pipe").split()[0])

    def test_results_above_64_kib_are_cut_in_the_answer_only(self):
        self.run_nodes(shell("a", "yes | head -c 100000", inputs=[]))
        result = self.again()["results"]["a"]
        self.assertEqual((len(result["text"]), result["truncated"], result["size"]),
                         (65536, True, 100_000))
        self.assertEqual(len(self.again("--full-results").text("a")), 100_000)
        self.assertEqual(len(self.run_tool("program.json", "--result", "a").out), 100_000)


class Output(harness.ToolTest):
    def test_output_of_nodes_is_never_interleaved(self):
        nodes = [shell(f"n{i}", f"for k in 1 2 3 4 5; do printf '{i}{i}{i}'; printf '{i}\\n'; "
                       "echo err$0 >&2; done; exit 1") for i in range(8)]
        self.world.program(nodes)
        done = self.world.run("program.json", "-k", "-j8")
        blocks = [line.strip() for line in done.err.splitlines() if line.strip().startswith("errn")]
        self.assertEqual(len(blocks), 40)
        runs = 1 + sum(1 for one, two in zip(blocks, blocks[1:]) if one != two)
        self.assertEqual(runs, 8, "the log lines of each node stand together")

    def test_naughty_ids_are_kept_exactly_and_shown_escaped(self):
        ids = ["a b", "-rf", "$(x)", "ü", "日本", "%s%n", "a/b", "..", "'\"`", "\\", "*", "~",
               "@latest", "\u202eright", "a" * 255, "NaN", "null", "é" * 127, "{}", "#!"]
        answer = self.run_nodes(*(shell(node_id, 'printf %s "$DSCHED_NODE_ID"') for node_id in ids),
                                options=["-j4"])
        self.assertEqual({name: r["text"] for name, r in answer["results"].items()},
                         {node_id: node_id for node_id in ids})

    def test_results_that_are_not_utf8_come_as_base64(self):
        answer = self.run_nodes(shell("a", "printf '\\377\\000x'"))
        self.assertEqual(answer["results"]["a"]["base64"], "/wB4")


if __name__ == "__main__":
    harness.main()
