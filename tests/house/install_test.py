# SPDX-License-Identifier: Apache-2.0
"""`cmake --install` puts everything in place, and another project can build against it."""

import hashlib
import os
import pathlib
import subprocess
import tempfile
import unittest

import house

CMAKE = os.environ.get("DSCHED_CMAKE", "cmake")


def run(*words, **more):
    done = subprocess.run([str(w) for w in words], text=True, capture_output=True, check=False,
                          stdin=subprocess.DEVNULL, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.prefix = pathlib.Path(cls.folder.name) / "prefix"
        run(CMAKE, "--install", house.BUILD, "--prefix", cls.prefix)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_tools_run(self):
        for tool in ("dsched-cancel", "dsched-policy", "dsched-run", "dsched-stats", "dsched-store"):
            self.assertIn("0.1", run(self.prefix / "bin" / tool, "--version"))

    def test_pages_and_schemas(self):
        for section in (1, 5, 7):
            pages = {p.name for p in (house.SOURCE / "man").glob(f"*.{section}")}
            installed = {p.name for p in (self.prefix / f"share/man/man{section}").iterdir()}
            self.assertEqual(installed, pages)
        schemas = {p.name for p in (house.SOURCE / "schemas").glob("*.json")}
        installed = {p.name for p in (self.prefix / "share/dsched/schemas").iterdir()}
        self.assertEqual(installed, schemas)

    def test_every_header_is_installed(self):
        lib = house.SOURCE / "lib"
        headers = {str(p.relative_to(lib)) for p in house.cpp_files("lib") if p.suffix == ".h"}
        root = self.prefix / "include" / "dsched"
        installed = {str(p.relative_to(root)) for p in root.rglob("*.h")}
        self.assertEqual(installed, headers)

    def test_consumer(self):
        build = pathlib.Path(self.folder.name) / "consumer"
        consumer = house.SOURCE / "tests" / "house" / "consumer"
        words = [f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_BUILD_TYPE=Release"]
        if "DSCHED_CXX" in os.environ:
            words.append(f"-DCMAKE_CXX_COMPILER={os.environ['DSCHED_CXX']}")
        run(CMAKE, "-S", consumer, "-B", build, *words)
        run(CMAKE, "--build", build)
        expected = "1 " + hashlib.sha256(b"dsched").hexdigest() + "\n"
        self.assertEqual(run(build / "consumer"), expected)


class CanFail(unittest.TestCase):
    def test_consumer_of_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(AssertionError):
                run(CMAKE, "-S", house.SOURCE / "tests" / "house" / "consumer", "-B", folder,
                    "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF", "-DCMAKE_PREFIX_PATH=/nonexistent")


if __name__ == "__main__":
    unittest.main()
