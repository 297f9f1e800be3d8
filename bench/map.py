#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long does a map take, over how many elements?

    bench/map.py [--tiny] [BIN_DIR]

Prints for each program the time of the whole process: a map over 100,000 elements of an in-process
operation, 1,000 maps of 10 elements, a map of 300 maps of 300 elements each, and a map over 10,000
elements of a command: cold, unchanged, and with one element changed (how many nodes ran is said,
too). --tiny does the same with very little work and prints no times.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

CONCAT = {"operation": "concat", "arguments": ["end"]}


def const(node_id, value):
    return {"node_id": node_id, "operation": "const", "parameters": {"value": value}}


def mapped(node_id, template, list_id):
    return {"node_id": node_id, "operation": "map", "arguments": [list_id],
            "parameters": {"node": template}}


def one_map(count):
    return [const("end", "."), const("list", list(range(count))), mapped("m", CONCAT, "list")]


def many_maps(count):
    return [const("end", "."), const("list", list(range(10))),
            *(mapped(f"m{i}", CONCAT, "list") for i in range(count))]


def nested_maps(count):
    return [const("end", "."), const("list", [list(range(count))] * count),
            mapped("m", {"operation": "map", "parameters": {"node": CONCAT}}, "list")]


def commands(elements):
    return [const("list", elements),
            mapped("m", {"operation": "shell", "inputs": [],
                         "parameters": {"command": "cat \"$1\""}}, "list")]


class Bench:
    def __init__(self, folder, bin_dir, is_tiny):
        self.folder, self.bin_dir, self.is_tiny = folder, bin_dir, is_tiny
        self.environment = {**os.environ, "DSCHED_MACHINE": os.path.join(folder, "machine")}
        os.makedirs(self.environment["DSCHED_MACHINE"], mode=0o700, exist_ok=True)

    def run(self, name, nodes, total, ran):
        """Runs the program and checks how many nodes there were, and how many commands ran."""
        with open(os.path.join(self.folder, "program.json"), "w", encoding="utf-8") as file:
            json.dump({"dag_id": name.split(",")[0], "nodes": nodes}, file)
        began = time.perf_counter()
        done = subprocess.run(
            [os.path.join(self.bin_dir, "dsched-run"), "--progress", "none", "--format", "json",
             "program.json"], cwd=self.folder, env=self.environment, capture_output=True,
            check=False)
        took = time.perf_counter() - began
        if done.returncode != 0:
            sys.exit(f"{name}: exit {done.returncode}: {done.stderr.decode()[-500:]}")
        answer = json.loads(done.stdout)
        really = answer["total_nodes"], answer["total_nodes"] - answer["reused_nodes"]
        if really[0] != total or really[1] > ran:
            sys.exit(f"{name}: {really[0]} nodes, {really[1]} not reused; expected {total}, {ran}")
        if not self.is_tiny:
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            print(f"{name:42} {took:7.3f} s   at most {memory:5} MiB so far", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("bin_dir", nargs="?", default="build/release/bin", metavar="BIN_DIR")
    options = parser.parse_args()
    many, maps, side, runs = (50, 5, 4, 10) if options.tiny else (100_000, 1000, 300, 10_000)
    with tempfile.TemporaryDirectory(prefix="dsched-bench-") as folder:
        bench = Bench(folder, os.path.abspath(options.bin_dir), options.tiny)
        bench.run(f"concat over {many:,}", one_map(many), many + 3, many + 3)
        bench.run(f"{maps:,} maps of 10", many_maps(maps), maps * 11 + 2, maps * 11 + 2)
        total = side * side + side + 3
        bench.run(f"{side:,} times {side:,}, nested", nested_maps(side), total, total)
        elements = [f"element {i}" for i in range(runs)]
        bench.run(f"shell over {runs:,}", commands(elements), runs + 2, runs + 2)
        bench.run(f"shell over {runs:,}, unchanged", commands(elements), runs + 2, 2)
        elements[runs // 2] = "changed"
        bench.run(f"shell over {runs:,}, one changed", commands(elements), runs + 2, 3)


if __name__ == "__main__":
    main()
