"""Reference logits for tests/models, by the Hugging Face implementation in float32.

    pip install torch transformers==5.23.0
    python tools/reference/model_goldens.py tests/models/goldens [NAME ...]

No weights are kept: every tensor is a function of its name, which this script and
tests/models/seeded_checkpoint.cc compute alike, bit for bit. A golden folder holds config.json,
tensors.json ([name, shape, base, spread] a tensor), golden.json (prompt, greedy continuation, the
gap between the two largest logits at each step) and logits.f32 ([prompt, vocabulary], raw; for
encoders the hidden rows, [prompt, width]).
"""

import argparse
import json
import math
import pathlib
import tempfile

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig

VOCAB = 192
PROMPT = 40
CONTINUATION = 24


def base_config(**more) -> dict:
    config = {
        "vocab_size": VOCAB,
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "intermediate_size": 96,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": 4096,
    }
    return config | more


def delta_config(**more) -> dict:
    recurrent = {
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 32,
        "linear_value_head_dim": 16,
        "linear_conv_kernel_dim": 4,
        "rope_parameters": {
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.25,
            "rope_type": "default",
        },
    }
    return base_config() | recurrent | more


def rope(kind: str, **more) -> dict:
    return {"rope_parameters": {"rope_theta": 10000.0, "rope_type": kind} | more}


# Small contexts, so that the prompt reaches every part of each scaling.
LLAMA3 = rope(
    "llama3",
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=32,
)
YARN = rope("yarn", factor=4.0, original_max_position_embeddings=16)
EXPERTS = {
    "num_experts": 6,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64,
}
WINDOWS = {"sliding_window": 12}
LAYERS = ["sliding_attention", "full_attention"] * 2

GEMMA4 = {
    "sliding_window": 12,
    "global_head_dim": 64,
    "final_logit_softcapping": 30.0,
    "tie_word_embeddings": True,
    "vocab_size_per_layer_input": VOCAB,
    "layer_types": LAYERS,
}
GLM = {
    "tie_word_embeddings": False,
    "num_key_value_heads": 4,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "kv_lora_rank": 64,
    "qk_rope_head_dim": 16,
    "qk_nope_head_dim": 32,
    "v_head_dim": 32,
    "routed_scaling_factor": 1.8,
    "norm_topk_prob": True,
    "mlp_layer_types": ["dense"] + ["sparse"] * 3,
}
NEMOTRON = {
    "tie_word_embeddings": False,
    "mamba_num_heads": 4,
    "mamba_head_dim": 32,
    "ssm_state_size": 16,
    "n_groups": 2,
    "conv_kernel": 4,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "moe_shared_expert_intermediate_size": 64,
    "routed_scaling_factor": 1.5,
}
COHERE = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
}

ENCODER = {
    "vocab_size": VOCAB,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}

