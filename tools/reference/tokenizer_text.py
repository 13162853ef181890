"""Text for tokenizer tests and benchmarks: made anew from a seed, the same each time."""

# ruff: noqa: RUF001 (characters that look like others are what is tested)
import functools
import pathlib
import random
import sysconfig
import unicodedata

SENTENCES = [
    "The quick brown fox doesn't jump over the lazy dog; it's asleep, and they've all gone home.",
    "I'll bet you'd rather we're late than that he'S shouting: DON'T! What's 3.14159 times 1,000?",
    "Der Fußgänger überquerte die Straße, während Kühe auf der Wiese grasten.",
    "L'été dernier, nous avons mangé des crêpes à Besançon où naïveté rime avec beauté.",
    "El niño comió piñas y ñandúes corrían por la pampa. ¿Qué hora es? ¡Las 12:30!",
    "В чащах юга жил бы цитрус? Да, но фальшивый экземпляр!",
    "Ο γρήγορος αλεπού πηδάει πάνω από το σκυλί, λέει ο Γιώργος.",
    "İstanbul'da ılık bir gün, şişelerde ağaç çiçeği ve IĞDIR.",
    "我们昨天在北京的图书馆里读了三本书，共计一百二十页。",
    "東京の地下鉄は便利ですが、ラッシュアワーには混雑します。カタカナとひらがな。",
    "한국어 문장은 띄어쓰기가 중요합니다. 값이 얼마예요?",
    "यह एक हिन्दी वाक्य है जिसमें संयुक्ताक्षर क्षत्रिय हैं।",
    "ภาษาไทยไม่มีการเว้นวรรคระหว่างคำ ทำให้ตัดคำยาก",
    "هذه جملة باللغة العربية مع تَشْكِيلٍ وأرقام ١٢٣٤٥.",
    "זהו משפט בעברית עם נִקּוּד ומספרים 12345.",
    "Đây là một câu tiếng Việt có nhiều dấu thanh: ắ ằ ẳ ẵ ặ.",
    "ქართული ენა და სომხերեն լեզու միասին։",
    "አማርኛ ጽሑፍ እና ትግርኛ።",
    "தமிழ் மொழி மிகவும் பழமையானது. తెలుగు భాష.",
    "ꦲꦏ꧀ꦱꦫꦗꦮ ᬅᬓ᭄ᬱᬭ ⵜⵉⴼⵉⵏⴰⵖ ᏣᎳᎩ",
    "def f(x, *args):\n    return {k: v for k, v in zip(x, args) if v != 0x1F}  # done\n",
    "#include <vector>\nint main() {\n\tstd::vector<int> v{1, 2, 3};\n\treturn v[0] << 2;\n}\n",
    "SELECT id, COUNT(*) FROM users WHERE age >= 18 AND name LIKE '%O''Brien%' GROUP BY 1;",
    '{"key": [1, 2.5e-3, null, true], "nested": {"π": "≈3.14"}}',
    '<div class="a b">&nbsp;x &lt; y</div><!-- note -->\r\n\r\n',
    "https://example.org/path/to/file.html?q=tokens%20and+more&lang=en#frag-42",
    "E = mc², ∑_{i=1}^{n} xᵢ ≤ ∞, ½ + ¼ = ¾, Ⅷ ⅷ ①②③, x⁻¹ ₂",
    "ﬁne ﬂuﬀy ligatures, ＦＵＬＬ ｗｉｄｔｈ ｶﾀｶﾅ ﾊﾟﾋﾟ, ǅ Ǆ ǆ, K Å Ω",
]
EMOJI = ("😀 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷🇯🇵 ❤️ ☎︎ 👨🏿‍🚀 🧑‍🤝‍🧑 ©️ 1️⃣ #️⃣ 🫠 🏴󠁧󠁢󠁥󠁮󠁧󠁿").split()
MARKS = "\u0301\u0308\u0323\u0327\u0338\u0345\u034f\u05b0\u0651\u093c\u0e34\u1ab0\u20dd\u3099\ufe20"
SPACES = " \t\n\r\x0b\x0c\x85\xa0\u1680\u180e\u2003\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
SPECIALS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>", "</s>", "<unk>", "[CLS]", "[SEP]",
    "[UNK]", "[MASK]", "<pad>", "<tool_call>", "</think>", "<|im_start|>user\n", "<0x0A>", "▁",
]  # fmt: skip


