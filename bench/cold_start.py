#!/usr/bin/env python3
"""What the layout of a mixture of experts on disk does to the first token after a cold start:

    bench/cold_start.py [--dir DIR] [--type bf16|int4|…] [--rounds N] [--prompt N]

One model of Qwen3-MoE's shape (bench/synthetic.py; 12 layers, 64 experts, 8 chosen) is written three
times, with the same numbers:

    experts    every expert's matrices by themselves, in the order of their names, as checkpoints
               are published: they are put together when the model is loaded
    shuffled   a layer's experts in one tensor, tensors in any order
    canonical  the same, in the order in which `ingot create` stores them: layer by layer

A process (build/bench/bin/bench_first_token) loads the model, reads a prompt and writes one token,
with the files dropped from the page cache before, and again with them in it. The layouts take turns;
medians of the seconds are printed.
"""

import argparse
import os
import random
import statistics
import subprocess
import time
from pathlib import Path

import synthetic

ROOT = Path(__file__).resolve().parents[1]
LAYOUTS = ("experts", "shuffled", "canonical")


def apart(parts):
    """Stacked experts one by one; the rest as it is."""
    result = {}
    for name, (kind, shape, data) in parts.items():
        if ".switch_mlp." not in name:
            result[name] = (kind, shape, data)
            continue
        size = len(data) // shape[0]
        for expert in range(shape[0]):
            one = name.replace(".switch_mlp.", f".experts.{expert}.")
            result[one] = (kind, shape[1:], data[expert * size : (expert + 1) * size])
    return dict(sorted(result.items()))


def shuffled(parts):
    names = list(parts)
    random.Random(7).shuffle(names)
    return {name: parts[name] for name in names}


def make(folder, kind):
    for layout, order in zip(LAYOUTS, (apart, shuffled, dict), strict=True):
        path = folder / f"{kind}-{layout}"
        if (path / "model.safetensors").exists():
            continue
        writer, _ = synthetic.make(path, "qwen3-moe", kind)
        writer.parts = order(writer.parts)
        writer.save(path / "model.safetensors")


def seconds(command):
    begin = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, default=ROOT / "build" / "bench-cold")
    parser.add_argument("--programs", type=Path, default=ROOT / "build" / "bench" / "bin")
    parser.add_argument("--type", choices=synthetic.TYPES, default="bf16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=32)
    options = parser.parse_args()
    make(options.dir, options.type)
    subprocess.run(["sync"], check=True)

    times = {}
    for _ in range(options.rounds):
        for layout in LAYOUTS:
            folder = options.dir / f"{options.type}-{layout}"
            command = [options.programs / "bench_first_token", folder, options.prompt]
            with (folder / "model.safetensors").open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            times.setdefault((layout, "cold"), []).append(seconds(command))
            times.setdefault((layout, "cached"), []).append(seconds(command))
    size = (options.dir / f"{options.type}-canonical" / "model.safetensors").stat().st_size
    print(f"{size / 1e9:.2f} GB, a prompt of {options.prompt} tokens, {options.rounds} rounds\n")
    print("| layout | cold, s | cached, s |\n|---|---|---|")
    for layout in LAYOUTS:
        cold, cached = (statistics.median(times[layout, test]) for test in ("cold", "cached"))
        print(f"| {layout} | {cold:.2f} | {cached:.2f} |")


if __name__ == "__main__":
    main()
