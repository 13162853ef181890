#!/usr/bin/env python3
"""Compares our tokenizers with the `tokenizers` package, string by string.

  tokenizer_diff.py --driver PATH [--group NAME] [--only NAME,NAME] [--work DIR]

Builds a tokenizer of each kind, encodes thousands of strings with both, and compares ids; then
decodes with both, whole and as a stream, with and without special tokens.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import tokenizer_build
import tokenizer_text


class Driver:
    def __init__(self, program, path):
        self.command = [program, path]

    def ask(self, requests):
        """All requests in, all answers out."""
        lines = "".join(json.dumps(r) + "\n" for r in requests)
        done = subprocess.run(self.command, input=lines.encode(), capture_output=True)
        if done.returncode != 0:
            raise SystemExit(f"driver: {done.stderr.decode()}")
        # Not splitlines: answers hold line separators of their own.
        return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def repaired(data):
    return data.decode(errors="replace")


def broken_bytes(count, seed):
    r = random.Random(seed)
    out = []
    for _ in range(count):
        data = bytearray(r.choice(tokenizer_text.SENTENCES + tokenizer_text.EMOJI).encode())
        for _ in range(r.randint(1, 6)):
            at = r.randrange(len(data))
            data[at : at + r.randint(0, 2)] = bytes(
                r.randrange(256) for _ in range(r.randint(0, 3))
            )
            data = data or bytearray(b"x")
        out.append(bytes(data))
    return out


class Check:
    def __init__(self, name):
        self.name = name
        self.compared = 0
        self.wrong = []

    def same(self, what, given, expected, found):
        self.compared += 1
        if expected != found:
            self.wrong.append((what, given, expected, found))


def compare(name, maker, count, driver_path, work):
    theirs = maker()
    path = str(work / f"{name}.json")
    theirs.save(path)
    driver = Driver(driver_path, path)
    check = Check(name)
    texts = tokenizer_text.strings(count, seed=len(name) * 1000 + count)
    if name.startswith(("normal_", "pieces_", "split_")):
        # Every character there is, some at a time, and alone in front of a letter.
        points = [c for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF]
        texts += ["".join(map(chr, points[i : i + 60])) for i in range(0, 0x20000, 60)]
        texts += ["a".join(map(chr, points[i : i + 60])) for i in range(0, 0x20000, 60)]

    expected = [e.ids for e in theirs.encode_batch(texts, add_special_tokens=True)]
    answers = driver.ask([{"encode": t, "special": True} for t in texts])
    for text, want, got in zip(texts, expected, answers, strict=True):
        check.same("encode", text, want, got.get("ids", got))

    some = texts[: count // 4]
    expected = [e.ids for e in theirs.encode_batch(some, add_special_tokens=False)]
    answers = driver.ask([{"encode": t, "special": False} for t in some])
    for text, want, got in zip(some, expected, answers, strict=True):
        check.same("encode without special tokens", text, want, got.get("ids", got))

    data = broken_bytes(count // 10, seed=5)
    expected = [e.ids for e in theirs.encode_batch([repaired(d) for d in data])]
    answers = driver.ask([{"encode_hex": d.hex()} for d in data])
    for given, want, got in zip(data, expected, answers, strict=True):
        check.same("encode broken text", given, want, got.get("ids", got))

    # Special tokens in text that may not have any.
    theirs.encode_special_tokens = True
    some = [t for t in texts[:count] if any(s in t for s in tokenizer_text.SPECIALS)]
    expected = [e.ids for e in theirs.encode_batch(some, add_special_tokens=False)]
    answers = driver.ask([{"encode": t, "special": False, "trusted": False} for t in some])
    special = {i for i, a in theirs.get_added_tokens_decoder().items() if a.special}
    for text, want, got in zip(some, expected, answers, strict=True):
        # The package keeps such tokens out of the text, not out of its models' vocabularies.
        if special.isdisjoint(want):
            check.same("encode untrusted", text, want, got.get("ids", got))
    theirs.encode_special_tokens = False

    r = random.Random(11)
    size = theirs.get_vocab_size()
    lists = [e.ids for e in theirs.encode_batch(texts[: count // 2])]
    lists += [[r.randrange(size) for _ in range(r.randint(0, 12))] for _ in range(count // 4)]
    if "decoder" in json.loads(theirs.to_str()) and name in ("clip",):
        lists = [ids for ids in lists if ids]  # its decoder does not take an empty list
    for skip in (False, True):
        expected = theirs.decode_batch(lists, skip_special_tokens=skip)
        answers = driver.ask([{"decode": ids, "skip": skip} for ids in lists])
        for ids, want, got in zip(lists, expected, answers, strict=True):
            check.same(f"decode, skip {skip}", ids, want, got.get("text", got))
            check.same(f"stream, skip {skip}", ids, want, got.get("stream", got))
    return check


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--work")
    parser.add_argument("--group", choices=tokenizer_build.GROUPS)
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=5)
    args = parser.parse_args()
    wanted = args.only.split(",") if args.only else []
    kinds = {
        name: kind
        for group, members in tokenizer_build.GROUPS.items()
        for name, kind in members.items()
        if (not args.group or group == args.group) and (not wanted or name in wanted)
    }
    if not kinds:
        parser.error("no such tokenizer")
    with tempfile.TemporaryDirectory(prefix="ingot-tokenizers-") as scratch:
        work = pathlib.Path(args.work or scratch)
        work.mkdir(parents=True, exist_ok=True)
        return run(kinds, args, work)


def run(kinds, args, work):
    failed = 0
    for name, (maker, count) in kinds.items():
        check = compare(name, maker, count, args.driver, work)
        print(f"{name}: {check.compared} compared, {len(check.wrong)} wrong", flush=True)
        for what, given, want, found in check.wrong[: args.show]:
            print(f"  {what}: {given!r}\n    want  {want!r}\n    found {found!r}")
        failed += len(check.wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
