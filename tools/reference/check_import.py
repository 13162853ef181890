"""Checks imported models against MLX and numpy: every tensor of a store's model must be what its
source says, stacked by this script and quantized by mlx.core.quantize on the CPU.

    check_import.py STORE NAME=SOURCE…

SOURCE is a folder of floats: experts one by one, fused or stacked. Prints what differs, and at the
end how many tensors were compared of each type; the exit code is 1 where anything differed.
"""

import collections
import json
import re
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np

MX_DTYPES = {"BF16": mx.bfloat16, "F16": mx.float16, "F32": mx.float32}
NP_DTYPES = {"BF16": np.uint16, "F16": np.uint16, "F32": np.uint32}
# What a blob's "quant_type" means to MLX: mode and bits.
TYPES = {
    "int4": ("affine", 4),
    "int8": ("affine", 8),
    "nvfp4": ("nvfp4", 4),
    "mxfp4": ("mxfp4", 4),
    "mxfp8": ("mxfp8", 8),
}
STACK = re.compile(r"(.*layers\.\d+)\.(mlp|moe|mixer)\.(?:switch_mlp|experts)\.(\w+_proj)\.weight$")
# Where sources have the experts that are stored below .mlp., .moe. and .mixer.
MARKERS = {
    "mlp": [".mlp.experts.", ".mlp.switch_mlp."],
    "moe": [".moe.experts.", ".experts.", ".moe.", ".experts.switch_glu."],
    "mixer": [".mixer.experts.", ".mixer.switch_mlp."],
}


class Tensor:
    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, shape, data

    def array(self):
        return np.frombuffer(self.data, NP_DTYPES[self.dtype]).reshape(self.shape)


def read_file(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = Tensor(
            entry["dtype"], entry["shape"], data[8 + size + begin : 8 + size + end]
        )
    return tensors, metadata


class Source:
    def __init__(self, folder):
        self.interleaved = json.loads((folder / "config.json").read_text()).get("model_type")
        self.interleaved = self.interleaved == "gpt_oss"
        self.tensors = {}
        for path in sorted(folder.glob("*.safetensors")):
            self.tensors.update(read_file(path)[0])

    def find(self, names):
        return next((self.tensors[name] for name in names if name in self.tensors), None)

    def experts(self, layer, marker, projection):
        found = self.find([f"{layer}{marker}{projection}", f"{layer}{marker}{projection}.weight"])
        if found is not None:
            array = found.array()
            return found.dtype, array.swapaxes(1, 2) if self.interleaved else array
        arrays = []
        while (name := f"{layer}{marker}{len(arrays)}.{projection}.weight") in self.tensors:
            arrays.append(self.tensors[name])
        if not arrays:
            return None
        return arrays[0].dtype, np.stack([a.array() for a in arrays])

    def stacked(self, layer, kind, projection):
        for marker in MARKERS[kind]:
            if (found := self.experts(layer, marker, projection)) is not None:
                return found
            fused = self.experts(layer, marker, "gate_up_proj")
            if fused is not None and projection in ("gate_proj", "up_proj"):
                dtype, both = fused
                half = both.shape[1] // 2
                up = projection == "up_proj"
                if self.interleaved:
                    return dtype, both[:, int(up) :: 2]
                return dtype, both[:, half:] if up else both[:, :half]
            gate = self.experts(layer, marker, "gate_proj")
            if gate is not None and projection == "gate_up_proj":
                up = self.experts(layer, marker, "up_proj")
                return gate[0], np.concatenate([gate[1], up[1]], axis=1)
        return None

    def expected(self, name):
        """Type and values of a stored tensor, as raw numbers; None where nothing here is it."""
        if (whole := self.tensors.get(name)) is not None:
            return whole.dtype, whole.array() if whole.dtype in NP_DTYPES else whole.data
        if (match := STACK.match(name)) is not None:
            return self.stacked(*match.groups())
        if self.interleaved and name.endswith("_proj.bias"):
            base, projection = name.removesuffix(".bias").rsplit(".", 1)
            base = base.replace(".switch_mlp", ".experts")
            if projection == "down_proj":
                bias = self.tensors[f"{base}.down_proj_bias"]
                return bias.dtype, bias.array()
            both = self.tensors[f"{base}.gate_up_proj_bias"]
            return both.dtype, both.array()[:, int(projection == "up_proj") :: 2]
        return None


def to_bytes(array):
    if array.dtype == mx.bfloat16:
        array = array.view(mx.uint16)
    return np.ascontiguousarray(np.array(array)).tobytes()


def quantized(dtype, values, metadata):
    mode, bits = TYPES[metadata["quant_type"]]
    weight = mx.array(np.ascontiguousarray(values)).view(MX_DTYPES[dtype])
    return mx.quantize(weight, group_size=int(metadata["group_size"]), bits=bits, mode=mode)


def check_blob(source, tensors, metadata, counts):
    """Yields the names of tensors that are not what they should be."""
    for name, tensor in tensors.items():
        base, _, suffix = name.rpartition(".")
        if suffix in ("scale", "bias", "global_scale") and base in tensors:
            continue
        expected = source.expected(name)
        if expected is None:
            yield f"{name}: nothing in the source is it"
            continue
        dtype, values = expected
        if f"{name}.scale" not in tensors:
            counts[tensor.dtype] += 1
            raw = values if isinstance(values, bytes) else np.ascontiguousarray(values).tobytes()
            if dtype != tensor.dtype or raw != tensor.data:
                yield f"{name}: the values differ"
            continue
        counts[metadata["quant_type"]] += 1
        parts = quantized(dtype, values, metadata)
        for part, array in zip(("", ".scale", ".bias"), parts):
            if tensors[name + part].data != to_bytes(array):
                yield f"{name}{part}: differs from mlx.core.quantize"


def main():
    mx.set_default_device(mx.cpu)
    store = Path(sys.argv[1])
    counts = collections.Counter()
    wrong = 0
    for argument in sys.argv[2:]:
        name, folder = argument.split("=", 1)
        source = Source(Path(folder))
        manifest = json.loads(
            (store / "manifests/registry.ollama.ai/library" / name / "latest").read_text()
        )
        for layer in manifest["layers"]:
            if not layer["mediaType"].endswith(".tensor"):
                continue
            blob = store / "blobs" / layer["digest"].replace(":", "-")
            for problem in check_blob(source, *read_file(blob), counts):
                print(f"{name}: {problem}")
                wrong += 1
    print(" ".join(f"{kind}={counts[kind]}" for kind in sorted(counts)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
