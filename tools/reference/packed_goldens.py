"""Checkpoints in the quantized layouts of other programs, made by formulas in numpy, and what they
mean.

    packed_goldens.py write FORMAT FOLDER           FOLDER/packed: the checkpoint as that program
                                                    lays it out; FOLDER/values: the float32 weights
                                                    that it stands for
    packed_goldens.py check FOLDER STORE NAME       compares an imported model with FOLDER/values
    packed_goldens.py golden tests/cli/packed_goldens [FORMAT …]
                                                    logits of the Hugging Face model in float32 over
                                                    those values (pip install torch
                                                    transformers==5.23.0)

The weights are those of tests/models/goldens. FORMAT is one of:

    modelopt_nvfp4     ModelOpt: E2M1 codes, E4M3 scales of 16, a factor a tensor; experts apart
    modelopt_mixed     ModelOpt: attention in E4M3 with a factor a tensor, the rest as above
    compressed_nvfp4   compressed-tensors' nvfp4-pack-quantized: the factor's reciprocal is stored
    block_fp8          E4M3 with a factor for 128x128 values; experts apart
    channel_fp8        compressed-tensors' float-quantized: E4M3 with a factor a row
    gpt_oss_mxfp4      gpt-oss: experts as blocks of 32 E2M1 codes and powers of two
"""

import json
import sys
from pathlib import Path

import numpy as np
from seeded_weights import (
    golden_weights,
    read_safetensors,
    round_bf16,
    splitmix,
    to_bf16_bits,
    write_safetensors,
)

ROOT = Path(__file__).resolve().parents[2]
BASES = {
    "modelopt_nvfp4": "qwen3_5_moe",
    "modelopt_mixed": "llama",
    "compressed_nvfp4": "qwen3",
    "block_fp8": "qwen3_5_moe",
    "channel_fp8": "llama",
    "gpt_oss_mxfp4": "gpt_oss",
}
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)


