"""Compare `ingot logits` with goldens of whole checkpoints, from the folder and from an import.

    python tools/reference/check_goldens.py [--quantized] build/release/bin/ingot GOLDENS [NAME ...]

GOLDENS holds a folder a model: a checkpoint, and golden.npz with `prompt`, `logits` (float32, by the
Hugging Face implementation), `greedy` (the continuation) and `gaps` (between the two largest logits
at each of its steps). The continuation is fed, not generated. Each is run whole, in chunks of 16, 7
and 1 and of sizes around its window, several times over: from the folder; imported; where config.json has overrides with a mode,
with `mode` taken out of every one, as mlx-lm itself writes them; and, of a quantized model, from a
store whose every blob carries the model's type and group size as its label, also those that
config.json has another word for: what the original's importer left.

A text encoder's golden.npz holds `prompt`, `hidden` (a row a token) and `embedding` (their mean, or
that brought to a length of one) instead, and is run whole.

With --quantized each dense checkpoint is imported in all five types instead, and compared with a
float32 run over the values that MLX makes of the packed weights: at most 1e-3 of the logits'
standard deviation.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import mlx.core as mx
import numpy as np

TOLERANCE = 2e-3  # of the logits' standard deviation
EXACT = 1e-4  # of hidden rows and embeddings
SURE = 0.01  # a gap above which the reference's choice has to be ours
CHUNKS = (512, 16, 7, 1)
QUANTIZED_TYPES = ("int4", "int8", "nvfp4", "mxfp4", "mxfp8")
QUANTIZED_TOLERANCE = 1e-3  # of the logits' standard deviation


def run(command: list[str], models: pathlib.Path) -> str:
    environment = os.environ | {"INGOT_MODELS": str(models)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def logits(ingot: str, model: str, tokens: list[int], chunk: int, models: pathlib.Path):
    out = models / "logits.npy"
    command = [ingot, "logits", model, "--tokens", ",".join(map(str, tokens))]
    run([*command, "--dtype", "float32", "--chunk", str(chunk), "-o", str(out)], models)
    return np.load(out)


def hidden_rows(ingot: str, model: str, tokens: list[int], models: pathlib.Path):
    out = models / "rows.npy"
    command = [ingot, "embed", model, "--tokens", ",".join(map(str, tokens))]
    run([*command, "--dtype", "float32", "--hidden", "-o", str(out)], models)
    return np.load(out)


def around_window(folder: pathlib.Path, tokens: int) -> list[int]:
    config = json.loads((folder / "config.json").read_text())
    window = config.get("text_config", config).get("sliding_window") or 0
    return [window - 1, window, window + 1] if 2 < window < tokens else []


def check_encoder(ingot: str, model: str, golden, models: pathlib.Path) -> tuple[bool, str]:
    got = hidden_rows(ingot, model, list(golden["prompt"]), models)
    rows = float(np.abs(got - golden["hidden"]).max())
    command = [ingot, "embed", model, "--tokens", ",".join(map(str, golden["prompt"]))]
    command += ["--dtype", "float32"]
    unit = abs(np.linalg.norm(golden["embedding"]) - 1) < 1e-3
    command += ["--json", "--normalize" if unit else "--no-normalize"]
    got = json.loads(run(command, models))["embeddings"][0]
    vector = float(np.abs(np.array(got) - golden["embedding"]).max())
    return max(rows, vector) <= EXACT, f"rows differ by {rows:.1e}, embeddings by {vector:.1e}"


def check_decoder(ingot: str, model: str, golden, models: pathlib.Path) -> tuple[bool, str]:
    error, wrong, sure = measure(ingot, model, golden, models)
    verdict = f"error {error:.1e}, {wrong} of {sure} choices differ"
    return error <= TOLERANCE and wrong == 0, verdict


def measure(ingot: str, model: str, golden, models: pathlib.Path) -> tuple[float, int, int]:
    """(worst error, differing continuations, continuations that count) over all chunk sizes."""
    prompt = len(golden["prompt"])
    tokens = list(golden["prompt"]) + list(golden["greedy"][:-1])
    sure = golden["gaps"] > SURE
    worst, wrong = 0.0, 0
    chunks = [*CHUNKS, *around_window(golden["folder"], len(tokens))]
    for chunk in chunks:
        got = logits(ingot, model, tokens, chunk, models)
        error = np.abs(got[:prompt] - golden["logits"]).max() / golden["logits"].std()
        worst = max(worst, float(error)) if np.isfinite(error) else float("inf")
        wrong += int((got[prompt - 1 :].argmax(-1) != golden["greedy"])[sure].sum())
    return worst, wrong, len(chunks) * int(sure.sum())


def without_modes(folder: pathlib.Path, target: pathlib.Path) -> bool:
    """A copy whose overrides do not say their mode; False when none of them does."""
    config = json.loads((folder / "config.json").read_text())
    stripped = False
    for key in ("quantization", "quantization_config"):
        block = config.get(key)
        for entry in block.values() if isinstance(block, dict) else []:
            if isinstance(entry, dict) and entry.pop("mode", None) is not None:
                stripped = True
    if stripped:
        shutil.copytree(folder, target)
        (target / "config.json").write_text(json.dumps(config))
    return stripped


FORMATS = {
    "int4": ("affine", 4, 64),
    "int8": ("affine", 8, 64),
    "nvfp4": ("nvfp4", 4, 16),
    "mxfp4": ("mxfp4", 4, 32),
    "mxfp8": ("mxfp8", 8, 32),
}
TYPES = {"affine4": "int4", "affine8": "int8"}
KIND = "application/vnd.ollama.image"


def read_tensors(path: pathlib.Path) -> dict[str, tuple[str, list[int], bytes]]:
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    result = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        result[name] = (entry["dtype"], entry["shape"], content[start + begin : start + end])
    return result


def as_mlx_writes(tensors: dict[str, tuple[str, list[int], bytes]], metadata: dict | None) -> bytes:
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, content) in tensors.items():
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"data_offsets": offsets, "dtype": dtype, "shape": shape}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + data


def mislabelled_store(folder: pathlib.Path, models: pathlib.Path) -> bool:
    """The folder's tensors as the model "labelled" of a store; False when it is not quantized."""
    config = json.loads((folder / "config.json").read_text())
    block = config.get("quantization")
    if not isinstance(block, dict) or "bits" not in block:
        return False
    mode = block.get("mode", "affine")
    label = {
        "quant_type": TYPES.get(f"{mode}{block['bits']}", mode),
        "group_size": str(block["group_size"]),
    }
    blobs = models / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)

    def put(kind: str, name: str, content: bytes) -> dict:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / f"sha256-{digest}").write_bytes(content)
        layer = {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}
        return layer | ({"name": name} if name else {})

    layers = []
    for path in sorted(folder.glob("*.safetensors")):
        tensors = read_tensors(path)
        for name in sorted(tensors):
            if name.endswith((".scales", ".biases")):
                continue
            base = name.removesuffix(".weight")
            parts = {name: tensors[name]}
            for plural, singular in ((".scales", ".scale"), (".biases", ".bias")):
                if base + plural in tensors:
                    parts[name + singular] = tensors[base + plural]
            metadata = label if len(parts) > 1 else None
            layers.append(put(f"{KIND}.tensor", name, as_mlx_writes(parts, metadata)))
    layers.append(put(f"{KIND}.json", "config.json", json.dumps(config).encode()))
    image = put(
        "application/vnd.docker.container.image.v1+json", "", b'{"model_format":"safetensors"}'
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": image,
        "layers": layers,
    }
    place = models / "manifests/registry.ollama.ai/library/labelled"
    place.mkdir(parents=True, exist_ok=True)
    (place / "latest").write_text(json.dumps(manifest) + "\n")
    return True


