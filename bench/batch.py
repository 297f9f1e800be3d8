#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does a request of a batch cost, beside xargs and GNU parallel, on this machine, now?

    bench/batch.py [--tiny] [--rounds N] [--requests N] [BIN_DIR]

1. 100 small built-in requests, the whole process, start-up included.
2. Shell requests `:` at -j2 beside `xargs -P2 -n1 sh -c :` and `parallel -j2 :`, in alternation; of
   parallel a twentieth as many, because it takes so long.
3. A million built-in requests: how many in a second, and the peak memory beside that of a thousand.
4. 100,000 requests to a persistent worker that answers at once: how many in a second.

BIN_DIR holds dsched-run (default: build/release/bin) and, beside it, bench/echo_worker. Only a release build counts. --tiny runs
everything with little work and checks that every request was answered: that is what ctest does.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class World:
    """A folder with a store and a machine of its own."""

    def __init__(self, bin_dir):
        self.run = os.path.join(bin_dir, "dsched-run")
        self.folder = tempfile.mkdtemp(prefix="dsched-batch-")
        self.environment = {**os.environ, "DSCHED_MACHINE": os.path.join(self.folder, "machine")}

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, line, count):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            for i in range(count):
                file.write(line.replace("NUMBER", str(i)) + "\n")
        return path

    def time(self, argv, stdin=subprocess.DEVNULL):
        """Seconds, and the peak memory in MiB."""
        out = os.path.join(self.folder, "out")
        with open(out, "wb") as file:
            begin = time.perf_counter()
            process = subprocess.Popen(argv, cwd=self.folder, env=self.environment, stdin=stdin,
                                       stdout=file)
            _, status, usage = os.wait4(process.pid, 0)
            took = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(argv)}: exit {process.returncode}")
        return took, usage.ru_maxrss / 1024

    def batch(self, requests, count, *options):
        took = self.time([self.run, "--batch", requests, *options])
        with open(os.path.join(self.folder, "out"), "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 200))
            summary = json.loads(file.read().splitlines()[-1])["summary"]
        if summary["success_count"] != count:
            raise SystemExit(f"{count} requests, and {summary}")
        return took


def show(name, seconds, count):
    median = statistics.median(seconds)
    print(f"  {name:28} {median * 1000:10.1f} ms  {median / count * 1e6:8.2f} us each   "
          f"({min(seconds) * 1000:.1f} to {max(seconds) * 1000:.1f})")
    return median / count


def small(world, rounds):
    print("100 built-in requests, the whole process")
    requests = world.write("small", '{"operation":"const","parameters":{"value":NUMBER}}', 100)
    world.batch(requests, 100)
    show("dsched-run --batch", [world.batch(requests, 100)[0] for _ in range(rounds)], 100)
    fresh = [f'{{"operation":"const","parameters":{{"value":"{i} NUMBER"}}}}' for i in range(rounds)]
    files = [world.write(f"fresh{i}", line, 100) for i, line in enumerate(fresh)]
    show("the same, nothing reused", [world.batch(file, 100)[0] for file in files], 100)


def shell(world, rounds, count):
    print(f"{count} shell requests, two at once")
    requests = world.write("shell", '{"operation":"shell","parameters":{"command":":"}}', count)
    words = world.write("words", "NUMBER", count)
    few = world.write("few", "NUMBER", max(1, count // 20))
    has_parallel = shutil.which("parallel") is not None
    times = {"batch": [], "each": [], "xargs": [], "parallel": []}
    for _ in range(rounds):
        times["batch"].append(world.batch(requests, count, "-j", "2")[0])
        with open(words, "rb") as file:
            times["xargs"].append(world.time(["xargs", "-P2", "-n1", "sh", "-c", ":"], file)[0])
        with open(words, "rb") as file:
            times["each"].append(world.time([world.run, "-j", "2", "--each", ":"], file)[0])
        if has_parallel:
            with open(few, "rb") as file:
                times["parallel"].append(
                    world.time(["parallel", "--will-cite", "-j2", ":"], file)[0])
    batch = show("dsched-run --batch", times["batch"], count)
    each = show("dsched-run --each", times["each"], count)
    xargs = show("xargs -P2 -n1 sh -c", times["xargs"], count)
    print(f"  --batch is {batch / xargs:.2f} x xargs, --each {each / xargs:.2f} x")
    if has_parallel:
        parallel = show("parallel -j2", times["parallel"], max(1, count // 20))
        print(f"  --each is {parallel / each:.1f} times as fast as parallel")
    else:
        print("  parallel is not installed")


def many(world, rounds, count):
    print(f"{count} built-in requests")
    line = '{"operation":"const","parameters":{"value":NUMBER}}'
    requests = world.write("many", line, count)
    thousandth = world.write("few-values", line, max(1, count // 1000))
    times, peaks, small_peaks = [], [], []
    for _ in range(rounds):
        took, peak = world.batch(requests, count)
        times.append(took)
        peaks.append(peak)
        small_peaks.append(world.batch(thousandth, max(1, count // 1000))[1])
    each = show("dsched-run --batch", times, count)
    print(f"  {1 / each:.0f} a second; peak memory {statistics.median(peaks):.1f} MiB, of a "
          f"thousandth of them {statistics.median(small_peaks):.1f} MiB")


def workers(world, rounds, count, echo):
    print(f"{count} requests to a persistent worker")
    declared = world.write("workers", json.dumps({"w": {"command": [echo], "inline": True}}), 1)
    requests = world.write("served", '{"operation":"w","parameters":{"i":NUMBER}}', count)
    times = [world.batch(requests, count, "--workers", declared)[0] for _ in range(rounds)]
    each = show("dsched-run --batch --workers", times, count)
    print(f"  {1 / each:.0f} a second")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("bin_dir", nargs="?",
                        default=os.path.join(HERE, "..", "build", "release", "bin"))
    options = parser.parse_args()
    rounds = 1 if options.tiny else options.rounds
    world = World(os.path.abspath(options.bin_dir))
    try:
        small(world, rounds)
        shell(world, rounds, 40 if options.tiny else options.requests)
        many(world, rounds, 2000 if options.tiny else 1_000_000)
        echo = os.path.join(os.path.dirname(os.path.abspath(options.bin_dir)), "bench", "echo_worker")
        workers(world, rounds, 200 if options.tiny else 100_000, echo)
    finally:
        world.close()


if __name__ == "__main__":
    main()
