#!/usr/bin/env python3
"""Writes tests/text/token/goldens/*.json: small tokenizers, and what the `tokenizers` package makes
of some texts with them. The full comparison is tokenizer_diff.py; these need no Python to check.
"""

import json
import pathlib

import tokenizer_build as build
import tokenizer_text
from tokenizers import decoders, normalizers
from tokenizers import pre_tokenizers as pre

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests/text/token/goldens"
KINDS = {
    "gpt2": lambda: build.byte_level(pre.ByteLevel(False), size=420),
    "llama3": lambda: build.byte_level(build.LLAMA3, size=420, ignore_merges=True),
    "qwen35": lambda: build.byte_level(build.QWEN35, size=420, normalizer=normalizers.NFC()),
    "o200k": lambda: build.byte_level(build.O200K, size=420),
    "gemma": build.gemma,
    "llama2": build.llama2,
    "mistral_first": build.mistral_first,
    "bert": build.word_piece,
    "t5": build.t5,
    "unigram_bytes": build.unigram_bytes,
    "word_level": build.word_level,
    "clip": build.clip,
    "metaspace_never": lambda: build.sentence_bpe(
        None, pre.Metaspace("▁", "never"), decoders.Metaspace("▁", "never"), fallback=False
    ),
}


def main():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, maker in KINDS.items():
        tokenizer = maker()
        cases = []
        for text in tokenizer_text.strings(60, seed=len(name)):
            if len(text) > 160:
                continue
            bare = tokenizer.encode(text, add_special_tokens=False).ids
            whole = tokenizer.encode(text).ids
            case = {"text": text, "ids": bare}
            if whole != bare:
                case["whole"] = whole
            if bare:
                case["decoded"] = tokenizer.decode(bare, skip_special_tokens=False)
                case["shown"] = tokenizer.decode(whole, skip_special_tokens=True)
            cases.append(case)
        golden = {"tokenizer": json.loads(tokenizer.to_str()), "cases": cases}
        path = OUTPUT / f"{name}.json"
        path.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
        print(f"{path.name}: {path.stat().st_size}")


if __name__ == "__main__":
    main()
