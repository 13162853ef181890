"""Questions to the precision policy: models (a name and a config.json each) and weights.

Prints one JSON object a line: {"case", "config", "draft", "name", "shape"}. The reference
importer's answers to them are tests/family/policy_reference.tsv; see README.md here.
"""

import itertools
import json

LAYERS = 24


def config(architecture, **more):
    return {"architectures": [architecture], **more}


def text_config(architecture, **more):
    return {"architectures": [architecture], "text_config": more}


CASES = {
    "llama": config("LlamaForCausalLM", num_hidden_layers=LAYERS),
    "qwen3": config("Qwen3ForCausalLM", num_hidden_layers=LAYERS),
    "qwen3_moe": config("Qwen3MoeForCausalLM", num_hidden_layers=LAYERS, num_experts=128),
    "qwen3_5": text_config("Qwen3_5ForConditionalGeneration", num_hidden_layers=LAYERS),
    "qwen3_5_moe": text_config(
        "Qwen3_5MoeForConditionalGeneration", num_hidden_layers=LAYERS, num_experts=256
    ),
    "qwen3_next": config("Qwen3NextForCausalLM", num_hidden_layers=LAYERS, num_experts=512),
    "gemma3": text_config("Gemma3ForConditionalGeneration", num_hidden_layers=LAYERS),
    "gemma4": text_config("Gemma4ForConditionalGeneration", num_hidden_layers=30),
    "gemma4_moe": config("Gemma4ForCausalLM", num_hidden_layers=30, num_experts=128),
    "gemma4_eight": config("Gemma4ForCausalLM", num_hidden_layers=30, num_experts=8),
    "gemma4_uncounted": config("Gemma4UnifiedForConditionalGeneration"),
    "gemma4_assistant": config("Gemma4AssistantForCausalLM", num_hidden_layers=4),
    "glimmer": text_config("MuseGlimmerForConditionalGeneration", num_hidden_layers=LAYERS),
    "cohere2_moe": config("Cohere2MoeForCausalLM", num_hidden_layers=LAYERS),
    "cohere2_moe_uncounted": config("Cohere2MoeForCausalLM"),
    "laguna": config(
        "LagunaForCausalLM",
        num_hidden_layers=40,
        mlp_layer_types=["dense", "dense"] + ["sparse"] * 38,
        mlp_only_layers=[5],
    ),
    "laguna_uncounted": config("LagunaForCausalLM"),
    "nemotron_h": config("NemotronHForCausalLM", num_hidden_layers=LAYERS),
    "nemotron_omni": {
        "architectures": ["NemotronH_Nano_Omni_Reasoning_V3"],
        "llm_config": {"num_hidden_layers": LAYERS},
    },
    "glm4_moe_lite": config("Glm4MoeLiteForCausalLM", num_hidden_layers=LAYERS),
    "unknown": config("DeepseekV3ForCausalLM", num_hidden_layers=LAYERS),
}

