#!/usr/bin/env python3
"""Compares our token masks with those of the xgrammar wheel, bit for bit.

  grammar_diff.py --driver PATH [--steps N]

For vocabularies of each kind and some two hundred schemas, patterns, grammars and sets of tools,
both sides walk the same way: fill a mask, take one of the tokens that it lets through, go on.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import grammar_cases
import numpy as np
import tokenizer_build
from xgrammar_numpy import xgrammar

WHITESPACE = 20
MULTIPLIER = 6364136223846793005
INCREMENT = 1442695040888963407
TOKENIZERS = {
    "qwen35": (tokenizer_build.GROUPS["byte_level"]["qwen35"][0], xgrammar.VocabType.BYTE_LEVEL),
    "gemma": (
        tokenizer_build.GROUPS["sentence_piece"]["gemma"][0],
        xgrammar.VocabType.BYTE_FALLBACK,
    ),
}


def vocabulary(tokenizer):
    """As the wheel takes it: by id, as the file spells it; special tokens have no text."""
    texts = [""] * (max(tokenizer.get_vocab(True).values()) + 1)
    for token, i in tokenizer.get_vocab(True).items():
        texts[i] = token
    for i, added in tokenizer.get_added_tokens_decoder().items():
        if added.special:
            texts[i] = ""
    return texts


def compiled(compiler, case, text):
    if case["kind"] == "json":
        text = '{"type":"object"}'
    if case["kind"] in ("json", "schema"):
        return compiler.compile_json_schema(text, max_whitespace_cnt=WHITESPACE)
    if case["kind"] == "regex":
        return compiler.compile_regex(text)
    if case["kind"] == "ebnf":
        return compiler.compile_grammar(text)
    return compiler.compile_structural_tag(text)


def walk(grammar, width, steps):
    matcher = xgrammar.GrammarMatcher(grammar)
    mask = np.zeros((1, (width + 31) // 32), dtype=np.int32)
    masks, tokens = [], []
    state = 1
    while len(masks) < steps and not matcher.is_terminated():
        matcher.fill_next_token_bitmask(mask)
        words = mask[0].view(np.uint32)
        if width % 32:
            words[-1] &= (1 << width % 32) - 1  # the wheel says nothing of bits that are no tokens
        masks.append("".join(f"{w:08x}" for w in words))
        state = (state * MULTIPLIER + INCREMENT) % 2**64
        allowed = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
        if len(allowed) == 0:
            break
        token = int(allowed[(state >> 33) % len(allowed)])
        assert matcher.accept_token(token)
        tokens.append(token)
    return masks, tokens


def compare(name, maker, vocab_type, driver, steps, work):
    tokenizer = maker()
    path = str(work / f"{name}.json")
    tokenizer.save(path)
    texts = vocabulary(tokenizer)
    width = len(texts) + 45  # models give more logits than their tokenizers have tokens
    end = max(i for i, added in tokenizer.get_added_tokens_decoder().items() if added.special)
    cases = grammar_cases.cases()
    request = [{"end": end, "width": width, "steps": steps}, *cases]
    done = subprocess.run([driver, path], input=json.dumps(request).encode(), capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"driver: {done.stderr.decode()}")
    answers = json.loads(done.stdout)
    info = xgrammar.TokenizerInfo(texts, vocab_type, vocab_size=width, stop_token_ids=[end])
    compiler = xgrammar.GrammarCompiler(info, max_threads=2)
    wrong = 0
    compared = 0
    for case, answer in zip(cases, answers, strict=True):
        if "error" in answer:
            wrong += 1
            print(f"  {case}: {answer['error']}")
            continue
        masks, tokens = walk(compiled(compiler, case, answer["text"]), width, steps)
        compared += len(masks)
        if (masks, tokens) != (answer["masks"], answer["tokens"]):
            wrong += 1
            print(f"  {case}: masks differ")
    print(
        f"{name}: {len(cases)} grammars, {compared} masks of {width} bits, {wrong} grammars wrong"
    )
    return wrong + (len(cases) < 200)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--steps", type=int, default=400 if os.environ.get("INGOT_SOAK") else 40)
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ingot-grammars-") as scratch:
        for name, (maker, vocab_type) in TOKENIZERS.items():
            failed += compare(
                name, maker, vocab_type, args.driver, args.steps, pathlib.Path(scratch)
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
