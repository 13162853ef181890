"""Beside mlx-lm: what it converts is what we import, and what we export it runs.

    PYTHON tools/reference/check_mlx_lm.py build/release/bin/ingot GOLDENS [NAME ...]

PYTHON has mlx-lm; GOLDENS holds a folder a model: a checkpoint, or a table of seeded weights
(tests/models/goldens). For each whose architecture mlx-lm has, in a store of its own:

- the checkpoint is imported, and so is what mlx-lm makes of it when it loads and saves it (which is
  what `mlx_lm.convert` does). Every blob of experts, and of every tensor that mlx-lm left as it was,
  must be the same, digest for digest; where it moved a tensor to another name, its bytes;
- `ingot logits` of the converted folder's import must be mlx-lm's own of that folder, and where
  mlx-lm changed nothing but layout, those of the checkpoint's import;
- the import is exported, as it is and as int4; mlx-lm loads and runs it, to the same logits, and its
  import is the manifest that was exported.

Logits are compared in float32, relative to their standard deviation.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import mlx.core as mx
import mlx_lm.utils
import numpy as np
from seeded_weights import golden_weights, round_bf16, to_bf16_bits, write_safetensors

TOLERANCE = 2e-3
QUANTIZED = {"quantization", "quantization_config"}
TOKENS = [3, 7, 11, 2, 19, 5, 23, 42, 1, 8, 60, 33]


def mlx_config(config: dict) -> dict:
    """What mlx-lm needs said otherwise, of configs that transformers 5 wrote without weights."""
    config = json.loads(json.dumps(config))
    ropes = config.get("rope_parameters") or {}
    if "rope_theta" in ropes:
        config.setdefault("rope_theta", ropes["rope_theta"])
    if ropes.get("rope_type", "default") != "default":
        config["rope_scaling"] = ropes
    kind = config["model_type"]
    if kind == "nemotron_h":
        config["time_step_limit"] = [0.0, float("inf")]
    if kind == "qwen3_moe":
        config["num_experts"] = config.get("num_experts") or config.get("num_local_experts")
        config.setdefault("mlp_only_layers", [])
        config.setdefault("decoder_sparse_step", 1)
    if kind == "qwen3_next":
        config.setdefault("mlp_only_layers", [])
        config.setdefault("partial_rotary_factor", ropes.get("partial_rotary_factor", 0.25))
    if kind == "gemma3_text":
        config["sliding_window_pattern"] = 2
        config["rope_theta"] = ropes["full_attention"]["rope_theta"]
        config["rope_local_base_freq"] = ropes["sliding_attention"]["rope_theta"]
        scaling = dict(ropes["full_attention"])
        if scaling.get("rope_type") != "default":
            config["rope_scaling"] = scaling
    if kind in ("qwen3_5_text", "qwen3_5_moe_text"):
        outer = kind.removesuffix("_text")
        text = config | {"model_type": outer}
        return {
            "model_type": outer,
            "architectures": config["architectures"],
            "text_config": text,
            "tie_word_embeddings": config.get("tie_word_embeddings", False),
        }
    if kind == "gemma4_text":
        layers = config.get("per_layer_config") or {}
        full = next(i for i, t in enumerate(config["layer_types"]) if t.startswith("full"))
        if str(full) in layers:
            config["global_head_dim"] = layers[str(full)]["head_dim"]
            if config.get("attention_k_eq_v"):
                heads = layers[str(full)].get("num_key_value_heads", 1)
                config["num_global_key_value_heads"] = heads
    return config


def fused(weights: dict) -> dict:
    """Experts as Qwen3.5 is published and as mlx-lm reads it: gate over up in one stack."""
    result, experts = {}, {}
    for name, values in weights.items():
        group, marker, rest = name.partition(".experts.")
        if marker and rest.split(".")[0].isdigit():
            number, projection, _ = rest.split(".")
            experts.setdefault((group, projection), {})[int(number)] = values
        else:
            result[name] = values
    stacks = {key: np.stack([each[e] for e in sorted(each)]) for key, each in experts.items()}
    for (group, projection), values in stacks.items():
        if projection == "down_proj":
            result[f"{group}.experts.down_proj"] = values
            both = [stacks[group, "gate_proj"], stacks[group, "up_proj"]]
            result[f"{group}.experts.gate_up_proj"] = np.concatenate(both, axis=1)
    return result


def foldable(weights: dict) -> dict:
    """With zero-centred norms that lose nothing when mlx-lm stores 1 + w as bfloat16."""
    return {
        name: round_bf16(values + 1) - 1
        if name.endswith("norm.weight") and ".linear_attn." not in name
        else values
        for name, values in weights.items()
    }


def write_checkpoint(golden: pathlib.Path, folder: pathlib.Path) -> None:
    if not (golden / "tensors.json").exists():
        shutil.copytree(golden, folder)
        return
    folder.mkdir()
    shutil.copy(golden / "config.json", folder)
    weights = golden_weights(golden)
    if "qwen3_5_moe" in golden.name:
        weights = fused(weights)
    if golden.name.startswith(("qwen3_5", "qwen3_next")):
        weights = foldable(weights)
    raw = {n: ("BF16", to_bf16_bits(v).reshape(v.shape)) for n, v in weights.items()}
    write_safetensors(folder / "model.safetensors", raw)


class Store:
    def __init__(self, ingot: str, path: pathlib.Path):
        self.ingot, self.path = ingot, path

    def run(self, *words) -> str:
        command = [self.ingot, *map(str, words)]
        environment = os.environ | {"INGOT_MODELS": str(self.path)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise RuntimeError(f"ingot {words[0]}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def create(self, name: str, folder: pathlib.Path, *more) -> str:
        return json.loads(self.run("create", name, "-f", folder, "--json", *more))["id"]

    def logits(self, name: str) -> np.ndarray:
        out = self.path / "logits.npy"
        tokens = ",".join(map(str, TOKENS))
        self.run("logits", name, "--tokens", tokens, "--dtype", "float32", "-o", out)
        return np.load(out)

    def blobs(self, name: str) -> dict[str, str]:
        """Layer to digest, of the tensors."""
        path = self.path / "manifests/registry.ollama.ai/library" / name / "latest"
        layers = json.loads(path.read_text())["layers"]
        return {
            layer["name"]: layer["digest"]
            for layer in layers
            if layer["mediaType"].endswith(".tensor")
        }

    def payload(self, digest: str) -> list:
        """What a blob's tensors hold, without their names."""
        data = (self.path / "blobs" / digest.replace(":", "-")).read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        header.pop("__metadata__", None)
        return [
            (
                e["dtype"],
                e["shape"],
                data[start + e["data_offsets"][0] : start + e["data_offsets"][1]],
            )
            for _, e in sorted(header.items())
        ]


