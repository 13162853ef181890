#!/usr/bin/env python3
"""How many tokens a second several answers at once get over HTTP, beside other servers, in one run:

    bench/serve.py [--dir DIR] [--types bf16,int4,int8] [--streams 1,2,4,8,16] [--tokens N]
                   [--rounds N] [--ingot PROGRAM] [--llama-server PROGRAM]
                   [--mlx-python PYTHON [--mlx-tokens N] [--mlx-types …] [--mlx-streams …]]

Makes models of Qwen3-0.6B's shape in --dir once (bench/synthetic.py, and a tokenizer whose words
nobody says), the same shape as GGUF files for llama.cpp. Then, --rounds times, each server is
started, warmed up, measured with every number of streams, and ended, one server after the other:

    ingot     `ingot serve`
    llama     --llama-server (bench/build_llama.sh builds it): BF16, Q4_0 and Q8_0, the types nearest
    mlx       `mlx_lm.server` of --mlx-python, on the very same folders; where MLX has no fast
              products for a type (it takes seconds a token), leave it or some streams out

Each stream asks /v1/completions for --tokens (48; for mlx --mlx-tokens, 8) tokens after a short
prompt of its own; all begin together, and the tokens of all are divided by the time until the last
has ended. Medians of the rounds are shown, with what several streams give over one. Client and
server share the machine, and so the client's work is in every number.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
import synthetic  # noqa: E402

SHAPE = "qwen3-0.6b"
HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD, INNER, VOCABULARY, _, _ = synthetic.SHAPES[SHAPE]
CONTEXT = 512
LOADED = 180  # seconds that a server may take to start


# --- what is served ---


def byte_letters():
    """The letters that byte-level tokenizers write bytes as, by byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, spare = {}, 256
    for byte in range(256):
        letters[byte] = chr(byte if byte in plain else spare)
        spare += byte not in plain
    return letters


def words():
    """Every token's text: the bytes, words that no text is split into, and an end."""
    tokens = list(byte_letters().values())
    tokens += [f"\u0120w{i}" for i in range(len(tokens), VOCABULARY - 1)]
    return [*tokens, "<|end|>"]


def write_tokenizer(folder):
    tokens = words()
    end = VOCABULARY - 1
    added = {
        "id": end,
        "content": tokens[end],
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    (folder / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [added],
                "normalizer": None,
                "pre_tokenizer": {**byte_level, "use_regex": True},
                "post_processor": None,
                "decoder": byte_level,
                "model": {
                    "type": "BPE",
                    "vocab": {token: i for i, token in enumerate(tokens[:end])},
                    "merges": [],
                },
            }
        )
    )
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": tokens[end]})
    )
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": end}))


def make_folder(folder, kind):
    if (folder / "tokenizer_config.json").exists():
        return
    script = ROOT / "bench" / "synthetic.py"
    subprocess.run(
        [sys.executable, str(script), str(folder), "--shape", SHAPE, "--type", kind], check=True
    )
    config = json.loads((folder / "config.json").read_text())
    config["eos_token_id"] = VOCABULARY - 1
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    write_tokenizer(folder)


def matrices():
    """GGUF's names and shapes of what is multiplied with."""
    yield "token_embd.weight", (VOCABULARY, HIDDEN)
    for i in range(LAYERS):
        yield f"blk.{i}.attn_q.weight", (HEADS * HEAD, HIDDEN)
        yield f"blk.{i}.attn_k.weight", (KV_HEADS * HEAD, HIDDEN)
        yield f"blk.{i}.attn_v.weight", (KV_HEADS * HEAD, HIDDEN)
        yield f"blk.{i}.attn_output.weight", (HIDDEN, HEADS * HEAD)
        yield f"blk.{i}.ffn_gate.weight", (INNER, HIDDEN)
        yield f"blk.{i}.ffn_up.weight", (INNER, HIDDEN)
        yield f"blk.{i}.ffn_down.weight", (HIDDEN, INNER)


def norms():
    for i in range(LAYERS):
        yield f"blk.{i}.attn_norm.weight", (HIDDEN,)
        yield f"blk.{i}.ffn_norm.weight", (HIDDEN,)
        yield f"blk.{i}.attn_q_norm.weight", (HEAD,)
        yield f"blk.{i}.attn_k_norm.weight", (HEAD,)
    yield "output_norm.weight", (HIDDEN,)


