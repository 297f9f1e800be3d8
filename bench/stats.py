#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long does dsched-stats take on a large store while an execution writes to it?

    bench/stats.py [--tiny] [--keep DIR] [BIN_DIR]

Makes a store with 1,000 executions of 1,000 nodes and one of 1,000,000 in-process nodes, starts an
execution of many short commands, and prints for each command of dsched-stats the median and the
slowest of several calls, process start included. --keep makes the store in DIR, or uses the one
that a former call left there. --tiny does everything with very little work and prints no times.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import programs

COMMANDS = (
    ("status",),
    ("scheduler",),
    ("statistics",),
    ("statistics", "--since", "10m"),
    ("progress",),
    ("progress", "1"),
    ("wait",),
    ("executions",),
    ("executions", "--limit", "20"),
    ("executions", "--status", "running"),
    ("nodes", "1"),
    ("nodes", "1", "--status", "failed"),
    ("nodes", "MILLION", "--status", "failed"),
    ("explain", "@latest"),
    ("sitrep",),
)


def shells(count):
    return {"dag_id": "shells", "nodes": [
        {"node_id": f"s{i}", "operation": "shell", "parameters": {"command": "sleep 0.01"}}
        for i in range(count)]}


class Bench:
    def __init__(self, folder, bin_dir, scale):
        self.folder, self.bin_dir, self.scale = folder, bin_dir, scale
        machine = os.path.join(folder, "machine")
        os.makedirs(machine, mode=0o700, exist_ok=True)
        self.environment = {**os.environ, "DSCHED_MACHINE": machine, "DSCHED_FORMAT": "json"}

    def start(self, tool, *words, out=subprocess.DEVNULL):
        return subprocess.Popen([os.path.join(self.bin_dir, tool), *words], cwd=self.folder,
                                env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.PIPE)

    def call(self, tool, *words):
        began = time.perf_counter()
        process = self.start(tool, *words)
        _, err = process.communicate()
        took = time.perf_counter() - began
        if process.returncode != 0:
            sys.exit(f"{tool} {' '.join(words)}: exit {process.returncode}: {err.decode()[-500:]}")
        return took

    def run(self, count, seed):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            programs.in_process(folder, count, seed)
            path = os.path.join(folder, "program.json")
            self.call("dsched-run", "--no-cache", "--progress", "none", path)

    def fill(self):
        if os.path.exists(os.path.join(self.folder, ".dsched")):
            return
        for i in range(self.scale["executions"]):
            self.run(self.scale["nodes"], i)
        self.run(self.scale["million"], 0)

    def measure(self):
        """(words, seconds of each call), while an execution writes."""
        with open(os.path.join(self.folder, "busy.json"), "w", encoding="utf-8") as file:
            json.dump(shells(self.scale["shells"]), file)
        writer = self.start("dsched-run", "--progress", "none", "-j", "2", "busy.json")
        try:
            while not self.is_running():
                time.sleep(0.01)
            for words in COMMANDS:
                words = [str(self.scale["executions"] + 1) if w == "MILLION" else w for w in words]
                yield words, [self.call("dsched-stats", *words)
                              for _ in range(self.scale["calls"])]
        finally:
            writer.kill()
            writer.communicate()

    def is_running(self):
        process = self.start("dsched-stats", "executions", "--limit", "1", out=subprocess.PIPE)
        out, _ = process.communicate()
        return b'"status":"running"' in out or (self.scale["calls"] == 1 and b"shells" in out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--keep", metavar="DIR")
    parser.add_argument("bin_dir", nargs="?", default="build/release/bin", metavar="BIN_DIR")
    options = parser.parse_args()
    scale = {"executions": 1000, "nodes": 1000, "million": 1_000_000, "shells": 100_000,
             "calls": 15}
    if options.tiny:
        scale = {"executions": 3, "nodes": 10, "million": 50, "shells": 20, "calls": 1}
    with tempfile.TemporaryDirectory(prefix="dsched-bench-") as made:
        folder = options.keep or made
        os.makedirs(folder, exist_ok=True)
        bench = Bench(folder, os.path.abspath(options.bin_dir), scale)
        bench.fill()
        for words, seconds in bench.measure():
            if not options.tiny:
                print(f"{' '.join(words):32} median {statistics.median(seconds) * 1000:7.1f} ms   "
                      f"slowest {max(seconds) * 1000:7.1f} ms", flush=True)


if __name__ == "__main__":
    main()
