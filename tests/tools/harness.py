# SPDX-License-Identifier: Apache-2.0
"""What the black-box tests share: a world of its own for each test, and the tools that run in it.

    class SomeTest(harness.ToolTest):
        def test_a_law(self):
            answer = self.run_nodes(shell("a", "echo hi"))
            self.assertEqual(answer.text("a"), "hi\\n")

A world is a temporary folder with a home, a machine folder and a program's folder. Every JSON answer
is checked against its schema, and `success` against the exit code, as it is read. Nothing here
sleeps to let time pass: `wait_for` looks again until what is waited for holds, and gives up only
after a time in which no machine fails to get there.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))
import schema  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("DSCHED_SOURCE", HERE.parents[1]))
BUILD = pathlib.Path(os.environ.get("DSCHED_BUILD", SOURCE / "build" / "release"))
RUN = str(BUILD / "bin" / "dsched-run")
STORE = str(BUILD / "bin" / "dsched-store")
STATS = str(BUILD / "bin" / "dsched-stats")
POLICY = str(BUILD / "bin" / "dsched-policy")
CANCEL = str(BUILD / "bin" / "dsched-cancel")
FIXIT = str(BUILD / "bin" / "dsched-fixit")
APPROVE = str(BUILD / "bin" / "dsched-approve")
BACKEND = os.environ.get("DSCHED_TEST_BACKEND", "")

PATIENCE_S = 120  # when something that must happen has not happened, even under a sanitizer

_SCHEMAS = {}


def schema_of(name):
    if name not in _SCHEMAS:
        _SCHEMAS[name] = schema.load(name)
    return _SCHEMAS[name]


# What a document is, by the first of these members that it has.
_SCHEMA_BY_MEMBER = {
    "tasks_fixed": "fixit-answer", "leftovers": "store-verify", "would_run": "dry-run", "pending": "approve-list", "approved_tasks": "approve-answer",
    "token": "approve-token", "next_pid": "policy-next", "quantum_micros": "policy",
    "already_finished": "cancel-answer", "previous_priority": "policy-priority",
    "dag_id": "run-answer", "execution_id": "run-submitted",
}


def schema_name_of(document):
    if document.get("status") == "submitted":
        return "run-submitted"
    return next((_SCHEMA_BY_MEMBER[m] for m in _SCHEMA_BY_MEMBER if m in document), "error")


def check_schema(name, document):
    faults = schema.faults(document, schema_of(name))
    if faults:
        raise AssertionError(f"breaks schema {name}: {faults}\n{document}")


def shell(node_id, command, **fields):
    parameters = {"command": command}
    if "stdin" in fields:
        parameters["stdin"] = fields.pop("stdin")
    return {"node_id": node_id, "operation": "shell", "parameters": parameters, **fields}


def execute(node_id, argv, **fields):
    return {"node_id": node_id, "operation": "exec", "parameters": {"argv": argv}, **fields}


def const(node_id, value):
    return {"node_id": node_id, "operation": "const", "parameters": {"value": value}}


def waits(name):
    """Shell text that goes on when the file `name` exists."""
    return f"until [ -e {name} ]; do sleep 0.01; done"


def wait_for(holds, what):
    """Looks until `holds()` is true, and gives its value."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.005)


def stand_still(states):
    """Whether these states in /proc/PID/stat are those of processes that were stopped: all T, or
    D for a shell whose child was stopped between vfork and exec, and that waits for it."""
    return "T" in states and set(states) <= {"T", "D"}


def is_alive(pid):
    """False also for a zombie: it has ended, only nobody has asked."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


class Done:
    """A tool that has ended: exit code, bytes, and its JSON document where it gave one."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err_bytes = argv, code, out, err
        self.err = err.decode("utf-8", "replace")
        self._document = None

    def __repr__(self):
        return f"{' '.join(self.argv)}: exit {self.code}\n{self.out[-1500:]!r}\n{self.err[-1500:]}"

    @property
    def document(self):
        if self._document is None:
            try:
                self._document = json.loads(self.out)
            except ValueError as problem:
                raise AssertionError(f"no JSON document: {problem}\n{self!r}") from None
            self._check(self._document)
        return self._document

    def _check(self, document):
        faults = schema.faults(document, schema_of(schema_name_of(document)))
        if faults:
            raise AssertionError(f"breaks its schema: {faults}\n{self!r}")
        if document["success"] != (self.code == 0):
            raise AssertionError(f"success is not what the exit code says\n{self!r}")

    def __getitem__(self, name):
        return self.document[name]

    def node(self, node_id):
        found = [node for node in self["nodes"] if node["node_id"] == node_id]
        if len(found) != 1:
            raise AssertionError(f"{node_id} is listed {len(found)} times\n{self!r}")
        return found[0]

    def text(self, node_id):
        return self["results"][node_id]["text"]

    @property
    def kind(self):
        return self["error"]["kind"]

    @property
    def counts(self):
        names = ("total", "completed", "reused", "failed", "cancelled", "pending", "running")
        return {name: self[f"{name}_nodes"] for name in names if self[f"{name}_nodes"]}

    @property
    def details(self):
        return self["error"]["details"]


