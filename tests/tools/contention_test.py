# SPDX-License-Identifier: Apache-2.0
"""SIGKILLs runners that share a machine's slots at random instants, and checks what must hold:

  - the other executions end as if nothing had happened;
  - the slots of the killed one are free again: one who needs all of them gets them;
  - no process of the killed one is left, running or stopped;
  - the killed one is resumed to its end, and no node that it had completed runs again;
  - `dsched-store verify` is clean.

    contention_test.py [--seed S] [--rounds N]

A round's seed decides policy, quantum, programs, stores, victims and instants. A failing round
prints the command that repeats it.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
import traceback

import harness
from harness import shell
from crash_test import describe

POLICY = str(harness.BUILD / "bin" / "dsched-policy")
EXECUTIONS = 3


def processes_of(store):
    """Processes, zombies not counted, whose environment names the store."""
    mark = f"DSCHED_STORE={store}\0".encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if mark in file.read() and harness.is_alive(pid):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def attempts_of(pids):
    """Which attempts they belong to."""
    told = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                told += [entry.decode() for entry in file.read().split(b"\0")
                         if entry.startswith((b"DSCHED_NODE_ID=", b"DSCHED_ATTEMPT"))]
        except OSError:
            pass
    return told


class Round:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.world = harness.World()
        self.free_after_ms = []

    def expect(self, holds, what):
        if not holds:
            raise AssertionError(what)

    def node(self, name):
        rng = self.rng
        busy = f"i=0; while [ $i -lt {rng.randint(100, 6000)} ]; do i=$((i+1)); done"
        work = rng.choice((busy, f"sleep 0.0{rng.randint(1, 40):02}", ":", f"{busy} & sleep 1000 & {busy}"))
        fields = {}
        if rng.random() < 0.2:
            fields["preemptible"] = False
        if rng.random() < 0.2:
            fields["slots"] = 2
        if rng.random() < 0.3:
            fields["priority"] = rng.randint(0, 10)
        if rng.random() < 0.2:
            fields["timeout_s"] = 100
        return shell(name, f"echo start >> {name}.ledger; {work}\necho {name}", **fields)

    def play(self):
        rng = self.rng
        done = self.world.run(
            "set", rng.choice(("Fair", "Priority", "RoundRobin")), "--slots", "2", "--quantum",
            f"{rng.choice((1, 2, 5, 20))}ms", "--preemption",
            rng.choice(("suspend", "suspend", "boundary")), tool=POLICY)
        self.expect(done.code == 0, repr(done))
        is_shared = rng.random() < 0.5
        self.programs, self.stores, runs = {}, {}, {}
        for e in range(EXECUTIONS):
            nodes = [self.node(f"e{e}n{i}") for i in range(rng.randint(4, 12))]
            self.programs[e] = nodes
            self.world.program(nodes, name=f"p{e}.json", dag_id=f"dag{e}")
            self.stores[e] = "shared" if is_shared else f"store{e}"
            runs[e] = self.start(e)
        victims = rng.sample(range(EXECUTIONS), rng.choice((1, 1, 2)))
        for victim in victims:
            time.sleep(rng.uniform(0, 0.15))  # not to wait for anything: the dice's instant
            runs[victim].signal(signal.SIGKILL)
        killed_at = time.monotonic()
        self.need_all_slots(killed_at)
        for e, run in runs.items():
            ended = run.end()
            if e in victims and ended.code != 0:
                continue
            self.expect(ended.code == 0, f"execution {e}, which nobody killed: {ended!r}")
            self.expect(ended["completed_nodes"] == len(self.programs[e]), repr(ended))
        self.expect_nothing_left(victims, is_shared)
        for victim in victims:
            self.resume(victim)
        if os.path.exists(harness.STORE):
            for store in sorted(set(self.stores.values())):
                verify = self.world.run("verify", "--store", store, tool=harness.STORE)
                self.expect(verify.code == 0, f"verify: {verify!r}")

    def start(self, e):
        priority = str(self.rng.randint(0, 10))
        return self.world.start(f"p{e}.json", "--store", self.stores[e], "--priority", priority,
                                "-j", str(self.rng.choice((1, 2, 4))))

    def need_all_slots(self, killed_at):
        """A node of two slots runs only when nobody else has one; a hang is a slot that is lost."""
        self.world.program([shell("wide", "echo W", slots=2)], name="wide.json")
        done = self.world.run("wide.json", "--store", "wide", "--no-cache")
        self.expect(done.code == 0, f"who needs all slots: {done!r}")
        self.free_after_ms.append(1000 * (time.monotonic() - killed_at))

    def expect_nothing_left(self, victims, is_shared):
        deadline = time.monotonic() + harness.PATIENCE_S / 20
        for e in victims:
            store = self.world.folder / self.stores[e]
            while left := processes_of(store):
                self.expect(time.monotonic() < deadline,
                            f"left over: {describe(left)} {attempts_of(left)}; killed {victims}")
                time.sleep(0.005)
            if is_shared:
                break

    def resume(self, e):
        """By its DAG: which number it got in a shared store is the race's."""
        starts = {node["node_id"]: len(self.world.lines(f"{node['node_id']}.ledger"))
                  for node in self.programs[e]}
        listed = self.world.run("executions", "--store", self.stores[e], "--dag", f"dag{e}",
                                "--format", "json", tool=str(harness.BUILD / "bin" / "dsched-stats"))
        lines = [harness.json.loads(line) for line in listed.out.splitlines()]
        if not lines:  # killed before it was recorded
            done = self.start(e).end()
            return self.expect(done.code == 0, f"execution {e} begun again: {done!r}")
        number = lines[0]["execution"]
        self.expect(lines[0]["status"] in ("interrupted", "completed"), repr(lines[0]))
        before = lines[0]["completed_nodes"]
        done = self.world.run("--resume", str(number), "--store", self.stores[e])
        self.expect(done.code == 0, f"execution {e} resumed: {done!r}")
        self.expect(done["completed_nodes"] == len(self.programs[e]), repr(done))
        again = sum(len(self.world.lines(f"{name}.ledger")) - count for name, count in starts.items())
        self.expect(again <= len(starts) - before,
                    f"execution {e}: {again} nodes ran in the resume, {before} were completed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    failures, free = 0, []
    began = time.monotonic()
    for seed in range(options.seed, options.seed + options.rounds):
        one = Round(seed)
        try:
            one.play()
        except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as problem:
            failures += 1
            if not isinstance(problem, AssertionError):
                traceback.print_exc()
            print(f"FAIL: contention_test.py --seed {seed} --rounds 1: {problem}", file=sys.stderr)
        finally:
            one.world.close()
        free += one.free_after_ms
    free.sort()
    print(f"{options.rounds} rounds in {time.monotonic() - began:.0f} s: {failures} failed; a node "
          f"that needs all slots beside the others had run {free[len(free) // 2]:.0f} ms (median), "
          f"{free[-1]:.0f} ms (most) after the last kill" if free else "no round came that far")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
