# SPDX-License-Identifier: Apache-2.0
"""Includes obey lib/LADDER, and nothing above its bar touches the world."""

import re
import unittest

import house

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# Headers through which a file could read a clock, draw a random number, touch files or start
# threads. <chrono> is allowed for its types; its clocks are caught by name below.
WORLD_HEADERS = re.compile(
    r"(sys/|linux/|net/|arpa/|netinet/).*|(unistd|fcntl|dirent|poll|signal|spawn|sched|pthread|time|"
    r"termios|pwd|grp|glob|fts|ftw|dlfcn|sqlite3)\.h|"
    r"csignal|ctime|fstream|iostream|filesystem|random|thread|mutex|shared_mutex|condition_variable|"
    r"future|stop_token|semaphore|latch|barrier"
)
WORLD_NAMES = re.compile(
    r"\b(system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday|getenv|setenv|"
    r"std::rand|srand|random_device|jthread|fopen|popen|std::cout|std::cerr|std::cin|printf|"
    r"RAND_bytes|fork|execve|std::system)\b"
)
# Below the bar, system calls belong to lib/sys; lib/executor has an event loop and processes.
# The numbers of signals (<signal.h>) are harmless; the calls are found by name.
SYSTEM_HEADERS = re.compile(
    r"(sys/|linux/|net/|arpa/|netinet/).*|(unistd|fcntl|dirent|poll|spawn|sched|pthread|"
    r"termios|pwd|grp|glob|fts|ftw|dlfcn)\.h|fstream"
)
SYSTEM_CALLS = re.compile(r"(?<![\w.>])(?:::)?(kill|raise|signal|sigaction|sigprocmask|fork|isatty|"
                          r"pthread_sigmask|signalfd)\s*\(")
SYSTEM_MODULES = {"sys", "executor"}
SQL = re.compile(
    r'"\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|'
    r"CREATE\s+(TABLE|INDEX|UNIQUE)|PRAGMA\s|BEGIN\s+IMMEDIATE|ATTACH\s)",
)
SQL_MODULES = {"sys", "store", "journal"}
# Giving up on a bug prints its place and aborts, in every module.
EXEMPT = {"lib/base/error.cpp": {"printf"}}


def check_includes(module, text, allowed, modules):
    found = []
    for kind, name in INCLUDE.findall(house.without_comments(text, keep_strings=True)):
        if kind != '"':
            continue
        other = name.split("/")[0]
        if other not in modules:
            found.append(f'includes "{name}", which belongs to no module')
        elif other != module and other not in allowed:
            found.append(f'includes "{name}", but lib/LADDER does not let {module} use {other}')
    return found


def check_pure(text, exempt=frozenset()):
    found = [
        f"includes <{name}>, above the bar of lib/LADDER"
        for kind, name in INCLUDE.findall(text)
        if kind == "<" and WORLD_HEADERS.fullmatch(name)
    ]
    code = house.strip_include_lines(house.without_comments(text))
    found += [
        f"uses {name}, above the bar of lib/LADDER"
        for name in WORLD_NAMES.findall(code)
        if name not in exempt
    ]
    return found


def check_edges(module, text):
    found = []
    if module not in SYSTEM_MODULES:
        found += [
            f"includes <{name}>: system calls belong to lib/sys"
            for kind, name in INCLUDE.findall(text)
            if kind == "<" and SYSTEM_HEADERS.fullmatch(name)
        ]
        code = house.without_comments(text)
        found += [f"calls {name}(): system calls belong to lib/sys"
                  for name in SYSTEM_CALLS.findall(code)]
    if module not in SQL_MODULES and SQL.search(house.without_comments(text, keep_strings=True)):
        found.append("speaks SQL: that belongs to lib/store and lib/journal")
    return found


class Ladder(unittest.TestCase):
    maxDiff = None

    def test_project(self):
        pure, allowed = house.ladder()
        faults, seen = [], 0
        for path in house.cpp_files("lib"):
            seen += 1
            module, text = path.parent.name, path.read_text()
            name = house.relative(path)
            self.assertIn(module, allowed, f"{name}: its folder is not a module of lib/LADDER")
            found = check_includes(module, text, allowed[module], allowed)
            found += check_edges(module, text)
            if module in pure:
                found += check_pure(text, EXEMPT.get(name, frozenset()))
            faults += [f"{name}: {fault}" for fault in found]
        self.assertGreater(seen, 10)
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_tools_use_the_library_only(self):
        faults = []
        for path in house.cpp_files("tools"):
            text = path.read_text()
            found = check_edges("tools", text) + [
                f"uses {name}" for name in re.findall(r"\b(fork|execv\w*|sqlite3_\w+)\b", text)
            ]
            faults += [f"{house.relative(path)}: {fault}" for fault in found]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))


class CanFail(unittest.TestCase):
    MODULES = {"base": set(), "dag": {"base"}, "store": {"base"}}

    def test_include_upward(self):
        found = check_includes("dag", '#include "store/store.h"\n', {"base"}, self.MODULES)
        self.assertEqual(len(found), 1)

    def test_include_of_no_module(self):
        self.assertTrue(check_includes("dag", '#include "helper.h"\n', {"base"}, self.MODULES))

    def test_allowed_include_and_comment(self):
        text = '#include "base/ids.h"\n#include "dag/node.h"\n// #include "store/store.h"\n'
        self.assertEqual(check_includes("dag", text, {"base"}, self.MODULES), [])

    def test_clock_dice_files_threads(self):
        for line in (
            "#include <thread>",
            "#include <sys/stat.h>",
            "#include <random>",
            "#include <fstream>",
            "auto t = std::chrono::steady_clock::now();",
            'auto v = getenv("HOME");',
        ):
            self.assertTrue(check_pure(line), line)
        self.assertEqual(check_pure('// steady_clock\nauto x = "getenv"; #include <chrono>'), [])

    def test_system_call_outside_sys(self):
        self.assertTrue(check_edges("store", "#include <unistd.h>\n"))
        self.assertTrue(check_edges("session", "#include <signal.h>\nint x = ::kill(1, SIGINT);\n"))
        self.assertEqual(check_edges("session", "#include <signal.h>\nf(SIGINT); a.kill(1);\n"), [])
        self.assertEqual(check_edges("sys", "#include <unistd.h>\n"), [])

    def test_sql_outside_store(self):
        self.assertTrue(check_edges("cli", 'run("SELECT a FROM b");'))
        self.assertEqual(check_edges("journal", 'run("SELECT a FROM b");'), [])
        self.assertEqual(check_edges("cli", '// "SELECT a FROM b"'), [])

    def test_ladder_upside_down(self):
        with self.assertRaises(ValueError):
            house.read_ladder("dag : base\nbase :\n")


if __name__ == "__main__":
    unittest.main()