# name: (architecture, model_type, config)
MODELS = {
    "bert": ("BertModel", "bert", ENCODER),
    "nomic_bert": ("NomicBertModel", "nomic_bert", ENCODER),
    "llama": ("LlamaForCausalLM", "llama", base_config(tie_word_embeddings=False)),
    "llama_llama3": ("LlamaForCausalLM", "llama", base_config(attention_bias=True, **LLAMA3)),
    "llama_yarn": ("LlamaForCausalLM", "llama", base_config(mlp_bias=True, **YARN)),
    "llama_linear": ("LlamaForCausalLM", "llama", base_config(**rope("linear", factor=2.0))),
    "mistral_window": ("MistralForCausalLM", "mistral", base_config(**WINDOWS)),
    "ministral": (
        "MinistralForCausalLM",
        "ministral",
        base_config(layer_types=LAYERS, tie_word_embeddings=False, **WINDOWS),
    ),
    "ministral3": (
        "Ministral3ForCausalLM",
        "ministral3",
        base_config(
            tie_word_embeddings=True,
            **rope(
                "yarn",
                factor=4.0,
                original_max_position_embeddings=16,
                mscale=1.0,
                mscale_all_dim=1.0,
                llama_4_scaling_beta=0.5,
            ),
        ),
    ),
    "qwen3": ("Qwen3ForCausalLM", "qwen3", base_config(tie_word_embeddings=True)),
    "qwen3_window": (
        "Qwen3ForCausalLM",
        "qwen3",
        base_config(use_sliding_window=True, layer_types=LAYERS, **WINDOWS),
    ),
    "qwen3_5": ("Qwen3_5ForCausalLM", "qwen3_5_text", delta_config(tie_word_embeddings=True)),
    "qwen3_5_moe": (
        "Qwen3_5MoeForCausalLM",
        "qwen3_5_moe_text",
        delta_config(tie_word_embeddings=False, **EXPERTS),
    ),
    "qwen3_next": (
        "Qwen3NextForCausalLM",
        "qwen3_next",
        delta_config(tie_word_embeddings=False, norm_topk_prob=True, **EXPERTS),
    ),
    "qwen3_moe": (
        "Qwen3MoeForCausalLM",
        "qwen3_moe",
        base_config(
            tie_word_embeddings=False,
            norm_topk_prob=True,
            mlp_only_layers=[1],
            num_experts=6,
            num_experts_per_tok=2,
            moe_intermediate_size=64,
        ),
    ),
    "gemma3": (
        "Gemma3ForCausalLM",
        "gemma3_text",
        base_config(
            query_pre_attn_scalar=48,
            layer_types=LAYERS,
            rope_parameters={
                "full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0},
                "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
            },
            **WINDOWS,
        ),
    ),
    "gemma4": (
        "Gemma4ForCausalLM",
        "gemma4_text",
        base_config(hidden_size_per_layer_input=32, num_kv_shared_layers=2, **GEMMA4),
    ),
    "gemma4_moe": (
        "Gemma4ForCausalLM",
        "gemma4_text",
        base_config(
            hidden_size_per_layer_input=0,
            num_kv_shared_layers=0,
            enable_moe_block=True,
            num_experts=6,
            top_k_experts=2,
            moe_intermediate_size=64,
            attention_k_eq_v=True,
            num_global_key_value_heads=1,
            **GEMMA4,
        ),
    ),
    "glm4_moe_lite": (
        "Glm4MoeLiteForCausalLM",
        "glm4_moe_lite",
        base_config(q_lora_rank=48, n_group=1, topk_group=1, **GLM),
    ),
    "glm4_moe_lite_groups": (
        "Glm4MoeLiteForCausalLM",
        "glm4_moe_lite",
        base_config(
            q_lora_rank=None,
            n_group=4,
            topk_group=2,
            **rope("yarn", factor=4.0, original_max_position_embeddings=16, mscale_all_dim=1.0),
            **GLM,
        ),
    ),
    "laguna": (
        "LagunaForCausalLM",
        "laguna",
        base_config(
            tie_word_embeddings=False,
            num_attention_heads_per_layer=[4, 8, 4, 8],
            layer_types=["full_attention", "sliding_attention"] * 2,
            rope_parameters={
                "full_attention": {
                    "rope_theta": 500000.0,
                    "rope_type": "yarn",
                    "factor": 4.0,
                    "original_max_position_embeddings": 16,
                    "partial_rotary_factor": 0.5,
                },
                "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
            },
            moe_routed_scaling_factor=2.5,
            moe_router_logit_softcapping=3.0,
            **WINDOWS,
            **EXPERTS,
        ),
    ),
    "laguna_elements": (
        "LagunaForCausalLM",
        "laguna",
        base_config(
            gating="per-element",
            attention_bias=True,
            tie_word_embeddings=True,
            layer_types=LAYERS,
            mlp_layer_types=["sparse", "dense"] * 2,
            rope_parameters={
                "full_attention": {
                    "rope_theta": 500000.0,
                    "rope_type": "default",
                    "partial_rotary_factor": 0.5,
                },
                "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
            },
            **WINDOWS,
            **EXPERTS,
        ),
    ),
    "nemotron_h": (
        "NemotronHForCausalLM",
        "nemotron_h",
        base_config(hybrid_override_pattern="ME*-", n_group=2, topk_group=1, **NEMOTRON),
    ),
    "nemotron_h_latent": (
        "NemotronHForCausalLM",
        "nemotron_h",
        base_config(
            hybrid_override_pattern="E*ME", n_group=1, topk_group=1, moe_latent_size=32, **NEMOTRON
        ),
    ),
    "cohere2_moe": (
        "Cohere2MoeForCausalLM",
        "cohere2_moe",
        base_config(num_shared_experts=1, first_k_dense_replace=1, **WINDOWS, **COHERE),
    ),
    "cohere2_moe_sigmoid": (
        "Cohere2MoeForCausalLM",
        "cohere2_moe",
        base_config(
            num_shared_experts=1,
            expert_selection_fn="sigmoid",
            shared_expert_combination_strategy="sum",
            **WINDOWS,
            **COHERE,
        ),
    ),
    "gpt_oss": (
        "GptOssForCausalLM",
        "gpt_oss",
        base_config(
            tie_word_embeddings=False,
            num_local_experts=4,
            num_experts_per_tok=2,
            layer_types=LAYERS,
            **rope("yarn", factor=4.0, original_max_position_embeddings=16, truncate=False),
            **WINDOWS,
        ),
    ),
}


