# SPDX-License-Identifier: Apache-2.0
"""dsched-run --each: a command for each word, for people who know xargs and GNU parallel."""

import base64
import json

import batch_support
import harness


class Words(batch_support.BatchTest):
    def test_a_word_is_an_argument_and_never_text_of_the_command(self):
        words = ["plain", "two words", "$(touch hacked)", "`x`", "'\"", "-n", "--version", "a\nb", "*",
                 "", "\\", "::"]
        done = self.each('printf "%s|" "$1"', words, options=("--ordered",))
        self.assertEqual(done.out.decode(), "".join(word + "|" for word in words))
        self.assertFalse(self.exists("hacked"))

    def test_words_may_be_any_bytes(self):
        done = self.world.run("--each", 'printf %s "$1" | od -An -tx1', ":::", b"\xff\xfea".decode(
            "utf-8", "surrogateescape"))
        self.assertEqual((done.code, done.out.split()), (0, [b"ff", b"fe", b"61"]))
        done = self.world.run("--format", "json", "--each", "true", ":::",
                              b"\xff".decode("utf-8", "surrogateescape"))
        answers = batch_support.Answers(done)
        self.assertEqual(base64.b64decode(answers[1]["metadata"]["words"][0]["base64"]), b"\xff")

    def test_groups_give_all_combinations_the_last_fastest(self):
        done = self.each('echo "$1$2$3"', ["a", "b"], ["1", "2"], ["x"], options=("--ordered",))
        self.assertEqual(done.out.split(), [b"a1x", b"a2x", b"b1x", b"b2x"])
        self.assertEqual(self.each("echo x", ["a"], []).out, b"")

    def test_without_words_the_lines_of_standard_input_are_the_words(self):
        done = self.each('echo "<$1>"', options=("--ordered",), stdin_bytes=b"a b\n\n  c\nlast")
        self.assertEqual(done.out, b"<a b>\n<  c>\n<last>\n")
        done = self.each('printf "<%s>" "$1"', options=("--ordered", "-0"),
                         stdin_bytes=b"a\nb\0\0c\0")
        self.assertEqual(done.out, b"<a\nb><><c>")
        self.assertEqual(self.each("echo x", stdin_bytes=b"").out, b"")

    def test_the_commands_own_standard_input_is_empty(self):
        done = self.each('cat; echo "$1"', stdin_bytes=b"a\nb\n", options=("--ordered",))
        self.assertEqual(done.out, b"a\nb\n")

    def test_words_after_the_separator_are_no_options(self):
        done = self.each('echo "$1"', ["--help", "--", "-j"], options=("--ordered", "-j", "2"))
        self.assertEqual(done.out, b"--help\n--\n-j\n")


class Output(batch_support.BatchTest):
    def test_outputs_are_whole_and_never_mixed(self):
        command = 'for i in 1 2 3 4 5 6 7 8 9 10; do echo "$1"; done; head -c 70000 /dev/zero | ' \
                  'tr "\\0" "$1"; echo'
        words = list("abcdef")
        out = self.each(command, words, options=("-j", "4", "--machine", "none")).out.decode()
        for word in words:
            self.assertIn((word + "\n") * 10 + word * 70000 + "\n", out)
        self.assertEqual(len(out), 6 * (20 + 70001))

    def test_a_failed_command_is_named_with_its_words_and_exit_code(self):
        done = self.each('echo out "$1"; echo err "$1" >&2; [ "$1" = good ]', ["good", "bad one"],
                         options=("--ordered",), code=1)
        self.assertEqual(done.out, b"out good\nout bad one\n")
        self.assertEqual(done.err, "err good\nerr bad one\ndsched-run: bad one: exit 1\n")
        done = self.each('kill -9 $$', ["a\nb"], code=1)
        self.assertRegex(done.err, r"^dsched-run: a\\nb: .*(signal 9|killed)")

    def test_all_went_well_says_nothing_of_its_own(self):
        done = self.each("true", ["a", "b"])
        self.assertEqual((done.out, done.err), (b"", ""))

    def test_as_json_it_is_a_batch(self):
        done = self.each('echo "$1"; [ "$1" != b ]', ["a", "b"], options=("--format", "json"), code=1)
        answers = batch_support.Answers(done)
        self.assertEqual(answers[1]["metadata"], {"words": ["a"]})
        self.assertEqual(answers[2]["error"]["exit_code"], 1)

    def test_a_batch_as_text_gives_the_bytes(self):
        requests = [batch_support.const("a\n"), batch_support.sh("echo b"), {"operation": "x y"}]
        done = self.run_tool("--batch", "--format", "text", "--ordered", code=1,
                             stdin_bytes=batch_support.lines_of(requests))
        self.assertEqual(done.out, b"a\nb\n")
        self.assertRegex(done.err, r"^dsched-run: 3: line 3: .*\n$")

    def test_fail_fast_stops_reading_words(self):
        done = self.each('echo "$1" >> ran; exit 1', ["a", "b", "c"], code=1,
                         options=("--fail-fast", "--sequential"))
        self.assertEqual(self.world.lines("ran"), ["a"])
        self.assertEqual(done.err, "dsched-run: a: exit 1\n")

    def test_two_thousand_words(self):
        words = [f"word{i}" for i in range(2000)]
        done = self.each('echo "$1"', words, options=("--ordered", "-j", "4"))
        self.assertEqual(done.out.decode().split(), words)
        listed = self.run_tool("executions", tool=harness.STATS)
        self.assertEqual(json.loads(listed.out.splitlines()[0])["completed_nodes"], 2000)


if __name__ == "__main__":
    harness.main()
