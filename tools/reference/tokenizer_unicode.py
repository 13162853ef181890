#!/usr/bin/env python3
"""Writes src/text/token/unicode_{data,forms}.cc: the character tables that tokenizers depend on.

The components of a tokenizer.json take their character classes from different libraries, each
frozen at its own version of Unicode. A tokenizer that must agree token by token has to follow each:

  Unicode 8   punctuation, marks and control characters of the BERT components
  Unicode 9   NFC, NFD, NFKC, NFKD, StripAccents, UnicodeScripts
  Unicode 16  \\p{..}, \\s, \\w, \\d of patterns, the Whitespace pre-tokenizer, grapheme clusters
  Unicode 17  Digits, Lowercase

Needs a Python of 3.11 or newer with pip, a C compiler, and one argument, a scratch directory into
which the packages that carry those versions are fetched:

  tools/reference/tokenizer_unicode.py /tmp/ucd
"""

import base64
import pathlib
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "src/text/token"
LIMIT = 0x110000

# The source archives of unicodedata2 for Unicode 8 and 9 were written for older Pythons: they want
# a private header that is gone, and assign to what is a function now.
UCNHASH = """
#define PyUnicodeData_CAPSULE_NAME "unicodedata.ucnhash_CAPI"
typedef struct {
  int size;
  int (*getname)(PyObject*, Py_UCS4, char*, int, int);
  int (*getcode)(PyObject*, const char*, int, Py_UCS4*, int);
} _PyUnicode_Name_CAPI;
"""


def fetch_old(scratch, version, tables_from=None):
    """Builds unicodedata2 from its source archive; the data of another one when given."""
    home = scratch / f"unicodedata2-{version}"
    if not home.exists():
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, "-d", scratch, f"unicodedata2=={version}"], check=True)
        with tarfile.open(next(scratch.glob(f"unicodedata2-{version}.tar.gz"))) as archive:
            archive.extractall(scratch, filter="data")
    if version == "8.0.0":  # Python 2 code: only its tables are of use
        return home / "unicodedata2"
    built = scratch / f"built-{version}{'-8' if tables_from else ''}"
    if not built.exists():
        work = scratch / f"work-{built.name}"
        subprocess.run(["cp", "-r", home, work], check=True)
        source = work / "unicodedata2/py3/unicodedata.c"
        source.write_text(
            source.read_text().replace(
                "Py_TYPE(&UCD_Type) = &PyType_Type;", "Py_SET_TYPE(&UCD_Type, &PyType_Type);"
            )
        )
        (source.parent / "ucnhash.h").write_text(UCNHASH)
        if tables_from:
            for name in ("unicodedata_db.h", "unicodename_db.h"):
                (source.parent / name).write_text((tables_from / name).read_text())
        subprocess.run(
            [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
            cwd=work,
            check=True,
            env={"CFLAGS": f"-w -I{source.parent}", "PATH": "/usr/bin:/bin"},
        )
        built.mkdir()
        subprocess.run(["cp", next(work.glob("*.so")), built], check=True)
    return built


def fetch_new(scratch, package, version):
    target = scratch / f"{package}-{version}"
    if not target.exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target]
        subprocess.run([*pip, f"{package}=={version}"], check=True)
    return target


def ask(path, code):
    """Runs code in a fresh interpreter that sees path first; the code prints a Python literal."""
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, env={"PYTHONPATH": str(path)}
    )
    return eval(out.stdout)


CATEGORIES = "import unicodedata2 as u;print([u.category(chr(c)) for c in range(0x110000)])"
NORMAL_FORMS = """
import unicodedata2 as u
print([(c, u.decomposition(chr(c)), u.combining(chr(c)), u.normalize('NFC', chr(c)) == chr(c))
       for c in range(0x110000) if u.decomposition(chr(c)) or u.combining(chr(c))])
"""
# Property values by their names in the regex package, each code point once.
PARTITION = """
import regex
text = ''.join(map(chr, range(0x110000)))
out = [0] * 0x110000
for i, name in enumerate({names!r}):
    for m in regex.finditer(r'\\p{{{prefix}%s}}' % name, text):
        out[m.start()] = i + 1
print(out)
"""

