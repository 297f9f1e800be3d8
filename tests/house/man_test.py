# SPDX-License-Identifier: Apache-2.0
"""Man pages and binaries say the same: options, lint, and examples that really run.

An example to run stands in a `.Bd -literal` block after a line `.\\" example: test`. The examples of
one page run one after another in one folder, with `set -e`, the built tools first in PATH. A line
`.\\" example: test exit N` says that the last command ends with N.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import house

TOOLS = ("dsched-approve", "dsched-cancel", "dsched-fixit", "dsched-policy", "dsched-run", "dsched-stats", "dsched-store")
COMMANDS = {
    "dsched-approve": ("list", "token", "approve", "deny"),
    "dsched-policy": ("get", "set", "next", "priority"),
    "dsched-stats": ("status", "scheduler", "statistics", "progress", "executions", "nodes",
                     "log", "wait", "explain", "sitrep", "audit"),
    "dsched-store": ("ls", "get", "put", "meta", "rm", "verify", "gc"),
}
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[A-Za-z])(?![\w-])")


def options_of_help(text):
    """Options at the start of the lines that describe one: "  -j,--jobs N  Run at most …"."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"\s+(-[^\s].*?)(\s{2,}|$)", line)
        if match:
            # A flag with an optional value is shown as "-k{true},--keep-going{true}".
            names = re.sub(r"\{[^}]*\}", "", match.group(1))
            found.update(OPTION.findall(re.sub(r"[=\[(<].*", "", names)))
    return found


def options_of_page(text):
    """Options that a page gives an item of their own, `.It Fl j Ar N , Fl -jobs Ar N`."""
    found = set()
    for line in text.splitlines():
        if line.startswith(".It Fl "):
            for name in re.findall(r"\bFl (-?[A-Za-z][A-Za-z-]*)", line):
                found.add("-" + name)
    return found


def examples_of(text):
    """(exit code, script) of each example that is to be run."""
    found = []
    pattern = re.compile(
        r'^\.\\" example: test(?: exit (\d+))?\n\.Bd -literal[^\n]*\n(.*?)^\.Ed$',
        re.MULTILINE | re.DOTALL,
    )
    for match in pattern.finditer(text):
        script = match.group(2).replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")
        found.append((int(match.group(1) or 0), script))
    return found


def run_example(script, folder, path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DSCHED")}
    environment.update(PATH=f"{path}:{environment['PATH']}", HOME=str(folder))
    return subprocess.run(["sh", "-euc", script], cwd=folder, env=environment, text=True,
                          capture_output=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)


def lint(path):
    done = subprocess.run(["mandoc", "-Tlint", str(path)], capture_output=True, text=True,
                          check=False)
    # Whether the other pages are installed on this machine says nothing about this one.
    elsewhere = ("referenced manual not found", "mandoc.db")
    return [line for line in done.stdout.splitlines() if not any(e in line for e in elsewhere)]


def pages():
    return sorted(p for p in (house.SOURCE / "man").iterdir() if p.suffix in (".1", ".5", ".7"))


class Pages(unittest.TestCase):
    maxDiff = None

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_lint(self):
        self.assertGreater(len(pages()), 2)
        for page in pages():
            with self.subTest(page.name):
                self.assertEqual(lint(page), [])

    def test_references_exist(self):
        names = {p.name for p in pages()}
        for page in pages():
            for name, section in re.findall(r"^\.Xr (dsched[\w-]*) (\d)", page.read_text(), re.M):
                self.assertIn(f"{name}.{section}", names, page.name)

    def test_options(self):
        for tool in TOOLS:
            with self.subTest(tool):
                binary = house.BUILD / "bin" / tool
                done = subprocess.run([binary, "--help"], capture_output=True, text=True,
                                      check=False, stdin=subprocess.DEVNULL)
                self.assertEqual(done.returncode, 0, done.stderr)
                text = done.stdout
                for command in COMMANDS.get(tool, ()):
                    text += subprocess.run([binary, command, "--help"], capture_output=True,
                                           text=True, check=False).stdout
                page = options_of_page((house.SOURCE / "man" / f"{tool}.1").read_text())
                in_help = options_of_help(text) - {"-h"}
                self.assertGreater(len(in_help), 5)
                self.assertEqual(sorted(in_help - page), [], "in --help, but not in the man page")
                self.assertEqual(sorted(page - in_help), [], "in the man page, but not in --help")
                for name in ("--store", "--format"):
                    self.assertIn(name, done.stdout)
                self.assertRegex(done.stdout, r"(?i)exit (codes|status)")

    def test_examples(self):
        count = 0
        for page in pages():
            with tempfile.TemporaryDirectory() as folder:
                for code, script in examples_of(page.read_text()):
                    count += 1
                    done = run_example(script, folder, house.BUILD / "bin")
                    self.assertEqual(done.returncode, code,
                                     f"{page.name}:\n{script}\n{done.stdout}{done.stderr}")
        self.assertGreater(count, 5)

    def test_error_kinds_and_exit_codes(self):
        page = (house.SOURCE / "man" / "dsched.7").read_text()
        header = (house.SOURCE / "lib" / "base" / "error.h").read_text()
        body = re.search(r"enum class ErrorKind[^{]*{([^}]*)}", header).group(1)
        kinds = re.findall(r"^\s*([a-z_]+),", body, re.M)
        section = page[page.index(".Sh ERROR KINDS"):]
        self.assertEqual(re.findall(r"^\.It Li (\w+)$", section, re.M), kinds)


class CanFail(unittest.TestCase):
    def test_options(self):
        text = "Options:\n  -j,--jobs N      at most --many\n  --set NAME=VALUE  x\n  -n, --dry-run\n"
        text += "  -k{true},--keep-going{true}   at most --never\n"
        self.assertEqual(options_of_help(text), {"-k", "--keep-going", "-j", "--jobs", "--set", "-n", "--dry-run"})
        page = ".It Fl j Ar N , Fl -jobs Ar N\n.It Fl -keep-going Ns Op = Ns Ar N\n.It Cm auto\n"
        self.assertEqual(options_of_page(page), {"-j", "--jobs", "--keep-going"})

    def test_example(self):
        text = '.\\" example: test exit 3\n.Bd -literal -offset indent\nfalse || exit 3\n.Ed\n'
        ((code, script),) = examples_of(text)
        self.assertEqual((code, script), (3, "false || exit 3\n"))
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run_example(script, folder, "/bin").returncode, 3)
            self.assertNotEqual(run_example("false\ntrue\n", folder, "/bin").returncode, 0)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_lint(self):
        with tempfile.NamedTemporaryFile("w", suffix=".1") as page:
            page.write(".Dd January 1, 2026\n.Dt A 1\n.Os\n.Sh NAMEE\n.Xx\n")
            page.flush()
            self.assertNotEqual(lint(page.name), [])


if __name__ == "__main__":
    unittest.main()
