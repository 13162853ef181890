"""An installed ingot works where it was put, without the checkout or the build tree.

Run by ctest with the build directory: install_test.py BUILD_DIR
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv.pop(1)) if len(sys.argv) > 1 else ROOT / "build" / "release"


def output_of(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        first = Path(cls.folder.name) / "first"
        output_of("cmake", "--install", str(BUILD), "--prefix", str(first))
        # Moved after it was installed: nothing in it may know where it was meant to be.
        cls.prefix = first.rename(Path(cls.folder.name) / "moved")
        cls.program = cls.prefix / "bin" / "ingot"

    def test_it_runs_with_an_empty_environment(self):
        self.assertIn("version", output_of(str(self.program), "doctor", env={"HOME": "/"}, cwd="/"))

    def test_every_library_is_the_systems_or_its_own(self):
        for line in output_of("ldd", str(self.program), env={}).splitlines():
            self.assertNotIn("not found", line)
            self.assertNotIn(str(ROOT), line)
            if "libmlx" in line:
                self.assertIn(str(self.prefix), line)

    def test_the_program_does_not_name_the_checkout(self):
        self.assertNotIn(str(ROOT).encode(), self.program.read_bytes())

    def test_licenses_come_along(self):
        names = [path.name for path in self.prefix.rglob("LICENSE")]
        self.assertGreaterEqual(len(names), 2)  # ours, and that of MLX


if __name__ == "__main__":
    unittest.main()
