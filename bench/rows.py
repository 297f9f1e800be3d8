# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark; see run.sh for what it is and how to call it."""
import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import programs

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20260101
KEY = "5f" * 32  # any key will do for the store


class Failure(Exception):
    """A command did not do what the row needs; the measurement would mean nothing."""


class Side:
    """One side of a comparison: what to do before each round, untimed, and what to time."""

    def __init__(self, name, commands, folder, prepare=lambda: None):
        self.name = name
        self.commands = commands  # each (argv, stdin path or None, stdout path or None)
        self.folder = folder
        self.prepare = prepare
        self.seconds = []
        self.peak_kib = 0

    def run(self):
        self.prepare()
        total = 0.0
        for argv, stdin, stdout in self.commands:
            total += self.run_one(argv, stdin, stdout)
        self.seconds.append(total)

    def run_one(self, argv, stdin, stdout):
        errors = os.path.join(self.folder, "stderr")
        with open(stdin or os.devnull, "rb") as source, open(
            stdout or os.devnull, "wb"
        ) as sink, open(errors, "wb") as log:
            began = time.perf_counter()
            child = subprocess.Popen(
                argv, cwd=self.folder, stdin=source, stdout=sink, stderr=log, close_fds=False
            )
            _, status, usage = os.wait4(child.pid, 0)
            took = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            with open(errors, encoding="utf-8", errors="replace") as log:
                raise Failure(f"{' '.join(argv)}: exit {child.returncode}: {log.read()[-2000:]}")
        self.peak_kib = max(self.peak_kib, usage.ru_maxrss)
        return took

    def median(self):
        return statistics.median(self.seconds)

    def text(self):
        spread = f"{min(self.seconds):.3f}–{max(self.seconds):.3f}"
        return f"{self.median():.3f} s ({spread})"


def alternate(sides, rounds):
    """A B A B …, so that a slow moment of the machine meets both."""
    for _ in range(rounds):
        for side in sides:
            side.run()


def remove(*paths):
    for path in paths:
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)


class Bench:
    def __init__(self, arguments, work):
        self.tiny = arguments.tiny
        self.rounds = arguments.rounds
        self.bin = os.path.abspath(arguments.bin_dir)
        self.work = work
        self.rows = []

    def folder(self, name):
        path = os.path.join(self.work, name)
        os.makedirs(path)
        return path

    def count(self, full, tiny):
        return tiny if self.tiny else full

    def rounds_for(self, full):
        return 1 if self.tiny else (self.rounds or full)

    def dsched_run(self, *more):
        tool = os.path.join(self.bin, "dsched-run")
        return [tool, "program.json", "-j2", "--store", ".dsched", "--format", "json",
                "--progress", "none", *more]

    def add(self, row, work, bar, ours, other, rounds):
        ratio = f"{ours.median() / other.median():.2f} ×" if other else "–"
        self.rows.append((row, work, ours.text(), f"{other.name} {other.text()}" if other else "–",
                          ratio, bar, rounds))
        print(f"row {row}: {work}\n  dsched {ours.text()}", flush=True)
        if other:
            print(f"  {other.name} {other.text()}\n  ratio {ratio}", flush=True)
        print(f"  wanted {bar}", flush=True)

    def cold_commands(self, row, command, bar):
        """Many short commands from nothing: a fresh store and a fresh .ninja_log each time."""
        folder = self.folder(f"row{row}")
        count = self.count(2000, 20)
        programs.commands(folder, count, command)
        ours = Side("dsched", [(self.dsched_run(), None, None)], folder,
                    lambda: remove(os.path.join(folder, ".dsched")))
        ninja = Side("ninja", [(["ninja", "-j2"], None, None)], folder,
                     lambda: remove(os.path.join(folder, ".ninja_log"),
                                    os.path.join(folder, ".ninja_deps")))
        rounds = self.rounds_for(7)
        alternate([ours, ninja], rounds)
        self.add(row, f"{count} shell nodes `{command}` at -j2, cold, journalled", bar, ours,
                 ninja, rounds)

    def row1(self):
        self.cold_commands(1, ":", "≤ 1.0 × (aim 0.9 ×)")

    def row2(self):
        self.cold_commands(2, "/bin/true", "≤ 0.85 × (aim 0.65 ×)")

    def row3(self):
        """A re-run in which nothing changed."""
        count = self.count(100_000, 50)
        sides = []
        for name, argv in (("dsched", self.dsched_run()), ("ninja", ["ninja", "-j2"])):
            folder = self.folder(f"row3-{name}")
            programs.files(folder, count, SEED)
            side = Side(name, [(argv, None, os.path.join(folder, "answer"))], folder)
            side.run()  # makes everything
            side.run()  # the first time, young files may have to be looked at more closely
            print(f"  row 3 set-up: {name} first run {side.seconds[0]:.1f} s, "
                  f"first re-run {side.seconds[1]:.3f} s", flush=True)
            side.seconds.clear()
            sides.append(side)
        rounds = self.rounds_for(7)
        alternate(sides, rounds)
        ours, ninja = sides
        with open(os.path.join(ours.folder, "answer"), encoding="utf-8") as file:
            reused = json.load(file)["reused_nodes"]
        if reused < count:
            raise Failure(f"row 3: {reused} of {count} nodes were reused, so nothing was measured")
        self.add(3, f"unchanged re-run of {count} nodes, own input and output each",
                 "≤ 1.0 × (aim 0.4 ×)", ours, ninja, rounds)

    def row4(self):
        """What a person waits for at least."""
        folder = self.folder("row4")
        programs.one(folder)
        ours = Side("dsched", [(self.dsched_run(), None, None)], folder)
        make = Side("make", [(["make", "-s", "one"], None, None)], folder)
        ours.run()
        ours.seconds.clear()
        rounds = self.rounds_for(40)
        alternate([ours, make], rounds)
        self.add(4, "one trivial node `:`, whole process, warm store",
                 "≤ 0.015 s (aim 2.5 × make)", ours, make, rounds)

    def row5(self):
        """In-process nodes: what the engine, the journal and the reader cost."""
        folder = self.folder("row5")
        count = self.count(1_000_000, 100)
        programs.in_process(folder, count, SEED)
        ours = Side("dsched", [(self.dsched_run(), None, None)], folder,
                    lambda: remove(os.path.join(folder, ".dsched")))
        rounds = self.rounds_for(3)
        alternate([ours], rounds)
        size = os.path.getsize(os.path.join(folder, "program.json")) / 1e6
        self.add(5, f"{count} in-process nodes (half const, half concat of two of them, and one "
                 f"that waits for all), {size:.0f} MB of JSON, journalled: peak memory "
                 f"{ours.peak_kib / 1024:.0f} MiB", "≤ 2 s, ≤ 600 MB (aim 0.5 s, 250 MB)",
                 ours, None, rounds)

    def row6(self):
        """The store against the simplest tools that copy and check as much."""
        folder = self.folder("row6")
        size = self.count(1 << 30, 1 << 20)
        programs.blob(os.path.join(folder, "blob"), size, SEED)
        tool = os.path.join(self.bin, "dsched-store")
        blob = os.path.join(folder, "blob")
        got = os.path.join(folder, "got")
        ours = Side("dsched", [([tool, "put", KEY, "--store", "s"], blob, None),
                               ([tool, "get", KEY, "--store", "s"], None, os.devnull)], folder,
                    lambda: remove(os.path.join(folder, "s")))
        plain = Side("cp + sha256sum", [(["cp", "blob", "copy"], None, None),
                                        (["sha256sum", "copy"], None, None)], folder,
                     lambda: remove(os.path.join(folder, "copy")))
        rounds = self.rounds_for(5)
        alternate([ours, plain], rounds)
        ours.run_one([tool, "get", KEY, "--store", "s"], None, got)
        if subprocess.run(["cmp", "-s", blob, got], check=False).returncode != 0:
            raise Failure("row 6: the store gave other bytes than it was given")
        self.add(6, f"store: put and get of {size >> 20} MiB", "≤ 1.2 × (aim 1.0 ×)", ours, plain,
                 rounds)


