"""Builds tokenizers of every kind with the `tokenizers` package, for the differential test.

Each maker returns a Tokenizer; GROUPS holds them by name with how many strings to compare.
"""

# ruff: noqa: RUF001 (characters that look like others are what is tested)
import base64
import json
import os
import struct

import tokenizer_text
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    processors,
    trainers,
)
from tokenizers import pre_tokenizers as pre

ALPHABET = sorted(pre.ByteLevel.alphabet())
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
HEAD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
LLAMA3 = HEAD + r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + TAIL
QWEN2 = HEAD + r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + TAIL
QWEN35 = (
    HEAD + r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = "|".join(
    [
        rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]
)
TEKKEN = "|".join(
    [
        rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+",
        rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*",
        r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]
)
DEEPSEEK = [
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
CLIP = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


def corpus():
    return [*tokenizer_text.SENTENCES * 3, *tokenizer_text.strings(3000, seed=77)]


def control(*texts, **options):
    return [AddedToken(t, special=True, normalized=False, **options) for t in texts]


def train_bpe(tokenizer, size=1200, alphabet=ALPHABET, **options):
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False, **options
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def byte_level(pattern, size=1200, ignore_merges=False, normalizer=None, post=None):
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        t.normalizer = normalizer
    if isinstance(pattern, str):
        split = [pre.Split(Regex(pattern), "isolated")]
        t.pre_tokenizer = pre.Sequence([*split, pre.ByteLevel(False, use_regex=False)])
    else:
        t.pre_tokenizer = pattern
    t.decoder = decoders.ByteLevel()
    train_bpe(t, size)
    t.add_special_tokens(control("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    t.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("</think>")])
    if post:
        t.post_processor = post
    return t


def llama3():
    t = byte_level(LLAMA3, ignore_merges=True)
    bos = t.token_to_id("<|endoftext|>")
    template = processors.TemplateProcessing(
        single="<|endoftext|> $A", pair="<|endoftext|> $A <|endoftext|> $B",
        special_tokens=[("<|endoftext|>", bos)],
    )  # fmt: skip
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), template])
    return t


def gpt2_prefix():
    t = byte_level(pre.ByteLevel(add_prefix_space=True))
    t.add_special_tokens(control("<s>", "</s>"))
    t.post_processor = processors.RobertaProcessing(
        ("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>"))
    )
    return t


def digits_byte_level():
    return byte_level(pre.Sequence([pre.Digits(True), pre.ByteLevel(False, use_regex=True)]))


def falcon():
    steps = [
        pre.Punctuation("contiguous"),
        pre.ByteLevel(False),
        pre.Digits(False),
        pre.Split(Regex("[0-9][0-9][0-9]"), "isolated"),
    ]
    return byte_level(pre.Sequence(steps))


def deepseek():
    steps = [pre.Split(Regex(p), "isolated") for p in DEEPSEEK]
    return byte_level(pre.Sequence([*steps, pre.ByteLevel(False, use_regex=False)]))


def bloom():
    steps = [pre.Split(Regex(BLOOM), "isolated"), pre.ByteLevel(False, use_regex=False)]
    return byte_level(pre.Sequence(steps))


def byte_tokens():
    return [f"<0x{b:02X}>" for b in range(256)]


def sentence_bpe(normalizer, pre_tokenizer, decoder, fallback=True, size=1500):
    """SentencePiece's way: train on marked text, then put the byte tokens in front."""
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.Replace(" ", "▁")])
    # Words keep apart while training, as they do in SentencePiece; runs of spaces stay whole.
    t.pre_tokenizer = pre.Split(Regex(r"▁+[^▁]*|[^▁]+"), "isolated")
    train_bpe(t, size, alphabet=[], special_tokens=["<unk>", "<s>", "</s>"], limit_alphabet=600)
    model = json.loads(t.to_str())["model"]
    order = ["<unk>", "<s>", "</s>"] + (byte_tokens() if fallback else [])
    rest = sorted((i, w) for w, i in model["vocab"].items() if w not in order)
    vocab = {w: i for i, w in enumerate(order + [w for _, w in rest])}
    merges = [tuple(m) for m in model["merges"]]
    out = Tokenizer(
        models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=fallback)
    )
    if normalizer:
        out.normalizer = normalizer
    if pre_tokenizer:
        out.pre_tokenizer = pre_tokenizer
    out.decoder = decoder
    out.add_special_tokens(control("<unk>", "<s>", "</s>"))
    out.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return out


SP_DECODER = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def llama2():
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    strip = decoders.Strip(" ", 1, 0)
    return sentence_bpe(normalizer, None, decoders.Sequence([*SP_DECODER, strip]))


