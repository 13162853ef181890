"""tools/check_layers.py finds each kind of breach, and none in a tree that keeps the table."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "check_layers.py"

TABLE = "# a comment\ncore:\ntensor: core\nstore: core tensor\n<mlx/>: store\n"


class CheckLayersTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        self.write("tools/layers.txt", TABLE)
        self.write("src/core/a.h", "#include <vector>\n")
        self.write("src/tensor/t.h", '#include "core/a.h"\n')
        self.write("src/store/s.cc", '#include "tensor/t.h"\n#include <mlx/array.h>\n')
        self.draw_docs()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def draw_docs(self):
        marks = "<!-- drawn by tools/check_layers.py -->\n<!-- end of the drawing -->\n"
        self.write("docs/architecture.md", f"before\n{marks}after\n")
        self.assertEqual(self.run_script("--write-docs"), (0, ""))

    def run_script(self, *arguments):
        command = [sys.executable, str(SCRIPT), "--root", str(self.root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr.strip()

    def assert_breach(self, expected):
        code, errors = self.run_script()
        self.assertEqual(code, 1)
        self.assertEqual(errors.splitlines(), [expected])

    def test_a_tree_that_keeps_the_table_passes(self):
        self.assertEqual(self.run_script(), (0, ""))

    def test_including_upward_is_a_breach_in_headers_and_sources(self):
        self.write("src/core/b.h", '\n#include "store/s.h"\n')
        self.write("src/store/s.h", "")
        self.assert_breach('src/core/b.h:2: core may not include store ("store/s.h")')

    def test_including_a_file_that_is_not_there_is_a_breach(self):
        self.write("src/store/x.cc", '#include "core/gone.h"\n')
        self.assert_breach("src/store/x.cc:1: there is no src/core/gone.h")

    def test_including_without_the_room_is_a_breach(self):
        self.write("src/core/b.cc", '#include "a.h"\n')
        self.assert_breach('src/core/b.cc:1: "a.h" does not start with its room')

    def test_leaving_the_room_by_dots_is_a_breach(self):
        self.write("src/core/b.cc", '#include "../tensor/t.h"\n')
        self.assert_breach('src/core/b.cc:1: "../tensor/t.h" does not start with its room')

    def test_a_package_outside_its_rooms_is_a_breach(self):
        self.write("src/tensor/m.cc", "#include <mlx/array.h>\n")
        self.assert_breach("src/tensor/m.cc:1: <mlx/> is for store, not for tensor")

    def test_headers_in_a_circle_are_a_breach(self):
        self.write("src/core/b.h", '#include "core/c.h"\n')
        self.write("src/core/c.h", '#include "core/b.h"\n')
        self.assert_breach("src/core/c.h:1: headers in a circle: core/b.h -> core/c.h -> core/b.h")

    def test_a_room_without_a_line_is_a_breach(self):
        self.write("src/attic/x.h", "")
        self.assert_breach("src/attic: tools/layers.txt has no such room")

    def test_a_table_with_a_circle_is_a_breach(self):
        self.write("tools/layers.txt", TABLE.replace("core:", "core: store"))
        self.draw_docs_of_bad_table()
        self.assert_breach("layers.txt:2: 'core' names 'store', which no line above has")

    def draw_docs_of_bad_table(self):
        self.assertEqual(self.run_script("--write-docs")[0], 1)

    def test_a_line_that_is_no_rule_is_a_breach(self):
        self.write("tools/layers.txt", TABLE + "what is this\n")
        self.assert_breach("layers.txt:6: neither 'room: rooms' nor '<package/>: rooms'")

    def test_tests_keep_to_the_rooms_of_what_they_test(self):
        self.write("tests/testing/helper.h", "")
        self.write(
            "tests/core/a_test.cc", '#include "core/a.h"\n#include "tests/testing/helper.h"\n'
        )
        self.assertEqual(self.run_script(), (0, ""))
        self.write("tests/core/a_test.cc", '#include "tensor/t.h"\n')
        self.assert_breach('tests/core/a_test.cc:1: core may not include tensor ("tensor/t.h")')

    def test_a_drawing_of_another_table_is_a_breach(self):
        self.write("tools/layers.txt", TABLE.replace("store: core tensor", "store: tensor"))
        self.assert_breach(
            "docs/architecture.md: the drawing is not that of tools/layers.txt; "
            "run tools/check_layers.py --write-docs"
        )

    def test_this_tree_passes(self):
        command = [sys.executable, str(SCRIPT)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
