"""A build for CUDA says what is missing where the system's loader would only name a file.

Its program is src/cli/late/main.cc, which opens the rest as a library. Here that library is a small
one that wants a driver's library as libmlx does.
"""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = r"""
#include <cstdio>
extern "C" int cuInit(unsigned);
extern "C" int IngotProgram(int argc, char** argv) {
  std::printf("%d %s\n", argc, argv[argc - 1]);
  return 40 + cuInit(0);
}
"""


def build(*arguments, cwd):
    subprocess.run(["g++", *arguments], cwd=cwd, check=True)


class LateStartTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        (self.folder / "driver.cc").write_text('extern "C" int cuInit(unsigned) { return 2; }\n')
        (self.folder / "program.cc").write_text(PROGRAM)
        here = "-Wl,-rpath,$ORIGIN"
        driver = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", "libcuda.so.1"]
        build(*driver, "driver.cc", cwd=self.folder)
        program = ["-shared", "-fPIC", here, "-o", "libingot_program.so"]
        build(*program, "program.cc", "libcuda.so.1", cwd=self.folder)
        main = ROOT / "src" / "cli" / "late" / "main.cc"
        build("-std=c++20", "-Wall", "-Wextra", "-Werror", here, "-o", "ingot", str(main), "-ldl",
              cwd=self.folder)  # fmt: skip

    def run_it(self):
        return subprocess.run(
            [str(self.folder / "ingot"), "doctor"], capture_output=True, text=True, check=False
        )

    def test_with_a_driver_it_is_the_program(self):
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout, done.stderr), (42, "2 doctor\n", ""))

    def test_without_one_it_says_what_to_install(self):
        (self.folder / "libcuda.so.1").unlink()
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        for word in ("libcuda.so.1", "NVIDIA's driver", "a build for the CPU"):
            self.assertIn(word, done.stderr)

    def test_with_one_that_is_too_old_it_says_so(self):
        (self.folder / "driver.cc").write_text('extern "C" int cuOther() { return 0; }\n')
        driver = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", "libcuda.so.1"]
        build(*driver, "driver.cc", cwd=self.folder)
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("cuInit", done.stderr)
        self.assertIn("older than this build needs", done.stderr)

    def test_without_the_rest_it_names_what_is_missing(self):
        shutil.move(self.folder / "libingot_program.so", self.folder / "elsewhere.so")
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("libingot_program.so", done.stderr)
        self.assertNotIn("driver", done.stderr)


if __name__ == "__main__":
    unittest.main()