def llama2_normalized():
    t = llama2()
    t.add_tokens([AddedToken("<tool_call>", normalized=True), AddedToken("jump", normalized=True)])
    return t


def gemma():
    t = sentence_bpe(
        normalizers.Replace(" ", "▁"),
        pre.Split(" ", "merged_with_previous"),
        decoders.Sequence(SP_DECODER),
    )
    t.add_tokens([AddedToken("\n" * n, normalized=False) for n in range(2, 9)])
    t.add_tokens([AddedToken("▁" * n, normalized=False) for n in range(2, 9)])
    return t


def mistral_first():
    return sentence_bpe(
        None,
        pre.Metaspace("▁", "first", split=False),
        decoders.Sequence([*SP_DECODER, decoders.Strip(" ", 1, 0)]),
    )


def first_after_strip():
    """Whether the text begins at its start is told by what the normalizer left of it."""
    return sentence_bpe(
        normalizers.Sequence([normalizers.NFKC(), normalizers.Strip()]),
        pre.Metaspace("▁", "first", split=True),
        decoders.Metaspace("▁", "first"),
    )


def no_fallback():
    return sentence_bpe(normalizers.NFKC(), pre.Metaspace(), decoders.Metaspace(), fallback=False)


def clip():
    t = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", fuse_unk=False))
    t.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    t.pre_tokenizer = pre.Sequence(
        [pre.Split(Regex(CLIP), "removed", invert=True), pre.ByteLevel(False)]
    )
    t.decoder = decoders.BPEDecoder("</w>")
    train_bpe(t, 1500, special_tokens=["<|endoftext|>", "<|im_start|>"], end_of_word_suffix="</w>")
    return t


def prefixed_bpe():
    t = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##"))
    t.pre_tokenizer = pre.Whitespace()
    t.decoder = decoders.WordPiece("##", True)
    options = {"special_tokens": ["[UNK]", "[CLS]"], "limit_alphabet": 400}
    train_bpe(t, 1500, alphabet=[], continuing_subword_prefix="##", **options)
    return t


def word_piece(lowercase=True, **options):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=40))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase, **options)
    t.pre_tokenizer = pre.BertPreTokenizer()
    t.decoder = decoders.WordPiece("##", True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=1500, special_tokens=special, show_progress=False, limit_alphabet=500
    )
    t.train_from_iterator(corpus(), trainer)
    t.add_special_tokens([AddedToken("[MASK]", special=True, lstrip=True)])
    t.post_processor = processors.BertProcessing(
        ("[SEP]", t.token_to_id("[SEP]")), ("[CLS]", t.token_to_id("[CLS]"))
    )
    return t


def charsmap():
    """A small one in SentencePiece's format: a double array found by plain search."""
    rules = {
        "\x00": "", "Ａ": "A", "ａ": "a", "ﬁ": "fi", "①": "1", "\u00a0": " ", "\u200b": "",
        "\u3000": " ", "\r\n": " ", "\t": " ", "e\u0301": "é", "½": "1/2", "ß": "ss",
        "カ\u3099": "ガ",
        "\u0301": "", "Å": "Å", "ｶﾞ": "ガ", "ｶ": "カ", "é\u0323": "x", "ǆ": "dž",
    }  # fmt: skip
    blob, where = b"", {}
    for to in rules.values():
        if to not in where:
            where[to] = len(blob)
            blob += to.encode() + b"\0"
    root = {}
    for key, to in rules.items():
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[None] = where[to]
    size = 1 << 16
    units, used = [0] * size, {0}

    def place(node, at):
        # Children of the unit `at` lie at base ^ byte; a leaf lies at base itself.
        keys = [0 if k is None else k for k in node]
        base = next(
            b for b in range(1, size)
            if all(b ^ k not in used and b ^ k < size for k in keys)
            and (None not in node or b not in used)
        )  # fmt: skip
        for k in keys:
            used.add(base ^ k)
        offset = base ^ at
        units[at] |= (offset << 10) | (0x100 if None in node else 0)
        assert offset < 1 << 21
        for k, child in node.items():
            if k is None:
                units[base] = child | (1 << 31)
            else:
                units[base ^ k] |= k
                place(child, base ^ k)

    place({k: v for k, v in root.items() if k != 0}, 0)
    whole = (max(used) | 255) + 1  # a search may look at any unit that differs in its low byte
    trie = struct.pack(f"<{whole}I", *units[:whole])
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + blob).decode()


