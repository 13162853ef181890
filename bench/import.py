#!/usr/bin/env python3
"""How fast a mixture-of-experts checkpoint is imported, beside what the machine allows and beside
other programs, all in one run, in turn:

    bench/import.py [--dir DIR] [--rounds N] [--ingot PROGRAM] [--types none,int4,…]
                    [--mlx-python PYTHON [--mlx-types none,int4,…]]
                    [--llama-quantize PROGRAM] [--layers N] [--plan-only]

Makes a checkpoint of 2.1 GB in --dir once (Qwen3-MoE: 18 layers, or --layers, hidden 1024, 64
experts of 256, weights one by one, BF16, seeded), then, --rounds times (3), and prints medians:

    copy      cp and sha256sum of the same bytes, file by file, side by side on all processors, and
              sync of the copy
    ingot     `ingot create` of each type into an empty store: durable when it returns
    mlx       `mlx_lm.convert` of the same types by --mlx-python (with mlx-lm installed), and sync
    llama     `llama-quantize` of the same weights, which are put into a GGUF file beforehand, to the
              types nearest, and sync (bench/build_llama.sh builds it)

Before that, the planning of 400 billion parameters, from the headers of files that hold nothing else
(--plan-only ends there).

Seconds are by the clock; cpu is processor time; rss is the peak of one process' memory, anon of the
part that no file backs, sampled; written is what was sent to the disk. The source is in the
page cache from the start, for all of them. On a machine that is shared, look at the ratios.
"""

import argparse
import json
import math
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
HIDDEN, EXPERTS, INNER, VOCABULARY = 1024, 64, 256, 32_000
HEADS, KV_HEADS, HEAD = 16, 4, 128
MLX_ARGUMENTS = {
    "none": [],
    "int4": ["-q", "--q-bits", "4", "--q-group-size", "64"],
    "int8": ["-q", "--q-bits", "8", "--q-group-size", "64"],
    "nvfp4": ["-q", "--q-mode", "nvfp4"],
    "mxfp4": ["-q", "--q-mode", "mxfp4"],
    "mxfp8": ["-q", "--q-mode", "mxfp8"],
}
# The types nearest: 4 bits with a scale alone (Q4_0) and, as int4 has it, with an offset too (Q4_1).
# --pure is all of one type, the fastest; the input has its experts stacked already.
LLAMA_ARGUMENTS = {
    "none": {"COPY": []},
    "int4": {"Q4_0": ["--pure"], "Q4_1": ["--pure"]},
    "int8": {"Q8_0": ["--pure"]},
    "nvfp4": {"Q8_0": ["--tensor-type", "_exps=nvfp4", "--tensor-type", "attn=nvfp4"]},
    "mxfp4": {"MXFP4_MOE": []},
    "mxfp8": {"Q8_0": ["--pure"]},
}


def shapes(layers):
    """Names and shapes of every tensor, file by file."""
    yield [("model.embed_tokens.weight", (VOCABULARY, HIDDEN))]
    for i in range(layers):
        layer = f"model.layers.{i}"
        tensors = [
            (f"{layer}.input_layernorm.weight", (HIDDEN,)),
            (f"{layer}.post_attention_layernorm.weight", (HIDDEN,)),
            (f"{layer}.self_attn.q_proj.weight", (HEADS * HEAD, HIDDEN)),
            (f"{layer}.self_attn.k_proj.weight", (KV_HEADS * HEAD, HIDDEN)),
            (f"{layer}.self_attn.v_proj.weight", (KV_HEADS * HEAD, HIDDEN)),
            (f"{layer}.self_attn.o_proj.weight", (HIDDEN, HEADS * HEAD)),
            (f"{layer}.self_attn.q_norm.weight", (HEAD,)),
            (f"{layer}.self_attn.k_norm.weight", (HEAD,)),
            (f"{layer}.mlp.gate.weight", (EXPERTS, HIDDEN)),
        ]
        for e in range(EXPERTS):
            expert = f"{layer}.mlp.experts.{e}"
            tensors.append((f"{expert}.gate_proj.weight", (INNER, HIDDEN)))
            tensors.append((f"{expert}.up_proj.weight", (INNER, HIDDEN)))
            tensors.append((f"{expert}.down_proj.weight", (HIDDEN, INNER)))
        yield tensors
    yield [("lm_head.weight", (VOCABULARY, HIDDEN)), ("model.norm.weight", (HIDDEN,))]


