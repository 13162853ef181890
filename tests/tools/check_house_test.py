"""tools/check_house.py finds each breach of the house rules in the files that git tracks."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "check_house.py"

GOOD_HEADER = "// What it is.\n#ifndef INGOT_CORE_A_H_\n#define INGOT_CORE_A_H_\n#endif\n"


class CheckHouseTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)

    def problems_of(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        subprocess.run(["git", "add", "-f", name], cwd=self.root, check=True)
        command = [sys.executable, str(SCRIPT), "--root", str(self.root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1 if done.stderr else 0)
        return done.stderr.splitlines()

    def test_a_file_within_the_rules_passes(self):
        self.assertEqual(self.problems_of("src/core/a.h", GOOD_HEADER), [])

    def test_files_over_the_limit_are_named_with_their_length(self):
        self.assertEqual(self.problems_of("src/core/a.cc", "int a;\n" * 600), [])
        found = self.problems_of("src/core/a.cc", "int a;\n" * 601)
        self.assertEqual(found, ["src/core/a.cc:601: over 600 lines; one concept a file"])

    def test_an_architecture_is_short_and_names_nothing_behind_its_weights(self):
        self.assertEqual(self.problems_of("src/models/a.cc", "int32_t a;\n" * 400), [])
        found = self.problems_of("src/models/a.cc", "int a;\n" * 401)
        self.assertEqual(found, ["src/models/a.cc:401: over 400 lines for an architecture"])
        for line, what in [
            ("if (mx::default_device() == mx::Device::gpu) {", "a device: default_device"),
            ("// On CUDA the heads are copied.", "a device: CUDA"),
            ("// As *.safetensors have it.", "a file format: safetensors"),
            ("case quant::Mode::kNvfp4:", "a quantization mode: kNvfp4"),
            ('if (type == "int4") return;', "a quantization mode: int4"),
        ]:
            found = self.problems_of("src/models/a.cc", f"{line}\n")
            self.assertEqual(found, [f"src/models/a.cc:1: names {what}"])
            (self.root / "src/models/a.cc").unlink()
            self.assertEqual(self.problems_of("src/model/a.cc", f"{line}\n"), [])

    def test_a_header_needs_the_guard_of_its_path(self):
        found = self.problems_of("src/tensor/a.h", GOOD_HEADER)
        self.assertEqual(found, ["src/tensor/a.h:1: the include guard should be INGOT_TENSOR_A_H_"])

    def test_a_header_needs_an_opening_comment(self):
        found = self.problems_of("src/core/a.h", GOOD_HEADER.split("\n", 1)[1])
        self.assertEqual(len(found), 1)
        self.assertIn("opens with a comment", found[0])

    def test_markers_of_unfinished_work_are_found(self):
        word = "TO" + "DO"
        found = self.problems_of("src/core/a.cc", f"int a;  // {word}: more\n")
        self.assertEqual(found, [f"src/core/a.cc:1: {word}: finish it, or say what is missing"])

    def test_switched_off_tests_are_found(self):
        name = "DIS" + "ABLED_Works"
        found = self.problems_of("tests/core/a_test.cc", f"TEST(A, {name}) {{}}\n")
        self.assertEqual(len(found), 1)
        self.assertIn("does not run", found[0])

    def test_white_space_is_checked(self):
        found = self.problems_of("src/core/a.cc", "int a; \n\tint b;\nint c;")
        self.assertEqual(
            found,
            [
                "src/core/a.cc:1: space at the end of the line",
                "src/core/a.cc:2: a tab",
                "src/core/a.cc:3: no newline at the end",
            ],
        )

    def test_data_of_fuzzers_and_goldens_is_left_alone(self):
        self.assertEqual(self.problems_of("fuzz/corpus/x/seed.json", "a \t"), [])
        self.assertEqual(self.problems_of("tests/core/golden/seed.json", "a \t"), [])

    def test_untracked_files_are_left_alone(self):
        (self.root / "scratch.cc").write_text("\t")
        self.assertEqual(self.problems_of("src/core/a.h", GOOD_HEADER), [])


if __name__ == "__main__":
    unittest.main()
