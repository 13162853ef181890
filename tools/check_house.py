#!/usr/bin/env python3
"""House rules that no other tool knows, over the files that git tracks.

    tools/check_house.py [--root DIR]

Prints file:line for every breach, and exits 1 if there is one: a source file over the line limit,
a header without the guard of its path or without a comment that opens it, a marker of unfinished
work, a test that is switched off, a tab or a space at the end of a line, a missing last newline;
in src/models, besides, a file over its own limit, or one that names a device, a file format or a
quantization mode: an architecture is formulas, and where and how its weights lie is not its affair.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

MAX_LINES = 600
CODE = {".h", ".cc", ".py", ".sh", ".cmake"}
TEXT = CODE | {".md", ".txt", ".toml", ".json", ".yml", ".yaml"}
NAMES = {"Makefile", "CMakeLists.txt", ".clang-format", ".clang-tidy", ".editorconfig"}
# Written apart, so that this file does not find itself.
UNFINISHED = re.compile(
    r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b"
)
SWITCHED_OFF = re.compile(r"\b(" + "|".join(["DIS" + "ABLED_", "GTEST_" + "SKIP"]) + r")")
# Rooms with a limit of their own, and what nothing in them may name.
MODELS = "src/models/"
MAX_MODEL_LINES = 400
NOT_FORMULAS = {
    "a device": r"\b(cuda|metal|gpu|cpu|simd|neon|amx|avx\w*|arm64|aarch64|x86\w*|(default_)?device)\b",
    "a file format": r"\b(safetensors?|gguf|ggml|onnx|npy|npz|pickle|mmap(ped)?|blobs?)\b",
    "a quantization mode": r"\b(k?affine|k?nvfp4|k?mxfp[48]|k?int[2-8]|fp8|e4m3\w*|e5m2\w*|e8m0|e2m1"
    r"|gptq|awq|bitsandbytes)\b",
}
# Data of tests and fuzzers is what it is: a golden may hold anything.
DATA = re.compile(r"^(fuzz/corpus/|tests/(.*/)?(golden|goldens|data|templates)/)")


def tracked(root: Path) -> list[str]:
    out = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True
    ).stdout
    return sorted(name for name in out.decode().split("\0") if name)


def expected_guard(name: str) -> str:
    path = name.removeprefix("src/")
    return "INGOT_" + re.sub(r"[^A-Za-z0-9]", "_", path).upper() + "_"


def check_header(name: str, lines: list[str]) -> list[str]:
    problems = []
    guard = expected_guard(name)
    if f"#ifndef {guard}" not in lines or f"#define {guard}" not in lines:
        problems.append(f"{name}:1: the include guard should be {guard}")
    if not lines or not lines[0].startswith("//"):
        problems.append(f"{name}:1: a header opens with a comment: what it is, who may use it")
    return problems


def check_lines(name: str, lines: list[str]) -> list[str]:
    problems = []
    is_code = Path(name).suffix in CODE
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            problems.append(f"{name}:{number}: space at the end of the line")
        if is_code and "\t" in line:
            problems.append(f"{name}:{number}: a tab")
        if match := UNFINISHED.search(line):
            problems.append(f"{name}:{number}: {match[1]}: finish it, or say what is missing")
        if name.startswith("tests/") and (match := SWITCHED_OFF.search(line)):
            problems.append(f"{name}:{number}: {match[1]}: a test that does not run tests nothing")
    return problems


def check_model(name: str, lines: list[str]) -> list[str]:
    """An architecture's file: short, and free of what is behind the weights and the arrays."""
    problems = []
    if len(lines) > MAX_MODEL_LINES:
        problems.append(f"{name}:{len(lines)}: over {MAX_MODEL_LINES} lines for an architecture")
    for number, line in enumerate(lines, 1):
        for what, pattern in NOT_FORMULAS.items():
            if match := re.search(pattern, line, re.IGNORECASE):
                problems.append(f"{name}:{number}: names {what}: {match[0]}")
    return problems


def check_file(root: Path, name: str) -> list[str]:
    path = root / name
    if DATA.match(name) or not path.is_file() or path.is_symlink():
        return []
    if path.suffix not in TEXT and path.name not in NAMES:
        return []
    text = path.read_text(errors="replace")
    lines = text.splitlines()
    problems = check_lines(name, lines)
    if path.suffix in CODE and len(lines) > MAX_LINES:
        problems.append(f"{name}:{len(lines)}: over {MAX_LINES} lines; one concept a file")
    if name.startswith(MODELS):
        problems += check_model(name, lines)
    if text and not text.endswith("\n"):
        problems.append(f"{name}:{len(lines)}: no newline at the end")
    if path.suffix == ".h":
        problems += check_header(name, lines)
    return problems


def check(root: Path) -> list[str]:
    return [problem for name in tracked(root) for problem in check_file(root, name)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks the house rules.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    problems = check(parser.parse_args().root)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
