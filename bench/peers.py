#!/usr/bin/env python3
"""How fast models run here beside llama.cpp and mlx-lm, which read equal weights of equal size:

    bench/peers.py --llama DIR [--mlx-python PYTHON] [--shape qwen3-0.6b|qwen3-moe]
                   [--types int4,int8,…] [--tests decode,prefill,…] [--rounds N] [--threads N]

Weights come out of one seed (bench/synthetic.py) and are written as safetensors and as GGUF, number
for number (bench/peers_gguf.py). --llama is the folder with llama-bench and llama-batched-bench
(bench/build_llama.sh builds them), PYTHON one that has mlx-lm. The sides take turns, --rounds (3)
times; medians are printed, with the share of the memory bandwidth that the same run measured.

    decode   one sequence, 64 tokens, after a prompt of 8
    prefill  a prompt of 512 tokens
    busy     decode while another process keeps one processor busy
    streams  8 sequences together, 32 tokens each, against one
    first    a whole process with a prompt of 32 tokens until its first token: files in the page
             cache, and dropped from it
    mlx      mlx-lm's decode, a few tokens, once

Our programs are taken from build/bench/bin (`make bench`, or cmake --preset bench).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import peers_gguf
import synthetic

ROOT = Path(__file__).resolve().parents[1]
MLX_DECODE = """
import sys, time
from pathlib import Path
import mlx.core as mx
from mlx_lm.utils import load_model
from mlx_lm.models.cache import make_prompt_cache
model = load_model(Path(sys.argv[1]))[0]
cache = make_prompt_cache(model)
token = mx.array([[1]])
times = []
for _ in range(int(sys.argv[2])):
    begin = time.monotonic()
    token = mx.argmax(model(token, cache=cache)[:, -1], axis=-1)[None]
    mx.eval(token)
    times.append(time.monotonic() - begin)
