# SPDX-License-Identifier: Apache-2.0
"""Outputs: captured with the result, put back when it is reused, removed when the command fails."""

import os
import shutil
import stat

import harness
from harness import shell


class Outputs(harness.ToolTest):
    def make(self, command, outputs, **fields):
        return self.run_nodes(shell("a", "echo x >> ran; " + command, inputs=[], outputs=outputs,
                                    **fields))

    def reused(self):
        answer = self.again()
        self.assertTrue(answer.node("a")["reused"], repr(answer))
        self.assertEqual(len(self.world.lines("ran")), 1)
        return answer

    def test_a_removed_output_is_put_back(self):
        self.make("mkdir -p d; echo 1 > d/o", ["d/o"])
        shutil.rmtree(self.world.path("d"))
        self.reused()
        self.assertEqual(self.read("d/o"), "1\n")

    def test_an_output_changed_by_hand_is_put_back(self):
        self.make("echo 1 > o", ["o"])
        self.write("o", "2")
        self.reused()
        self.assertEqual(self.read("o"), "1\n")

    def test_an_unchanged_output_is_left_alone(self):
        self.make("echo 1 > o", ["o"])
        before = os.stat(self.world.path("o"))
        self.reused()
        self.assertEqual(os.stat(self.world.path("o")), before)

    def test_the_executable_bit_is_kept(self):
        self.make("echo '#!/bin/sh' > o; chmod +x o; echo 1 > p", ["o", "p"])
        os.remove(self.world.path("o"))
        self.reused()
        self.assertTrue(os.access(self.world.path("o"), os.X_OK))
        os.chmod(self.world.path("o"), 0o644)
        self.reused()
        self.assertTrue(os.access(self.world.path("o"), os.X_OK))

    def test_links_are_kept_as_links(self):
        self.make("ln -s nowhere l; ln -s o k; echo 1 > o", ["l", "k", "o"])
        os.remove(self.world.path("l"))
        os.remove(self.world.path("k"))
        self.write("k", "a file")
        self.reused()
        self.assertEqual(os.readlink(self.world.path("l")), "nowhere")
        self.assertEqual(os.readlink(self.world.path("k")), "o")

    def test_folders_are_kept_whole(self):
        self.make("rm -rf d; mkdir -p d/e d/empty; echo 1 > d/e/f; ln -s e d/l", ["d"])
        shutil.rmtree(self.world.path("d"))
        self.reused()
        self.assertEqual(self.read("d/e/f"), "1\n")
        self.assertEqual(os.readlink(self.world.path("d/l")), "e")
        self.assertTrue(self.world.path("d/empty").is_dir())

    def test_what_does_not_belong_into_an_output_folder_is_removed(self):
        self.make("rm -rf d; mkdir d; echo 1 > d/f", ["d"])
        self.write("d/stray", "x")
        self.reused()
        self.assertEqual(sorted(os.listdir(self.world.path("d"))), ["f"])

    def test_an_output_put_back_is_no_hard_link_into_the_store(self):
        self.make("head -c 2000000 /dev/zero > o", ["o"])
        os.remove(self.world.path("o"))
        self.reused()
        self.assertEqual(os.stat(self.world.path("o")).st_nlink, 1)
        with open(self.world.path("o"), "r+b") as file:
            file.write(b"damage")
        self.reused()
        self.assertEqual(self.world.path("o").read_bytes(), bytes(2_000_000))

    def test_a_read_only_output_is_kept_and_put_back(self):
        self.make("rm -f o; echo 1 > o; chmod 444 o", ["o"])
        self.write("p", "2")
        os.replace(self.world.path("p"), self.world.path("o"))
        self.reused()
        self.assertEqual(self.read("o"), "1\n")

    def test_an_old_output_is_found_again(self):
        self.write("in", "1")
        self.run_nodes(shell("a", "cp in o", inputs=["in"], outputs=["o"]))
        self.write("in", "2")
        self.again()
        self.assertEqual(self.read("o"), "2")
        self.write("in", "1")
        self.assertTrue(self.again().node("a")["reused"])
        self.assertEqual(self.read("o"), "1")

    def test_a_missing_output_fails_the_node(self):
        answer = self.run_nodes(shell("a", ":", outputs=["o"]), code=1)
        self.assertEqual(answer.node("a")["class"], "output_missing")
        self.assertIn("o", answer.node("a")["error"])

    def test_a_failed_command_leaves_no_outputs(self):
        answer = self.run_nodes(
            shell("a", "mkdir -p d; echo 1 > o; echo 1 > d/f; exit 3", outputs=["o", "d"]), code=1)
        self.assertEqual(answer.node("a")["exit_code"], 3)
        self.assertFalse(self.exists("o"))
        self.assertFalse(self.exists("d"))

    def test_the_folder_of_an_output_is_made_before_the_command_runs(self):
        self.run_nodes(shell("a", "echo 1 > d/e/o", outputs=["d/e/o"]))
        self.assertEqual(self.read("d/e/o"), "1\n")

    def test_a_consumer_sees_its_producers_output_after_reuse(self):
        self.run_nodes(shell("make", "echo 1 > o", inputs=[], outputs=["o"]),
                       shell("use", "cat o"), dependencies={"use": ["make"]})
        os.remove(self.world.path("o"))
        self.assertEqual(self.again().text("use"), "1\n")

    def test_a_large_output_is_whole(self):
        size = 5_000_000
        self.make(f"head -c {size} /dev/urandom > o", ["o"])
        content = self.world.path("o").read_bytes()
        self.write("o", "")
        self.reused()
        self.assertEqual(self.world.path("o").read_bytes(), content)

    def test_names_of_outputs_are_taken_literally(self):
        for name in ("a b", "*", "-x", "ü", "$y", "'"):
            with self.subTest(name=name):
                self.run_nodes(shell("a", 'echo 1 > "./$N"', inputs=[], outputs=[name],
                                     environment={"N": name}))
                os.remove(self.world.path(name))
                self.assertTrue(self.again().node("a")["reused"])
                self.assertEqual(self.read(name), "1\n")

    def test_a_fifo_or_device_is_not_an_output(self):
        answer = self.run_nodes(shell("a", "mkfifo o", outputs=["o"]), code=1)
        self.assertEqual(answer.node("a")["status"], "failed")
        self.assertFalse(self.exists("o") and stat.S_ISFIFO(os.stat(self.world.path("o")).st_mode)
                         and answer.node("a")["class"] is None)