GENERAL = (
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn"
).split()
CLUSTER = "CR LF Control Extend ZWJ Regional_Indicator Prepend SpacingMark L V T LV LVT".split()
SCRIPTS = (
    "Common Inherited Latin Greek Cyrillic Armenian Hebrew Arabic Syriac Thaana Nko Samaritan "
    "Mandaic Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala "
    "Thai Lao Tibetan Myanmar Georgian Hangul Ethiopic Cherokee Canadian_Aboriginal Ogham Runic "
    "Tagalog Hanunoo Buhid Tagbanwa Khmer Mongolian Limbu Tai_Le New_Tai_Lue Buginese Tai_Tham "
    "Balinese Sundanese Batak Lepcha Ol_Chiki Braille Glagolitic Coptic Tifinagh Han Hiragana "
    "Katakana Bopomofo Yi Lisu Vai Bamum Syloti_Nagri Phags_Pa Saurashtra Kayah_Li Rejang "
    "Javanese Cham Tai_Viet Meetei_Mayek Linear_B Lycian Carian Old_Italic Gothic Old_Permic "
    "Ugaritic Old_Persian Deseret Shavian Osmanya Osage Elbasan Caucasian_Albanian Linear_A "
    "Cypriot Imperial_Aramaic Palmyrene Nabataean Hatran Phoenician Lydian Meroitic_Hieroglyphs "
    "Meroitic_Cursive Kharoshthi Old_South_Arabian Old_North_Arabian Manichaean Avestan "
    "Inscriptional_Parthian Inscriptional_Pahlavi Psalter_Pahlavi Old_Turkic Old_Hungarian Brahmi "
    "Kaithi Sora_Sompeng Chakma Mahajani Sharada Sinhala Khojki Multani Khudawadi Grantha Newa "
    "Tirhuta Siddham Modi Takri Ahom Warang_Citi Pau_Cin_Hau Bhaiksuki Marchen Cuneiform "
    "Egyptian_Hieroglyphs Anatolian_Hieroglyphs Mro Bassa_Vah Pahawh_Hmong Miao Tangut Duployan "
    "SignWriting Mende_Kikakui Adlam Vithkuqi Todhri Hanifi_Rohingya Garay Yezidi Old_Sogdian "
    "Sogdian Old_Uyghur Chorasmian Elymaic Tulu_Tigalari Dogra Dives_Akuru Nandinagari "
    "Zanabazar_Square Soyombo Masaram_Gondi Gunjala_Gondi Sunuwar Makasar Kawi Cypro_Minoan "
    "Gurung_Khema Tangsa Kirat_Rai Medefaidrin Nushu Khitan_Small_Script Nyiakeng_Puachue_Hmong "
    "Toto Wancho Nag_Mundari Ol_Onal"
).split()
SCRIPTS = list(dict.fromkeys(SCRIPTS))
# What UnicodeScripts, at Unicode 9, sees otherwise than Unicode 16 does.
OLD_SCRIPTS = {0x589: "Common", 0x61C: "Common", 0x953: "Devanagari", 0x954: "Devanagari"}

# Lower case letters that came after Unicode 14, the version of Python 3.11.
NEW_LOWER = {
    0x1C89: 0x1C8A,
    0xA7CB: 0x264,
    0xA7CC: 0xA7CD,
    0xA7CE: 0xA7CF,
    0xA7D2: 0xA7D3,
    0xA7D4: 0xA7D5,
    0xA7DA: 0xA7DB,
    0xA7DC: 0x19B,
    **{c: c + 0x20 for c in range(0x10D50, 0x10D66)},
    **{c: c + 0x1B for c in range(0x16EA0, 0x16EB9)},
}


def varint(value):
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def zigzag(value):
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def runs(values):
    """(length, value) pairs that cover all code points."""
    out = bytearray()
    start = 0
    for c in range(1, LIMIT + 1):
        if c == LIMIT or values[c] != values[start]:
            out += varint(c - start) + varint(values[start])
            start = c
    return bytes(out)


def members(wanted):
    return runs([1 if c in wanted else 0 for c in range(LIMIT)])


