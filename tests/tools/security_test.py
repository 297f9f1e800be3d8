# SPDX-License-Identifier: Apache-2.0
"""Section 5: which stores are believed. Escapes of inputs and outputs are in outputs_test.py."""

import os
import shutil
import subprocess
import sys
import unittest

import harness
from harness import shell

NOBODY = 65534


def as_other_user(test):
    """Needs two users: run as root, the test's files can be given to somebody else."""
    if os.geteuid() != 0:
        print(f"{test.__name__}: skipped, only root can give files to another user",
              file=sys.stderr)
        return unittest.skip("only root can give files to another user")(test)
    return test


class Trust(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.run_nodes(shell("a", "echo x >> ran; echo A", inputs=[]))
        self.store = self.world.path(".dsched")

    def untrusted(self, *options, **kwargs):
        done = self.run_tool("program.json", *options, code=4, **kwargs)
        self.assertEqual(done.kind, "untrusted_store", repr(done))
        self.assertEqual(len(self.world.lines("ran")), 1)
        return done

    def test_a_store_that_others_can_write_is_refused(self):
        for mode in (0o770, 0o707, 0o777):
            with self.subTest(mode=oct(mode)):
                os.chmod(self.store, mode)
                self.untrusted()
        os.chmod(self.store, 0o700)
        self.assertTrue(self.again().node("a")["reused"])

    def test_a_file_in_it_that_others_can_write_is_refused(self):
        os.chmod(self.store / "store.db", 0o666)
        self.untrusted()

    @as_other_user
    def test_a_store_of_another_user_is_refused(self):
        os.chown(self.store, NOBODY, NOBODY)
        self.untrusted()
        self.assertEqual(os.stat(self.store).st_uid, NOBODY)

    @as_other_user
    def test_a_store_of_roots_is_refused_to_another_user(self):
        for path in (self.world.root, self.world.folder):
            os.chmod(path, 0o755)
        home = self.world.root / "nobody"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        done = subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", harness.RUN,
             "program.json"], cwd=self.world.folder, capture_output=True, check=False,
            env={**self.world.environment, "HOME": str(home),
                 "DSCHED_MACHINE": str(home / "machine")})
        if done.returncode == 126:
            self.skipTest("the tools cannot be reached by another user")
        self.assertEqual(done.returncode, 4, done)

    @as_other_user
    def test_a_file_of_another_user_in_it_is_refused(self):
        os.chown(self.store / "store.db", NOBODY, NOBODY)
        self.untrusted()

    def test_links_inside_are_refused(self):
        outside = self.world.root / "outside"
        for name in ("blobs", "tmp", "store.db", "identity"):
            with self.subTest(name=name):
                path = self.store / name
                if not path.exists():
                    continue
                os.rename(path, outside)
                os.symlink(outside, path)
                self.untrusted()
                os.remove(path)
                os.rename(outside, path)

    def test_a_private_copy_of_ones_own_store_is_believed(self):
        shutil.copytree(self.store, self.world.path("copy"))
        self.assertEqual(self.run_tool("program.json", "--store", "copy")["reused_nodes"], 1)

    def test_a_copy_that_lost_its_private_modes_is_refused_and_can_be_adopted(self):
        copy = self.world.path("copy")
        shutil.copytree(self.store, copy)
        for name, mode in (("", 0o755), ("identity", 0o644), ("store.db", 0o644)):
            os.chmod(os.path.join(copy, name), mode)
        self.untrusted("--store", "copy")
        answer = self.run_tool("program.json", "--store", "copy", "--trust-store", "--nodes", "all")
        self.assertTrue(answer.node("a")["reused"])
        self.assertEqual(self.run_tool("program.json", "--store", "copy")["reused_nodes"], 1)

    def test_a_store_in_a_cloned_repository_is_refused(self):
        """Somebody commits a store with planted results; whoever clones must not believe them."""
        git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
        environment = {**self.world.environment, "GIT_CONFIG_NOSYSTEM": "1"}

        def call(*words, cwd=self.world.folder):
            subprocess.run([*git, *words], cwd=cwd, env=environment, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        call("init", "-q")
        call("add", "-f", ".dsched", "program.json")
        call("commit", "-q", "-m", "with a store")
        clone = self.world.root / "clone"
        call("clone", "-q", str(self.world.folder), str(clone), cwd=self.world.root)
        self.assertTrue((clone / ".dsched" / "store.db").exists())
        done = self.run_tool("program.json", code=4, cwd=clone)
        self.assertEqual(done.kind, "untrusted_store")
        self.assertFalse((clone / "ran").exists())

    def test_a_store_moved_by_its_user_stays_good(self):
        os.rename(self.store, self.world.path("moved"))
        answer = self.run_tool("program.json", "--store", "moved", "--nodes", "all")
        self.assertTrue(answer.node("a")["reused"])

    def test_an_exchanged_database_is_noticed(self):
        copy = self.world.path("copy.db")
        shutil.copy(self.store / "store.db", copy)
        os.replace(copy, self.store / "store.db")
        os.chmod(self.store / "store.db", 0o600)
        self.untrusted()

    def test_a_dry_run_does_not_believe_it_either(self):
        os.chmod(self.store, 0o777)
        self.untrusted("--dry-run")

    def test_a_folder_that_is_no_store_is_left_alone(self):
        folder = self.world.path("mine")
        folder.mkdir(mode=0o700)
        (folder / "file").write_text("mine")
        done = self.world.run("program.json", "--store", "mine")
        self.assertIn(done.code, (0, 4))
        self.assertEqual((folder / "file").read_text(), "mine")


class MachineFolder(harness.ToolTest):
    @as_other_user
    def test_a_machine_folder_of_another_user_is_refused(self):
        os.chown(self.world.root / "machine", NOBODY, NOBODY)
        done = self.run_nodes(shell("a", ":"), harness.const("c", "x"),
                              shell("b", 'cat "$1"', arguments=["c"]), code=4)
        self.assertIn("machine", done.err)

    def test_small_arguments_are_private_and_gone_afterwards(self):
        answer = self.run_nodes(harness.const("c", "x"),
                                shell("b", 'stat -c %a "$1" "$(dirname "$1")"', arguments=["c"]))
        for mode in answer.text("b").split():
            self.assertEqual(int(mode, 8) & 0o077, 0, answer.text("b"))
        self.assertEqual(os.listdir(self.world.root / "machine"), ["leases"])


if __name__ == "__main__":
    harness.main()
