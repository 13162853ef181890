"""Every test that the documentation names exists."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([A-Z]\w+)\.(\*|[A-Z]\w+)`")
DEFINED = re.compile(r"^TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)


class DocsTest(unittest.TestCase):
    def test_names_no_test_that_is_not_there(self):
        tests = set()
        for path in ROOT.glob("tests/**/*.cc"):
            for suite, name in DEFINED.findall(path.read_text()):
                tests |= {(suite, name), (suite, "*")}
        self.assertGreater(len(tests), 1000)
        named = 0
        for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
            for pair in NAMED.findall(path.read_text()):
                named += 1
                self.assertIn(pair, tests, f"{path.name} names {'.'.join(pair)}")
        self.assertGreater(named, 30)


if __name__ == "__main__":
    unittest.main()