# GGUF's number of a type, and of 32 weights the bytes of a scale and of codes.
GGML = {"f32": (0, 0, 128), "bf16": (30, 0, 64), "int4": (2, 2, 16), "int8": (8, 2, 32)}
GGUF_U32, GGUF_I32, GGUF_F32, GGUF_STRING, GGUF_ARRAY = 4, 5, 6, 8, 9


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, value):
    """One entry of a GGUF file's header."""
    head = text(key)
    if isinstance(value, str):
        return head + struct.pack("<I", GGUF_STRING) + text(value)
    if isinstance(value, float):
        return head + struct.pack("<If", GGUF_F32, value)
    if isinstance(value, int):
        return head + struct.pack("<II", GGUF_U32, value)
    strings = not value or isinstance(value[0], str)
    kind = GGUF_STRING if strings else GGUF_I32
    head += struct.pack("<IIQ", GGUF_ARRAY, kind, len(value))
    return head + (
        b"".join(map(text, value)) if strings else struct.pack(f"<{len(value)}i", *value)
    )


def weights(kind, shape, random):
    """Bytes of random weights, of the size that those of the folder have."""
    blocks = int(np.prod(shape)) // 32
    if kind == "bf16":
        return synthetic.bf16(random.standard_normal(blocks * 32, dtype=np.float32) * 0.02)
    _, scale, codes = GGML[kind]
    made = random.integers(0, 256, (blocks, scale + codes), dtype=np.uint8)
    step = np.float16(0.04 / (1 << (4 if kind == "int4" else 8)))
    made[:, :2] = np.frombuffer(step.tobytes(), np.uint8)
    return made.tobytes()


def make_gguf(path, kind):
    if path.exists():
        return
    tokens = words()
    header = {
        "general.architecture": "qwen3",
        "general.name": SHAPE,
        "qwen3.block_count": LAYERS,
        "qwen3.context_length": 40960,
        "qwen3.embedding_length": HIDDEN,
        "qwen3.feed_forward_length": INNER,
        "qwen3.attention.head_count": HEADS,
        "qwen3.attention.head_count_kv": KV_HEADS,
        "qwen3.attention.key_length": HEAD,
        "qwen3.attention.value_length": HEAD,
        "qwen3.attention.layer_norm_rms_epsilon": 1e-6,
        "qwen3.rope.freq_base": 1e6,
        "qwen3.vocab_size": VOCABULARY,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * (VOCABULARY - 1) + [3],
        "tokenizer.ggml.merges": [],
        "tokenizer.ggml.eos_token_id": VOCABULARY - 1,
    }
    tensors = [(name, shape, kind) for name, shape in matrices()]
    tensors += [(name, shape, "f32") for name, shape in norms()]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(header))
    head += b"".join(entry(key, value) for key, value in header.items())
    offset = 0
    for name, shape, type_ in tensors:
        number, scale, codes = GGML[type_]
        head += text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        head += struct.pack("<IQ", number, offset)
        offset += int(np.prod(shape)) // 32 * (scale + codes)
        offset += -offset % 32
    random = np.random.default_rng(synthetic.SEED)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        file.write(head + b"\0" * (-len(head) % 32))
        for _, shape, type_ in tensors:
            ones = type_ == "f32"
            file.write(np.ones(shape, np.float32) if ones else weights(type_, shape, random))
            file.write(b"\0" * (-file.tell() % 32))
    unfinished.rename(path)