print(1 / sorted(times)[len(times) // 2])
"""


def output_of(command):
    words = [str(word) for word in command]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{run.stderr[-2000:]}")
    return run.stdout


def drop_from_cache(path):
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Model:
    """One shape in one type, on disk for both sides."""

    def __init__(self, options, kind):
        self.kind = kind
        self.folder = options.dir / f"{options.shape}-{kind}"
        self.gguf = options.dir / f"{options.shape}-{kind}.gguf"
        if not self.gguf.exists():
            writer, config = synthetic.make(self.folder, options.shape, kind)
            unfinished = self.gguf.with_suffix(".part")
            peers_gguf.save(unfinished, kind, writer.parts, config)
            unfinished.rename(self.gguf)
        self.weights = self.folder / "model.safetensors"


class Peers:
    def __init__(self, options):
        self.options = options
        self.figures = {}  # (test, type, side) -> values
        self.shares = {}

    def keep(self, test, kind, side, value):
        self.figures.setdefault((test, kind, side), []).append(value)
        print(f"  {test:8} {kind:6} {side:10} {value:9.3f}", flush=True)

    def ours(self, model, prompt, generate):
        report = json.loads(
            output_of(
                [
                    self.options.programs / "ingot",
                    "bench",
                    model.folder,
                    "-p",
                    prompt,
                    "-n",
                    generate,
                    "-r",
                    1,
                    "--threads",
                    self.options.threads,
                    "--json",
                ]
            )
        )
        if generate > 1:
            self.shares.setdefault(model.kind, []).append(report["share_of_bandwidth"])
        return report[f"{'decode' if generate > 1 else 'prefill'}_tokens_per_second"]["median"]

    def llama(self, model, prompt, generate):
        command = [self.options.llama / "llama-bench", "-m", model.gguf, "-p", prompt]
        command += ["-n", generate, "-r", 1, "-t", self.options.threads, "-o", "json"]
        return json.loads(output_of(command))[0]["avg_ts"]

    def decode(self, model, name="decode"):
        self.keep(name, model.kind, "ingot", self.ours(model, 8, 64))
        self.keep(name, model.kind, "llama.cpp", self.llama(model, 0, 64))

    def prefill(self, model):
        self.keep("prefill", model.kind, "ingot", self.ours(model, 512, 1))
        self.keep("prefill", model.kind, "llama.cpp", self.llama(model, 512, 0))

    def busy(self, model):
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
            try:
                self.decode(model, "busy")
            finally:
                other.kill()

    def streams(self, model):
        lines = output_of([self.options.programs / "bench_streams", model.folder, 32]).splitlines()
        for line in lines:
            count, _, rate, *_ = line.replace(":", " ").split()
            if count in ("1", "8"):
                self.keep(f"{count} seq", model.kind, "ingot", float(rate))
        command = [self.options.llama / "llama-batched-bench", "-m", model.gguf, "-npp", 8]
        command += ["-ntg", 32, "-npl", "1,8", "-c", 2048, "-t", self.options.threads]
        command += ["--output-format", "jsonl"]
        for line in output_of(command).splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                self.keep(f"{row['pl']} seq", model.kind, "llama.cpp", row["speed_tg"])

    def first(self, model):
        sides = {
            "ingot": (
                model.weights,
                [self.options.programs / "bench_first_token", model.folder, 32],
            ),
            "llama.cpp": (
                model.gguf,
                [
                    self.options.llama / "llama-bench",
                    "-m",
                    model.gguf,
                    "-p",
                    32,
                    "-n",
                    0,
                    "-r",
                    1,
                    "--no-warmup",
                    "-t",
                    self.options.threads,
                ],
            ),
        }
        for side, (file, command) in sides.items():
            file.read_bytes()
            for test in ("cached", "cold"):
                if test == "cold":
                    drop_from_cache(file)
                begin = time.monotonic()
                output_of(command)
                self.keep(test, model.kind, side, time.monotonic() - begin)

    def mlx(self, model):
        if self.options.mlx_python and ("mlx", model.kind, "mlx-lm") not in self.figures:
            command = [self.options.mlx_python, "-c", MLX_DECODE, model.folder, 4]
            self.keep("mlx", model.kind, "mlx-lm", float(output_of(command)))

    def report(self):
        def median(test, kind, side):
            values = self.figures.get((test, kind, side))
            return statistics.median(values) if values else None

        print(
            f"\n{self.options.shape}, {self.options.threads} threads, {self.options.rounds} rounds"
        )
        print("\n| test | type | ingot | llama.cpp | times |\n|---|---|---|---|---|")
        for test, kind, side in self.figures:
            if side != "ingot":
                continue
            ours, other = median(test, kind, side), median(test, kind, "llama.cpp")
            seconds = test in ("cached", "cold")
            shown = f"{ours:.3f} s | {other:.3f} s" if seconds else f"{ours:.1f} | {other:.1f}"
            ratio = other / ours if seconds else ours / other
            print(f"| {test} | {kind} | {shown} | {ratio:.2f} |")
        for kind, shares in self.shares.items():
            print(f"{kind}: decode reads {100 * statistics.median(shares):.0f} % of the bandwidth")
        for test, kind, side in list(self.figures):
            if test == "8 seq":
                one = median("1 seq", kind, side)
                print(
                    f"{kind}: 8 sequences of {side} give {median(test, kind, side) / one:.2f} times one"
                )
            if side == "mlx-lm":
                value = median(test, kind, side)
                ours = median("decode", kind, "ingot")
                times = f", ingot {ours / value:.0f} times" if ours else ""
                print(f"{kind}: mlx-lm decodes {value:.3f} tokens/s{times}")

    def go(self):
        for kind in self.options.types.split(","):
            model = Model(self.options, kind)
            for number in range(self.options.rounds):
                print(f"{kind}, round {number + 1}", flush=True)
                for test in self.options.tests.split(","):
                    getattr(self, test)(model)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, default=ROOT / "build" / "bench-peers")
    parser.add_argument("--programs", type=Path, default=ROOT / "build" / "bench" / "bin")
    parser.add_argument("--llama", type=Path, required=True)
    parser.add_argument("--mlx-python")
    parser.add_argument("--shape", choices=synthetic.SHAPES, default="qwen3-0.6b")
    parser.add_argument("--types", default="int4,int8,bf16,nvfp4,mxfp4")
    parser.add_argument("--tests", default="decode,prefill,busy,streams,first,mlx")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    options.dir.mkdir(parents=True, exist_ok=True)
    bench = Peers(options)
    bench.go()
    bench.report()


if __name__ == "__main__":
    main()
