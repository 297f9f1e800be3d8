# SPDX-License-Identifier: Apache-2.0
"""Several executions at once in one store: each is complete, and none harms another."""

import concurrent.futures
import os
import shutil
import signal

import harness
from harness import shell, waits


class Turns(harness.ToolTest):
    def hold(self):
        """An execution that runs until the file `go` is there."""
        self.world.program([shell("holder", f"touch begun; {waits('go')}")], name="holder.json")
        running = self.world.start("holder.json")
        self.wait_for_file("begun")
        return running

    def locks(self):
        return sorted(name for name in os.listdir(self.world.path(".dsched/run"))
                      if name.endswith(".lock") and name != "writers.lock")

    def store_tool(self, *arguments):
        return self.world.run(*arguments, tool=harness.STORE)

    def test_a_second_execution_runs_while_the_first_does(self):
        holder = self.hold()
        self.assertEqual(self.run_nodes(shell("a", "echo A")).text("a"), "A\n")
        self.write("go", "")
        self.assertEqual(holder.end().code, 0)
        self.store_is_clean()

    def test_what_one_has_made_the_other_reuses(self):
        holder = self.hold()
        made = shell("made", "echo x >> times; echo M", inputs=[])
        self.run_nodes(made)
        again = self.again()
        self.assertEqual((again["reused_nodes"], self.read("times")), (1, "x\n"))
        self.write("go", "")
        self.assertEqual(holder.end().code, 0)

    def test_what_runs_is_not_resumed(self):
        holder = self.hold()
        refused = self.run_tool("--resume", "1", code=4)
        self.assertEqual(refused.kind, "busy")
        self.assertIn(str(holder.pid), refused["error"]["message"])
        self.assertIn(", since 20", refused["error"]["message"])
        self.write("go", "")
        self.assertEqual(holder.end().code, 0)
        self.assertEqual(self.run_tool("--resume", "1")["status"], "completed")

    def test_a_run_within_a_node_on_the_same_store_works(self):
        self.world.program([shell("inner", "echo I")], name="inner.json")
        answer = self.run_nodes(shell("a", f"{harness.RUN} --result inner inner.json"))
        self.assertEqual(answer.text("a"), "I\n")

    def test_the_lock_of_an_execution_goes_with_it(self):
        holder = self.hold()
        self.assertEqual(len(self.locks()), 1)
        note = self.read(f".dsched/run/{self.locks()[0]}").split()
        self.assertEqual(int(note[0]), holder.pid)
        self.write("go", "")
        self.assertEqual(holder.end().code, 0)
        self.assertEqual(self.locks(), [])

    def test_a_lock_file_left_behind_means_nothing(self):
        holder = self.hold()
        holder.signal(signal.SIGKILL)
        holder.end()
        self.assertEqual(len(self.locks()), 1)
        self.write("go", "")
        self.assertEqual(self.run_tool("--resume", "1")["status"], "completed")
        self.assertEqual(self.locks(), [])

    def test_killing_one_harms_no_other(self):
        program = [shell(f"n{i}", f"sleep 0.0{i % 10}; echo {i}", inputs=[]) for i in range(30)]
        victims, others = [], []
        for number in range(3):
            self.world.program([dict(node, node_id=f"v{number}_{node['node_id']}")
                                for node in program], name=f"v{number}.json")
            self.world.program([dict(node, node_id=f"o{number}_{node['node_id']}")
                                for node in program], name=f"o{number}.json")
            victims.append(self.world.start(f"v{number}.json"))
            others.append(self.world.start(f"o{number}.json"))
        for victim in victims:
            victim.signal(signal.SIGKILL)
        for number, other in enumerate(others):
            done = other.end()
            self.assertEqual((done.code, done["completed_nodes"]), (0, 30), done.err)
        for victim in victims:
            victim.end()
        for number in range(3):
            again = self.run_tool(f"v{number}.json")
            self.assertEqual(again["completed_nodes"], 30)
        self.store_is_clean()

    def test_eight_at_once_make_one_new_store(self):
        """Twenty times: whoever makes the store, all of them are recorded, and nobody waits."""
        for node in range(8):
            self.world.program([shell(f"own{node}", f"echo {node}", inputs=[]),
                                shell("shared", "echo S", inputs=[])], name=f"p{node}.json")
        for attempt in range(20):
            shutil.rmtree(self.world.path(".dsched"), ignore_errors=True)
            running = [self.world.start(f"p{node}.json") for node in range(8)]
            numbers = []
            for node, one in enumerate(running):
                done = one.end()
                self.assertEqual(done.code, 0, (attempt, done.err))
                self.assertEqual(done.text(f"own{node}"), f"{node}\n")
                numbers.append(done["execution"])
            self.assertEqual(sorted(numbers), list(range(1, 9)))
            self.store_is_clean()
            again = self.run_tool("p3.json")
            self.assertEqual(again["reused_nodes"], 2)

    def test_readers_and_collectors_work_while_a_store_is_made(self):
        self.world.program([shell("a", "echo A", inputs=[])], name="program.json")
        for _ in range(10):
            shutil.rmtree(self.world.path(".dsched"), ignore_errors=True)
            running = [self.world.start("program.json") for _ in range(2)]
            while any(one.process.poll() is None for one in running):
                for command in ("ls", "gc", "verify"):
                    seen = self.store_tool(command)
                    # Exit 1: there is no store yet.
                    self.assertIn(seen.code, (0, 1), (command, seen))
            for one in running:
                self.assertEqual(one.end().code, 0)

    def test_many_executions_lose_no_outcome(self):
        """Several executions of small nodes, with collectors between them: all is recorded."""
        def one(number):
            nodes = [shell(f"n{number}_{i}", f"echo {number}.{i}", inputs=[]) for i in range(40)]
            self.world.program(nodes, name=f"m{number}.json")
            return self.run_tool(f"m{number}.json", "-j2")
        self.run_nodes(shell("first", ":"))  # so that there is a store
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            runs = [pool.submit(one, number) for number in range(6)]
            while not all(run.done() for run in runs):
                self.assertEqual(self.store_tool("gc", "--older-than", "1d").code, 0)
        for run in runs:
            self.assertEqual(run.result()["completed_nodes"], 40)
        for number in range(6):
            self.assertEqual(self.run_tool(f"m{number}.json")["reused_nodes"], 40)
        self.store_is_clean()


if __name__ == "__main__":
    harness.main()