def fnv1a(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def splitmix(counter: np.ndarray) -> np.ndarray:
    z = counter + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def seeded(name: str, shape: list[int], base: float, spread: float) -> torch.Tensor:
    """base + spread·u, u uniform in [-1, 1) on a grid of 2^-23, each step rounded to float32."""
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        bits = splitmix(np.arange(count, dtype=np.uint64) + np.uint64(fnv1a(name)))
    unit = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-23) - np.float32(1)
    values = unit * np.float32(spread) + np.float32(base)
    return torch.from_numpy(values.reshape(shape)).to(torch.bfloat16)


def law(name: str, shape: list[int], zero_centred: bool, gemma: bool) -> tuple[float, float]:
    """(base, spread): activations stay near one, and every norm and gate matters."""
    if name.endswith("A_log"):
        return 0.5, 1.0
    if name.endswith("dt_bias"):
        return -1.0, 1.0
    if name.endswith((".D", "layer_scalar", "router.scale", "per_expert_scale")):
        return 1.0, 0.25
    if len(shape) == 1:
        plain = not zero_centred or "linear_attn.norm" in name
        is_norm = ("norm" in name.lower() or "emb_ln" in name) and not name.endswith(".bias")
        return (1.0 if is_norm and plain else 0.0), 0.25
    if "embed" in name:
        # Gemma multiplies its rows by the root of their width.
        return 0.0, 0.109375 if gemma else 0.875
    if "conv1d" in name:
        return 0.0, 0.75
    # Rounded to eight bits, so that it reads the same everywhere.
    return 0.0, round(2.75 / math.sqrt(shape[-1]) * 256) / 256


def names_and_shapes(model, folder: pathlib.Path) -> list[tuple[str, list[int]]]:
    model.save_pretrained(folder)
    result = []
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            result += [(k, list(file.get_slice(k).get_shape())) for k in file.keys()]  # noqa: SIM118
    return sorted(result)


def prompt() -> np.ndarray:
    return (splitmix(np.arange(PROMPT, dtype=np.uint64)) % np.uint64(VOCAB)).astype(np.int64)


def save_rows(name: str, model, folder: pathlib.Path) -> None:
    """Encoders give rows, and nothing follows them."""
    ids = prompt()
    with torch.no_grad():
        rows = model(torch.from_numpy(ids)[None]).last_hidden_state[0].numpy()
    rows.astype("<f4").tofile(folder / "logits.f32")
    golden = {"prompt": ids.tolist(), "greedy": [], "gaps": []}
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    print(f"{name}: std {rows.std():.3f}")


def make(name: str, out: pathlib.Path) -> None:
    architecture, model_type, fields = MODELS[name]
    config = AutoConfig.for_model(model_type, **fields)
    cls = getattr(transformers, architecture)
    config.architectures = [architecture]
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temp:
        temp = pathlib.Path(temp)
        tensors = names_and_shapes(cls(config).to(torch.bfloat16), temp)
        centred = any(part in name for part in ("qwen3_5", "qwen3_next", "gemma3"))
        table = [[n, s, *law(n, s, centred, "gemma" in name)] for n, s in tensors]
        save_file({n: seeded(n, s, b, w) for n, s, b, w in table}, temp / "model.safetensors")
        model = cls.from_pretrained(temp, dtype=torch.float32).eval()
        for module in model.modules():
            # Checkpoints' own code does not bound time steps; this implementation does, from below.
            if hasattr(module, "time_step_limit"):
                module.time_step_limit = (0.0, math.inf)
        (folder / "config.json").write_text((temp / "config.json").read_text())
    rows = ",\n".join(json.dumps(row) for row in table)
    (folder / "tensors.json").write_text(f"[\n{rows}\n]\n")
    if "Bert" in architecture:
        return save_rows(name, model, folder)
    ids = prompt()
    tokens, greedy, gaps = torch.from_numpy(ids)[None], [], []
    with torch.no_grad():
        logits = model(tokens, use_cache=False).logits[0].numpy()
        for _ in range(CONTINUATION):
            last = model(tokens, use_cache=False).logits[0, -1]
            best = last.topk(2).values
            gaps.append(round(float(best[0] - best[1]), 6))
            greedy.append(int(last.argmax()))
            tokens = torch.cat([tokens, last.argmax()[None, None]], 1)
    logits.astype("<f4").tofile(folder / "logits.f32")
    golden = {"prompt": ids.tolist(), "greedy": greedy, "gaps": gaps}
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    print(f"{name}: std {logits.std():.3f}, {len(set(greedy))} distinct, least gap {min(gaps):.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    for name in args.names or MODELS:
        make(name, args.out)


if __name__ == "__main__":
    main()