def ways(ingot: str, folder: pathlib.Path, temp: pathlib.Path):
    """(label, what to call to have the model, which returns its name) of each way to run it."""

    def imported(source: pathlib.Path, name: str) -> str:
        run([ingot, "create", name, "-f", str(source)], temp)
        return name

    yield "folder", lambda: str(folder)
    yield "import", lambda: imported(folder, "whole")
    stripped = temp / "stripped"
    if without_modes(folder, stripped):
        yield "folder without modes", lambda: str(stripped)
        yield "import without modes", lambda: imported(stripped, "stripped")
    if mislabelled_store(folder, temp):
        yield "mislabelled store", lambda: "labelled"


def plain_folder(models: pathlib.Path, name: str, target: pathlib.Path) -> int:
    """The stored model's tensors as float32, unpacked by MLX; how many were packed."""
    manifest = models / "manifests/registry.ollama.ai/library" / name / "latest"
    values, packed = {}, 0
    target.mkdir()
    for layer in json.loads(manifest.read_text())["layers"]:
        blob = models / "blobs" / layer["digest"].replace(":", "-")
        if layer.get("name") == "config.json":
            shutil.copy(blob, target / "config.json")
        if layer["mediaType"] != f"{KIND}.tensor":
            continue
        arrays, metadata = mx.load(str(blob), format="safetensors", return_metadata=True)
        for key, array in arrays.items():
            owner = key.removesuffix(".scale").removesuffix(".bias")
            if owner != key and owner in arrays:
                continue
            if f"{key}.scale" in arrays:
                kind = metadata.get(f"{key}.quant_type") or metadata["quant_type"]
                mode, bits, group = FORMATS[kind]
                scales, biases = arrays[f"{key}.scale"], arrays.get(f"{key}.bias")
                if biases is not None:
                    scales, biases = scales.astype(mx.float32), biases.astype(mx.float32)
                array = mx.dequantize(
                    array, scales, biases, group, bits, mode=mode, dtype=mx.float32
                )
                packed += 1
            values[key] = array.astype(mx.float32)
    mx.save_safetensors(str(target / "model.safetensors"), values)
    return packed


