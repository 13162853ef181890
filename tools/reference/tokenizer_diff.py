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
        """All requests in, an answer for each; a request has many texts or many lists of ids."""
        done = subprocess.run(
            self.command, input=json.dumps(requests).encode(), capture_output=True
        )
        if done.returncode != 0:
            raise SystemExit(f"driver: {done.stderr.decode()}")
        return json.loads(done.stdout)


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
        """Lists of as many answers as were given."""
        assert len(given) == len(expected) == len(found), (what, len(given), len(found))
        self.compared += len(given)
        if expected != found:
            triples = zip(given, expected, found, strict=True)
            self.wrong += [(what, *triple) for triple in triples if triple[1] != triple[2]]


def encoded(tokenizer, texts, special=True):
    return [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=special)]


def texts_for(name, count):
    texts = tokenizer_text.strings(count, seed=len(name) * 1000 + count)
    points = [chr(c) for c in range(1, 0x20000) if not 0xD800 <= c <= 0xDFFF]
    if name.startswith("normal_"):
        # Every character there is, some at a time.
        texts += ["".join(points[i : i + 60]) for i in range(0, len(points), 60)]
    if name.startswith(("normal_", "pieces_", "split_")):
        # And alone in front of a letter.
        texts += ["a".join(points[i : i + 60]) for i in range(0, len(points), 60)]
    return texts


def compare(name, maker, count, driver_path, work):
    theirs = maker()
    path = str(work / f"{name}.json")
    theirs.save(path)
    check = Check(name)
    texts = texts_for(name, count)
    fewer = texts[: count // 4]
    data = broken_bytes(count // 10, seed=5)
    guarded = [t for t in texts[:count] if any(s in t for s in tokenizer_text.SPECIALS)]

    whole = encoded(theirs, texts)
    r = random.Random(11)
    size = theirs.get_vocab_size()
    lists = whole[: count // 2]
    lists += [[r.randrange(size) for _ in range(r.randint(0, 12))] for _ in range(count // 4)]
    if name == "clip":
        lists = [ids for ids in lists if ids]  # its decoder does not take an empty list

    answers = Driver(driver_path, path).ask(
        [
            {"encode": texts, "special": True},
            {"encode": fewer, "special": False},
            {"encode_hex": [d.hex() for d in data]},
            {"encode": guarded, "special": False, "trusted": False},
            {"decode": lists, "skip": False},
            {"decode": lists, "skip": True},
        ]
    )
    check.same("encode", texts, whole, answers[0]["ids"])
    check.same(
        "encode without special tokens", fewer, encoded(theirs, fewer, False), answers[1]["ids"]
    )
    broken = encoded(theirs, [repaired(d) for d in data])
    check.same("encode broken text", data, broken, answers[2]["ids"])

    # Special tokens in text that may not have any. The package keeps such tokens out of the text,
    # not out of its models' vocabularies: what has one nevertheless is no measure.
    theirs.encode_special_tokens = True
    special = {i for i, a in theirs.get_added_tokens_decoder().items() if a.special}
    measured = [
        triple
        for triple in zip(guarded, encoded(theirs, guarded, False), answers[3]["ids"], strict=True)
        if special.isdisjoint(triple[1])
    ]
    check.same("encode untrusted", *map(list, zip(*measured, strict=True)))
    theirs.encode_special_tokens = False

    for skip, answer in ((False, answers[4]), (True, answers[5])):
        decoded = theirs.decode_batch(lists, skip_special_tokens=skip)
        check.same(f"decode, skip {skip}", lists, decoded, answer["text"])
        check.same(f"stream, skip {skip}", lists, decoded, answer["stream"])
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
