# SPDX-License-Identifier: Apache-2.0
"""The backends and compression as dsched-run shows them, and what damage does to a run."""

import os
import random

import harness
from harness import shell

NODES = [shell("small", "echo small; echo o > o", inputs=[], outputs=["o"]),
         shell("large", "yes a line of text | head -c 3000000", inputs=[]),
         shell("noise", "seq 1 400000", inputs=[]),
         shell("sum", 'cat "$@" | cksum', inputs=[], arguments=["small", "large", "noise"])]


class Backends(harness.ToolTest):
    def size_of_store(self):
        return sum(path.stat().st_blocks * 512 for path in self.world.path(".dsched").rglob("*"))

    def test_the_backend_of_a_store_stays(self):
        self.run_nodes(*NODES)
        other = "sqlite" if harness.BACKEND != "sqlite" else "filesystem"
        done = self.world.run("program.json", "--storage-backend", other, "--nodes", "all")
        if done.code == 0:
            self.assertEqual(done["reused_nodes"], 4)
        else:
            self.assertEqual(done.code, 2)
            self.assertIn(other, done.err)

    def test_everything_is_found_again(self):
        first = self.run_nodes(*NODES)
        again = self.again()
        self.assertEqual(again["reused_nodes"], 4)
        self.assertEqual(again["results"], first["results"])
        self.store_is_clean()

    def test_each_compression_gives_the_same_results(self):
        digests = set()
        for compression in ("off", "auto", "zstd"):
            self.world.program(NODES)
            done = self.run_tool("program.json", "--compression", compression, "--store",
                                 compression, "--full-results")
            digests.add(done["results"]["sum"]["digest"])
            again = self.run_tool("program.json", "--store", compression, "--result", "large")
            self.assertEqual(len(again.out), 3_000_000)
        self.assertEqual(len(digests), 1)

    def test_compression_makes_text_smaller(self):
        sizes = {}
        self.world.program(NODES)
        for compression in ("off", "zstd"):
            self.run_tool("program.json", "--compression", compression, "--store", ".dsched")
            sizes[compression] = self.size_of_store()
            os.rename(self.world.path(".dsched"), self.world.path(compression))
        self.assertLess(sizes["zstd"], sizes["off"] / 2)

    def test_equal_content_is_stored_once(self):
        self.run_nodes(*(shell(f"n{i}", f": {i}; seq 1 400000", inputs=[]) for i in range(6)))
        self.assertLess(self.size_of_store(), 2 * 2_800_000 + 1_000_000)

    def test_temporary_files_do_not_stay(self):
        self.run_nodes(*NODES, shell("bad", "seq 1 400000; exit 1"), options=["-k"], code=1)
        self.assertEqual(os.listdir(self.world.path(".dsched/tmp")), [])


class Damage(harness.ToolTest):
    """A flipped or missing byte never gives a wrong result or a crash."""

    def files(self):
        return sorted(path for path in self.world.path(".dsched").rglob("*")
                      if path.is_file() and path.parent.name != "run")

    def right(self, done):
        """Right results, or a refusal that names what is wrong."""
        self.assertIn(done.code, (0, 4, 5), repr(done))
        if done.code == 0:
            got = {name: result["digest"] for name, result in done["results"].items()}
            self.assertEqual(got, self.digests)
        else:
            self.assertIn(done.kind, ("damaged", "storage", "untrusted_store"), repr(done))
            self.assertRegex(done.err, r"^dsched-run: .+")

    def prepare(self):
        top = {"goals": ["small", "large", "noise", "sum"]}
        first = self.run_nodes(*NODES, **top)
        self.digests = {name: result["digest"] for name, result in first["results"].items()}
        os.rename(self.world.path(".dsched"), self.world.path("kept"))

    def restore(self):
        harness.shutil.rmtree(self.world.path(".dsched"), ignore_errors=True)
        harness.shutil.copytree(self.world.path("kept"), self.world.path(".dsched"))

    def test_flipped_bytes(self):
        self.prepare()
        rng = random.Random(7)
        for turn in range(12):
            self.restore()
            path = rng.choice(self.files())
            content = bytearray(path.read_bytes())
            if not content:
                continue
            where = rng.randrange(len(content))
            content[where] ^= 1 << rng.randrange(8)
            path.write_bytes(content)
            with self.subTest(turn=turn, file=path.name, where=where):
                self.right(self.world.run("program.json", "--trust-store"))

    def test_truncated_files(self):
        self.prepare()
        rng = random.Random(8)
        for turn in range(12):
            self.restore()
            path = rng.choice(self.files())
            size = path.stat().st_size
            where = rng.randrange(size) if size else 0
            os.truncate(path, where)
            with self.subTest(turn=turn, file=path.name, where=where):
                self.right(self.world.run("program.json", "--trust-store"))

    def test_a_removed_blob_is_recomputed_with_a_warning(self):
        self.run_nodes(*NODES)
        blobs = [path for path in self.world.path(".dsched").rglob("*")
                 if path.is_file() and path.stat().st_size == 3_000_000]
        if not blobs:
            return  # this backend keeps large results in its database
        os.remove(blobs[0])
        done = self.run_tool("program.json", "--target", "large", "--full-results")
        self.assertEqual(len(done.text("large")), 3_000_000)
        self.assertTrue(done["warnings"])
        self.store_is_clean()

    def test_a_damaged_blob_never_reaches_a_consumer(self):
        self.run_nodes(*NODES)
        blobs = [path for path in self.world.path(".dsched").rglob("*")
                 if path.is_file() and path.stat().st_size == 3_000_000]
        if not blobs:
            return
        os.chmod(blobs[0], 0o600)
        with open(blobs[0], "r+b") as file:
            file.seek(1_000_000)
            file.write(b"?")
        self.world.program([*NODES[:3], shell("use", 'grep -c "?" "$1"; :', arguments=["large"])])
        done = self.run_tool("program.json", "--nodes", "all")
        self.assertEqual(done.text("use"), "0\n")
        self.assertTrue(done["warnings"])


if __name__ == "__main__":
    harness.main()