def check_quantized(ingot: str, name: str, golden, temp: pathlib.Path) -> int:
    """Failures over all types."""
    tokens, failed = list(golden["prompt"]), 0

    def outputs(model: str, chunk: int):
        if "logits" in golden:
            return logits(ingot, model, tokens, chunk, temp)
        return hidden_rows(ingot, model, tokens, temp)

    for kind in QUANTIZED_TYPES:
        run([ingot, "create", kind, "-f", str(golden["folder"]), "-q", kind], temp)
        packed = plain_folder(temp, kind, temp / f"{kind}-plain")
        error = 0.0
        for chunk in (512, 7):
            expected = outputs(str(temp / f"{kind}-plain"), chunk)
            difference = np.abs(outputs(kind, chunk) - expected).max() / expected.std()
            error = max(error, float(difference))
        ok = error <= QUANTIZED_TOLERANCE and packed > 0
        failed += not ok
        fails = "" if ok else "   FAILS"
        print(f"{name:26s} {kind:22s} error {error:.1e}, {packed} packed{fails}", flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ingot")
    parser.add_argument("--quantized", action="store_true")
    parser.add_argument("goldens", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    failed = 0
    for name in args.names or sorted(path.name for path in args.goldens.iterdir()):
        folder = args.goldens / name
        golden = dict(np.load(folder / "golden.npz")) | {"folder": folder}
        check = check_decoder if "logits" in golden else check_encoder
        with tempfile.TemporaryDirectory() as temp:
            if args.quantized:
                if "quantization" not in json.loads((folder / "config.json").read_text()):
                    failed += check_quantized(args.ingot, name, golden, pathlib.Path(temp))
                continue
            for label, model in ways(args.ingot, folder, pathlib.Path(temp)):
                try:
                    ok, verdict = check(args.ingot, model(), golden, pathlib.Path(temp))
                except RuntimeError as problem:
                    print(f"{name:26s} {label:22s} {problem}")
                    failed += 1
                    continue
                failed += not ok
                fails = "" if ok else "   FAILS"
                print(f"{name:26s} {label:22s} {verdict}{fails}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