def unigram(normalizer, pre_tokenizer, decoder, fallback=False, size=1500):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.NFKC()
    t.pre_tokenizer = pre.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=["<pad>", "</s>", "<unk>", "<s>"], unk_token="<unk>",
        show_progress=False,
    )  # fmt: skip
    t.train_from_iterator(tokenizer_text.SENTENCES * 20, trainer)
    vocab = [tuple(v) for v in json.loads(t.to_str())["model"]["vocab"]]
    if fallback:
        vocab = vocab[:4] + [(b, 0.0) for b in byte_tokens()] + vocab[4:]
    out = Tokenizer(models.Unigram(vocab, 2, fallback))
    if normalizer:
        out.normalizer = normalizer
    if pre_tokenizer:
        out.pre_tokenizer = pre_tokenizer
    out.decoder = decoder
    out.add_special_tokens(control("<pad>", "</s>", "<unk>", "<s>"))
    out.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return out


def t5():
    normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(base64.b64decode(charsmap())),
            normalizers.Replace(Regex(" {2,}"), "▁"),
        ]
    )
    steps = pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace()])
    return unigram(normalizer, steps, decoders.Metaspace())


def unigram_bytes():
    return unigram(
        normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()]),
        pre.Metaspace("▁", "always", split=False),
        decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()]),
        fallback=True,
    )


def word_level():
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    t.pre_tokenizer = pre.Whitespace()
    trainer = trainers.WordLevelTrainer(
        vocab_size=3000, special_tokens=["<unk>", "<s>"], show_progress=False
    )
    t.train_from_iterator(corpus(), trainer)
    t.add_tokens([AddedToken("jump", single_word=True), AddedToken(" ,", rstrip=True)])
    return t


def normal(*steps):
    """Shows what a normalizer does: each byte of its output is a token."""
    t = Tokenizer(models.BPE({c: i for i, c in enumerate(ALPHABET)}, []))
    t.normalizer = normalizers.Sequence(list(steps))
    t.pre_tokenizer = pre.ByteLevel(False, use_regex=False)
    t.decoder = decoders.ByteLevel()
    return t


def pieces(*steps):
    """Shows where a pre-tokenizer cuts: the last byte of each piece has a token of its own."""
    vocab = ALPHABET + [c + "</w>" for c in ALPHABET]
    t = Tokenizer(models.BPE({c: i for i, c in enumerate(vocab)}, [], end_of_word_suffix="</w>"))
    t.pre_tokenizer = pre.Sequence([*steps, pre.ByteLevel(False, use_regex=False)])
    t.decoder = decoders.Sequence([decoders.Replace("</w>", ""), decoders.ByteLevel()])
    return t


def split(pattern, behavior, invert=False):
    return lambda: pieces(pre.Split(pattern, behavior, invert))


def ctc():
    t = word_level()
    t.decoder = decoders.CTC("<s>", "the", True)
    return t