def e4m3_values():
    """The 127 finite numbers that are not negative, in the order of their codes."""
    codes = np.arange(127)
    exponent, mantissa = codes >> 3, codes & 7
    normal = (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    return np.where(exponent == 0, mantissa / 8 * 2.0**-6, normal).astype(np.float32)


E4M3 = e4m3_values()


def nearest(values, table):
    """Codes with the sign in front, of the numbers of a rising table that are nearest."""
    size = np.abs(values).astype(np.float32)
    above = np.clip(np.searchsorted(table, size), 1, len(table) - 1)
    below_is_nearer = size - table[above - 1] <= table[above] - size
    code = np.where(below_is_nearer, above - 1, above).astype(np.uint8)
    return code, np.signbit(values)


def encode_e4m3(values):
    code, negative = nearest(values, E4M3)
    return code | (negative.astype(np.uint8) << 7)


def decode_e4m3(codes):
    return E4M3[codes & 127] * np.where(codes >> 7, np.float32(-1), np.float32(1))


def encode_e2m1(values):
    """Two codes a byte, the first in the low half, and the numbers that they are."""
    code, negative = nearest(values, E2M1)
    numbers = E2M1[code] * np.where(negative, np.float32(-1), np.float32(1))
    code |= negative.astype(np.uint8) << 3
    return code[..., ::2] | (code[..., 1::2] << 4), numbers


def nvfp4(values):
    """Codes, scales, the factor, and the values that they are."""
    factor = np.float32(np.abs(values).max() / np.float32(6 * 448))
    groups = values.reshape(*values.shape[:-1], -1, 16)
    scales = encode_e4m3(np.abs(groups).max(-1) / np.float32(6) / factor)
    steps = decode_e4m3(scales)[..., None]
    safe = np.where(steps == 0, np.float32(1), steps) * factor
    codes, numbers = encode_e2m1((groups / safe).reshape(values.shape))
    meant = (numbers.reshape(groups.shape) * steps).astype(np.float32) * factor
    return codes, scales, factor, meant.reshape(values.shape)


def fp8(values, factors):
    """Codes and the bfloat16 values that they are; factors are spread over the values."""
    codes = encode_e4m3(values / factors)
    return codes, round_bf16(decode_e4m3(codes) * factors)


def scalar(value):
    return np.array(value, np.float32)


def one(value):
    return np.array([value], np.float32)


class Maker:
    """Fills `packed` (name to type and raw numbers) and `values` (name to float32)."""

    def __init__(self, kind):
        self.kind = kind
        self.base = ROOT / "tests" / "models" / "goldens" / BASES[kind]
        self.config = json.loads((self.base / "config.json").read_text())
        self.packed, self.values, self.extra = {}, {}, {}

    def plain(self, name, values):
        self.packed[name] = ("BF16", to_bf16_bits(values))
        self.values[name] = values

    def modelopt_nvfp4(self, name, values):
        base = name.removesuffix(".weight")
        codes, scales, factor, self.values[name] = nvfp4(values)
        self.packed[name] = ("U8", codes)
        self.packed[f"{base}.weight_scale"] = ("F8_E4M3", scales)
        self.packed[f"{base}.weight_scale_2"] = ("F32", scalar(factor))
        self.packed[f"{base}.input_scale"] = ("F32", scalar(0.5))

    def compressed_nvfp4(self, name, values):
        base = name.removesuffix(".weight")
        codes, scales, factor, meant = nvfp4(values)
        stored = np.float32(1) / factor
        # What is meant is the reciprocal of what is stored.
        self.values[name] = meant if factor == 0 else self.rescaled(codes, scales, stored)
        self.packed[f"{base}.weight_packed"] = ("U8", codes)
        self.packed[f"{base}.weight_scale"] = ("F8_E4M3", scales)
        self.packed[f"{base}.weight_global_scale"] = ("F32", one(stored))
        self.packed[f"{base}.input_global_scale"] = ("F32", one(0.25))

    @staticmethod
    def rescaled(codes, scales, stored):
        both = np.stack([codes & 15, codes >> 4], -1).reshape(*codes.shape[:-1], -1)
        numbers = E2M1[both & 7] * np.where(both >> 3, np.float32(-1), np.float32(1))
        steps = np.repeat(decode_e4m3(scales), 16, -1)
        return (numbers * steps) * (np.float32(1) / stored)

    def tensor_fp8(self, name, values):
        base = name.removesuffix(".weight")
        factor = np.float32(np.abs(values).max() / 448)
        codes, self.values[name] = fp8(values, factor)
        self.packed[name] = ("F8_E4M3", codes)
        self.packed[f"{base}.weight_scale"] = ("F32", scalar(factor))
        self.packed[f"{base}.input_scale"] = ("F32", scalar(0.5))

    def channel_fp8(self, name, values):
        factors = (np.abs(values).max(-1, keepdims=True) / 448).astype(np.float32)
        codes, self.values[name] = fp8(values, factors)
        self.packed[name] = ("F8_E4M3", codes)
        self.packed[f"{name}_scale"] = ("F32", factors)

    def block_fp8(self, name, values):
        rows, columns = values.shape
        factors = np.zeros((-(-rows // 128), -(-columns // 128)), np.float32)
        for i, j in np.ndindex(factors.shape):
            block = values[128 * i : 128 * i + 128, 128 * j : 128 * j + 128]
            factors[i, j] = np.abs(block).max() / 448
        spread = np.repeat(np.repeat(factors, 128, 0), 128, 1)[:rows, :columns]
        codes, self.values[name] = fp8(values, spread)
        self.packed[name] = ("F8_E4M3", codes)
        self.packed[f"{name}_scale_inv"] = ("F32", factors)

    def gpt_oss_mxfp4(self, name, values):
        # Stored the other way round: [experts, out, groups, 16 bytes].
        rows = np.ascontiguousarray(values.swapaxes(1, 2))
        groups = rows.reshape(*rows.shape[:-1], -1, 32)
        largest = np.abs(groups).max(-1)
        exponents = np.floor(np.log2(np.where(largest == 0, 1, largest))).astype(int) - 2
        steps = np.exp2(exponents.astype(np.float32))[..., None]
        codes, numbers = encode_e2m1(groups / steps)
        self.packed[f"{name}_blocks"] = ("U8", codes)
        self.packed[f"{name}_scales"] = ("U8", (exponents + 127).astype(np.uint8))
        meant = (numbers * steps).reshape(rows.shape)
        self.values[name] = np.ascontiguousarray(meant.swapaxes(1, 2))

    def make(self):
        for name, values in golden_weights(self.base).items():
            self.chosen(name, values)(name, values)
        getattr(self, f"declare_{self.kind}")()

    def chosen(self, name, values):
        """How a tensor is stored: in every format the head, routers and the like stay floats."""
        if self.kind == "gpt_oss_mxfp4":
            experts = name.endswith((".experts.gate_up_proj", ".experts.down_proj"))
            return self.gpt_oss_mxfp4 if experts else self.plain
        spared = (
            "lm_head",
            "embed",
            "norm",
            "conv1d",
            ".mlp.gate.",
            "shared_expert_gate",
            "in_proj",
        )
        if not name.endswith(".weight") or values.ndim != 2 or any(s in name for s in spared):
            return self.plain
        if self.kind == "modelopt_mixed":
            return self.tensor_fp8 if ".self_attn." in name else self.modelopt_nvfp4
        return getattr(self, self.kind)

    def declare_modelopt_nvfp4(self):
        quantization = {"quant_algo": "NVFP4", "kv_cache_quant_algo": None, "group_size": 16}
        quantization["exclude_modules"] = ["lm_head", "*.mlp.gate", "*.linear_attn.in_proj*"]
        self.extra["hf_quant_config.json"] = {
            "producer": {"name": "modelopt", "version": "0.41.0"},
            "quantization": quantization,
        }
        self.config["quantization_config"] = {"quant_method": "modelopt", "quant_algo": "NVFP4"}

    def declare_modelopt_mixed(self):
        layers = {}
        for name, (dtype, _) in self.packed.items():
            if dtype == "U8":
                layers[name.removesuffix(".weight")] = {"quant_algo": "NVFP4", "group_size": 16}
            elif dtype == "F8_E4M3" and name.endswith(".weight"):
                layers[name.removesuffix(".weight")] = {"quant_algo": "FP8"}
        quantization = {"quant_algo": "MIXED_PRECISION", "quantized_layers": layers}
        self.extra["hf_quant_config.json"] = {
            "producer": {"name": "modelopt", "version": "0.41.0"},
            "quantization": quantization,
        }
        self.config["quantization_config"] = {"quant_method": "modelopt"} | quantization

    def declare_compressed(self, kind, weights):
        self.config["quantization_config"] = {
            "quant_method": "compressed-tensors",
            "format": kind,
            "quantization_status": "compressed",
            "ignore": ["lm_head"],
            "config_groups": {
                "group_0": {"format": kind, "targets": ["Linear"], "weights": weights}
            },
        }

    def declare_compressed_nvfp4(self):
        weights = {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16}
        self.declare_compressed("nvfp4-pack-quantized", weights)

    def declare_channel_fp8(self):
        weights = {"num_bits": 8, "type": "float", "strategy": "channel", "symmetric": True}
        self.declare_compressed("float-quantized", weights)

    def declare_block_fp8(self):
        self.config["quantization_config"] = {
            "quant_method": "fp8",
            "fmt": "e4m3",
            "activation_scheme": "dynamic",
            "weight_block_size": [128, 128],
        }

    def declare_gpt_oss_mxfp4(self):
        self.config["quantization_config"] = {
            "quant_method": "mxfp4",
            "modules_to_not_convert": ["model.embed_tokens", "lm_head", "self_attn", "router"],
        }

    def write(self, folder):
        for part in ("packed", "values"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        write_safetensors(folder / "packed" / "model.safetensors", self.packed)
        values = {name: ("F32", array) for name, array in self.values.items()}
        write_safetensors(folder / "values" / "model.safetensors", values)
        (folder / "packed" / "config.json").write_text(json.dumps(self.config, indent=2))
        for name, content in self.extra.items():
            (folder / "packed" / name).write_text(json.dumps(content, indent=2))
        plain = {k: v for k, v in self.config.items() if k != "quantization_config"}
        (folder / "values" / "config.json").write_text(json.dumps(plain, indent=2))


def stored_values(name, tensors, metadata):
    """float32 values of a stored tensor, by MLX where it is quantized."""
    import mlx.core as mx

    dtype, array = tensors[name]
    if dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    if dtype == "F32":
        return array
    mode, bits = {"nvfp4": ("nvfp4", 4), "mxfp4": ("mxfp4", 4), "mxfp8": ("mxfp8", 8)}[
        metadata["quant_type"]
    ]
    scales = mx.array(tensors[f"{name}.scale"][1])
    group_size = int(metadata["group_size"])
    values = mx.dequantize(
        mx.array(array), scales, None, group_size, bits, mode, None, mx.float32, stream=mx.cpu
    )
    values = np.array(values)
    if f"{name}.global_scale" in tensors:
        factors = tensors[f"{name}.global_scale"][1]
        values = values * factors.reshape(-1, *[1] * (values.ndim - 1))
    return values


def expected_values(values, name):
    """Of a stored tensor, from the weights one by one."""
    if name in values:
        return values[name]
    group, projection, tail = name.rsplit(".", 2)
    experts = group.replace(".switch_mlp", ".experts")
    if (fused := values.get(f"{experts}.gate_up_proj")) is not None and tail == "weight":
        if projection == "down_proj":
            return values[f"{experts}.down_proj"].swapaxes(1, 2)
        return fused.swapaxes(1, 2)[:, int(projection == "up_proj") :: 2]
    if (fused := values.get(f"{experts}.gate_up_proj_bias")) is not None and tail == "bias":
        if projection == "down_proj":
            return values[f"{experts}.down_proj_bias"]
        return fused[:, int(projection == "up_proj") :: 2]
    stack = []
    while (one_of := f"{experts}.{len(stack)}.{projection}.weight") in values:
        stack.append(values[one_of])
    return np.stack(stack)


def check(folder, store, name):
    values = {
        k: v for k, (_, v) in read_safetensors(folder / "values/model.safetensors")[0].items()
    }
    manifest = store / "manifests/registry.ollama.ai/library" / name / "latest"
    checked, wrong = 0, 0
    for layer in json.loads(manifest.read_text())["layers"]:
        if not layer["mediaType"].endswith(".tensor"):
            continue
        blob = store / "blobs" / layer["digest"].replace(":", "-")
        tensors, metadata = read_safetensors(blob)
        for tensor in tensors:
            if tensor.endswith((".scale", ".global_scale")):
                continue
            got = stored_values(tensor, tensors, metadata)
            if got.tobytes() != np.ascontiguousarray(expected_values(values, tensor)).tobytes():
                print(f"{tensor}: the values differ")
                wrong += 1
            checked += 1
    print(f"{checked} tensors")
    return 1 if wrong else 0


def golden(out, kinds):
    import tempfile

    import torch
    import transformers

    for kind in kinds or BASES:
        maker = Maker(kind)
        maker.make()
        with tempfile.TemporaryDirectory() as temp:
            maker.write(Path(temp))
            cls = getattr(transformers, maker.config["architectures"][0])
            model = cls.from_pretrained(Path(temp) / "values", dtype=torch.float32).eval()
            vocabulary = maker.config["vocab_size"]
            ids = (splitmix(np.arange(40, dtype=np.uint64)) % np.uint64(vocabulary)).astype(int)
            with torch.no_grad():
                logits = model(torch.from_numpy(ids)[None], use_cache=False).logits[0].numpy()
        out.mkdir(parents=True, exist_ok=True)
        logits.astype("<f4").tofile(out / f"{kind}.f32")
        print(f"{kind}: std {logits.std():.3f}")


def main():
    command, *rest = sys.argv[1:]
    if command == "write":
        maker = Maker(rest[0])
        maker.make()
        maker.write(Path(rest[1]))
        return 0
    if command == "check":
        return check(Path(rest[0]), Path(rest[1]), rest[2])
    if command == "golden":
        return golden(Path(rest[0]), rest[1:])
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
