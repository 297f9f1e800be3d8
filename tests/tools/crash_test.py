# SPDX-License-Identifier: Apache-2.0
"""SIGKILLs dsched-run at random instants, resumes until it is done, and checks what must hold:

  - a node that was told to be completed is not started again;
  - a node that ended is run again only if it ended just before the kill;
  - no result and no output is lost or wrong;
  - two seconds later no process of any attempt tree is left, without any other tool being run;
  - `dsched-store verify` is clean.

    crash_test.py [--seed S] [--rounds N] [--backend B]

A round's seed decides its graph, its backend and its kills: after how many lines of progress, and how
many microseconds later. A failing round prints the command that repeats it.
"""

import argparse
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time
import traceback

import harness

BACKENDS = ("hybrid", "sqlite", "filesystem")
KILLS_MAX = 3
SOON_S = 2.0  # by when a killed runner's processes must be gone
# A record is committed 10 ms after the attempt tree has ended; the rest is for a machine so busy that
# the runner itself has to wait for its turn. What was told is judged without any clock.
COMMITTED_S = 1.0
LATE_ROUNDS_MAX = 0.02  # the share of rounds that a busy machine may need longer in

# What a node does beside its work: processes that leave the group, the session, the environment.
COMPANIONS = (
    ":", ":", "sleep 0.004", "timeout 9 sleep 0.003", "sleep 1000 &", "setsid sleep 1000 &",
    "env -i setsid sleep 1000 &", "(sleep 1000 &)", "timeout 1000 sleep 1000 &",
    "setsid sh -c 'sleep 1000 & sleep 1000' &", "(setsid env -i sh -c 'sleep 1000; :' &) ; sleep 0.002",
    "trap '' TERM INT HUP; nohup sleep 1000 &",
)
SIZES = (70_000, 1_200_000)  # bytes: in the database or a file, above the size of a large object
COMPLETED = re.compile(r"^\[\d+/\d+\] (n\d+) completed", re.MULTILINE)


def graph(rng):
    """About thirty nodes; what each gives is decided by the graph alone."""
    nodes = []
    for i in range(rng.randint(25, 34)):
        name = f"n{i}"
        arguments = [f"n{j}" for j in sorted(rng.sample(range(i), min(i, rng.choice((0, 1, 1, 2)))))]
        companion = rng.choice(COMPANIONS)
        work = f"cat /dev/null \"$@\" | sha256sum; echo result of {name}"
        fields = {"arguments": arguments}
        kind = rng.randrange(6)
        if kind == 0:
            work += f"; echo output of {name} > {name}.out"
            fields["outputs"] = [f"{name}.out"]
        elif kind == 1:
            work += f"; yes {name} | head -c {rng.choice(SIZES)}"
        elif kind == 2:
            work = f"[ $DSCHED_ATTEMPT -gt 1 ] || exit 1; {work}"
            fields.update(max_retries=2, backoff_s=0)
        if rng.random() < 0.5:
            fields["inputs"] = []
        command = (f"echo start {name} >> ledger; {companion}\n{work}\n"
                   f"read since_boot rest < /proc/uptime; echo end {name} $since_boot >> ledger")
        nodes.append(harness.shell(name, command, **fields))
    return nodes


def expected_of(nodes):
    """The bytes that each node gives, and the files that they leave."""
    results, outputs = {}, {}
    for node in nodes:
        name = node["node_id"]
        known = hashlib.sha256(b"".join(results[one] for one in node["arguments"]))
        result = f"{known.hexdigest()}  -\nresult of {name}\n".encode()
        size = re.search(r"head -c (\d+)", node["parameters"]["command"])
        if size:
            size = int(size.group(1))
            result += (f"{name}\n".encode() * size)[:size]
        results[name] = result
        for output in node.get("outputs", ()):
            outputs[output] = f"output of {name}\n"
    return results, outputs


def boot_time():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def processes_in(folder):
    """Living processes that work in the folder or know it from their environment or arguments."""
    marks = str(folder).encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            cwd = os.fsencode(os.readlink(f"/proc/{pid}/cwd"))
            if marks in cwd and harness.is_alive(pid):
                found.append(int(pid))
        except OSError:
            pass
    return found


def describe(pids):
    told = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as command, open(f"/proc/{pid}/stat") as state:
                told.append(f"{state.read().strip()[:60]} {command.read()!r}")
        except OSError:
            told.append(f"{pid} (gone now)")
    return "; ".join(told)