class Running:
    """A tool under way."""

    def __init__(self, argv, process):
        self.argv, self.process = argv, process
        self.pid = process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        out, err = self.process.communicate(timeout=PATIENCE_S)
        code = self.process.returncode
        return Done(self.argv, code if code >= 0 else 128 - code, out or b"", err or b"")


class World:
    """Folders of its own, and an environment that knows nothing of the person who runs the tests."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="dsched-tool-"))
        self.folder = self.root / "work"
        for name in ("home", "machine", "work"):
            (self.root / name).mkdir(mode=0o700)
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.root / "home"),
            "DSCHED_MACHINE": str(self.root / "machine"),
            "LANG": "C.UTF-8",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.started = []

    def close(self):
        for running in self.started:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
            for stream in (running.process.stdin, running.process.stdout, running.process.stderr):
                if stream:
                    stream.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, name):
        return self.folder / name

    def write(self, name, text):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self, name):
        return self.path(name).read_text(encoding="utf-8")

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def lines(self, name):
        return self.read(name).splitlines() if self.exists(name) else []

    def program(self, nodes, name="program.json", **top):
        return self.write(name, json.dumps({"nodes": nodes, **top}))

    def start(self, *arguments, env=None, stdin=subprocess.DEVNULL, tool=RUN, **popen):
        argv = [tool, *map(str, arguments)]
        if tool == RUN and BACKEND and "--storage-backend" not in argv and not self._has_store():
            argv[1:1] = ["--storage-backend", BACKEND]
        environment = {**self.environment, **(env or {})}
        environment = {name: value for name, value in environment.items() if value is not None}
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        popen.setdefault("cwd", self.folder)
        process = subprocess.Popen(argv, env=environment, stdin=stdin, **popen)
        running = Running(argv, process)
        self.started.append(running)
        return running

    def _has_store(self):
        return (self.folder / ".dsched").exists()

    def run(self, *arguments, stdin_bytes=None, **options):
        if stdin_bytes is not None:
            options["stdin"] = subprocess.PIPE
        running = self.start(*arguments, **options)
        try:
            out, err = running.process.communicate(stdin_bytes, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            running.process.kill()
            out, err = running.process.communicate()
            raise AssertionError(f"did not end: {Done(running.argv, -1, out, err)!r}") from None
        code = running.process.returncode
        return Done(running.argv, code if code >= 0 else 128 - code, out, err)


class ToolTest(unittest.TestCase):
    """A test with a world, and short words for what most tests do."""

    maxDiff = 4000

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)

    def write(self, name, text):
        return self.world.write(name, text)

    def read(self, name):
        return self.world.read(name)

    def exists(self, name):
        return self.world.exists(name)

    def run_tool(self, *arguments, code=0, **options):
        done = self.world.run(*arguments, **options)
        self.assertEqual(done.code, code, repr(done))
        return done

    def run_nodes(self, *nodes, options=(), code=0, env=None, **top):
        """Writes the program, runs it and gives the answer, every node listed."""
        self.world.program(list(nodes), **top)
        return self.again(*options, code=code, env=env)

    def again(self, *options, code=0, env=None):
        """Runs the program once more."""
        return self.run_tool("program.json", "--nodes", "all", *options, code=code, env=env)

    def refused(self, text, code=2, **options):
        """The details of a program that is refused; nothing is written."""
        self.write("program.json", text if isinstance(text, (str, bytes)) else json.dumps(text))
        done = self.run_tool("program.json", code=code, **options)
        self.assertEqual(done.kind, "invalid_program", repr(done))
        self.assertFalse(self.exists(".dsched"), "a refused program makes no store")
        return done.details

    def ran(self, answer):
        """Ids of the nodes that ran, sorted."""
        return sorted(n["node_id"] for n in answer["nodes"] if n["attempts"] and not n["reused"])

    def wait_for_file(self, name):
        return wait_for(lambda: self.exists(name), f"file {name}")

    def leave_behind(self, *nodes):
        """An execution whose runner was killed while a node that made the file `held` ran."""
        self.world.program(list(nodes))
        running = self.world.start("program.json")
        self.wait_for_file("held")
        running.signal(signal.SIGKILL)
        running.end()

    def store_is_clean(self, *options):
        if not os.path.exists(STORE):
            print("dsched-store is not built: its verify is not asked", file=sys.stderr)
            return
        done = self.world.run("verify", *options, tool=STORE)
        self.assertEqual(done.code, 0, repr(done))


def read_terminal(ours):
    """What is shown on a pseudo-terminal until nobody has its other side open."""
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass  # the other side is closed
    return shown


def processes_with(text):
    """Ids of the living processes whose environment or command line has `text`."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or not is_alive(entry):
            continue
        for name in ("environ", "cmdline"):
            try:
                with open(f"/proc/{entry}/{name}", "rb") as file:
                    if text.encode() in file.read():
                        found.append(int(entry))
                        break
            except OSError:
                pass
    return found


def main():
    if not os.path.exists(RUN):
        sys.exit(f"{RUN} is not built")
    unittest.main(verbosity=1)