def bare(name: str) -> str:
    """Without the containers that checkpoints put text models in."""
    for prefix in ("language_model.model.", "model.language_model.", "model.", "language_model."):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def raw_tensors(folder: pathlib.Path) -> dict[str, tuple]:
    found = {}
    for path in folder.glob("*.safetensors"):
        data = path.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        for name, e in header.items():
            if name != "__metadata__":
                begin, end = e["data_offsets"]
                found[name] = (e["dtype"], e["shape"], data[start + begin : start + end])
    return found


def error(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(got - expected).max() / expected.std())


def mlx_logits(folder: pathlib.Path, config: dict) -> np.ndarray:
    model, _ = mlx_lm.utils.load_model(folder, model_config=config)
    model.set_dtype(mx.float32)
    return np.array(model(mx.array([TOKENS]))[0].astype(mx.float32))


def convert(folder: pathlib.Path, target: pathlib.Path, config: dict) -> None:
    model, loaded = mlx_lm.utils.load_model(folder, model_config=config)
    target.mkdir()
    mlx_lm.utils.save_model(target, model)
    (target / "config.json").write_text(json.dumps(loaded))


def compare_blobs(store: Store, source: pathlib.Path, converted: pathlib.Path) -> str:
    """Throws where a blob differs that should not; tells what was the same, and what mlx-lm changed."""
    ours = {bare(name): (name, digest) for name, digest in store.blobs("plain").items()}
    theirs = {bare(name): (name, digest) for name, digest in store.blobs("converted").items()}
    before = {bare(name): value for name, value in raw_tensors(source).items()}
    after = {bare(name): value for name, value in raw_tensors(converted).items()}
    same, moved, changed = 0, 0, []
    for key, (name, digest) in ours.items():
        experts = "switch_mlp" in key or (".experts." in key and key.endswith(".weight"))
        untouched = key in after and before.get(key) == after[key]
        there = theirs.get(key)
        if there and there[1] == digest:
            same += 1
        elif there and there[0] != name and store.payload(there[1]) == store.payload(digest):
            moved += 1
        elif experts or untouched:
            raise RuntimeError(f"{name} is not the same blob")
        else:
            changed.append(key)
    text = f"{same} blobs the same"
    if moved:
        text += f", {moved} under another container's name with the same bytes"
    if changed:
        text += f", {len(changed)} that mlx-lm changed ({', '.join(changed[:2])})"
    return text


