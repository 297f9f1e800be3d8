#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long do bytes take through a producer and a reader, kept, beside `a | tee f | b`?

    bench/stream.py [--tiny] [--gib N] [--rounds N] [BIN_DIR]

The program's producer is a stream of N GiB (default 4), its reader counts the bytes; `a | tee f | b`
does the same with a pipe and a file. Both sides run in alternation, each in a folder of its own,
which is emptied after each round. Prints each side's times, the median of their ratios, and the peak
memory of dsched-run. --tiny does the same with 16 MiB, checks what was counted and prints no times.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PRODUCE = "head -c {} /dev/zero | tr '\\000' 'a'"
COUNT = "wc -c"


def environment(folder):
    machine = os.path.join(folder, "machine")
    os.makedirs(machine, mode=0o700, exist_ok=True)
    return {**os.environ, "DSCHED_MACHINE": machine}


def timed(argv, folder, env):
    """Seconds, standard output, and the peak memory in KiB of the process itself."""
    began = time.monotonic()
    process = subprocess.Popen(argv, cwd=folder, env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    out, err = process.communicate()
    took = time.monotonic() - began
    if process.returncode != 0:
        sys.exit(f"{argv}: exit {process.returncode}\n{err.decode()}")
    return took, out


def stream(bin_dir, folder, size, env):
    program = {"nodes": [
        {"node_id": "p", "operation": "shell", "stream": True, "inputs": [],
         "parameters": {"command": PRODUCE.format(size)}},
        {"node_id": "c", "operation": "shell", "arguments": ["p"], "inputs": [],
         "parameters": {"command": COUNT, "stdin": "p"}}]}
    with open(os.path.join(folder, "program.json"), "w", encoding="utf-8") as file:
        json.dump(program, file)
    # What the run itself takes: its children are not counted into its own peak.
    report = os.path.join(folder, "peak")
    script = (f"{os.path.join(bin_dir, 'dsched-run')} program.json -j2 --result c & pid=$!; "
              f"while [ -e /proc/$pid ]; do grep VmHWM /proc/$pid/status > {report}.new 2>/dev/null"
              f" && [ -s {report}.new ] && mv {report}.new {report}; sleep 0.05; done; wait $pid")
    took, out = timed(["sh", "-c", script], folder, env)
    if not os.path.exists(report):
        return took, out, 0  # it was gone before anybody looked
    with open(report, encoding="utf-8") as file:
        return took, out, int(file.read().split()[1])


def pipe(folder, size, env):
    return timed(["sh", "-c", f"{PRODUCE.format(size)} | tee kept | {COUNT}"], folder, env)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--gib", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("bin_dir", nargs="?", default="build/release/bin")
    options = parser.parse_args()
    size = 16 << 20 if options.tiny else int(options.gib * (1 << 30))
    rounds = 1 if options.tiny else options.rounds
    ours, theirs, peaks = [], [], []
    for _ in range(rounds):
        for side in ("stream", "pipe"):
            folder = tempfile.mkdtemp(prefix="dsched-stream-")
            try:
                env = environment(folder)
                if side == "stream":
                    took, out, peak_kib = stream(os.path.abspath(options.bin_dir), folder, size, env)
                    ours.append(took)
                    peaks.append(peak_kib)
                else:
                    took, out = pipe(folder, size, env)
                    theirs.append(took)
                if int(out) != size:
                    sys.exit(f"{side}: {out!r} bytes instead of {size}")
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    if options.tiny:
        if max(peaks) > 100 * 1024:
            sys.exit(f"dsched-run took {max(peaks)} KiB")
        return
    ratios = [a / b for a, b in zip(ours, theirs)]
    print(f"{options.gib} GiB, {rounds} rounds")
    print("dsched-run:     " + " ".join(f"{t:.2f}" for t in ours) + " s")
    print("a | tee f | b:  " + " ".join(f"{t:.2f}" for t in theirs) + " s")
    print(f"ratio: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")
    print(f"peak memory of dsched-run: {max(peaks) / 1024:.1f} MiB")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