def write_file(path, tensors, random):
    with path.open("wb") as file:
        file.write(header_of(tensors)[0])
        for name, shape in tensors:
            values = random.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
            if name.endswith("norm.weight"):
                values = np.ones(shape, np.float32)
            file.write((values.view(np.uint32) >> 16).astype(np.uint16).tobytes())


def make_checkpoint(folder, layers):
    if (folder / "config.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20260101)
    files = list(shapes(layers))
    weight_map, total = {}, 0
    for i, tensors in enumerate(files):
        name = f"model-{i + 1:05}-of-{len(files):05}.safetensors"
        write_file(folder / name, tensors, random)
        for tensor, shape in tensors:
            weight_map[tensor] = name
            total += 2 * int(np.prod(shape))
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(ROOT / "demo" / "model" / name, folder / name)
    config = {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "hidden_size": HIDDEN,
        "intermediate_size": 4 * HIDDEN,
        "moe_intermediate_size": INNER,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD,
        "num_experts": EXPERTS,
        "num_experts_per_tok": 8,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "norm_topk_prob": True,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "max_position_embeddings": 4096,
        "vocab_size": VOCABULARY,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))


# GGUF's names of what lies in a layer, and of the rest.
GGUF_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate": "ffn_gate_inp",
}
GGUF_TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
GGUF_U32, GGUF_F32, GGUF_STRING, GGML_F32, GGML_BF16 = 4, 6, 8, 0, 30


def gguf_tensors(layers):
    """(name, shape, the checkpoint's tensors that it holds) in the order of the file."""
    sizes = dict(tensor for tensors in shapes(layers) for tensor in tensors)
    for name, shape in sizes.items():
        base = name.removesuffix(".weight")
        if base in GGUF_TOP:
            yield f"{GGUF_TOP[base]}.weight", shape, [name]
        elif ".experts." not in name:
            layer, _, rest = base.removeprefix("model.layers.").partition(".")
            yield f"blk.{layer}.{GGUF_NAMES[rest]}.weight", shape, [name]
    for i in range(layers):
        for projection in ("gate", "up", "down"):
            parts = [
                f"model.layers.{i}.mlp.experts.{e}.{projection}_proj.weight" for e in range(EXPERTS)
            ]
            shape = (EXPERTS, *sizes[parts[0]])
            yield f"blk.{i}.ffn_{projection}_exps.weight", shape, parts


def make_gguf(source, path, layers):
    """The checkpoint as a GGUF file: version 3, experts stacked, vectors and routers as F32."""
    if path.exists():
        return
    places = {}
    for shard in source.glob("*.safetensors"):
        data = np.memmap(shard, np.uint8, "r")
        size = int.from_bytes(data[:8].tobytes(), "little")
        header = json.loads(data[8 : 8 + size].tobytes())
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                places[name] = data[8 + size + begin : 8 + size + end]

    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    entries = {"general.architecture": "qwen3moe"}
    entries |= {
        f"qwen3moe.{key}": value
        for key, value in {
            "block_count": layers,
            "context_length": 4096,
            "embedding_length": HIDDEN,
            "feed_forward_length": 4 * HIDDEN,
            "expert_feed_forward_length": INNER,
            "attention.head_count": HEADS,
            "attention.head_count_kv": KV_HEADS,
            "attention.key_length": HEAD,
            "attention.value_length": HEAD,
            "attention.layer_norm_rms_epsilon": 1e-6,
            "rope.freq_base": 1e6,
            "expert_count": EXPERTS,
            "expert_used_count": 8,
            "vocab_size": VOCABULARY,
        }.items()
    }
    tensors = list(gguf_tensors(layers))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    for key, value in entries.items():
        head += text(key)
        if isinstance(value, str):
            head += struct.pack("<I", GGUF_STRING) + text(value)
        elif isinstance(value, float):
            head += struct.pack("<If", GGUF_F32, value)
        else:
            head += struct.pack("<II", GGUF_U32, value)
    offset = 0
    for name, shape, _ in tensors:
        wide = len(shape) == 1 or "gate_inp" in name
        head += text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        head += struct.pack("<IQ", GGML_F32 if wide else GGML_BF16, offset)
        offset += (4 if wide else 2) * math.prod(shape)
        offset += -offset % 32
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        file.write(head + b"\0" * (-len(head) % 32))
        for name, shape, parts in tensors:
            wide = len(shape) == 1 or "gate_inp" in name
            for part in parts:
                values = places[part].view(np.uint16)
                file.write(((values.astype(np.uint32) << 16) if wide else values).tobytes())
            file.write(b"\0" * (-file.tell() % 32))
    unfinished.rename(path)