BLOCK = [
    ("input_layernorm.weight", [[1024]]),
    ("self_attn.q_proj.weight", [[4096, 1024], [64, 48]]),
    ("self_attn.k_proj.weight", [[512, 1024], [512, 96], [512, 80], [512, 40], [8, 64]]),
    ("self_attn.v_proj.weight", [[512, 1024], [512, 96], [512, 80], [512, 40]]),
    ("self_attn.o_proj.weight", [[1024, 4096]]),
    ("self_attn.g_proj.weight", [[64, 1024]]),
    ("self_attn.gate_proj.weight", [[1024, 1024]]),
    ("self_attn.output_gate_proj.weight", [[1024, 1024]]),
    ("self_attn.kv_b_proj.weight", [[448, 512]]),
    ("self_attn.embed_q.weight", [[1024, 1024]]),
    ("linear_attn.in_proj_a.weight", [[32, 1024]]),
    ("linear_attn.in_proj_b.weight", [[32, 1024]]),
    ("linear_attn.in_proj_ba.weight", [[64, 1024]]),
    ("linear_attn.in_proj_qkv.weight", [[4096, 1024]]),
    ("linear_attn.conv1d.weight", [[4096, 1, 4]]),
    ("linear_attn.A_log", [[32]]),
    ("mlp.gate_proj.weight", [[3072, 1024]]),
    ("mlp.gate_proj.bias", [[3072]]),
    ("mlp.up_proj.weight", [[3072, 1024]]),
    ("mlp.down_proj.weight", [[1024, 3072], [1024, 96], [1024, 80]]),
    ("mlp.gate.weight", [[128, 1024]]),
    ("mlp.shared_expert_gate.weight", [[1, 1024]]),
    ("mlp.shared_expert.down_proj.weight", [[1024, 512]]),
    ("mlp.shared_expert.gate_proj.weight", [[512, 1024]]),
    ("mlp.shared_experts.down_proj.weight", [[1024, 512]]),
    ("mlp.shared_experts.up_proj.weight", [[512, 1024]]),
    ("mlp.experts.gate_proj.weight", [[128, 768, 1024], [128, 768, 80]]),
    ("mlp.experts.up_proj.weight", [[128, 768, 1024]]),
    ("mlp.experts.down_proj.weight", [[128, 1024, 768], [128, 1024, 96], [128, 1024, 40]]),
    ("experts.gate_up_proj", [[128, 1536, 1024]]),
    ("experts.down_proj", [[128, 1024, 768]]),
    ("moe.experts.gate_proj.weight", [[128, 768, 1024]]),
    ("moe.experts.down_proj.weight", [[128, 1024, 768]]),
    ("moe.gate_proj", [[128, 768, 1024]]),
    ("router.proj.weight", [[128, 1024]]),
    ("per_layer_input_gate.weight", [[256, 1024]]),
    ("layer_scalar", [[1]]),
]
MIXER = [
    ("norm.weight", [[1024]]),
    ("mixer.in_proj.weight", [[4096, 1024]]),
    ("mixer.out_proj.weight", [[1024, 2048], [1024, 80]]),
    ("mixer.conv1d.weight", [[2304, 1, 4], [2304, 64]]),
    ("mixer.q_proj.weight", [[2048, 1024]]),
    ("mixer.k_proj.weight", [[512, 1024]]),
    ("mixer.v_proj.weight", [[512, 1024], [512, 48], [512, 40]]),
    ("mixer.o_proj.weight", [[1024, 2048]]),
    ("mixer.up_proj.weight", [[2048, 1024]]),
    ("mixer.down_proj.weight", [[1024, 2048]]),
    ("mixer.gate.weight", [[128, 1024]]),
    ("mixer.experts.up_proj.weight", [[128, 512, 1024]]),
    ("mixer.experts.down_proj.weight", [[128, 1024, 512], [128, 1024, 48]]),
    ("mixer.shared_experts.up_proj.weight", [[512, 1024]]),
    ("mixer.shared_experts.down_proj.weight", [[1024, 512]]),
]
ONCE = [
    ("model.embed_tokens.weight", [[32000, 1024], [32000, 96], [32000, 80], [32000, 40]]),
    ("model.embed_tokens_per_layer.weight", [[32000, 2048]]),
    ("model.per_layer_model_projection.weight", [[2048, 1024]]),
    ("model.norm.weight", [[1024]]),
    ("lm_head.weight", [[32000, 1024], [32000, 96], [32000, 80], [32000, 40]]),
    ("model.layers.0.self_attn.k_proj.weight_only", [[512, 1024]]),
    ("layers.3.self_attn.v_proj.weight", [[512, 1024]]),
    ("model.visual.blocks.3.attn.qkv.weight", [[192, 1024]]),
    ("model.visual.blocks.3.mlp.down_proj.weight", [[1024, 1024]]),
    ("model.vision_tower.encoder.layers.3.self_attn.k_proj.weight", [[1024, 1024]]),
    ("model.audio_tower.layers.3.self_attn.v_proj.weight", [[1024, 1024]]),
    ("model.embed_audio.embedding_projection.weight", [[1024, 1024]]),
    ("model.embed_vision.embedding_projection.weight", [[1024, 1024]]),
    ("mtp.layers.0.self_attn.k_proj.weight", [[512, 1024]]),
    ("mtp.fc.weight", [[1024, 2048]]),
    ("mtp.layers.0.mlp.experts.down_proj.weight", [[128, 1024, 768]]),
    ("backbone.embeddings.weight", [[32000, 1024], [32000, 80]]),
    ("backbone.norm_f.weight", [[1024]]),
    ("vision_model.radio_model.blocks.0.attn.qkv.weight", [[1024, 1024]]),
    ("mlp1.1.weight", [[1024, 1024]]),
    ("sound_encoder.layers.0.fc.weight", [[1024, 1024]]),
    ("sound_projection.linear1.weight", [[1024, 1024]]),
    ("encoder.layers.0.attn.Wqkv.weight", [[192, 64], [15, 64], [16, 64]]),
    ("encoder.layers.0.mlp.fc11.weight", [[3072, 768]]),
    ("emb_ln.weight", [[768]]),
]


# Models whose answer depends on the layer, and the weights for which it does.
BY_LAYER = ("gemma4", "glimmer", "cohere2", "laguna", "nemotron")
SENSITIVE = ("k_proj", "v_proj", "down_proj", "gate_proj", "out_proj")


def weights(case):
    mixers = case.startswith("nemotron")
    prefix = "backbone.layers" if mixers else "model.layers"
    for layer in (3, 0, 2, 5, 8, 21, 39):
        for name, shapes in MIXER if mixers else BLOCK:
            sensitive = any(part.endswith(SENSITIVE) for part in name.split("."))
            if layer != 3 and not (sensitive and case.startswith(BY_LAYER)):
                continue
            for shape in shapes if layer == 3 else shapes[:1]:
                yield f"{prefix}.{layer}.{name}", shape
    for name, shapes in ONCE:
        for shape in shapes:
            yield name, shape


def main():
    for case, draft in itertools.product(CASES, (False, True)):
        if draft and case not in ("llama", "gemma4_assistant", "laguna", "nemotron_h"):
            continue
        for name, shape in sorted(weights(case)):
            label = case + ("+draft" if draft else "")
            row = {"case": label, "config": CASES[case], "draft": draft, "name": name}
            print(json.dumps({**row, "shape": shape}))


if __name__ == "__main__":
    main()
