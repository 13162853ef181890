#!/usr/bin/env python3
"""Makes a checkpoint of a known model's shape with weights out of a seeded generator, to measure
speed on without downloading anything:

    bench/synthetic.py DIR [--shape qwen3-0.6b|qwen3-moe|qwen3.5-moe] [--type bf16|int4|int8|nvfp4|mxfp4|mxfp8]
                       [--layers N]

The same arguments give the same bytes. Quantized weights are written as mlx-lm lays them out; codes
are random bits, scales small and even, so that numbers stay finite. There is no tokenizer:

    ingot bench DIR -p 512 -n 64
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np

# Hidden width, layers, heads, key heads, head width, inner width, vocabulary, experts, chosen.
SHAPES = {
    "qwen3-0.6b": (1024, 28, 16, 8, 128, 3072, 151936, 0, 0),
    "qwen3-moe": (1024, 12, 16, 8, 128, 256, 32000, 64, 8),
    "qwen3.5-moe": (2048, 12, 16, 2, 256, 512, 32000, 64, 8),
}
# Of shapes with recurrent layers, every fourth layer being one of attention: key heads, value heads,
# their width, taps of the convolution.
RECURRENT = {"qwen3.5-moe": (16, 32, 128, 4)}
# Mode, bits, group, type of scales; None for plain bf16.
TYPES = {
    "bf16": None,
    "int4": ("affine", 4, 64, "BF16"),
    "int8": ("affine", 8, 64, "BF16"),
    "nvfp4": ("nvfp4", 4, 16, "U8"),
    "mxfp4": ("mxfp4", 4, 32, "U8"),
    "mxfp8": ("mxfp8", 8, 32, "U8"),
}
SEED = 20


def bf16(values: np.ndarray) -> bytes:
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x8000) >> 16).astype(np.uint16).tobytes()


class Writer:
    def __init__(self, quantized: tuple | None) -> None:
        self.random = np.random.default_rng(SEED)
        self.quantized = quantized
        self.parts: dict[str, tuple[str, list[int], bytes]] = {}

    def norm(self, name: str, width: int) -> None:
        self.parts[name] = ("BF16", [width], bf16(np.ones(width)))

    def dense(self, name: str, *shape: int) -> None:
        values = self.random.standard_normal(shape, dtype=np.float32) * 0.02
        self.parts[f"{name}.weight"] = ("BF16", list(shape), bf16(values))

    def matrix(self, name: str, *shape: int) -> None:
        if self.quantized is None:
            return self.dense(name, *shape)
        mode, bits, group, scale_type = self.quantized
        lead, inputs = list(shape[:-1]), shape[-1]
        words = inputs * bits // 32
        codes = self.random.integers(0, 256, (*lead, words * 4), dtype=np.uint8)
        if mode == "mxfp8":
            codes &= 0xBF  # no exponent so large that it could be NaN
        groups = inputs // group
        self.parts[f"{name}.weight"] = ("U32", [*lead, words], codes.tobytes())
        count = int(np.prod(lead)) * groups
        scale = 0.04 / (1 << bits)
        if scale_type == "BF16":
            scales = bf16(np.full(count, scale))
            biases = bf16(
                np.full(count, -scale * (1 << (bits - 1)))
            )  # as formats without an offset
            self.parts[f"{name}.biases"] = ("BF16", [*lead, groups], biases)
        else:  # 2^-6 as E4M3, 2^-7 as E8M0
            scales = np.full(count, 0x08 if mode == "nvfp4" else 120, np.uint8).tobytes()
        self.parts[f"{name}.scales"] = (scale_type, [*lead, groups], scales)
        return None

    def save(self, path: Path) -> None:
        header, at = {}, 0
        for name, (kind, shape, data) in self.parts.items():
            header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(data)]}
            at += len(data)
        text = json.dumps(header).encode()
        text += b" " * (-(len(text) + 8) % 64)
        with path.open("wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            for _, _, data in self.parts.values():
                out.write(data)


def linear_attention(
    out: Writer, at: str, hidden: int, keys: int, values: int, width: int, taps: int
) -> None:
    channels = (2 * keys + values) * width
    out.matrix(f"{at}.in_proj_qkv", channels, hidden)
    out.matrix(f"{at}.in_proj_z", values * width, hidden)
    out.dense(f"{at}.in_proj_a", values, hidden)
    out.dense(f"{at}.in_proj_b", values, hidden)
    out.matrix(f"{at}.out_proj", hidden, values * width)
    out.dense(f"{at}.conv1d", channels, taps, 1)
    out.norm(f"{at}.norm.weight", width)
    out.parts[f"{at}.A_log"] = ("BF16", [values], bf16(np.linspace(-3, 1, values)))
    out.parts[f"{at}.dt_bias"] = ("BF16", [values], bf16(np.zeros(values)))


def make(folder: Path, shape: str, kind: str, layers: int | None = None) -> tuple[Writer, dict]:
    """Writes the checkpoint and gives its tensors and its configuration."""
    hidden, usual, heads, key_heads, width, inner, vocabulary, experts, chosen = SHAPES[shape]
    layers = layers or usual

    recurrent = RECURRENT.get(shape)
    out = Writer(TYPES[kind])
    out.matrix("model.embed_tokens", vocabulary, hidden)
    for layer in range(layers):
        at = f"model.layers.{layer}"
        out.norm(f"{at}.input_layernorm.weight", hidden)
        out.norm(f"{at}.post_attention_layernorm.weight", hidden)
        if recurrent and layer % 4 != 3:
            linear_attention(out, f"{at}.linear_attn", hidden, *recurrent)
        else:
            queries = heads * width * (2 if recurrent else 1)  # with a gate each
            out.matrix(f"{at}.self_attn.q_proj", queries, hidden)
            out.matrix(f"{at}.self_attn.k_proj", key_heads * width, hidden)
            out.matrix(f"{at}.self_attn.v_proj", key_heads * width, hidden)
            out.matrix(f"{at}.self_attn.o_proj", hidden, heads * width)
            out.norm(f"{at}.self_attn.q_norm.weight", width)
            out.norm(f"{at}.self_attn.k_norm.weight", width)
        if experts:
            out.dense(f"{at}.mlp.gate", experts, hidden)
        if recurrent:
            out.dense(f"{at}.mlp.shared_expert_gate", 1, hidden)
            for name, shape_of in (
                ("gate", (inner, hidden)),
                ("up", (inner, hidden)),
                ("down", (hidden, inner)),
            ):
                out.matrix(f"{at}.mlp.shared_expert.{name}_proj", *shape_of)
        lead = (experts,) if experts else ()
        mlp = f"{at}.mlp.switch_mlp" if experts else f"{at}.mlp"
        out.matrix(f"{mlp}.gate_proj", *lead, inner, hidden)
        out.matrix(f"{mlp}.up_proj", *lead, inner, hidden)
        out.matrix(f"{mlp}.down_proj", *lead, hidden, inner)
    out.norm("model.norm.weight", hidden)

    config = {
        "architectures": ["Qwen3MoeForCausalLM" if experts else "Qwen3ForCausalLM"],
        "model_type": "qwen3_moe" if experts else "qwen3",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "head_dim": width,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": 40960,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "hidden_act": "silu",
    }
    if experts:
        config |= {
            "num_experts": experts,
            "num_experts_per_tok": chosen,
            "moe_intermediate_size": inner,
            "norm_topk_prob": True,
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
        }
    if recurrent:
        linear_keys, linear_values, linear_width, taps = recurrent
        config |= {
            "architectures": ["Qwen3_5MoeForCausalLM"],
            "model_type": "qwen3_5_moe_text",
            "linear_num_key_heads": linear_keys,
            "linear_num_value_heads": linear_values,
            "linear_key_head_dim": linear_width,
            "linear_value_head_dim": linear_width,
            "linear_conv_kernel_dim": taps,
            "shared_expert_intermediate_size": inner,
            "layer_types": [
                "full_attention" if layer % 4 == 3 else "linear_attention"
                for layer in range(layers)
            ],
            "rope_parameters": {
                "partial_rotary_factor": 0.25,
                "rope_theta": 1e7,
                "rope_type": "default",
            },
        }
    if TYPES[kind]:
        mode, bits, group, _ = TYPES[kind]
        config["quantization"] = {"group_size": group, "bits": bits, "mode": mode}
        if experts:
            for layer in range(layers):
                config["quantization"][f"model.layers.{layer}.mlp.gate"] = False
                if recurrent:
                    config["quantization"][f"model.layers.{layer}.mlp.shared_expert_gate"] = False
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    out.save(folder / "model.safetensors")
    return out, config


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="qwen3-0.6b")
    parser.add_argument("--type", choices=TYPES, default="int4")
    parser.add_argument("--layers", type=int, help="fewer or more than the shape has")
    args = parser.parse_args()
    make(args.dir, args.shape, args.type, args.layers)


if __name__ == "__main__":
    main()
