# SPDX-License-Identifier: Apache-2.0
"""What the house tests share: the files of the project, and C++ text without comments or strings."""

import os
import pathlib
import re

SOURCE = pathlib.Path(os.environ.get("DSCHED_SOURCE", pathlib.Path(__file__).parents[2]))
BUILD = pathlib.Path(os.environ.get("DSCHED_BUILD", SOURCE / "build" / "release"))


def cpp_files(*folders):
    """All C++ files below the folders, in a defined order."""
    found = []
    for folder in folders or ("lib", "tools", "tests", "bench"):
        root = SOURCE / folder
        found += [p for p in root.rglob("*") if p.suffix in (".h", ".cpp") and p.is_file()]
    return sorted(found)


def own_files():
    """Every text file that people wrote here, whatever its kind."""
    folders = ("lib", "tools", "tests", "bench", "cmake", "scripts", "man", "examples", ".ci")
    kinds = (".h", ".cpp", ".py", ".sh", ".cmake", ".in", ".1", ".5", ".7", ".txt")
    found = []
    for folder in folders:
        for path in (SOURCE / folder).rglob("*"):
            is_own_kind = path.suffix in kinds or path.parent.name == ".ci"
            if is_own_kind and path.is_file() and "__pycache__" not in path.parts:
                found.append(path)
    return sorted(found)


def relative(path):
    return str(path.relative_to(SOURCE))


_TOKEN = re.compile(
    r"""(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)\""""
    r"""|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""",
    re.DOTALL,
)


def without_comments(text, keep_strings=False):
    """C++ text with comments blanked (and strings, unless kept); lines keep their numbers."""

    def blank(match):
        found = match.group(0)
        is_comment = found.startswith(("//", "/*"))
        if not is_comment:
            if keep_strings:
                return found
            return '""' + "\n" * found.count("\n")
        return " " + "\n" * found.count("\n")

    return _TOKEN.sub(blank, text)


def strip_include_lines(text):
    return re.sub(r"^\s*#\s*include\b.*$", "", text, flags=re.MULTILINE)


def comments_of(text):
    """(line number, comment text) of each comment."""
    found = []
    for match in _TOKEN.finditer(text):
        if match.group(0).startswith(("//", "/*")):
            found.append((text.count("\n", 0, match.start()) + 1, match.group(0)))
    return found


def read_ladder(text):
    """lib/LADDER as ([modules above the bar], {module: modules it may include})."""
    pure, allowed, below = [], {}, False
    for line in text.splitlines():
        if line.startswith("# -----"):
            below = True
        match = re.fullmatch(r"([a-z]+) *: *([a-z ]*)", line.split("#")[0].rstrip())
        if not match:
            continue
        name, others = match.group(1), match.group(2).split()
        for other in others:
            if other not in allowed:
                raise ValueError(f"lib/LADDER: {name} names {other}, which does not stand above it")
        allowed[name] = set(others)
        if not below:
            pure.append(name)
    return pure, allowed


def ladder():
    return read_ladder((SOURCE / "lib" / "LADDER").read_text())
