# SPDX-License-Identifier: Apache-2.0
"""Executions that share one machine: slots, leases, preemption, dead and stopped runners, nesting.

No test measures how fast anything is. Where one execution must get a slot from another one, the
other one's nodes wait for what only the first one can bring, so that without it the test hangs.
"""

import signal

import harness
from harness import shell, wait_for, waits

POLICY = str(harness.BUILD / "bin" / "dsched-policy")
STATS = str(harness.BUILD / "bin" / "dsched-stats")

# Counts how many of these run at once: each stands in `now` while it runs, and notes the crowd.
CROWD = "mkdir -p now && : > now/$$ && ls now | wc -l >> crowd && {} && rm now/$$"


def spinning(node_id, until, **fields):
    """A node that uses the processor until the file `until` exists."""
    return shell(node_id, f"echo $$ > {node_id}.pid; while [ ! -e {until} ]; do :; done", **fields)


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


class Machine(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.number = 0

    def slots(self, count, *more):
        done = self.world.run("set", "--slots", str(count), *more, tool=POLICY)
        self.assertEqual(done.code, 0, repr(done))

    def begin(self, *nodes, options=(), store=None, **top):
        """Starts an execution of its own program; each has a store of its own unless one is named."""
        self.number += 1
        name = f"p{self.number}.json"
        self.world.program(list(nodes), name=name, **top)
        return self.world.start(name, "--store", store or f"store{self.number}", *options)

    def pid_of(self, node_id):
        self.wait_for_file(f"{node_id}.pid")
        return int(wait_for(lambda: self.read(f"{node_id}.pid").strip(), f"pid of {node_id}"))

    def wait_for_state(self, pid, state):
        wait_for(lambda: state_of(pid) == state, f"process {pid} in state {state}")

    def crowd(self):
        return max(int(line) for line in self.world.lines("crowd"))

    def test_no_more_nodes_run_at_once_than_the_machine_has_slots(self):
        for slots in (1, 2):
            with self.subTest(slots=slots):
                self.world.write("crowd", "")
                self.slots(slots, "--preemption", "boundary")
                work = CROWD.format("sleep 0.02")
                runs = [self.begin(*(shell(f"n{i}", work) for i in range(10)), options=("-j", "8"))
                        for _ in range(3)]
                for run in runs:
                    self.assertEqual(run.end().code, 0)
                self.assertLessEqual(self.crowd(), slots)

    def test_an_execution_that_is_alone_has_all_slots(self):
        self.slots(3)
        # Each waits for the others.
        meet = "touch {0}.here; until [ -e a.here -a -e b.here -a -e c.here ]; do sleep 0.01; done"
        run = self.begin(*(shell(n, meet.format(n)) for n in "abc"))
        self.assertEqual(run.end().code, 0)

    def test_j_above_a_guess_is_granted_to_who_is_alone(self):
        meet = "touch {0}; until [ $(ls m* | wc -l) = 6 ]; do sleep 0.01; done"
        run = self.begin(*(shell(f"m{i}", meet.format(f"m{i}")) for i in range(6)),
                         options=("-j", "6"))
        self.assertEqual(run.end().code, 0)

    def test_machine_none_asks_nobody(self):
        self.slots(1)
        holder = self.begin(spinning("holder", "go", preemptible=False))
        self.pid_of("holder")
        free = self.begin(shell("free", "touch go"), options=("--machine", "none"))
        self.assertEqual(free.end().code, 0)
        self.assertEqual(holder.end().code, 0)

    def test_a_quantum_ends_for_who_holds_all_slots(self):
        self.slots(1, "--quantum", "20ms")
        long = self.begin(spinning("long", "go"))
        pid = self.pid_of("long")
        short = self.begin(shell("short", "touch short; until [ -e look ]; do sleep 0.01; done"),
                           options=("--priority", "5"))
        self.wait_for_file("short")
        self.wait_for_state(pid, "T")
        self.write("look", "")
        self.assertEqual(short.end().code, 0)
        self.write("go", "")
        self.assertEqual(long.end().code, 0)

    def test_a_higher_priority_preempts_at_once(self):
        done = self.world.run("set", "Priority", "--slots", "2", "--quantum", "60s", tool=POLICY)
        self.assertEqual(done.code, 0, repr(done))
        low = self.begin(spinning("l1", "go"), spinning("l2", "go"), options=("--priority", "low"))
        pids = [self.pid_of("l1"), self.pid_of("l2")]
        high = self.begin(shell("h1", "touch h1"), shell("h2", "touch h2"),
                          shell("h3", "touch go", arguments=["h1", "h2"]), options=("--priority", "urgent"))
        self.assertEqual(high.end().code, 0)  # without preemption it would wait for a minute
        done = low.end()
        self.assertEqual((done.code, done.counts["completed"]), (0, 2))
        self.assertFalse(any(harness.is_alive(pid) for pid in pids))

    def test_what_is_not_preemptible_is_never_stopped(self):
        self.slots(1, "--quantum", "1ms")
        keeps = self.begin(shell("keeps", "echo $$ > keeps.pid; for i in $(seq 50); do "
                                          "grep -H ^State /proc/$$/status; sleep 0.01; done",
                                 preemptible=False))
        self.pid_of("keeps")
        other = self.begin(shell("other", "touch other"))
        done = keeps.end()
        self.assertNotIn("stopped", done.text("keeps"))
        self.assertEqual(other.end().code, 0)

    def test_a_timeout_stands_still_with_its_node(self):
        self.slots(1, "--quantum", "10ms")
        timed = self.begin(spinning("timed", "go", timeout_s=3))
        pid = self.pid_of("timed")
        other = self.begin(shell("other", "touch other; until [ -e look ]; do sleep 0.01; done",
                                 preemptible=False))
        self.wait_for_file("other")
        self.wait_for_state(pid, "T")
        # Longer than the timeout, by the other node's own clock.
        wait = self.world.start("--store", "aside", "--machine", "none", "--", "sleep", "4")
        self.assertEqual(wait.end().code, 0)
        self.assertEqual(state_of(pid), "T")
        self.write("look", "")
        self.assertEqual(other.end().code, 0)
        self.write("go", "")
        self.assertEqual(timed.end().code, 0)

    def test_slots_of_a_killed_runner_are_free_and_nothing_stays_stopped(self):
        self.slots(1, "--quantum", "10ms")
        first = self.begin(spinning("a", "go"))
        a = self.pid_of("a")
        second = self.begin(spinning("b", "go"))
        b = self.pid_of("b")
        third = self.begin(shell("c", "touch go; touch c"))
        first.signal(signal.SIGKILL)
        second.signal(signal.SIGKILL)
        self.assertEqual(third.end().code, 0)
        for pid in (a, b):
            wait_for(lambda p=pid: not harness.is_alive(p), f"the end of process {pid}")
        first.end(), second.end()
        done = self.run_tool("--resume", "@latest", "--store", "store1")
        self.assertEqual(done.counts["completed"], 1)

    def test_a_stopped_runner_does_not_keep_its_slots(self):
        self.slots(1, "--quantum", "10ms")
        first = self.begin(spinning("a", "go"))
        self.pid_of("a")
        first.signal(signal.SIGSTOP)
        second = self.begin(shell("b", "touch b"))
        self.assertEqual(second.end().code, 0)
        first.signal(signal.SIGCONT)
        self.write("go", "")
        self.assertEqual(first.end().code, 0)

    def test_ctrl_z_gives_the_slots_to_others(self):
        self.slots(1, "--quantum", "60s")
        first = self.begin(spinning("a", "go"))
        a = self.pid_of("a")
        first.signal(signal.SIGTSTP)
        self.wait_for_state(first.pid, "T")
        self.wait_for_state(a, "T")
        self.assertEqual(self.begin(shell("b", "touch go")).end().code, 0)
        first.signal(signal.SIGCONT)
        self.assertEqual(first.end().code, 0)

    def test_a_nested_run_gets_the_slot_of_the_node_that_waits_for_it(self):
        self.slots(1)
        run = harness.RUN
        text = "echo bottom"
        for depth in range(4):
            self.world.program([shell(f"d{depth}", text)], name=f"d{depth}.json")
            text = f"{run} --store shared d{depth}.json --result d{depth}"
        outer = self.begin(shell("outer", text), store="shared")
        done = outer.end()
        self.assertEqual((done.code, done.text("outer")), (0, "bottom\n"), repr(done))

    def test_nested_runs_beside_other_nodes(self):
        self.slots(2, "--preemption", "boundary")
        self.world.program([shell(f"i{i}", "sleep 0.02") for i in range(4)], name="inner.json")
        command = f"{harness.RUN} --store shared inner.json --no-cache"
        outer = self.begin(*(shell(f"o{i}", command) for i in range(4)),
                           *(shell(f"w{i}", "sleep 0.01") for i in range(6)), store="shared")
        done = outer.end()
        self.assertEqual(done.code, 0, repr(done))

    def test_a_wide_node_gets_all_its_slots_at_once(self):
        self.slots(2, "--preemption", "boundary")
        narrow = [self.begin(*(shell(f"n{i}", CROWD.format("sleep 0.02")) for i in range(10)))
                  for _ in range(2)]
        # Two places in the crowd for one node of two slots.
        wide = self.begin(shell("wide", "mkdir -p now && : > now/w1 && : > now/w2 && "
                                        "ls now | wc -l >> crowd && sleep 0.05 && rm now/w1 now/w2",
                                slots=2))
        for run in (*narrow, wide):
            self.assertEqual(run.end().code, 0)
        self.assertLessEqual(self.crowd(), 2)

    def test_a_node_wider_than_the_machine_runs_alone_and_says_so(self):
        self.slots(2)
        done = self.begin(shell("wide", "echo W", slots=5), options=("-j", "8")).end()
        self.assertEqual(done.code, 0)
        self.assertIn("wide", "".join(done["warnings"] if "warnings" in done.document else [done.err]))

    def test_a_policy_change_reaches_who_waits(self):
        done = self.world.run("set", "Priority", "--slots", "1", "--quantum", "60s", tool=POLICY)
        self.assertEqual(done.code, 0, repr(done))
        high = self.begin(spinning("high", "go"), options=("--priority", "8"))
        self.pid_of("high")
        low = self.begin(shell("low", "touch go"), options=("--priority", "2"))
        wait_for(lambda: len(self.members()) == 2, "two executions")
        self.slots(1, "RoundRobin", "--quantum", "10ms")
        self.assertEqual(low.end().code, 0)
        self.assertEqual(high.end().code, 0)

    def members(self):
        done = self.world.run("scheduler", "--format", "json", tool=STATS)
        return harness.json.loads(done.out)["processes"] if done.code == 0 else []

    def test_more_slots_reach_who_waits(self):
        self.slots(1, "--quantum", "60s")
        meet = "touch {0}.here; until [ -e a.here -a -e b.here ]; do sleep 0.01; done"
        run = self.begin(shell("a", meet.format("a")), shell("b", meet.format("b")))
        wait_for(lambda: self.exists("a.here") or self.exists("b.here"), "the first node")
        self.slots(2)
        self.assertEqual(run.end().code, 0)

    def test_the_machine_folder_may_vanish(self):
        self.slots(2)
        run = self.begin(shell("a", waits("go")), shell("b", "echo B", arguments=["a"]))
        wait_for(lambda: any((self.world.root / "machine").iterdir()), "the machine's files")
        for entry in (self.world.root / "machine").iterdir():
            if entry.is_file():
                entry.unlink()
        self.write("go", "")
        self.assertEqual(run.end().code, 0)

    def test_many_executions_in_one_store_at_once(self):
        self.slots(2, "--quantum", "5ms")
        runs = [self.begin(*(shell(f"e{e}n{i}", f"echo {e} {i}", inputs=[]) for i in range(20)),
                           store="shared") for e in range(8)]
        for run in runs:
            done = run.end()
            self.assertEqual((done.code, done.counts["completed"]), (0, 20), repr(done))
        self.store_is_clean("--store", "shared")


if __name__ == "__main__":
    harness.main()
