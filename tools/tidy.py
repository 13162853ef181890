#!/usr/bin/env python3
"""Runs clang-tidy over the program's sources, within a time that it is given.

    tools/tidy.py [--since COMMIT] [--minutes N] [--jobs N] [--quick] [FILE…]

With --since, rooms that differ from COMMIT come first, and are checked whole: a header that changed
shows in every file of its room. The others follow for as long as --minutes allows, beginning at a
place that depends on the commit, so that each gets its turn. --quick leaves out the checks that
follow paths through functions, which take two thirds of the time. Exit 1 on any finding; what was
not looked at for want of time is counted.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"


def git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def compiled_sources() -> list[str]:
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    names = {os.path.relpath(command["file"], ROOT) for command in commands}
    return sorted(name for name in names if name.startswith("src/"))


def room_of(name: str) -> str:
    return name.split("/")[1] if name.startswith("src/") else ""


def in_order(sources: list[str], since: str | None) -> tuple[list[str], list[str]]:
    """What must be checked, and what may be as time allows."""
    changed = git("diff", "--name-only", since, "--") if since else None
    if changed is None or ".clang-tidy" in changed.split("\n"):
        # Nothing is known to be unchanged.
        first, rest = [], sources
    else:
        rooms = {room_of(name) for name in changed.split("\n")} - {""}
        first = [name for name in sources if room_of(name) in rooms]
        rest = [name for name in sources if room_of(name) not in rooms]
    if rest:
        head = git("rev-parse", "HEAD") or ""
        start = int(hashlib.sha256(head.encode()).hexdigest(), 16) % len(rest)
        rest = rest[start:] + rest[:start]
    return first, rest


def tidy(name: str, deadline: float, quick: bool) -> tuple[str, str | None]:
    """The findings in one file; None when there was no time left to look."""
    left = deadline - time.monotonic()
    if left <= 0:
        return name, None
    command = ["clang-tidy-16", "--quiet", "-p", str(BUILD), str(ROOT / name)]
    if quick:
        command.append("--checks=-clang-analyzer-*")
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=left)
    except subprocess.TimeoutExpired:
        return name, None
    if done.returncode == 0:
        return name, ""
    # clang-tidy tells about suppressed warnings on the error stream even when all is well.
    return name, done.stdout.strip() or done.stderr.strip() or f"exit {done.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs clang-tidy within a time.")
    parser.add_argument("--since", help="check what differs from this commit first")
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true", help="without the static analyzer")
    parser.add_argument("files", nargs="*", help="check only these")
    arguments = parser.parse_args()

    deadline = time.monotonic() + 60 * arguments.minutes
    if arguments.files:
        first, rest = arguments.files, []
    else:
        first, rest = in_order(compiled_sources(), arguments.since)
    findings, unseen = 0, set()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for name, found in pool.map(
            lambda name: tidy(name, deadline, arguments.quick), first + rest
        ):
            if found is None:
                unseen.add(name)
            elif found:
                findings += 1
                print(found, flush=True)
    total = len(first) + len(rest)
    late = len(unseen & set(first))
    print(f"clang-tidy: {total - len(unseen)} of {total} files checked, {findings} with findings")
    if late:
        print(f"clang-tidy: no time was left for {late} files of rooms that changed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