def make_sparse(folder):
    """Qwen3-MoE of 94 layers, hidden 5120, 128 experts of 2176: files with headers and holes."""
    if (folder / "config.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    hidden, inner, experts, layers = 5120, 2176, 128, 94
    weight_map = {}
    for i in range(layers):
        layer = f"model.layers.{i}"
        tensors = [
            (f"{layer}.input_layernorm.weight", (hidden,)),
            (f"{layer}.post_attention_layernorm.weight", (hidden,)),
            (f"{layer}.self_attn.q_proj.weight", (8192, hidden)),
            (f"{layer}.self_attn.k_proj.weight", (512, hidden)),
            (f"{layer}.self_attn.v_proj.weight", (512, hidden)),
            (f"{layer}.self_attn.o_proj.weight", (hidden, 8192)),
            (f"{layer}.mlp.gate.weight", (experts, hidden)),
        ]
        if i == 0:
            tensors += [("model.embed_tokens.weight", (151_936, hidden))]
            tensors += [("lm_head.weight", (151_936, hidden)), ("model.norm.weight", (hidden,))]
        for e in range(experts):
            for projection in ("gate", "up", "down"):
                shape = (hidden, inner) if projection == "down" else (inner, hidden)
                tensors.append((f"{layer}.mlp.experts.{e}.{projection}_proj.weight", shape))
        name = f"model-{i + 1:05}-of-{layers:05}.safetensors"
        text, size = header_of(tensors)
        with (folder / name).open("wb") as file:
            file.write(text)
            file.truncate(len(text) + size)
        weight_map |= dict.fromkeys((tensor for tensor, _ in tensors), name)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe"}
    config |= {"num_hidden_layers": layers, "num_experts": experts, "hidden_size": hidden}
    (folder / "config.json").write_text(json.dumps(config))


def header_of(tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, offset


class Watch(threading.Thread):
    """The peaks of a process' memory, and what it has written, sampled while it runs."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.rss, self.anon, self.written = pid, 0, 0, 0
        self.start()

    def run(self):
        try:
            while True:
                for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                    if line.startswith("VmRSS:"):
                        self.rss = max(self.rss, int(line.split()[1]) * 1024)
                    if line.startswith("RssAnon:"):
                        self.anon = max(self.anon, int(line.split()[1]) * 1024)
                for line in Path(f"/proc/{self.pid}/io").read_text().splitlines():
                    if line.startswith("write_bytes:"):
                        self.written = int(line.split()[1])
                time.sleep(0.01)
        except OSError:
            return


def measure(commands, output):
    """Runs the commands side by side, syncs what they wrote, and says what that took."""
    os.sync()  # what others have written is not counted
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    processes = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
        for command, env in commands
    ]
    watches = [Watch(process.pid) for process in processes]
    for process in processes:
        _, error = process.communicate()
        if process.returncode != 0:
            sys.exit(f"{process.args} failed:\n{error.decode(errors='replace')[-2000:]}")
    subprocess.run(["sync", "-f", str(output)], check=True)
    seconds = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": seconds,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "rss": max(watch.rss for watch in watches),
        "anon": max(watch.anon for watch in watches),
        "written": sum(watch.written for watch in watches),
    }


class Bench:
    def __init__(self, options):
        self.options = options
        self.source = options.dir / f"source-{options.layers}"
        self.output = options.dir / "output"
        self.gguf = options.dir / f"source-{options.layers}.gguf"
        self.results = {}

    def fresh(self):
        shutil.rmtree(self.output, ignore_errors=True)
        self.output.mkdir(parents=True)

    def run(self, name, commands):
        figures = measure(commands, self.output)
        self.results.setdefault(name, []).append(figures)
        print(f"  {name:12} {figures['seconds']:8.2f} s", flush=True)

    def copy(self):
        self.fresh()
        # As many at a time as there are processors, which is what ingot has threads.
        todo = self.options.dir / "copy.txt"
        files = sorted(self.source.glob("*.safetensors"))
        todo.write_text("".join(f"cp\n{path}\nsha256sum\n{path}\n" for path in files))
        one = f'if [ $0 = cp ]; then exec cp "$1" \'{self.output}\'; else exec sha256sum "$1"; fi'
        command = ["xargs", "-a", str(todo), "-d", "\n", "-n", "2", "-P", str(os.cpu_count())]
        self.run("copy", [([*command, "sh", "-c", one], None)])

    def ingot(self, kind):
        self.fresh()
        command = [self.options.ingot, "--models", self.output / "models", "create", "m"]
        command += ["-f", self.source] + ([] if kind == "none" else ["-q", kind])
        self.run(f"ingot {kind}", [([str(word) for word in command], None)])

    def mlx(self, kind):
        self.fresh()
        command = [self.options.mlx_python, "-m", "mlx_lm", "convert", "--hf-path", self.source]
        command += ["--mlx-path", self.output / "mlx", *MLX_ARGUMENTS[kind]]
        self.run(f"mlx {kind}", [([str(word) for word in command], None)])

    def llama(self, kind):
        for name, switches in LLAMA_ARGUMENTS[kind].items():
            self.fresh()
            command = [self.options.llama_quantize, *switches, self.gguf]
            command += [self.output / "out.gguf", name, str(os.cpu_count())]
            self.run(f"llama {kind} {name}", [([str(word) for word in command], None)])

    def plan(self):
        folder = self.options.dir / "sparse"
        make_sparse(folder)
        command = [self.options.ingot, "--models", self.output / "models", "create", "m"]
        command += ["-f", folder, "-q", "int4", "--dry-run", "--json"]
        times = []
        for _ in range(3):
            begin = time.monotonic()
            run = subprocess.run([str(word) for word in command], capture_output=True, check=True)
            times.append(time.monotonic() - begin)
        totals = json.loads(run.stdout)["model"]["totals"]
        print(
            f"plan of {totals['parameters'] / 1e9:.0f} billion parameters, "
            f"{totals['source_bytes'] / 1e9:.0f} GB: {statistics.median(times):.2f} s",
            flush=True,
        )

    def go(self):
        kinds = self.options.types.split(",")
        for path in self.source.glob("*.safetensors"):  # into the page cache
            path.read_bytes()
        if self.options.llama_quantize:
            make_gguf(self.source, self.gguf, self.options.layers)
            with self.gguf.open("rb") as file:
                while file.read(1 << 24):
                    pass
        for number in range(self.options.rounds):
            print(f"round {number + 1}", flush=True)
            self.copy()
            for kind in kinds:
                self.ingot(kind)
                # The slow ones once are enough.
                wanted = kind in (self.options.mlx_types or self.options.types).split(",")
                if self.options.mlx_python and wanted and (number == 0 or kind == "int4"):
                    self.mlx(kind)
                if self.options.llama_quantize:
                    self.llama(kind)
        shutil.rmtree(self.output, ignore_errors=True)

    def report(self):
        size = sum(path.stat().st_size for path in self.source.glob("*.safetensors"))
        medians = {
            name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for name, runs in self.results.items()
        }
        copy = medians["copy"]["seconds"]
        print(f"\n{size / 1e9:.2f} GB, {os.cpu_count()} processors, {self.options.rounds} rounds\n")
        print(
            "| | s | GB/s of source | cpu s | against copy | peak rss MB | anon MB | written GB |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for name, m in medians.items():
            print(
                f"| {name} | {m['seconds']:.2f} | {size / m['seconds'] / 1e9:.2f} | "
                f"{m['cpu']:.2f} | {m['seconds'] / copy:.2f} | {m['rss'] / 1e6:.0f} | "
                f"{m['anon'] / 1e6:.0f} | {m['written'] / 1e9:.2f} |"
            )
        for peer in ("mlx", "llama"):
            for name, m in medians.items():
                if not name.startswith(peer + " "):
                    continue
                ours = medians.get(f"ingot {name.split()[1]}")
                if ours:
                    print(f"ingot is {m['seconds'] / ours['seconds']:.1f} times as fast as {name}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, default=ROOT / "build" / "bench-import")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ingot", type=Path, default=ROOT / "build" / "release" / "bin" / "ingot")
    parser.add_argument("--types", default="none,int4,int8,nvfp4,mxfp4,mxfp8")
    parser.add_argument("--mlx-python")
    parser.add_argument("--mlx-types", help="of --types, those that mlx-lm does too (all)")
    parser.add_argument("--llama-quantize")
    parser.add_argument(
        "--layers", type=int, default=18, help="fewer for a checkpoint that is smaller"
    )
    parser.add_argument("--plan-only", action="store_true")
    options = parser.parse_args()
    bench = Bench(options)
    bench.plan()
    if options.plan_only:
        return
    make_checkpoint(bench.source, options.layers)
    bench.go()
    bench.report()


if __name__ == "__main__":
    main()
