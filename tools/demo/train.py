"""Trains the demo model and writes it as a raw Hugging Face checkpoint with per-expert tensors.

    pip install torch transformers==5.23.0
    python tools/demo/train.py /tmp/quick            # about half an hour on two cores
    python tools/demo/train.py demo/model --slow-from /tmp/quick    # some minutes more

The text comes from corpus.py, the tokenizer is trained on it, the model is a Qwen3.5
mixture of experts of some two million parameters. The first run leaves recurrent states that
forget within a few tokens, as they are initialised to; the second turns every other head into one
that remembers hundreds or thousands of tokens, so that what happens to a state over a long text
shows in what the model says. `--evaluate` only asks a finished model the held-out sums.
"""

import argparse
import copy
import json
import math
import pathlib
import random
import time

import corpus
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3_5MoeForCausalLM
from transformers.models.qwen3_5_moe import Qwen3_5MoeTextConfig

HERE = pathlib.Path(__file__).parent
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MARKS = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
]
VOCAB = 512
# Words with their leading space, digits one by one, so that sums can be learnt column by column.
SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def make_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    rng = random.Random(seed)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB - len(MARKS),
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = []
    for _ in range(20000):
        messages, tools = corpus.make_dialogue(rng)
        texts += [m["content"] + " " + m.get("reasoning_content", "") for m in messages]
        texts += ["system user assistant tool function parameter"]
        texts += [json.dumps(tools)] if tools else []
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(MARKS)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=(HERE / "chat_template.jinja").read_text(),
        model_max_length=8192,
    )


def make_model(vocab: int, eos: int, pad: int) -> Qwen3_5MoeForCausalLM:
    config = Qwen3_5MoeTextConfig(
        vocab_size=vocab,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        num_experts=16,
        num_experts_per_tok=2,
        moe_intermediate_size=64,
        shared_expert_intermediate_size=64,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        linear_key_head_dim=32,
        linear_value_head_dim=32,
        linear_conv_kernel_dim=4,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        output_router_logits=True,
        router_aux_loss_coef=0.01,
        eos_token_id=eos,
        pad_token_id=pad,
        rope_parameters={
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.25,
            "rope_type": "default",
        },
    )
    return Qwen3_5MoeForCausalLM(config)


# In tokens: how long the slow heads of each recurrent layer remember, when their input says nothing.
MEMORIES = [(100, 1000), (300, 3000), (100, 1000)]


@torch.no_grad()
def slow_down(model) -> None:
    """Makes one value head of each key head slow; training then finds a use for it."""
    layers = [x for x in model.modules() if hasattr(x, "A_log")]
    for layer, memories in zip(layers, MEMORIES, strict=True):
        for head, tokens in zip((1, 3), memories, strict=True):
            layer.A_log[head] = 0.0  # so the decay is exp(-softplus(dt_bias + a))
            layer.dt_bias[head] = math.log(math.expm1(1 / tokens))
            layer.in_proj_a.weight[head] = 0.0