# --- who serves it ---


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server on one model, from its start to its end."""

    def __init__(self, command, environment, port, model, log):
        self.port, self.model = port, model
        self.log = log.open("wb")
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=subprocess.STDOUT
        )
        until = time.monotonic() + LOADED
        while True:
            try:
                self.complete("!", 2)
                return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > until:
                    self.stop()
                    sys.exit(f"{command[0]} does not answer: {error}; see {log}")
                time.sleep(0.2)

    def complete(self, prompt, tokens):
        """How many tokens came."""
        body = {
            "model": self.model,
            "prompt": prompt,
            "max_tokens": tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            connection.request(
                "POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            if answer.status == 503:
                raise ConnectionError("it is loading")
            if answer.status != 200:
                sys.exit(f"{answer.status}: {answer.read().decode(errors='replace')[:500]}")
            made = 0
            for line in answer:
                if b'"completion_tokens"' in line:
                    made = (json.loads(line.removeprefix(b"data: "))["usage"] or {}).get(
                        "completion_tokens", made
                    )
            return made
        finally:
            connection.close()

    def rate(self, streams, tokens):
        """Tokens a second of so many streams together."""
        made = [0] * streams
        ready = threading.Barrier(streams + 1)

        def ask(i):
            ready.wait()
            made[i] = self.complete(chr(ord("A") + i), tokens)

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(streams)]
        for thread in threads:
            thread.start()
        ready.wait()
        begin = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - begin
        if made != [tokens] * streams:
            sys.exit(f"{tokens} tokens were asked for, and {made} came")
        return streams * tokens / seconds

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Bench:
    def __init__(self, options):
        self.options = options
        self.streams = [int(n) for n in options.streams.split(",")]
        self.environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("INGOT_", "OLLAMA_"))
        }
        self.environment["INGOT_MODELS"] = str(options.dir / "store")
        self.sides = ["ingot"]
        self.sides += ["llama"] if options.llama_server else []
        self.sides += ["mlx"] if options.mlx_python else []
        self.rates = {}

    def measured(self, side, kind):
        """The numbers of streams that a side gets."""
        if side != "mlx":
            return self.streams
        types, streams = self.options.mlx_types, self.options.mlx_streams
        if types is not None and kind not in types.split(","):
            return []
        return self.streams if streams is None else [int(n) for n in streams.split(",")]

    def prepare(self, kind):
        folder = self.options.dir / kind
        make_folder(folder, kind)
        if self.options.llama_server:
            make_gguf(self.options.dir / f"{kind}.gguf", kind)
        if not (self.options.dir / "store" / f"{kind}.made").exists():
            subprocess.run(
                [str(self.options.ingot), "create", kind, "-f", str(folder)],
                env=self.environment,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            (self.options.dir / "store" / f"{kind}.made").touch()

    def start(self, side, kind):
        port = free_port()
        most, folder = max(self.streams), self.options.dir
        model, environment = kind, self.environment
        if side == "ingot":
            command = [str(self.options.ingot), "serve", "--host", "127.0.0.1", "--port", str(port)]
        elif side == "llama":
            command = [self.options.llama_server, "--model", str(folder / f"{kind}.gguf")]
            command += ["--host", "127.0.0.1", "--port", str(port), "--parallel", str(most)]
            command += ["--ctx-size", str(most * CONTEXT), "--threads", str(os.cpu_count())]
        else:
            model = str(folder / kind)
            command = [self.options.mlx_python, "-m", "mlx_lm.server", "--model", model]
            command += ["--host", "127.0.0.1", "--port", str(port)]
            command += ["--decode-concurrency", str(most), "--prompt-concurrency", str(most)]
        return Server(command, environment, port, model, folder / f"{side}.log")

    def go(self):
        for kind in self.options.types.split(","):
            self.prepare(kind)
            for _ in range(self.options.rounds):
                for side in self.sides:
                    if not self.measured(side, kind):
                        continue
                    server = self.start(side, kind)
                    tokens = self.options.mlx_tokens if side == "mlx" else self.options.tokens
                    try:
                        for streams in self.measured(side, kind):
                            rate = server.rate(streams, tokens)
                            self.rates.setdefault((kind, side, streams), []).append(rate)
                    finally:
                        server.stop()
            self.report(kind)

    def report(self, kind):
        def median(side, streams):
            rates = self.rates.get((kind, side, streams))
            return statistics.median(rates) if rates else None

        def ratio(a, b):
            return f"{a / b:.2f}" if a and b else ""

        one = self.streams[0]
        sides = [side for side in self.sides if self.measured(side, kind)]
        print(f"\n{kind}, tokens a second, and times {one} stream; {os.cpu_count()} processors\n")
        head = [f"{side} | times" for side in sides] + [f"ingot / {side}" for side in sides[1:]]
        print("| streams |", " | ".join(head), "|")
        print("|---" * (3 * len(sides)) + "|")
        for streams in self.streams:
            cells = []
            for side in sides:
                rate = median(side, streams)
                cells += [f"{rate:.1f}" if rate else "", ratio(rate, median(side, one))]
            cells += [ratio(median("ingot", streams), median(side, streams)) for side in sides[1:]]
            print(f"| {streams} |", " | ".join(cells), "|", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, default=ROOT / "build" / "bench-serve")
    parser.add_argument("--types", default="bf16,int4,int8")
    parser.add_argument("--streams", default="1,2,4,8,16")
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ingot", type=Path, default=ROOT / "build" / "release" / "bin" / "ingot")
    parser.add_argument("--llama-server")
    parser.add_argument("--mlx-python")
    parser.add_argument("--mlx-tokens", type=int, default=8)
    parser.add_argument("--mlx-types", help="of --types, those that mlx serves too (all)")
    parser.add_argument("--mlx-streams", help="of --streams, those that mlx gets too (all)")
    options = parser.parse_args()
    options.dir.mkdir(parents=True, exist_ok=True)
    Bench(options).go()


if __name__ == "__main__":
    main()