def main():
    scratch = pathlib.Path(sys.argv[1])
    scratch.mkdir(parents=True, exist_ok=True)
    nine = fetch_old(scratch, "9.0.0.post4")
    eight = fetch_old(scratch, "9.0.0.post4", fetch_old(scratch, "8.0.0"))
    sixteen = fetch_new(scratch, "regex", "2025.7.34")
    seventeen = fetch_new(scratch, "unicodedata2", "17.0.1")

    cat8, cat9, cat17 = (ask(p, CATEGORIES) for p in (eight, nine, seventeen))

    def partition(names, prefix):
        return ask(sixteen, PARTITION.format(names=names, prefix=prefix))

    def of(cat, *kinds):
        return members({c for c in range(LIMIT) if cat[c] in kinds})

    general = [max(v - 1, 0) for v in partition(GENERAL, "gc=")]
    script = partition(SCRIPTS, "Script=")
    unknown = [
        c for c in range(LIMIT) if script[c] == 0 and GENERAL[general[c]] not in ("Cn", "Cs", "Co")
    ]
    assert not unknown, [hex(c) for c in unknown[:20]]
    assert sum(1 for g in general if GENERAL[g] == "Cn") == 819533  # Unicode 16

    script9 = [0 if cat9[c] in ("Cn", "Cs", "Co") else script[c] for c in range(LIMIT)]
    for c, name in OLD_SCRIPTS.items():
        script9[c] = SCRIPTS.index(name) + 1

    lower = {c: ord(chr(c).lower()) for c in range(LIMIT) if len(chr(c).lower()) == 1}
    lower = {c: low for c, low in lower.items() if low != c} | NEW_LOWER
    case = bytearray()
    last = 0
    for c, low in sorted(lower.items()):
        case += varint(c - last) + zigzag(low - c)
        last = c

    forms = bytearray()
    combining = [0] * LIMIT
    last = first = 0
    for c, mapping, ccc, stays in ask(nine, NORMAL_FORMS):
        combining[c] = ccc
        if not mapping:
            continue
        parts = mapping.split()
        compat = parts[0].startswith("<")
        points = [int(p, 16) for p in parts[compat:]]
        forms += varint(c - last) + varint(len(points) * 4 + compat * 2 + (stays and not compat))
        # Neighbours often map to neighbours: each point is told from the one before it, the first
        # from the first of the entry before.
        near = first
        for p in points:
            forms += zigzag(p - near)
            near = p
        last, first = c, points[0]

    tables = {
        "kGeneralCategory16": runs(general),
        "kAlphabetic16": members(
            {c for c, v in enumerate(partition(["Alphabetic"], "")) if v},
        ),
        "kScript16": runs(script),
        "kScript9": runs(script9),
        "kCluster16": runs(partition(CLUSTER, "GCB=")),
        "kPictographic16": members(
            {c for c, v in enumerate(partition(["Extended_Pictographic"], "")) if v}
        ),
        "kNumeric17": of(cat17, "Nd", "Nl", "No"),
        "kLower17": bytes(case),
        "kMark9": of(cat9, "Mn", "Mc", "Me"),
        "kCombining9": runs(combining),
        "kDecomposition9": bytes(forms),
        "kPunctuation8": of(cat8, "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"),
        "kNonspacing8": of(cat8, "Mn"),
        "kOther8": of(cat8, "Cc", "Cf", "Co"),
    }
    names = ["const char* const kScriptNames[] = {"]
    row = "    nullptr,"
    for name in SCRIPTS:
        if len(row) + len(name) + 4 > 99:
            names.append(row)
            row = "   "
        row += f' "{name}",'
    names += [row, "};", f"const size_t kScriptCount = {len(SCRIPTS) + 1};"]
    forms = ("kDecomposition9", "kCombining9")
    write("unicode_data.cc", {k: v for k, v in tables.items() if k not in forms}, names)
    write("unicode_forms.cc", {k: v for k, v in tables.items() if k in forms}, [])


def write(name, tables, more):
    lines = [
        "// Written by tools/reference/tokenizer_unicode.py; do not edit.",
        '#include "text/token/unicode_data.h"',
        "",
        "namespace ingot::text {",
        "",
        "// clang-format off",
    ]
    for table, data in tables.items():
        text = base64.b64encode(data).decode().rstrip("=")
        lines.append(f"const char {table}[] =")
        chunks = [text[i : i + 94] for i in range(0, len(text), 94)]
        lines += [f'    "{chunk}"' for chunk in chunks[:-1]] + [f'    "{chunks[-1]}";']
    lines += [*more, "// clang-format on", "", "}  // namespace ingot::text", ""]
    (OUTPUT / name).write_text("\n".join(lines))
    print(f"{name}: {sum(map(len, tables.values()))} bytes in {len(lines)} lines")


if __name__ == "__main__":
    main()
