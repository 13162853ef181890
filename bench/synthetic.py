#!/usr/bin/env python3
"""Makes a checkpoint of a known model's shape with weights out of a seeded generator, to measure
speed on without downloading anything:

    bench/synthetic.py DIR [--shape qwen3-0.6b|qwen3-moe|qwen3.5-moe|gemma4|gemma4-moe|glm-lite]
                       [--type bf16|int4|int8|nvfp4|mxfp4|mxfp8] [--layers N]

Layers are as wide as the models' own and fewer; so are experts.

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
        self.unquantized: list[str] = []  # matrices that are not, whatever the others are

    def vector(self, name: str, values: np.ndarray) -> None:
        self.parts[name] = ("BF16", [values.size], bf16(values))

    def norm(self, name: str, width: int) -> None:
        self.vector(name, np.ones(width))

    def plain(self, name: str, *shape: int) -> None:
        self.unquantized.append(name)
        self.dense(name, *shape)

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


def attention(out: Writer, at: str, hidden: int, queries: int, keys: int, answers: int) -> None:
    """Projections; answers is the width of what all heads give."""
    out.matrix(f"{at}.q_proj", queries, hidden)
    out.matrix(f"{at}.k_proj", keys, hidden)
    out.matrix(f"{at}.v_proj", keys, hidden)
    out.matrix(f"{at}.o_proj", hidden, answers)


def mlp(out: Writer, at: str, hidden: int, inner: int, experts: int = 0) -> None:
    lead = (experts,) if experts else ()
    out.matrix(f"{at}.gate_proj", *lead, inner, hidden)
    out.matrix(f"{at}.up_proj", *lead, inner, hidden)
    out.matrix(f"{at}.down_proj", *lead, hidden, inner)


def qwen(out: Writer, shape: str, wanted: int | None) -> dict:
    hidden, usual, heads, key_heads, width, inner, vocabulary, experts, chosen = SHAPES[shape]
    layers = wanted or usual
    recurrent = RECURRENT.get(shape)
    out.matrix("model.embed_tokens", vocabulary, hidden)
    for layer in range(layers):
        at = f"model.layers.{layer}"
        out.norm(f"{at}.input_layernorm.weight", hidden)
        out.norm(f"{at}.post_attention_layernorm.weight", hidden)
        if recurrent and layer % 4 != 3:
            linear_attention(out, f"{at}.linear_attn", hidden, *recurrent)
        else:
            queries = heads * width * (2 if recurrent else 1)  # with a gate each
            attention(out, f"{at}.self_attn", hidden, queries, key_heads * width, heads * width)
            out.norm(f"{at}.self_attn.q_norm.weight", width)
            out.norm(f"{at}.self_attn.k_norm.weight", width)
        if experts:
            out.plain(f"{at}.mlp.gate", experts, hidden)
        if recurrent:
            out.plain(f"{at}.mlp.shared_expert_gate", 1, hidden)
            mlp(out, f"{at}.mlp.shared_expert", hidden, inner)
        mlp(out, f"{at}.mlp.switch_mlp" if experts else f"{at}.mlp", hidden, inner, experts)
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
    return config


def gemma4(out: Writer, shape: str, wanted: int | None) -> dict:
    """Every fifth layer sees everything, the others through a window. The dense one gives layers an
    input of their own, and its last layers share keys; the mixture has experts beside its MLP."""
    mixture = shape == "gemma4-moe"
    hidden, inner, heads = (2816, 2112, 16) if mixture else (1536, 6144, 8)
    key_heads, full_keys, width, full_width = (8, 2, 256, 512) if mixture else (1, 1, 256, 512)
    layers, sharing, own = wanted or (5 if mixture else 15), 0 if mixture else 5, 256
    experts, chosen, expert_inner = 64, 8, 704
    vocabulary = 262144
    out.matrix("model.embed_tokens", vocabulary, hidden)
    if not mixture:
        out.matrix("model.embed_tokens_per_layer", vocabulary, layers * own)
        out.matrix("model.per_layer_model_projection", layers * own, hidden)
        out.norm("model.per_layer_projection_norm.weight", own)
    norms = ["input", "post_attention", "pre_feedforward", "post_feedforward"]
    full = [layer % 5 == 4 for layer in range(layers)]
    for layer in range(layers):
        at = f"model.layers.{layer}"
        for name in norms:
            out.norm(f"{at}.{name}_layernorm.weight", hidden)
        out.norm(f"{at}.layer_scalar", 1)
        head = full_width if full[layer] else width
        keys = (full_keys if full[layer] else key_heads) * head
        out.matrix(f"{at}.self_attn.q_proj", heads * head, hidden)
        out.matrix(f"{at}.self_attn.o_proj", hidden, heads * head)
        out.norm(f"{at}.self_attn.q_norm.weight", head)
        if layer < layers - sharing:
            out.matrix(f"{at}.self_attn.k_proj", keys, hidden)
            out.norm(f"{at}.self_attn.k_norm.weight", head)
            if not (mixture and full[layer]):
                out.matrix(f"{at}.self_attn.v_proj", keys, hidden)
        mlp(out, f"{at}.mlp", hidden, inner)
        if mixture:
            for name in (
                "pre_feedforward_layernorm_2",
                *(f"{norms[3]}_layernorm_{i}" for i in (1, 2)),
            ):
                out.norm(f"{at}.{name}.weight", hidden)
            out.plain(f"{at}.router.proj", experts, hidden)
            out.norm(f"{at}.router.scale", hidden)
            out.norm(f"{at}.router.per_expert_scale", experts)
            out.matrix(f"{at}.moe.switch_mlp.gate_up_proj", experts, 2 * expert_inner, hidden)
            out.matrix(f"{at}.moe.switch_mlp.down_proj", experts, hidden, expert_inner)
        else:
            out.matrix(f"{at}.per_layer_input_gate", own, hidden)
            out.matrix(f"{at}.per_layer_projection", hidden, own)
            out.norm(f"{at}.post_per_layer_input_norm.weight", hidden)
    out.norm("model.norm.weight", hidden)
    config = {
        "architectures": ["Gemma4ForCausalLM"],
        "model_type": "gemma4_text",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "head_dim": width,
        "global_head_dim": full_width,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": 131072,
        "sliding_window": 1024 if mixture else 512,
        "layer_types": ["full_attention" if is_full else "sliding_attention" for is_full in full],
        "rms_norm_eps": 1e-6,
        "final_logit_softcapping": 30.0,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"},
            "full_attention": {
                "rope_theta": 1e6,
                "rope_type": "proportional",
                "partial_rotary_factor": 0.25,
            },
        },
    }
    if mixture:
        return config | {
            "attention_k_eq_v": True,
            "num_global_key_value_heads": full_keys,
            "enable_moe_block": True,
            "num_experts": experts,
            "top_k_experts": chosen,
            "moe_intermediate_size": expert_inner,
        }
    return config | {
        "hidden_size_per_layer_input": own,
        "vocab_size_per_layer_input": vocabulary,
        "num_kv_shared_layers": sharing,
    }


def glm_lite(out: Writer, _: str, wanted: int | None) -> dict:
    """Latent attention, and experts in every layer but the first."""
    layers, hidden, inner, expert_inner, experts = wanted or 6, 2048, 10240, 1536, 64
    heads, query_rank, rank, rope, plain, value = 20, 768, 512, 64, 192, 256
    vocabulary = 154880
    out.matrix("model.embed_tokens", vocabulary, hidden)
    out.matrix("lm_head", vocabulary, hidden)
    for layer in range(layers):
        at = f"model.layers.{layer}"
        out.norm(f"{at}.input_layernorm.weight", hidden)
        out.norm(f"{at}.post_attention_layernorm.weight", hidden)
        out.matrix(f"{at}.self_attn.q_a_proj", query_rank, hidden)
        out.norm(f"{at}.self_attn.q_a_layernorm.weight", query_rank)
        out.matrix(f"{at}.self_attn.q_b_proj", heads * (plain + rope), query_rank)
        out.matrix(f"{at}.self_attn.kv_a_proj_with_mqa", rank + rope, hidden)
        out.norm(f"{at}.self_attn.kv_a_layernorm.weight", rank)
        out.matrix(f"{at}.self_attn.kv_b_proj", heads * (plain + value), rank)
        out.matrix(f"{at}.self_attn.o_proj", hidden, heads * value)
        if layer == 0:
            mlp(out, f"{at}.mlp", hidden, inner)
            continue
        out.plain(f"{at}.mlp.gate", experts, hidden)
        out.vector(f"{at}.mlp.gate.e_score_correction_bias", np.zeros(experts))
        mlp(out, f"{at}.mlp.switch_mlp", hidden, expert_inner, experts)
        mlp(out, f"{at}.mlp.shared_experts", hidden, expert_inner)
    out.norm("model.norm.weight", hidden)
    return {
        "architectures": ["Glm4MoeLiteForCausalLM"],
        "model_type": "glm4_moe_lite",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": 202752,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e6,
        "tie_word_embeddings": False,
        "q_lora_rank": query_rank,
        "kv_lora_rank": rank,
        "qk_nope_head_dim": plain,
        "qk_rope_head_dim": rope,
        "v_head_dim": value,
        "n_routed_experts": experts,
        "n_shared_experts": 1,
        "num_experts_per_tok": 4,
        "moe_intermediate_size": expert_inner,
        "first_k_dense_replace": 1,
        "norm_topk_prob": True,
        "routed_scaling_factor": 1.8,
        "n_group": 1,
        "topk_group": 1,
    }


MAKERS = dict.fromkeys(SHAPES, qwen) | {
    "gemma4": gemma4,
    "gemma4-moe": gemma4,
    "glm-lite": glm_lite,
}


def make(folder: Path, shape: str, kind: str, layers: int | None = None) -> tuple[Writer, dict]:
    """Writes the checkpoint and gives its tensors and its configuration."""
    out = Writer(TYPES[kind])
    config = MAKERS[shape](out, shape, layers) | {"torch_dtype": "bfloat16", "hidden_act": "silu"}
    if TYPES[kind]:
        mode, bits, group, _ = TYPES[kind]
        config["quantization"] = {"group_size": group, "bits": bits, "mode": mode}
        config["quantization"] |= dict.fromkeys(out.unquantized, False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    out.save(folder / "model.safetensors")
    return out, config


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", type=Path)
    parser.add_argument("--shape", choices=MAKERS, default="qwen3-0.6b")
    parser.add_argument("--type", choices=TYPES, default="int4")
    parser.add_argument("--layers", type=int, help="fewer or more than the shape has")
    args = parser.parse_args()
    make(args.dir, args.shape, args.type, args.layers)


if __name__ == "__main__":
    main()
