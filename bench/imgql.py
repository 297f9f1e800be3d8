#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long do large VoxLogica programs take, from the command to its answer?

    bench/imgql.py [--tiny] [BIN_DIR]

Prints for each program the time of the whole process and its peak memory, the median of three runs
with their spread, beside the bar it is held to:

- a tower of 30 functions, each of which calls the one below twice (2^30 calls, 61 nodes);
- a loop over 1,000,000 elements of x * x + 1, summed up;
- the same, printed;
- a chain of 1,000,000 declarations, each of which needs the one before.

What is printed is checked. --tiny does the same with very little work and prints no times.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time


def tower(depth):
    lines = ["f0(x) = x + 1"]
    lines += [f"f{i}(x) = f{i - 1}(x) + f{i - 1}(x)" for i in range(1, depth + 1)]
    return "\n".join([*lines, f'print "top" f{depth}(1)']), f"top={float(2 ** (depth + 1))}\n"


def loop(count):
    total = float(sum(x * x + 1 for x in range(count)))
    text = f'print "sum" fold + (for x in range(0,{count}) do x * x + 1)'
    return text, None if count > 1000 else f"sum={total}\n"


def printed_loop(count):
    text = f'print "xs" for x in range(0,{count}) do x * x + 1'
    return text, f"xs={[float(x * x + 1) for x in range(count)]}\n"


def chain(count):
    lines = ["a0 = 1"] + [f"a{i} = a{i - 1} + 1" for i in range(1, count)]
    return "\n".join([*lines, f'print "last" a{count - 1}']), f"last={float(count)}\n"


class Bench:
    def __init__(self, folder, bin_dir, is_tiny):
        self.folder, self.bin_dir, self.is_tiny = folder, bin_dir, is_tiny
        self.environment = {**os.environ, "DSCHED_MACHINE": os.path.join(folder, "machine")}
        os.makedirs(self.environment["DSCHED_MACHINE"], mode=0o700, exist_ok=True)

    def once(self, name):
        """Seconds, peak MiB and what was printed, with a store of its own."""
        store = tempfile.mkdtemp(dir=self.folder)
        argv = [os.path.join(self.bin_dir, "dsched-run"), "--progress", "none", "--format", "text",
                "--store", os.path.join(store, "s"), name]
        with open(os.path.join(self.folder, "out"), "wb") as out:
            began = time.perf_counter()
            process = subprocess.Popen(argv, cwd=self.folder, env=self.environment, stdout=out)
            _, status, usage = os.wait4(process.pid, 0)
            took = time.perf_counter() - began
        if status != 0:
            sys.exit(f"{name}: status {status}")
        with open(os.path.join(self.folder, "out"), encoding="utf-8") as out:
            return took, usage.ru_maxrss / 1024, out.read()

    def run(self, name, program, bar):
        text, expected = program
        with open(os.path.join(self.folder, "p.imgql"), "w", encoding="utf-8") as file:
            file.write(text)
        times, memory = [], 0
        for _ in range(1 if self.is_tiny else 3):
            took, peak, out = self.once("p.imgql")
            if expected is not None and out != expected:
                sys.exit(f"{name}: printed {out[:200]!r}, not {expected[:200]!r}")
            times.append(took)
            memory = max(memory, peak)
        if not self.is_tiny:
            print(f"{name:44} {statistics.median(times):7.3f} s ({min(times):.3f} to {max(times):.3f})"
                  f"   {memory:6.0f} MiB   bar: {bar}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("bin_dir", nargs="?", default="build/release/bin", metavar="BIN_DIR")
    options = parser.parse_args()
    depth, many = (6, 100) if options.tiny else (30, 1_000_000)
    with tempfile.TemporaryDirectory(prefix="dsched-bench-") as folder:
        bench = Bench(folder, os.path.abspath(options.bin_dir), options.tiny)
        bench.run(f"a tower of {depth} functions", tower(depth), "0.1 s")
        bench.run(f"x * x + 1 over {many:,}, summed up", loop(many), "1 s")
        bench.run(f"x * x + 1 over {many:,}, printed", printed_loop(many), "1 s")
        bench.run(f"a chain of {many:,} declarations", chain(many), "3 s, 1024 MiB")


if __name__ == "__main__":
    main()