def first_line(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=HERE)
    except OSError:
        return "unknown"
    return (done.stdout.strip().splitlines() or ["unknown"])[0]


def build_facts(bin_dir):
    """Compiler and build type, from the build folder that holds BIN_DIR."""
    cache = os.path.join(bin_dir, "..", "CMakeCache.txt")
    facts = {"CMAKE_CXX_COMPILER": "unknown", "CMAKE_BUILD_TYPE": "unknown"}
    if os.path.exists(cache):
        with open(cache, encoding="utf-8") as file:
            for line in file:
                name, _, value = line.strip().partition("=")
                facts[name.split(":")[0]] = value
    compiler = facts["CMAKE_CXX_COMPILER"]
    if compiler != "unknown":
        compiler = first_line(compiler, "--version")
    return compiler, facts["CMAKE_BUILD_TYPE"]


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} × {model}, {memory:.0f} GiB, Linux {platform.release()}"


def write_results(bench):
    compiler, build_type = build_facts(bench.bin)
    commit = first_line("git", "rev-parse", "--short", "HEAD")
    if subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=HERE, check=False).returncode != 0:
        commit += " with uncommitted changes"
    lines = [
        "# Benchmarks",
        "",
        "Written by `bench/run.sh`; see there. Wall times are medians (least–most) of the rounds,",
        "both sides in alternation.",
        "",
        f"- date: {datetime.date.today().isoformat()}",
        f"- commit: {commit}",
        f"- machine: {machine()}, load {os.getloadavg()[0]:.1f} at the end",
        f"- compiler: {compiler}, {build_type}",
        f"- beside: ninja {first_line('ninja', '--version')}, {first_line('make', '--version')}",
        "",
        "| # | work | dsched | beside | ratio | wanted | rounds |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in bench.rows]
    with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("--tiny", action="store_true", help="little work, nothing written")
    parser.add_argument("--rows", help="some of 1,2,3,4,5,6 (default: all)")
    parser.add_argument("--rounds", type=int, help="rounds of every row")
    parser.add_argument("bin_dir", nargs="?",
                        default=os.path.join(HERE, "..", "build", "release", "bin"))
    arguments = parser.parse_args()
    if not os.access(os.path.join(arguments.bin_dir, "dsched-run"), os.X_OK):
        parser.error(f"{arguments.bin_dir}: has no dsched-run")
    chosen = arguments.rows.split(",") if arguments.rows else list("123456")
    with tempfile.TemporaryDirectory(prefix="dsched-bench-") as work:
        bench = Bench(arguments, work)
        for row in chosen:
            run = getattr(bench, f"row{row}", None)
            if run is None:
                parser.error(f"row {row}: there is none")
            try:
                run()
            except Failure as failure:
                print(f"bench: row {row}: {failure}", file=sys.stderr)
                return 1
        if not arguments.tiny and not arguments.rows:
            write_results(bench)
    return 0


sys.exit(main())