@functools.cache
def assigned():
    """All characters that are more than a number, surrogates apart."""
    return [
        c for c in range(0x110000)
        if not 0xD800 <= c <= 0xDFFF and unicodedata.category(chr(c)) != "Cn"
    ]  # fmt: skip


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.points = assigned()
        self.words = sorted({w for s in SENTENCES for w in s.split()})

    def string(self):
        r = self.random
        parts = []
        for _ in range(r.choice([1, 1, 1, 2, 2, 3, 4, 6])):
            parts.append(r.choice(self.KINDS)(self))
        return "".join(parts)

    def sentence(self):
        return self.random.choice(SENTENCES)

    def shuffled(self):
        r = self.random
        glue = r.choice([" ", " ", "  ", "\n", "", "\t", " \n", "\r\n", ", "])
        return glue.join(r.choice(self.words) for _ in range(r.randint(1, 12)))

    def piece(self):
        s = self.sentence()
        a = self.random.randrange(len(s))
        return s[a : a + self.random.randint(1, 20)]

    def emoji(self):
        return "".join(self.random.choice(EMOJI) for _ in range(self.random.randint(1, 4)))

    def marks(self):
        r = self.random
        base = r.choice("aeiouAEIOUnñçйкがはअ각ㄱlſßİı")
        return base + "".join(r.choice(MARKS) for _ in range(r.randint(1, 6)))

    def spaces(self):
        r = self.random
        if r.random() < 0.5:
            return r.choice(" \n\t") * r.randint(1, 12)
        return "".join(r.choice(SPACES) for _ in range(r.randint(1, 6)))

    def run(self):
        r = self.random
        n = r.choice([3, 7, 20, 60, 150])
        return r.choice(["a", "é", "漢", "!", " ", "\n", "0", "🙂", "ab", "-=", "the ", "'s"]) * n

    def points_at_random(self):
        r = self.random
        return "".join(chr(r.choice(self.points)) for _ in range(r.randint(1, 8)))

    def latin(self):
        r = self.random
        return "".join(chr(r.randint(1, 0x24F)) for _ in range(r.randint(1, 12)))

    def digits(self):
        r = self.random
        return "".join(r.choice("0123456789.,٣४²½Ⅷ") for _ in range(r.randint(1, 14)))

    def broken(self):
        r = self.random
        data = bytearray(self.sentence().encode())
        for _ in range(r.randint(1, 5)):
            data[r.randrange(len(data))] = r.randint(0x80, 0xFF)
        return bytes(data).decode(errors="replace")

    def special(self):
        r = self.random
        return r.choice(["", " ", "  ", "x"]) + r.choice(SPECIALS) + r.choice(["", " ", "\n ", "y"])

    def case(self):
        r = self.random
        s = self.piece()
        return r.choice(
            [
                s.upper(),
                s.title(),
                s.swapcase(),
                "".join(r.choice([c.upper(), c.lower()]) for c in s),
            ]
        )

    KINDS = (
        [sentence] * 2 + [shuffled] * 3 + [piece] * 3
        + [emoji, marks, spaces, run, points_at_random, latin, digits, broken, special, case]
    )  # fmt: skip


def strings(count, seed=1):
    maker = Maker(seed)
    out = ["", " ", "\n", "a", "▁", "<s>", "  <s>  </s>  "]
    while len(out) < count:
        out.append(maker.string())
    return out[:count]


# Ranges of letters that make up the words of invented languages, and what stands between them.
LANGUAGES = [
    ("aeiouaeioubcdfghlmnprstvaeiou", " "),
    ("aeiouyäöüßéèêáóíñçbcdfghlmnprst", " "),
    ("".join(map(chr, range(0x430, 0x450))), " "),
    ("".join(map(chr, range(0x3B1, 0x3CA))), " "),
    ("".join(map(chr, range(0x5D0, 0x5EB))), " "),
    ("".join(map(chr, range(0x627, 0x63B))) + "فقكلمنهوي", " "),
    ("".join(map(chr, range(0x915, 0x93A))) + "ािीुूेैोौ्" * 2, " "),
    ("".join(map(chr, range(0xE01, 0xE2F))) + "าิีุูเแโ" * 2, ""),
    ("".join(map(chr, range(0x4E00, 0x5600, 2))), ""),
    ("".join(map(chr, range(0x3042, 0x3094))) + "日本語東京時間人国会", ""),
    ("".join(map(chr, range(0xAC00, 0xD7A4, 37))), " "),
]


class Language:
    """Words of letters at random, the common ones common as in real text."""

    def __init__(self, r, letters, glue):
        self.random = r
        self.glue = glue
        longest = 3 if len(letters) > 200 else 9
        self.words = [
            "".join(r.choice(letters) for _ in range(r.randint(1, longest))) for _ in range(12000)
        ]

    def sentence(self):
        r = self.random
        words = [
            self.words[int(len(self.words) ** r.random()) - 1] for _ in range(r.randint(4, 18))
        ]
        if self.glue and r.random() < 0.7:
            words[0] = words[0].capitalize()
        return self.glue.join(words) + r.choice([". ", ". ", ", ", "? ", "! ", ": ", "\n", "。"])


def mixed(size, seed=2):
    """About size bytes, as real text is mixed: prose in many scripts, code, numbers, emoji."""
    r = random.Random(seed)
    maker = Maker(seed)
    languages = [Language(r, *spec) for spec in LANGUAGES]
    library = pathlib.Path(sysconfig.get_paths()["stdlib"])
    code = sorted(p for p in library.rglob("*.py") if "site-packages" not in p.parts)
    out = []
    total = 0
    while total < size:
        kind = r.random()
        if kind < 0.45:
            text = r.choice(code).read_text(encoding="utf-8", errors="replace")
            at = r.randrange(max(1, len(text) - 6000))
            part = text[at : at + 6000]
        elif kind < 0.95:
            language = languages[int(len(languages) * r.random() ** 1.5)]
            part = "".join(language.sentence() for _ in range(50))
        else:
            part = "".join(maker.string() + r.choice(" \n") for _ in range(20))
        out.append(part)
        total += len(part.encode())
    return out