class Escapes(harness.ToolTest):
    """Outputs and inputs that try to leave the program's folder by `..` or links."""

    def setUp(self):
        super().setUp()
        self.outside = self.world.root / "outside"
        self.outside.mkdir()
        (self.outside / "victim").write_text("precious")

    def test_names_that_leave_are_refused(self):
        for name in ("../x", "a/../../x", "/tmp/x", "..", ".", "", "a\0b"):
            with self.subTest(name=name):
                for fault in self.refused({"nodes": [shell("a", ":", outputs=[name])]}):
                    self.assertEqual(fault["code"], "invalid_path")

    def test_a_link_to_outside_is_not_followed_when_capturing(self):
        os.symlink(self.outside, self.world.path("d"))
        answer = self.run_nodes(shell("a", "echo 1 > d/made", inputs=[], outputs=["d/made"]), code=1)
        self.assertEqual(answer.node("a")["status"], "failed")

    def test_a_link_to_outside_is_not_followed_when_putting_back(self):
        self.run_nodes(shell("a", "mkdir -p d; echo 1 > d/victim", inputs=[],
                             outputs=["d/victim"]))
        shutil.rmtree(self.world.path("d"))
        os.symlink(self.outside, self.world.path("d"))
        self.world.run("program.json")
        self.assertEqual((self.outside / "victim").read_text(), "precious")

    def test_a_link_in_place_of_an_output_is_replaced_not_written_through(self):
        self.run_nodes(shell("a", "rm -f o; echo 1 > o", inputs=[], outputs=["o"]))
        os.remove(self.world.path("o"))
        os.symlink(self.outside / "victim", self.world.path("o"))
        self.again()
        self.assertEqual((self.outside / "victim").read_text(), "precious")
        self.assertEqual(self.read("o"), "1\n")
        self.assertFalse(self.world.path("o").is_symlink())

    def test_a_failed_commands_cleaning_follows_no_link(self):
        os.symlink(self.outside, self.world.path("d"))
        self.run_nodes(shell("a", "exit 1", outputs=["d/victim"]), code=1)
        self.assertEqual((self.outside / "victim").read_text(), "precious")
        os.remove(self.world.path("d"))
        self.run_nodes(shell("a", f"mkdir d; ln -s {self.outside} d/l; exit 1", outputs=["d"]),
                       code=1)
        self.assertEqual((self.outside / "victim").read_text(), "precious")

    def test_a_folder_output_with_a_link_to_outside_takes_the_link_not_the_files(self):
        self.run_nodes(shell("a", f"rm -rf d; mkdir d; ln -s {self.outside} d/l", inputs=[],
                             outputs=["d"]))
        shutil.rmtree(self.world.path("d"))
        self.again()
        self.assertEqual(os.readlink(self.world.path("d/l")), str(self.outside))
        self.assertEqual(os.listdir(self.outside), ["victim"])


if __name__ == "__main__":
    harness.main()
