#!/usr/bin/env python3
"""The benchmark of tokenizers: bench_text_tokenizer beside the `tokenizers` package.

  tokenizer_bench.py --program build/bench/bin/bench_text_tokenizer [--rounds N] [--data DIR]

Both sides hold the same tokenizer of 150,000 tokens and the same 10 MB of mixed text in some two
thousand documents, run as servers, on one thread and on all, and take turns. Printed are medians
and their ratio, by the clock and by the time of processors, which says more on a machine that is
shared; the package encodes by encode_batch_fast, its fastest way, and returns to Python nothing but
its own objects.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import tokenizer_build
import tokenizer_text
from tokenizers import Regex, Tokenizer, decoders, models, trainers
from tokenizers import pre_tokenizers as pre

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZE = 10 << 20
VOCABULARY = 150_000


def prepare(data):
    """Trains the tokenizer, which takes a minute or two, and writes the documents; once."""
    data.mkdir(parents=True, exist_ok=True)
    tokenizer, documents = data / "tokenizer.json", data / "documents.json"
    if not documents.exists():
        documents.write_text(json.dumps(tokenizer_text.mixed(SIZE)))
    if not tokenizer.exists():
        print("training a tokenizer", file=sys.stderr)
        t = Tokenizer(models.BPE())
        split = pre.Split(Regex(tokenizer_build.QWEN2), "isolated")
        t.pre_tokenizer = pre.Sequence([split, pre.ByteLevel(False, use_regex=False)])
        t.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=VOCABULARY - 3,
            initial_alphabet=tokenizer_build.ALPHABET,
            show_progress=False,
        )
        t.train_from_iterator(tokenizer_text.mixed(2 * SIZE, seed=3), trainer)
        t.add_special_tokens(tokenizer_build.control("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
        assert t.get_vocab_size() == VOCABULARY, t.get_vocab_size()
        t.save(str(tokenizer))
    return tokenizer, documents


def serve(tokenizer, documents):
    texts = json.loads(pathlib.Path(documents).read_text())
    whole = "".join(texts)
    held = Tokenizer.from_file(tokenizer)
    encoded = [e.ids for e in held.encode_batch_fast(texts)]
    content = pathlib.Path(tokenizer).read_text()
    works = {
        "load": lambda: Tokenizer.from_str(content),
        "encode": lambda: held.encode_batch_fast(texts),
        "whole": lambda: held.encode_batch_fast([whole]),
        "decode": lambda: held.decode_batch(encoded, skip_special_tokens=False),
    }
    for line in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        result = works[line.strip()]()
        print(time.perf_counter() - start, time.process_time() - used, flush=True)
        del result


class Server:
    def __init__(self, command, **env):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | env
        )

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        clock, processor = self.process.stdout.readline().split()
        return float(clock), float(processor)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(program, tokenizer, documents, rounds):
    files = [str(tokenizer), str(documents)]
    size = len("".join(json.loads(documents.read_text())).encode()) / 1e6
    cpus = len(os.sched_getaffinity(0))
    print(f"{size:.1f} MB, {VOCABULARY} tokens, medians of {rounds} rounds that take turns")
    print(f"{'':24}{'by the clock':^36}{'by processor time':^36}")
    print(f"{'':24}" + 2 * f"{'ingot':>12}{'tokenizers':>14}{'ratio':>8}  ")
    for threads in (1, cpus):
        ours = Server([program, "--serve", *files, str(threads)])
        theirs = Server(
            [sys.executable, __file__, "--serve", *files],
            RAYON_NUM_THREADS=str(threads),
            TOKENIZERS_PARALLELISM="true",
        )
        for what in ("encode", "whole", "decode", "load"):
            if what == "load" and threads != 1:
                continue
            times = [(ours.ask(what), theirs.ask(what)) for _ in range(rounds)]
            line = f"{what}, {threads} thread{'s' if threads > 1 else ''}"
            line = f"{line:24}"
            for clock in (0, 1):
                a, b = (
                    statistics.median(t[clock] for t in side) for side in zip(*times, strict=True)
                )
                if what == "load":
                    line += f"{a * 1e3:9.1f} ms{b * 1e3:11.1f} ms{b / a:8.2f}  "
                else:
                    line += f"{size / a:7.1f} MB/s{size / b:9.1f} MB/s{b / a:8.2f}  "
            print(line, flush=True)
        ours.close()
        theirs.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "build/tokenizer-bench")
    parser.add_argument("--serve", nargs=2, metavar=("TOKENIZER", "DOCUMENTS"))
    args = parser.parse_args()
    if args.serve:
        serve(*args.serve)
        return
    tokenizer, documents = prepare(args.data)
    compare(args.program, tokenizer, documents, args.rounds)


if __name__ == "__main__":
    main()
