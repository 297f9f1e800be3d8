# SPDX-License-Identifier: Apache-2.0
"""The highlighting in doc/editors loads, and knows the language's words."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest

import house

FOLDER = house.SOURCE / "doc/editors"
WORDS = {"let", "in", "for", "do", "filter", "fold", "print", "save", "import", "true", "false"}
PROGRAM = """// a comment
let half(x) = x / 2 // another
print "a {:.2f}" half(3.5e1) + $stem
"""


def rules_of(grammar):
    """Every rule of a TextMate grammar, wherever it stands."""
    open_rules, found = [grammar], []
    while open_rules:
        rule = open_rules.pop()
        found.append(rule)
        open_rules += rule.get("patterns", []) + list(rule.get("repository", {}).values())
    return found


class TextMate(unittest.TestCase):
    def setUp(self):
        self.grammar = json.loads((FOLDER / "imgql.tmLanguage.json").read_text())

    def test_is_a_grammar(self):
        self.assertEqual(self.grammar["scopeName"], "source.imgql")
        self.assertEqual(self.grammar["fileTypes"], ["imgql"])
        rules = rules_of(self.grammar)
        self.assertGreater(len(rules), 10)
        for rule in rules:
            for key in ("match", "begin", "end"):
                if key in rule:
                    self.assertIsNotNone(re.compile(rule[key]), rule)
            if "include" in rule:
                self.assertIn(rule["include"][1:], self.grammar["repository"])

    def test_knows_the_words(self):
        texts = " ".join(rule.get("match", "") for rule in rules_of(self.grammar))
        self.assertEqual({word for word in WORDS if not re.search(rf"\b{word}\b", texts)}, set())


class Vim(unittest.TestCase):
    def test_knows_the_words(self):
        text = (FOLDER / "vim/syntax/imgql.vim").read_text()
        keywords = set(" ".join(re.findall(r"^syntax keyword \w+ (.*)$", text, re.M)).split())
        self.assertEqual(WORDS - keywords, set())
        groups = set(re.findall(r"^syntax \w+ (imgql\w+)", text, re.M))
        linked = set(re.findall(r"^highlight default link (imgql\w+)", text, re.M))
        self.assertEqual(groups - linked, {"imgqlIdentifier"})
        self.assertEqual(linked - groups, set())

    @unittest.skipUnless(shutil.which("vim"), "vim is not installed")
    def test_loads_and_highlights(self):
        with tempfile.TemporaryDirectory() as folder:
            script = (
                f"set runtimepath^={FOLDER / 'vim'} | filetype on | syntax on | "
                f"edit {folder}/a.imgql | redir! > {folder}/out | "
                'for at in [[1, 1], [2, 1], [2, 5], [2, 10], [3, 1], [3, 11], [3, 18], [3, 23], '
                '[3, 32]] | echo synIDattr(synID(at[0], at[1], 1), "name") | endfor | redir END | '
                "qall!"
            )
            with open(f"{folder}/a.imgql", "w") as program:
                program.write(PROGRAM)
            with open(f"{folder}/script.vim", "w") as out:
                out.write(script.replace(" | ", "\n"))
            done = subprocess.run(
                ["vim", "-N", "-u", "NONE", "-i", "NONE", "-n", "-es", "-S",
                 f"{folder}/script.vim"],
                capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
            with open(f"{folder}/out") as out:
                names = out.read().split()
        self.assertEqual(names, [
            "imgqlComment", "imgqlCommand", "imgqlFunction", "imgqlIdentifier", "imgqlCommand",
            "imgqlField", "imgqlFunction", "imgqlNumber", "imgqlVariable"], done.stderr)


if __name__ == "__main__":
    unittest.main()