# How many strings: for the kinds that there are, for their relatives, for parts on their own. A long
# run (INGOT_SOAK) takes ten times as many.
SOAK = 10 if os.environ.get("INGOT_SOAK") else 1
FULL = 20000 * SOAK
SOME = 6000 * SOAK
PART = 2000 * SOAK
BYTE_LEVEL = {
    "gpt2": (lambda: byte_level(pre.ByteLevel(False)), FULL),
    "gpt2_prefix": (gpt2_prefix, SOME),
    "llama3": (llama3, SOME),
    "qwen2": (lambda: byte_level(QWEN2, normalizer=normalizers.NFC()), SOME),
    "qwen35": (lambda: byte_level(QWEN35, normalizer=normalizers.NFC()), FULL),
    "o200k": (lambda: byte_level(O200K), FULL),
    "tekken": (lambda: byte_level(TEKKEN), SOME),
    "deepseek": (deepseek, SOME),
    "bloom": (bloom, SOME),
    "falcon": (falcon, SOME),
    "cohere": (digits_byte_level, SOME),
}  # fmt: skip
SENTENCE_PIECE = {
    "llama2": (llama2, FULL),
    "llama2_normalized": (llama2_normalized, SOME),
    "gemma": (gemma, FULL),
    "mistral_first": (mistral_first, SOME),
    "first_after_strip": (first_after_strip, SOME),
    "no_fallback": (no_fallback, SOME),
}  # fmt: skip
WORDS = {
    "clip": (clip, SOME),
    "prefixed_bpe": (prefixed_bpe, SOME),
    "bert_uncased": (word_piece, FULL),
    "bert_cased": (lambda: word_piece(False, handle_chinese_chars=False), SOME),
    "word_level": (word_level, FULL),
    "ctc": (ctc, SOME),
    "bert_accents": (lambda: word_piece(True, strip_accents=False, clean_text=False), SOME),
}  # fmt: skip
UNIGRAM = {
    "t5": (t5, FULL),
    "unigram_bytes": (unigram_bytes, FULL),
}  # fmt: skip
NORMAL = {
    "normal_nfc": (lambda: normal(normalizers.NFC()), PART),
    "normal_nfd": (lambda: normal(normalizers.NFD()), PART),
    "normal_nfkc": (lambda: normal(normalizers.NFKC()), PART),
    "normal_nfkd": (lambda: normal(normalizers.NFKD()), PART),
    "normal_lower": (lambda: normal(normalizers.Lowercase()), PART),
    "normal_nmt": (lambda: normal(normalizers.Nmt()), PART),
    "normal_accents": (lambda: normal(normalizers.StripAccents()), PART),
    "normal_strip": (lambda: normal(normalizers.Strip(True, False)), PART),
    "normal_strip_right": (lambda: normal(normalizers.Strip(False, True)), PART),
    "normal_bert": (lambda: normal(normalizers.BertNormalizer()), PART),
    "normal_precompiled": (
        lambda: normal(normalizers.Precompiled(base64.b64decode(charsmap()))), PART
    ),
    "normal_bytes": (lambda: normal(normalizers.ByteLevel(), normalizers.Lowercase()), PART),
    "normal_replace": (
        lambda: normal(
            normalizers.Replace(Regex(r"(\w)\1+"), "<>"),
            normalizers.Replace("an", "→"),
            normalizers.Replace(Regex(r"^[A-Z]|\b[a-z](?=[a-z]\b)"), "·"),
        ),
        PART,
    ),
}  # fmt: skip
PIECES = {
    "pieces_whitespace": (lambda: pieces(pre.Whitespace()), PART),
    "pieces_whitespace_split": (lambda: pieces(pre.WhitespaceSplit()), PART),
    "pieces_bert": (lambda: pieces(pre.BertPreTokenizer()), PART),
    "pieces_punctuation": (lambda: pieces(pre.Punctuation("merged_with_next")), PART),
    "pieces_digits": (lambda: pieces(pre.Digits(True)), PART),
    "pieces_digit_runs": (lambda: pieces(pre.Digits(False)), PART),
    "pieces_delimiter": (lambda: pieces(pre.CharDelimiterSplit("e")), PART),
    "pieces_scripts": (lambda: pieces(pre.UnicodeScripts()), PART),
    "pieces_fixed": (lambda: pieces(pre.FixedLength(3)), PART),
    "pieces_metaspace_never": (lambda: pieces(pre.Metaspace("_", "never")), PART),
    "pieces_metaspace_always": (lambda: pieces(pre.Metaspace("_", "always")), PART),
    "pieces_metaspace_first": (
        lambda: pieces(pre.Digits(False), pre.Metaspace("_", "first")), PART
    ),
    "pieces_byte_level": (lambda: pieces(pre.Punctuation(), pre.ByteLevel(True)), PART),
}  # fmt: skip
SPLIT = {
    "split_isolated": (split(Regex(r"\s+|\p{Han}"), "isolated"), PART),
    "split_removed": (split(Regex(r"[[:punct:]\d&&[^5]]"), "removed"), PART),
    "split_previous": (split(Regex(r"[aeiou]"), "merged_with_previous"), PART),
    "split_next": (split(Regex(r"[aeiou]{1,2}"), "merged_with_next"), PART),
    "split_contiguous": (split(Regex(r"[^\W\d_]"), "contiguous"), PART),
    "split_invert": (split(Regex(r"\p{L}+"), "removed", True), PART),
    "split_invert_next": (split(Regex(r"\p{L}"), "merged_with_next", True), PART),
    "split_invert_previous": (split(Regex(r"\w"), "merged_with_previous", True), PART),
    "split_invert_contiguous": (split(Regex(r"\w"), "contiguous", True), PART),
    "split_literal": (split("an", "merged_with_next"), PART),
    "split_literal_invert": (split(" ", "isolated", True), PART),
    "split_classes": (
        split(Regex(r"(?i:straße|ЮГ|k)|[^\S\n]{2,}|\h{,3}x|(?m:a.b)|\p{^L}\z|[\p{Lu}&&\p{Latin}]"),
              "isolated"), PART
    ),
    "split_words": (split(Regex(r"\b\w{2,4}\b|\B'\B|^.|.$|(?<=e)n(?!t)"), "isolated"), PART),
    "split_empty": (split(Regex(r"x*"), "isolated"), PART),
}  # fmt: skip
GROUPS = {
    "byte_level": BYTE_LEVEL,
    "sentence_piece": SENTENCE_PIECE,
    "words": WORDS,
    "unigram": UNIGRAM,
    "normal": NORMAL,
    "pieces": PIECES,
    "split": SPLIT,
}
