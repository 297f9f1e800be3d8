#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast are requests to persistent workers?

    bench/workers.py [--tiny] [--repeat N] [BIN_DIR]

Three questions, each answered by whole runs of dsched-run, process start included:

  requests   100,000 inline requests to one C++ worker that answers at once: requests a second
  start      1,000 requests to a worker that takes 2 s to start, against a process for each
             (of which 20 are measured)
  steps      a worker that needs 10 ms for a step with any batch up to 32, under continuous load:
             part of the 3,200 requests a second that full batches would give

--tiny does everything with very little work and asserts no figure: that is what ctest does. BIN_DIR
holds dsched-run and, beside it, bench/echo_worker.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Bench:
    def __init__(self, folder, bin_dir):
        self.folder, self.bin_dir, self.count = folder, bin_dir, 0
        machine = os.path.join(folder, "machine")
        os.makedirs(machine, mode=0o700)
        self.environment = {**os.environ, "DSCHED_MACHINE": machine}

    def run(self, program, *options):
        """Runs it in a store of its own; gives the seconds the process took and its answer."""
        self.count += 1
        path = os.path.join(self.folder, f"p{self.count}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(program, file, separators=(",", ":"))
        argv = [os.path.join(self.bin_dir, "dsched-run"), path, "--format", "json", "--progress",
                "none", "--store", os.path.join(self.folder, f"store{self.count}"), *options]
        began = time.perf_counter()
        done = subprocess.run(argv, cwd=self.folder, env=self.environment, capture_output=True,
                              check=False)
        took = time.perf_counter() - began
        if done.returncode != 0:
            sys.exit(f"{' '.join(argv)}: exit {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
        return took, json.loads(done.stdout)


def requests(count, worker):
    nodes = [{"node_id": f"n{i}", "operation": "w", "parameters": {"i": i}} for i in range(count)]
    return {"dag_id": "requests", "workers": {"w": worker}, "nodes": nodes}


def processes(count, command):
    return {"dag_id": "processes", "nodes": [
        {"node_id": f"n{i}", "operation": "exec", "parameters": {"argv": command}}
        for i in range(count)]}


def spread(values, unit, digits=0):
    return (f"median {statistics.median(values):,.{digits}f} {unit}, "
            f"{min(values):,.{digits}f} to {max(values):,.{digits}f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("bin_dir", nargs="?", default=os.path.join(HERE, "..", "build", "release", "bin"))
    options = parser.parse_args()
    bin_dir = os.path.abspath(options.bin_dir)
    echo = os.path.join(os.path.dirname(bin_dir), "bench", "echo_worker")
    repeat = 1 if options.tiny else options.repeat
    with tempfile.TemporaryDirectory(prefix="dsched-bench-") as folder:
        bench = Bench(folder, bin_dir)
        count = 200 if options.tiny else 100_000
        for batch in (32, 1024):
            worker = {"command": [echo], "max_batch": batch, "inline": True}
            runs = [bench.run(requests(count, worker)) for _ in range(repeat)]
            print(f"requests, max_batch {batch}: " +
                  spread([count / took for took, _ in runs], "requests/s"))
        delay = "0.05" if options.tiny else "2"
        count, few = (5, 2) if options.tiny else (1000, 20)
        alone = bench.run(processes(few, [echo, delay]), "-j2")[0] / few
        worker = {"command": [echo, delay]}
        served = [bench.run(requests(count, worker), "-j2")[0] / count for _ in range(repeat)]
        print(f"start of {delay} s: " + spread([alone / one for one in served], "times as fast", 1))
        count = 64 if options.tiny else 6400
        worker = {"command": [sys.executable, os.path.join(HERE, "step_worker.py"), "0.01", "32"],
                  "max_batch": 32}
        rates = []
        for _ in range(repeat):
            answer = bench.run(requests(count, worker))[1]
            rates.append(count / (answer["wall_ms"] / 1000) / 3200)
        print("steps of 10 ms: " + spread(rates, "of full batches", 3))


main()
