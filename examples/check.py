# SPDX-License-Identifier: Apache-2.0
"""Runs an example in a copy of its folder and checks what its README claims.

Called by each example's test.sh: check.py NAME BIN_DIR. Exit 0 when every claim holds.
"""
import collections
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Example:
    """A copy of the example in a temporary folder, and the tool that runs it."""

    def __init__(self, name, bin_dir, folder):
        self.tool = os.path.join(os.path.abspath(bin_dir), "dsched-run")
        self.folder = os.path.join(folder, name)
        shutil.copytree(os.path.join(HERE, name), self.folder,
                        ignore=shutil.ignore_patterns(".dsched", "build", "dist", "report.txt"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def replace(self, name, old, new):
        text = self.read(name)
        expect(old in text, f"{name} should hold {old!r}")
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def run(self, *options, exit_code=0, environment=None, program=("program.json",)):
        """Runs the program and gives its answer, with `nodes` by id."""
        argv = [self.tool, *program, "--format", "json", "--progress", "none",
                "--nodes", "all", *options]
        done = subprocess.run(argv, cwd=self.folder, capture_output=True, text=True, check=False,
                              env={**os.environ, **(environment or {})}, timeout=120)
        expect(done.returncode == exit_code,
               f"{' '.join(argv)}: exit {done.returncode}, not {exit_code}\n"
               f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        answer = json.loads(done.stdout)
        expect(answer["success"] == (exit_code == 0), f"success is {answer['success']}")
        answer["nodes"] = {node["node_id"]: node for node in answer["nodes"]}
        return answer


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def expect_equal(got, wanted, what):
    expect(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def ran(answer):
    return {name for name, node in answer["nodes"].items()
            if node["attempts"] > 0 and not node["reused"]}


SAMPLE = """\
column          count        min        max       mean  deviation
height_m            4      23.00    3640.00    1659.50    1859.43
area_km2            4     177.00     472.00     368.75     135.04
rain_mm             3     580.00    1000.00     781.00     210.58
"""


def check_c_program(example):
    first = example.run()
    everything = set(first["nodes"])
    expect_equal(len(everything), 10, "number of nodes")
    expect_equal(ran(first), everything, "the first run runs everything")
    expect_equal(first["results"]["sample"]["text"], SAMPLE, "the table")
    expect_equal(first["results"]["unit tests"]["text"], "all checks passed\n", "the unit tests")

    expect_equal(ran(example.run()), set(), "a second run runs nothing")
    for name in os.listdir(example.path("src")):
        os.utime(example.path(f"src/{name}"))
    expect_equal(ran(example.run()), set(), "new times alone run nothing")

    example.replace("src/table.h", "#define TABLE_DIGITS 2", "#define TABLE_DIGITS 1")
    header = example.run()
    expect_equal(ran(header), {"compile table", "compile main", "link csvstat", "sample"},
                 "a changed header runs its users, the link and what uses it")
    expect("1659.5 " in header["results"]["sample"]["text"], "the new header counts")

    example.replace("src/csv.c", "/* Copies a quoted field", "/* A comment.\n * Copies a quoted field")
    expect_equal(ran(example.run()), {"compile csv"}, "a changed comment is compiled, not linked")

    shutil.rmtree(example.path("build"))
    expect_equal(ran(example.run()), set(), "removed outputs are put back, not made again")
    expect(os.access(example.path("build/csvstat"), os.X_OK), "the program is executable again")


def licence_report(names):
    """The same computation as program.json, in another language."""
    words = {}
    for name in names:
        with open(f"/usr/share/common-licenses/{name}", encoding="latin-1") as file:
            found = re.findall("[a-z]+", file.read().lower())
        words[name] = collections.Counter(word for word in found if len(word) >= 3)
    licences = collections.Counter(word for count in words.values() for word in count)
    lines = [f"{len(licences)} different words"]
    for name in names:
        total = sum(words[name].values())
        weighed = [(-float(f"{count / total * math.log(len(names) / licences[word]):.6f}"), word)
                   for word, count in words[name].items()]
        lines.append(f"{name}: " + " ".join(word for _, word in sorted(weighed)[:3]))
    return "\n".join(lines) + "\n"


def check_licences(example):
    first = example.run()
    expect_equal(len(first["nodes"]), 22, "number of nodes")
    expect_equal(ran(first), set(first["nodes"]), "the first run runs everything")
    names = sorted(name.partition(" ")[2] for name in first["nodes"] if name.startswith("words "))
    report = first["results"]["report"]["text"]
    expect_equal(report, licence_report(names), "the report")
    expect_equal(example.read("report.txt"), report, "report.txt")

    expect_equal(ran(example.run()), set(), "a second run runs nothing")
    os.remove(example.path("report.txt"))
    expect_equal(ran(example.run()), set(), "a removed output is put back, not made again")
    expect_equal(example.read("report.txt"), report, "report.txt put back")


def check_ci(example):
    commit = {"CI_COMMIT": "abc123"}
    first = example.run("--keep-going", exit_code=1, environment=commit)
    nodes = first["nodes"]
    expect_equal(nodes["flaky"]["status"], "completed", "flaky")
    expect_equal(nodes["flaky"]["attempts"], 2, "attempts of flaky")
    expect_equal(nodes["slow"]["status"], "failed", "slow")
    expect_equal(nodes["slow"]["class"], "timeout", "class of slow's failure")
    expect(nodes["slow"]["wall_ms"] < 30_000, "slow was ended by its timeout")
    expect_equal(nodes["publish"]["status"], "cancelled", "publish")
    expect_equal(nodes["publish"]["reason"], "dependency_failed", "reason of publish")
    expect_equal(nodes["publish"]["because"], "slow", "what publish was cancelled because of")
    for name in ("lint", "unit", "database", "package"):
        expect_equal(nodes[name]["status"], "completed", name)
    expect(example.read("dist/app.txt").startswith("nightly abc123\n"), "the environment arrives")

    with open(example.path("config/slow_seconds"), "w", encoding="utf-8") as file:
        file.write("0\n")
    second = example.run("--keep-going", environment=commit)
    expect_equal(ran(second), {"slow", "publish"}, "only what was left to do runs")
    expect_equal(second["results"]["publish"]["text"], "published nightly abc123\n", "the result")

    third = example.run("--keep-going", environment={"CI_COMMIT": "def456"})
    expect_equal(ran(third), {"package", "publish"}, "another commit makes another package")


def check_approval(example):
    def tool(*words, exit_code=0, **options):
        path = os.path.dirname(example.tool) + os.pathsep + os.environ["PATH"]
        done = subprocess.run(words, cwd=example.folder, env={**os.environ, "PATH": path},
                              capture_output=True, check=False, **options)
        expect_equal(done.returncode, exit_code, f"exit code of {words}: {done.stderr}")
        return done.stdout

    path = {"PATH": os.path.dirname(example.tool) + os.pathsep + os.environ["PATH"]}
    first = example.run("--no-wait", "--notify", "./ask.sh cat > posted.json", exit_code=3,
                        environment=path)
    expect_equal(json.loads(example.read("posted.json"))["task_id"], "1/publish", "what was posted")
    expect_equal(first["nodes"]["publish"]["reason"], "awaiting_approval", "publish waits")
    expect_equal(first["completed_nodes"], 2, "the rest is done")
    request = json.loads(tool("./ask.sh", "cat"))
    expect_equal(request["arguments"][0]["text"], "1 test passed\n", "the test's result is shown")
    answer = {"token": request["approve"]["token"], "approved_by": "ana"}
    tool("dsched-approve", "approve", "-", input=json.dumps(answer).encode())
    tool("dsched-approve", "approve", "-", input=json.dumps(answer).encode(), exit_code=1)
    second = example.run("--no-wait", program=("--resume", "@latest"))
    expect_equal(second["nodes"]["test"]["attempts"], 1, "what was done stays done")
    expect_equal(second["results"]["publish"]["text"], "published after: 1 test passed\n", "publish")
    audit = [json.loads(line) for line in tool("dsched-stats", "audit").splitlines()]
    expect_equal([(a["action"], a["outcome"]) for a in audit],
                 [("token", "made"), ("token", "made"), ("approve", "approved"),
                  ("approve", "used")], "the audit")


def check_worker_python(example):
    first = example.run()
    expect_equal(first["results"]["report"]["text"],
                 '{"score":6,"words":8}\n{"score":-4,"words":9}\n{"score":0,"words":4}\n',
                 "the report")
    logs = [node["log"] for node in first["nodes"].values() if "mood: 7 words" in (node["log"] or "")]
    expect_equal(len(logs), 1, "the worker was started once")
    expect_equal(ran(example.run()), set(), "a second run runs nothing")
    example.replace("words.csv", "awful,-3", "awful,-5")
    changed = ran(example.run())
    expect({"mood 1", "mood 2", "mood 3"} <= changed, "a changed word list counts")


def check_worker_cpp(example):
    first = example.run()
    expect_equal(first["results"]["all"]["text"],
                 "[71,839,1471,6857]\n[999999000001]\n[2,2,2,2,2,2,2,2,2,2]", "the factors")
    expect_equal(ran(example.run()), set(), "a second run runs nothing")
    example.replace("program.json", '"number": 1024', '"number": -1')
    failed = example.run(exit_code=1)["nodes"]["c"]
    expect_equal(failed["class"], "exit", "class of what the worker refused")
    expect_equal(failed["exit_code"], 2, "exit code of what the worker refused")
    expect("parameters.number must be" in failed["output"], "what the worker said")


def surveyed(example):
    """What survey.imgql says of a text, in another language."""
    found = {}
    for name in sorted(os.listdir(example.path("texts"))):
        text = example.read(f"texts/{name}")
        words = collections.Counter(re.findall("[a-z]{4,}", text.lower()))
        favourite = min(words, key=lambda word: (-words[word], word))
        found[name] = f"{name}: {len(text.split())} words, most often {favourite}"
    return found


def check_imgql_survey(example):
    program = ("survey.imgql",)
    first = example.run(program=program)
    survey = list(surveyed(example).values())
    expect_equal(first["results"]["survey"]["text"], str(survey), "the survey")
    expect_equal(json.loads(example.read("survey.json")), survey, "survey.json")
    expect_equal(first["results"]["longest"]["text"], "sea.text", "the longest text")
    commands = {name for name in ran(first) if name.startswith(("survey.", "lengths."))
                and ":file" not in name}
    expect(len(commands) == 6, f"two commands for each of three files ran: {commands}")

    again = example.run(program=program)
    expect_equal(ran(again), {"save:survey.json"}, "a second run runs nothing but the effect")

    with open(example.path("texts/sea.text"), "a", encoding="utf-8") as file:
        file.write("And the sea, and the sea.\n")
    changed = example.run(program=program)
    touched = {name.split(":")[0] for name in ran(changed)} - {"save"}
    expect(touched <= {"survey.2", "lengths.2", "lengths"}, f"one element ran again: {touched}")
    expect_equal(changed["results"]["survey"]["text"], str(list(surveyed(example).values())),
                 "the new survey")

    with open(example.path("texts/air.text"), "w", encoding="utf-8") as file:
        file.write("Nothing but air, above and below; nothing else.\n")
    more = example.run(program=program)
    expect_equal(more["results"]["survey"]["text"], str(list(surveyed(example).values())),
                 "the survey with one more text")
    commands = {name for name in ran(more) if name.endswith((":shell", ":shell~2"))}
    expect(len(commands) <= 2, f"only the new text's commands ran: {commands}")


def main():
    name, bin_dir = sys.argv[1:]
    checks = {"c-program": check_c_program, "licences": check_licences, "ci": check_ci,
              "approval": check_approval, "worker-python": check_worker_python,
              "worker-cpp": check_worker_cpp, "imgql-survey": check_imgql_survey}
    with tempfile.TemporaryDirectory(prefix="dsched-example-") as folder:
        try:
            checks[name](Example(name, bin_dir, folder))
        except AssertionError as problem:
            print(f"example {name}: {problem}", file=sys.stderr)
            return 1
    print(f"example {name}: all claims hold")
    return 0


sys.exit(main())