class Batches:
    """Token batches with the weight of each target: what the assistant says counts fully."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, seed: int, long: tuple[int, int]):
        self.tokenizer = tokenizer
        self.long = long  # every fourth batch: so many rows of so many tokens
        self.rng = random.Random(seed)
        ids = tokenizer.convert_tokens_to_ids
        self.start, self.end, self.pad = (
            ids(t) for t in ("<|im_start|>", "<|im_end|>", SPECIAL[0])
        )
        self.assistant = tokenizer.encode("assistant\n")

    def dialogue(self) -> tuple[list[int], list[float]]:
        messages, tools = corpus.make_dialogue(self.rng)
        text = self.tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
        ids = self.tokenizer.encode(text)
        weights, inside, header = [], False, len(self.assistant)
        for i, token in enumerate(ids):
            if token == self.start:
                inside = ids[i + 1 : i + 1 + header] == self.assistant
                skip = i + header
            weights.append(1.0 if inside and i > skip else 0.1)
            if token == self.end:
                inside = False
        return ids, weights

    def rows(self, count: int, length: int | None) -> list[tuple[list[int], list[float]]]:
        """count dialogues, or count rows of several dialogues each, about length tokens long."""
        result = []
        for _ in range(count):
            ids, weights = self.dialogue()
            while length and len(ids) < length:
                more_ids, more_weights = self.dialogue()
                ids += more_ids
                weights += more_weights
            if length:
                ids, weights = ids[:length], weights[:length]
            result.append((ids, weights))
        return result

    def next(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self.rows(*self.long) if step % 4 == 3 else self.rows(32, None)
        width = max(len(ids) for ids, _ in rows)
        tokens = torch.full((len(rows), width), self.pad)
        weights = torch.zeros(len(rows), width)
        for i, (ids, w) in enumerate(rows):
            tokens[i, : len(ids)] = torch.tensor(ids)
            weights[i, : len(ids)] = torch.tensor(w)
        return tokens, weights


def loss_of(model, tokens: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    out = model(tokens, use_cache=False)
    losses = torch.nn.functional.cross_entropy(
        out.logits[:, :-1].flatten(0, 1).float(), tokens[:, 1:].flatten(), reduction="none"
    )
    target = weights[:, 1:].flatten()
    loss = (losses * target).sum() / target.sum()
    if out.aux_loss is not None:
        loss = loss + model.config.router_aux_loss_coef * out.aux_loss
    return loss


@torch.no_grad()
def sums_right(model, tokenizer, count: int) -> float:
    """The share of held-out sums answered exactly, greedily, without thinking."""
    model.eval()
    sums = corpus.held_out_sums()[:: max(1, len(corpus.held_out_sums()) // count)]
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": f"What is {a}+{b}?"}],
            tokenize=False,
            add_generation_prompt=True,
        )
        for a, b in sums
    ]
    tokens = torch.tensor([tokenizer.encode(p) for p in prompts])  # all of one length
    start = tokens.shape[1]
    for _ in range(4):
        logits = model(tokens, use_cache=False).logits[:, -1]
        tokens = torch.cat([tokens, logits.argmax(-1, keepdim=True)], 1)
    model.train()
    answers = [tokenizer.decode(row[start:]).split("<|im_end|>")[0] for row in tokens]
    return sum(x == str(a + b) for x, (a, b) in zip(answers, sums, strict=True)) / len(sums)


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    if args.slow_from:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(args.slow_from)
        model = Qwen3_5MoeForCausalLM.from_pretrained(args.slow_from, dtype=torch.float32)
        model.config.output_router_logits = True
        slow_down(model)
        batches = Batches(tokenizer, args.seed + 2, (2, 1024))
    else:
        tokenizer = make_tokenizer(args.seed)
        ids = tokenizer.convert_tokens_to_ids
        model = make_model(len(tokenizer), ids("<|im_end|>"), ids("<|endoftext|>"))
        batches = Batches(tokenizer, args.seed + 1, (5, 448))
    model.train()
    steps = args.steps or (600 if args.slow_from else 3500)
    rate_limit = args.rate or (1e-3 if args.slow_from else 2e-3)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, vocabulary {len(tokenizer)}")
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        betas=(0.9, 0.98),
    )
    started = time.time()
    for step in range(steps):
        rate = rate_limit * min(1.0, (step + 1) / 100)
        rate *= 0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(model, *batches.next(step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 1000 == 999:
            save(copy.deepcopy(model), tokenizer, args.out)
        if step % 100 == 99 or step < 3:
            right = sums_right(model, tokenizer, 100) if step % 200 == 199 else float("nan")
            minutes = (time.time() - started) / 60
            print(
                f"{step + 1:5d} loss {loss.item():.4f} sums {right:.2f} {minutes:.1f} min",
                flush=True,
            )
    save(model, tokenizer, args.out)
    evaluate(args.out)


def save(model, tokenizer, out: pathlib.Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    model.config.output_router_logits = False
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    generation = {
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "do_sample": False,
    }
    (out / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


def evaluate(out: pathlib.Path) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
    model = Qwen3_5MoeForCausalLM.from_pretrained(out, dtype=torch.bfloat16)
    print(f"held-out sums right in bf16: {sums_right(model, tokenizer, 1000):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--slow-from", type=pathlib.Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--evaluate", action="store_true")
    args = parser.parse_args()
    if args.evaluate:
        evaluate(args.out)
    else:
        train(args)


if __name__ == "__main__":
    main()
