"""Writes a synthetic checkpoint (bench/synthetic.py) as a GGUF file too, number for number: 4-bit and
8-bit codes with an offset of half their range are what Q4_0 and Q8_0 hold, MXFP4 and NVFP4 have the
same codes and scales in another order. So both programs read equal weights of equal size."""

import struct
from pathlib import Path

import numpy as np

U32, F32, STRING = 4, 6, 8
GGML = {"f32": 0, "int4": 2, "int8": 8, "bf16": 30, "mxfp4": 39, "nvfp4": 40}
LAYER_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate": "ffn_gate_inp",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "mlp.switch_mlp.gate_proj": "ffn_gate_exps",
    "mlp.switch_mlp.up_proj": "ffn_up_exps",
    "mlp.switch_mlp.down_proj": "ffn_down_exps",
}
TOP_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}


def gguf_name(name: str) -> str:
    base = name.removesuffix(".weight")
    if base in TOP_NAMES:
        return f"{TOP_NAMES[base]}.weight"
    layer, _, rest = base.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{LAYER_NAMES[rest]}.weight"


def halves(codes: np.ndarray, block: int) -> np.ndarray:
    """Codes of 4 bits, blocks of `block`: the first half of a block in the low half of its bytes."""
    blocks = codes.reshape(-1, block)
    return blocks[:, : block // 2] | (blocks[:, block // 2 :] << 4)


def nibbles(data: bytes) -> np.ndarray:
    raw = np.frombuffer(data, np.uint8)
    return np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)


def as_half(scales: bytes) -> np.ndarray:
    wide = np.frombuffer(scales, np.uint16).astype(np.uint32) << 16
    return wide.view(np.float32).astype(np.float16)


def blocks_of(kind: str, weight: bytes, scales: bytes) -> bytes:
    """The blocks of a quantized tensor."""
    if kind in ("int4", "int8"):  # a group of 64 is two blocks of 32 with one scale
        scale = np.repeat(as_half(scales), 2).view(np.uint8).reshape(-1, 2)
        if kind == "int4":
            codes = halves(nibbles(weight), 32)
        else:
            codes = (np.frombuffer(weight, np.uint8) ^ 0x80).reshape(-1, 32)
    elif kind == "mxfp4":
        scale = np.frombuffer(scales, np.uint8).reshape(-1, 1)
        codes = halves(nibbles(weight), 32)
    else:  # nvfp4: four groups of 16 a block
        scale = np.frombuffer(scales, np.uint8).reshape(-1, 4)
        codes = halves(nibbles(weight), 16).reshape(-1, 32)
    return np.concatenate([scale, codes], axis=1).tobytes()


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def entries_of(config: dict) -> dict:
    arch = "qwen3moe" if "num_experts" in config else "qwen3"
    values = {
        "block_count": config["num_hidden_layers"],
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "feed_forward_length": config["intermediate_size"],
        "attention.head_count": config["num_attention_heads"],
        "attention.head_count_kv": config["num_key_value_heads"],
        "attention.key_length": config["head_dim"],
        "attention.value_length": config["head_dim"],
        "attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        "rope.freq_base": float(config["rope_theta"]),
        "vocab_size": config["vocab_size"],
    }
    if arch == "qwen3moe":
        values |= {
            "expert_feed_forward_length": config["moe_intermediate_size"],
            "expert_count": config["num_experts"],
            "expert_used_count": config["num_experts_per_tok"],
        }
    entries = {"general.architecture": arch, "tokenizer.ggml.model": "no_vocab"}
    return entries | {f"{arch}.{key}": value for key, value in values.items()}


def save(path: Path, kind: str, parts: dict, config: dict) -> None:
    """`parts` are the checkpoint's tensors: name -> (type, shape, bytes)."""
    tensors = []  # name, type, shape, bytes
    for name, (_, shape, data) in parts.items():
        if not name.endswith(".weight"):
            continue
        scales = parts.get(f"{name.removesuffix('.weight')}.scales")
        if scales:
            width = {"int8": 8}.get(kind, 4)
            shape = [*shape[:-1], shape[-1] * 32 // width]
            tensors.append((gguf_name(name), kind, shape, blocks_of(kind, data, scales[2])))
        elif len(shape) == 1 or ".mlp.gate." in name:
            wide = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).tobytes()
            tensors.append((gguf_name(name), "f32", shape, wide))
        else:
            tensors.append((gguf_name(name), "bf16", shape, data))

    entries = entries_of(config)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    for key, value in entries.items():
        head += text(key)
        if isinstance(value, str):
            head += struct.pack("<I", STRING) + text(value)
        elif isinstance(value, float):
            head += struct.pack("<If", F32, value)
        else:
            head += struct.pack("<II", U32, value)
    offset = 0
    for name, type_name, shape, data in tensors:
        head += text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        head += struct.pack("<IQ", GGML[type_name], offset)
        offset += len(data) + -len(data) % 32
    with path.open("wb") as out:
        out.write(head + b"\0" * (-len(head) % 32))
        for _, _, _, data in tensors:
            out.write(data + b"\0" * (-len(data) % 32))