class Round:
    def __init__(self, seed, backend):
        self.rng = random.Random(seed)
        self.backend = backend
        self.world = harness.World()
        self.nodes = graph(self.rng)
        self.width = self.rng.choice((1, 2, 4, 8))
        self.was_late = False
        self.repeated_after_ms = []  # how long before the kill nodes had ended that ran again

    def expect(self, holds, what):
        if not holds:
            raise AssertionError(what)

    def ledger(self):
        return [line.split() for line in self.world.lines("ledger")]

    def play(self):
        self.world.program(self.nodes)
        told = set()
        for _ in range(self.rng.randint(1, KILLS_MAX)):
            if not self.run_and_kill(told):
                break
        answer = self.finish()
        self.check(answer, told)

    def outputs(self):
        return {path.name: path.read_text() for path in sorted(self.world.folder.glob("*.out"))}

    def start(self, **popen):
        """Resumes the execution if it was recorded, else begins it."""
        common = ["-j", self.width, "--progress", "plain", "--full-results", "--nodes", "all"]
        if self.is_recorded:
            return self.world.start("--resume", "1", *common, **popen)
        return self.world.start("program.json", "--storage-backend", self.backend, *common,
                                **popen)

    is_recorded = False

    def run_and_kill(self, told):
        """False when it had ended before it could be killed."""
        begun = len(self.ledger())
        running = self.start(stdout=subprocess.DEVNULL)  # nobody reads it, so it must not fill up
        lines = self.rng.randrange(2 * len(self.nodes))
        seen = b""
        for _ in range(lines):
            line = running.process.stderr.readline()
            if not line:
                break
            seen += line
        time.sleep(self.rng.uniform(0, 0.006))  # not to wait for anything: the instant is the dice's
        running.signal(signal.SIGKILL)
        killed_at = boot_time()
        running.process.wait()
        self.expect_quiet(killed_at)
        seen += running.process.stderr.read()
        self.check_phase(begun, told)
        ended_well = running.process.returncode == 0
        if seen:
            self.is_recorded = True
        elif not ended_well and not self.is_recorded:
            self.is_recorded = self.ask_recorded()
        told |= set(COMPLETED.findall(seen.decode()))
        self.note_ends(begun, killed_at)
        self.expect(running.process.returncode in (0, -signal.SIGKILL),
                    f"exit {running.process.returncode}: {seen[-1500:]!r}")
        return not ended_well

    def ask_recorded(self):
        """Whether execution 1 exists; asked of a resume that is told to do nothing new."""
        if not self.world.exists(".dsched"):
            return False
        done = self.world.run("--resume", "1", "--set", "x=1", "-q")
        return not (done.code == 1 and done.kind == "not_found")

    def expect_quiet(self, killed_at):
        deadline = killed_at + SOON_S
        while True:
            left = processes_in(self.world.root)
            if not left:
                break
            self.expect(boot_time() < killed_at + 15 * SOON_S, f"processes left over: {describe(left)}")
            time.sleep(0.002)
        self.was_late = self.was_late or boot_time() > deadline

    ended_before_kill = {}

    def note_ends(self, begun, killed_at):
        self.ended_before_kill = dict(self.ended_before_kill)
        for words in self.ledger()[begun:]:
            if words[0] == "end" and len(words) == 3:
                self.ended_before_kill[words[1]] = killed_at - float(words[2])

    def check_phase(self, begun, told):
        for words in self.ledger()[begun:]:
            if words[0] != "start":
                continue
            self.expect(words[1] not in told, f"{words[1]} was told to be completed and ran again")
            if words[1] in self.ended_before_kill:
                ago = self.ended_before_kill.pop(words[1])
                self.expect(ago < COMMITTED_S, f"{words[1]} ended {ago} s before and ran again")
                self.repeated_after_ms.append(1000 * ago)

    def finish(self):
        begun = len(self.ledger())
        answer = self.start().end()
        self.expect(answer.code == 0, f"the last run: {answer!r}")
        self.last_begun = begun
        return answer

    def check(self, answer, told):
        self.check_phase(self.last_begun, told)
        results, outputs = expected_of(self.nodes)
        for name, result in answer["results"].items():
            self.expect(result["text"].encode() == results[name],
                        f"{name} gave {result['text'][:200]!r}, not {results[name][:200]!r}")
        self.expect(self.outputs() == outputs, "outputs differ")
        self.expect(answer["completed_nodes"] == len(self.nodes), f"incomplete: {answer!r}")
        self.expect_quiet(boot_time())
        if os.path.exists(harness.STORE):
            verify = self.world.run("verify", tool=harness.STORE)
            self.expect(verify.code == 0, f"verify: {verify!r}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--backend", choices=BACKENDS)
    options = parser.parse_args()
    if not os.path.exists(harness.STORE):
        print("dsched-store is not built: its verify is not asked", file=sys.stderr)
    late, repeated, failures = 0, [], 0
    began = time.monotonic()
    for seed in range(options.seed, options.seed + options.rounds):
        backend = options.backend or BACKENDS[seed % len(BACKENDS)]
        one = Round(seed, backend)
        try:
            one.play()
        except (AssertionError, OSError, subprocess.SubprocessError) as problem:
            failures += 1
            if not isinstance(problem, AssertionError):
                traceback.print_exc()
            print(f"FAIL: crash_test.py --seed {seed} --rounds 1 --backend {backend}: {problem}",
                  file=sys.stderr)
        finally:
            one.world.close()
        late += one.was_late
        repeated += one.repeated_after_ms
    longest = max(repeated, default=0)
    print(f"{options.rounds} rounds in {time.monotonic() - began:.0f} s: {failures} failed; "
          f"{len(repeated)} nodes ran again that had ended, at most {longest:.0f} ms before the "
          f"kill; processes were left longer than {SOON_S:g} s in {late} rounds")
    too_late = late > max(1, LATE_ROUNDS_MAX * options.rounds)
    return 1 if failures or too_late else 0


if __name__ == "__main__":
    sys.exit(main())