def check(ingot: str, golden: pathlib.Path, work: pathlib.Path) -> str:
    store = Store(ingot, work / "models")
    source, converted = work / "source", work / "converted"
    write_checkpoint(golden, source)
    config = json.loads((source / "config.json").read_text())
    overrides = mlx_config(config)
    try:
        convert(source, converted, overrides)
    except (ValueError, KeyError, TypeError) as problem:  # no such architecture, or other names
        return f"mlx-lm has not got it: {type(problem).__name__} {str(problem)[:120]}"
    plain = store.create("plain", source)
    store.create("converted", converted)
    told = [compare_blobs(store, source, converted)]

    from_source, from_converted = store.logits("plain"), store.logits("converted")
    of_mlx = error(from_converted, mlx_logits(converted, overrides))
    layout = error(from_converted, from_source)
    # Zero-centred norms that mlx-lm rounded move the logits of small models; and its YaRN is another
    # one than the Hugging Face implementation's. Either may differ, but not both.
    if min(of_mlx, layout) > TOLERANCE:
        raise RuntimeError(f"converted: {of_mlx:.5f} from mlx-lm, {layout:.5f} from the checkpoint")
    told.append(f"converted: {of_mlx:.6f} from mlx-lm, {layout:.6f} from the checkpoint")

    for kind in ("plain",) if QUANTIZED & config.keys() else ("plain", "int4"):
        if kind == "int4":
            plain = store.create("int4", source, "-q", "int4")
        folder = work / f"export-{kind}"
        store.run("export", kind, folder)
        if store.create("back", folder) != plain:
            raise RuntimeError(f"the export of {kind} comes back as another model")
        try:
            theirs = mlx_logits(folder, overrides)
        except ValueError as problem:  # glm4_moe_lite: it quantizes parts anew, in groups of 64
            told.append(f"export of {kind}: mlx-lm ends with: {str(problem)[:60]}")
            continue
        off = error(theirs, store.logits(kind))
        told.append(f"export of {kind} in mlx-lm: {off:.6f}")
        if off > max(TOLERANCE, 2 * of_mlx, 2 * layout):
            raise RuntimeError(told[-1])
    return "; ".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ingot")
    parser.add_argument("goldens", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    mx.set_default_device(mx.cpu)
    failed = 0
    names = options.names or sorted(p.name for p in options.goldens.iterdir() if p.is_dir())
    for name in names:
        work = pathlib.Path(tempfile.mkdtemp())
        try:
            print(f"{name}: {check(options.ingot, options.goldens / name, work)}", flush=True)
        except RuntimeError as problem:
            failed += 1
            print(f"{name}: FAILED: {problem}", flush=True)
        finally:
            shutil.rmtree(work)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
