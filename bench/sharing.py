# SPDX-License-Identifier: Apache-2.0
"""The measurements of sharing; see sharing.sh for what they are and how to call them."""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PRIORITIES = {2: 50, 5: 100, 9: 200}  # and their weights under Fair
SPIN = "trap 'exit 0' TERM INT; while :; do :; done"


class World:
    """A machine folder and stores of its own."""

    def __init__(self, bin_dir):
        self.bin = bin_dir
        self.folder = tempfile.mkdtemp(prefix="dsched-sharing-")
        self.environment = {**os.environ, "DSCHED_MACHINE": os.path.join(self.folder, "machine")}
        self.running = []
        self.programs = 0

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tool(self, name, *arguments):
        done = subprocess.run([os.path.join(self.bin, name), "--format", "json", *arguments],
                              cwd=self.folder, env=self.environment, capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{name} {' '.join(arguments)}: exit {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def start(self, nodes, *options, store=None):
        self.programs += 1
        name = f"p{self.programs}.json"
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            json.dump({"nodes": nodes}, file)
        argv = [os.path.join(self.bin, "dsched-run"), name, "--store",
                store or f"store{self.programs}", "--progress", "none", *options]
        process = subprocess.Popen(argv, cwd=self.folder, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        self.running.append(process)
        return process

    def finish(self, process, codes=(0,)):
        _, errors = process.communicate()
        if process.returncode not in codes:
            raise SystemExit(f"dsched-run: exit {process.returncode}: {errors.decode()[-2000:]}")

    def exists(self, name):
        return os.path.exists(os.path.join(self.folder, name))

    def wait_for(self, name):
        while not self.exists(name):
            time.sleep(0.0005)
        return time.perf_counter()


def shell(node_id, command, **fields):
    return {"node_id": node_id, "operation": "shell", "parameters": {"command": command}, **fields}


def processor_time(world, slots):
    """Seconds of processor time of each execution's nodes that have begun, by priority."""
    ticks = os.sysconf("SC_CLK_TCK")
    sums = dict.fromkeys(PRIORITIES, 0.0)
    for priority in PRIORITIES:
        for i in range(slots):
            try:
                name = os.path.join(world.folder, f"pid-{priority}-{i}")
                with open(name, encoding="utf-8") as file:
                    pid = file.read().strip() or "none"
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                    fields = file.read().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # not begun: an execution may have its share by one node alone
            sums[priority] += (int(fields[11]) + int(fields[12])) / ticks
    return sums


def shares(seconds, world):
    """Three executions of nodes that only compute, priorities 2, 5, 9: their processor time."""
    slots = os.cpu_count()
    world.tool("dsched-policy", "set", "Fair", "--slots", str(slots))
    runs = {}
    for priority in PRIORITIES:
        nodes = [shell(f"n{i}", f"echo $$ > pid-{priority}-{i}; {SPIN}") for i in range(slots)]
        runs[priority] = world.start(nodes, "--priority", str(priority))
    for priority in PRIORITIES:
        while not any(world.exists(f"pid-{priority}-{i}") for i in range(slots)):
            time.sleep(0.001)
    before = processor_time(world, slots)
    time.sleep(seconds)
    after = processor_time(world, slots)
    used = {priority: after[priority] - before[priority] for priority in PRIORITIES}
    for run in runs.values():
        run.send_signal(signal.SIGTERM)
    for run in runs.values():
        run.wait()
    total = sum(used.values()) or 1.0
    worst = 0.0
    print(f"shares under Fair, {slots} slots, {seconds} s, processor time of the nodes")
    for priority, weight in PRIORITIES.items():
        want = weight / sum(PRIORITIES.values())
        got = used[priority] / total
        worst = max(worst, abs(got / want - 1))
        print(f"  priority {priority}: {used[priority]:6.2f} s, {got:.4f} of all, weight says "
              f"{want:.4f}: {100 * (got / want - 1):+.2f} %")
    print(f"  farthest from its share: {100 * worst:.2f} % (bar 5 %); used of the machine: "
          f"{100 * total / (slots * seconds):.1f} %")


def arrival(rounds, world):
    """How long after its start a high priority's node begins though long nodes hold all slots."""
    slots = os.cpu_count()
    world.tool("dsched-policy", "set", "Priority", "--slots", str(slots))
    low = world.start([shell(f"l{i}", f"touch low{i}; {SPIN}") for i in range(slots)],
                      "--priority", "low")
    for i in range(slots):
        world.wait_for(f"low{i}")
    took = []
    for i in range(rounds):
        began = time.perf_counter()
        high = world.start([shell("h", f"touch high{i}")], "--priority", "urgent", store="high")
        took.append(1000 * (world.wait_for(f"high{i}") - began))
        world.finish(high)
    low.send_signal(signal.SIGTERM)
    low.wait()
    print(f"a high arrival under Priority, {rounds} rounds: its node has begun after "
          f"{statistics.median(took):.1f} ms (median), {max(took):.1f} ms (most); bar 200 ms, "
          "start of dsched-run included")


def change(rounds, world):
    """How long after a change of the policy the execution that it favours runs."""
    took = []
    for i in range(rounds):
        world.tool("dsched-policy", "set", "Priority", "--slots", "1", "--quantum", "60s")
        high = world.start([shell("h", f"touch holds{i}; {SPIN}")], "--priority", "8")
        world.wait_for(f"holds{i}")
        low = world.start([shell("l", f"touch runs{i}")], "--priority", "2")
        while len(world.tool("dsched-stats", "scheduler")["processes"]) < 2:
            pass
        began = time.perf_counter()
        world.tool("dsched-policy", "set", "RoundRobin", "--quantum", "10ms")
        took.append(1000 * (world.wait_for(f"runs{i}") - began))
        world.finish(low)
        high.send_signal(signal.SIGTERM)
        high.wait()
    print(f"a change from Priority to RoundRobin, {rounds} rounds: the other execution's node has "
          f"begun after {statistics.median(took):.1f} ms (median), {max(took):.1f} ms (most); "
          "bar 100 ms, dsched-policy included")


def overhead(nodes, rounds, world):
    """2,000 trivial nodes by one execution, and by four at once of a quarter each."""
    world.tool("dsched-policy", "set", "Fair", "--slots", "auto", "--quantum", "100ms")
    alone, together, apart = [], [], []

    def one(count, label, store):
        return world.start([shell(f"{label}{i}", ":") for i in range(count)], store=store)

    for i in range(rounds):
        began = time.perf_counter()
        world.finish(one(nodes, "n", f"alone{i}"))
        alone.append(time.perf_counter() - began)
        for kind, stores, sink in (("one store", [f"shared{i}"] * 4, together),
                                   ("four stores", [f"own{i}-{k}" for k in range(4)], apart)):
            began = time.perf_counter()
            runs = [one(nodes // 4, f"m{k}-", stores[k]) for k in range(4)]
            for run in runs:
                world.finish(run)
            sink.append(time.perf_counter() - began)
    print(f"{nodes} nodes `:`, {rounds} rounds in alternation")
    base = statistics.median(alone)
    print(f"  one execution                     {base:.3f} s")
    for name, taken in (("four at once in one store", together), ("four at once, a store each", apart)):
        middle = statistics.median(taken)
        print(f"  {name:<33} {middle:.3f} s: {100 * (middle / base - 1):+.1f} % (bar 10 %)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", default="shares,arrival,change,overhead")
    parser.add_argument("bin_dir", nargs="?",
                        default=os.path.join(HERE, "..", "build", "release", "bin"))
    options = parser.parse_args()
    chosen = options.only.split(",")
    calls = {
        "shares": lambda world: shares(1 if options.tiny else options.seconds, world),
        "arrival": lambda world: arrival(1 if options.tiny else 20, world),
        "change": lambda world: change(1 if options.tiny else 20, world),
        "overhead": lambda world: overhead(*((40, 1) if options.tiny else (2000, 7)), world),
    }
    for name in chosen:
        if name not in calls:
            sys.exit(f"sharing: {name}: there is no such measurement; there are {', '.join(calls)}")
        world = World(os.path.abspath(options.bin_dir))
        try:
            calls[name](world)
        finally:
            world.close()


if __name__ == "__main__":
    main()
