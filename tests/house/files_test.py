# SPDX-License-Identifier: Apache-2.0
"""Every file keeps the style's sizes, licence line, comments and ways to fail."""

import re
import unittest

import house

# Norms of the style; a file may be half as long again, and longer only with its reason stated in a
# comment on its second line that begins with "Long because".
NORMS = {"header": 150, "source": 400, "test": 600}
FUNCTION_NORM = 60
SLACK = 1.5

MENTION = re.compile(r"(?<![\w/.<])((?:lib|tests|tools|bench|schemas|man|scripts|cmake|doc|examples)/"
                     r"[\w./-]*\w|(?!linux/|sys/[a-z_]+\.h>)[a-z]+/[a-z_0-9]+\.(?:h|cpp|py|sh))")


def kind_of(name):
    if name.startswith("tests/"):
        return "test"
    return "header" if name.endswith(".h") else "source"


def check_length(name, text):
    lines = text.splitlines()
    limit = int(NORMS[kind_of(name)] * SLACK)
    if len(lines) <= limit:
        return []
    if len(lines) > 1 and re.search(r"(//|#) Long because ", lines[1]):
        return []
    return [f"has {len(lines)} lines, more than {limit}, and no reason on its second line"]


def check_functions(text):
    """Bodies longer than the limit. A function starts where a line that ends in "{" is indented
    by nothing (clang-format keeps namespaces' contents there) and ends at a lone "}"."""
    found, start, title = [], None, ""
    for number, line in enumerate(house.without_comments(text).splitlines(), 1):
        is_scope = re.match(r"(namespace|class|struct|enum|union|extern|static constexpr|constexpr|"
                            r"inline constexpr|const )", line)
        if start is None and line[:1] not in (" ", "\t", "}", "#", "") and line.endswith("{"):
            if not is_scope or ") " in line:
                start, title = number, line
        elif start is not None and line.startswith("}"):
            if number - start - 1 > FUNCTION_NORM * SLACK and "TEST_CASE" not in title:
                found.append(f"line {start}: a function of {number - start - 1} lines")
            start = None
    return found


def check_licence(text):
    head = text.splitlines()[:2]
    return [] if any("SPDX-License-Identifier: Apache-2.0" in line for line in head) else [
        "has no SPDX licence line"
    ]


def check_words(name, text):
    found = []
    for number, comment in house.comments_of(text):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", comment):
            found.append(f"line {number}: a comment leaves something to do")
    is_main = name.startswith("tools/") or name == "tests/support/main.cpp"
    code = house.without_comments(text)
    for match in re.finditer(r"catch\s*\(\s*\.\.\.\s*\)\s*{([^}]*)", code):
        # Handing the exception on, here or to another thread, hides nothing.
        if not is_main and not re.search(r"\bcurrent_exception\b|\bthrow;", match.group(1)):
            found.append("catches everything and goes on, which only a main may do")
    return found


def check_own_header_first(name, text, has_header):
    """A source that includes its own header first shows that the header needs nothing before it."""
    own = name.removeprefix("lib/").removesuffix(".cpp") + ".h"
    first = re.search(r'^#include [<"]([^>"]+)', text, re.MULTILINE)
    if not has_header or (first and first.group(1) == own):
        return []
    return [f'does not include its own header, "{own}", first']


def exists(mention, name):
    # "engine/retry.h" in a comment means lib/engine/retry.h; "dag/dag" without an end, its pair.
    folder = name.rsplit("/", 1)[0]
    candidates = [mention, f"lib/{mention}", f"tests/{mention}", f"{folder}/{mention}"]
    for candidate in candidates:
        path = house.SOURCE / candidate
        if path.exists() or path.with_suffix(".h").exists() or list(
            path.parent.glob(path.name + ".*")
        ):
            return True
    return False


def check_mentions(name, text):
    found = []
    for number, comment in house.comments_of(text):
        for mention in MENTION.findall(comment):
            if not exists(mention, name):
                found.append(f"line {number}: the comment names {mention}, which does not exist")
    return found


class Files(unittest.TestCase):
    maxDiff = None

    def run_all(self, paths, check):
        faults, seen = [], 0
        for path in paths:
            seen += 1
            name = house.relative(path)
            faults += [f"{name}: {fault}" for fault in check(name, path.read_text())]
        self.assertGreater(seen, 0)
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_lengths(self):
        self.run_all(house.cpp_files(), check_length)

    def test_functions(self):
        self.run_all(house.cpp_files(), lambda _, text: check_functions(text))

    def test_licences(self):
        self.run_all(house.own_files(), lambda _, text: check_licence(text))

    def test_words(self):
        self.run_all(house.cpp_files(), check_words)

    def test_own_headers_first(self):
        sources = [p for p in house.cpp_files("lib") if p.suffix == ".cpp"]
        self.run_all(sources, lambda name, text: check_own_header_first(
            name, text, (house.SOURCE / name).with_suffix(".h").exists()))

    def test_mentions(self):
        self.run_all(house.cpp_files("lib", "tools"), check_mentions)


class CanFail(unittest.TestCase):
    def test_long_file(self):
        self.assertTrue(check_length("lib/a/a.h", "x\n" * 226))
        self.assertEqual(check_length("lib/a/a.h", "x\n" * 225), [])
        self.assertEqual(check_length("lib/a/a.h", "x\n// Long because of y.\n" * 200), [])

    def test_long_function(self):
        self.assertTrue(check_functions("int f() {\n" + "  x();\n" * 91 + "}\n"))
        self.assertEqual(check_functions("int f() {\n" + "  x();\n" * 90 + "}\n"), [])
        self.assertEqual(check_functions("namespace a {\n" + "int x;\n" * 91 + "}\n"), [])

    def test_own_header_first(self):
        text = "#include <string>\n#include \"a/b.h\"\n"
        self.assertTrue(check_own_header_first("lib/a/b.cpp", text, True))
        self.assertEqual(check_own_header_first("lib/a/b.cpp", text, False), [])
        self.assertEqual(check_own_header_first("lib/a/b.cpp", '#include "a/b.h"\n', True), [])

    def test_licence(self):
        self.assertTrue(check_licence("int x;\n"))

    def test_words(self):
        self.assertTrue(check_words("lib/a/a.cpp", "// TODO: it\n"))
        self.assertTrue(check_words("lib/a/a.cpp", "try { f(); } catch (...) {}\n"))
        kept = "try { f(); } catch (...) { error_ = std::current_exception(); }\n"
        self.assertEqual(check_words("lib/a/a.cpp", kept), [])
        self.assertEqual(check_words("tools/a/main.cpp", "try { f(); } catch (...) {}\n"), [])
        self.assertEqual(check_words("lib/a/a.cpp", 'f("TODO"); // catch (...)\n'), [])

    def test_mention(self):
        self.assertTrue(check_mentions("lib/a/a.h", "// See base/never_there.h.\n"))
        self.assertEqual(check_mentions("lib/a/a.h", "// See base/text.h and lib/LADDER.\n"), [])


if __name__ == "__main__":
    unittest.main()
