"""Compare `ingot logits` with goldens of whole checkpoints, from the folder and from an import.

    python tools/reference/check_goldens.py build/release/bin/ingot GOLDENS [NAME ...]

GOLDENS holds a folder a model: a checkpoint, and golden.npz with `prompt`, `logits` (float32, by the
Hugging Face implementation), `greedy` (the continuation) and `gaps` (between the two largest logits
at each of its steps). The continuation is fed, not generated. Each is run whole and in chunks of 16,
7 and 1, several times over: from the folder; imported; where config.json has overrides with a mode,
with `mode` taken out of every one, as mlx-lm itself writes them; and, of a quantized model, from a
store whose every blob carries the model's type and group size as its label, also those that
config.json has another word for: what the original's importer left.

A text encoder's golden.npz holds `prompt`, `hidden` (a row a token) and `embedding` (their mean, or
that brought to a length of one) instead, and is run whole.
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

import numpy as np

TOLERANCE = 2e-3  # of the logits' standard deviation
EXACT = 1e-4  # of hidden rows and embeddings
SURE = 0.01  # a gap above which the reference's choice has to be ours
CHUNKS = ("512", "16", "7", "1")


def run(command: list[str], models: pathlib.Path) -> str:
    environment = os.environ | {"INGOT_MODELS": str(models)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def check_encoder(ingot: str, model: str, golden, models: pathlib.Path) -> tuple[bool, str]:
    out = models / "rows.npy"
    command = [ingot, "embed", model, "--tokens", ",".join(map(str, golden["prompt"]))]
    command += ["--dtype", "float32"]
    run([*command, "--hidden", "-o", str(out)], models)
    rows = float(np.abs(np.load(out) - golden["hidden"]).max())
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
    for chunk in CHUNKS:
        out = models / "logits.npy"
        command = [ingot, "logits", model, "--tokens", ",".join(map(str, tokens))]
        run([*command, "--dtype", "float32", "--chunk", chunk, "-o", str(out)], models)
        got = np.load(out)
        error = np.abs(got[:prompt] - golden["logits"]).max() / golden["logits"].std()
        worst = max(worst, float(error)) if np.isfinite(error) else float("inf")
        wrong += int((got[prompt - 1 :].argmax(-1) != golden["greedy"])[sure].sum())
    return worst, wrong, len(CHUNKS) * int(sure.sum())


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ingot")
    parser.add_argument("goldens", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    failed = 0
    for name in args.names or sorted(path.name for path in args.goldens.iterdir()):
        golden = np.load(args.goldens / name / "golden.npz")
        check = check_decoder if "logits" in golden else check_encoder
        with tempfile.TemporaryDirectory() as temp:
            for label, model in ways(args.ingot, args.goldens / name, pathlib.Path(temp)):
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
