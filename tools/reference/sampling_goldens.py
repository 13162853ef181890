"""Expected distributions of the next token, by numpy, for tests/engine/sampler_test.cc.

    python tools/reference/sampling_goldens.py > tests/engine/goldens/sampling.json

Each case: 24 logits, options, history (the tokens so far) and the probability of every token.
The order of operations is the one that src/engine/sampler.h states.
"""

import json

import numpy as np

VOCAB = 24
DEFAULTS = {
    "temperature": 1.0,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "repeat_last_n": 64,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "logit_bias": {},
    "dry_multiplier": 0.0,
    "dry_base": 1.75,
    "dry_allowed_length": 2,
    "xtc_probability": 0.0,
    "xtc_threshold": 0.1,
}
HISTORY = [3, 7, 7, 1, 5, 3, 7, 7, 2, 9, 3, 7]

CASES = {
    "plain": {},
    "temperature_low": {"temperature": 0.5},
    "temperature_high": {"temperature": 2.0},
    "top_k": {"top_k": 5},
    "top_p": {"top_p": 0.7},
    "min_p": {"min_p": 0.2},
    "typical_p": {"typical_p": 0.6},
    "everything": {"temperature": 0.8, "top_k": 12, "top_p": 0.9, "min_p": 0.05},
    "top_k_then_typical": {"top_k": 10, "typical_p": 0.8},
    "repeat_penalty": {"repeat_penalty": 1.5},
    "repeat_last_few": {"repeat_penalty": 1.5, "repeat_last_n": 3},
    "repeat_none": {"repeat_penalty": 1.5, "repeat_last_n": 0},
    "presence": {"presence_penalty": 1.0},
    "frequency": {"frequency_penalty": 0.5},
    "bias": {"logit_bias": {"4": 3.0, "20": -50.0}},
    "dry": {"dry_multiplier": 2.0},
    "xtc": {"xtc_probability": 0.5, "xtc_threshold": 0.08},
    "xtc_always": {"xtc_probability": 1.0, "xtc_threshold": 0.05},
}


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


def penalised(logits: np.ndarray, o: dict, history: list[int]) -> np.ndarray:
    x = logits.copy()
    for token, bias in o["logit_bias"].items():
        x[int(token)] += bias
    last = o["repeat_last_n"]
    recent = history if last < 0 else history[max(0, len(history) - last) :] if last else []
    for token in set(recent):
        x[token] = (
            x[token] * o["repeat_penalty"] if x[token] < 0 else x[token] / o["repeat_penalty"]
        )
        x[token] -= o["presence_penalty"] + o["frequency_penalty"] * recent.count(token)
    if o["dry_multiplier"] > 0:
        x = dry(x, o, history)
    return x


def dry(x: np.ndarray, o: dict, history: list[int]) -> np.ndarray:
    x = x.copy()
    n, best = len(history), {}
    for i in range(1, n):
        length = 0
        while length < i and history[n - 1 - length] == history[i - 1 - length]:
            length += 1
        if length >= o["dry_allowed_length"]:
            best[history[i]] = max(best.get(history[i], 0), length)
    for token, length in best.items():
        x[token] -= o["dry_multiplier"] * o["dry_base"] ** (length - o["dry_allowed_length"])
    return x


def filtered(x: np.ndarray, o: dict) -> tuple[np.ndarray, np.ndarray]:
    """(token ids, probabilities), most likely first, not yet renormalised after the filters."""
    order = np.argsort(-x, kind="stable")
    if o["top_k"]:
        order = order[: o["top_k"]]
    p = softmax(x[order] / o["temperature"])
    if o["top_p"] < 1:
        p = np.where(np.cumsum(p) - p < o["top_p"], p, 0)
    if o["min_p"] > 0:
        p = np.where(p >= o["min_p"] * p.max(), p, 0)
    if o["typical_p"] < 1:
        q = p / p.sum()
        surprise = np.where(q > 0, -np.log(np.maximum(q, 1e-38)), 0)
        distance = np.where(q > 0, np.abs(surprise - (q * surprise).sum()), np.inf)
        by_distance = np.argsort(distance, kind="stable")
        ordered = q[by_distance]
        keep = np.cumsum(ordered) - ordered < o["typical_p"]
        p = np.zeros_like(p)
        p[by_distance[keep]] = q[by_distance[keep]]
    return order, p


def distribution(logits: np.ndarray, o: dict, history: list[int]) -> np.ndarray:
    order, p = filtered(penalised(logits, o, history), o)
    result = np.zeros(VOCAB)
    result[order] = p / p.sum()
    if o["xtc_probability"] > 0:
        q = p / p.sum()
        above = np.flatnonzero(q >= o["xtc_threshold"])
        q[above[:-1]] = 0
        cut = np.zeros(VOCAB)
        cut[order] = q / q.sum()
        result = (1 - o["xtc_probability"]) * result + o["xtc_probability"] * cut
    return result


def main() -> None:
    rng = np.random.default_rng(7)
    cases = []
    for name, changes in CASES.items():
        # A grid of 1/64 is exact in every float type, and no two logits are equal.
        logits = rng.permutation(np.arange(VOCAB)) * (13 / 64) - 2.5
        options = DEFAULTS | changes
        p = distribution(logits, options, HISTORY)
        cases.append(
            {
                "name": name,
                "options": options,
                "logits": logits.tolist(),
                "history": HISTORY,
                "probabilities": [round(float(v), 9) for v in p],
            }
        )
    print(json.dumps(cases, indent=1))


if __name__ == "__main__":
    main()
