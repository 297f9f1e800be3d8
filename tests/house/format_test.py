# SPDX-License-Identifier: Apache-2.0
"""clang-format decides layout: every C++ file is as it would write it."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

import house


def misformatted(paths):
    style = f"--style=file:{house.SOURCE / '.clang-format'}"
    done = subprocess.run(
        ["clang-format", style, "--dry-run", "--Werror", *map(str, paths)],
        capture_output=True, text=True, check=False,
    )
    return sorted({line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line})


@unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
class Format(unittest.TestCase):
    def test_project(self):
        self.assertEqual(misformatted(house.cpp_files()), [])

    def test_can_fail(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.cpp"
            path.write_text("int   f( ){return 1;}\n")
            self.assertEqual(misformatted([path]), [str(path)])


if __name__ == "__main__":
    unittest.main()
