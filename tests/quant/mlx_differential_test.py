"""Compares the encoders and decoders, bit for bit, with mlx.core on its CPU device.

Random and adversarial groups, every mode, bit width, group size and type, every instruction set of
the machine. Codes, scales and biases must be equal as bits; decoded values likewise, except that any
NaN equals any other. The 8-bit floats are compared too, E5M2 with its definition. What kinds of groups there were is counted from the groups themselves
(group_classes.py), and too few of any kind is a failure.

    python mlx_differential_test.py LIBRARY [--groups N] [--rounds R] [--seed S]

LIBRARY is the shared library of c_api.cc; N is the number of groups a mode and type. The 20,000 that
are asked for run in every `make test`, and so in CI, all of them; `make soak` (INGOT_SOAK set) runs
ten rounds of as many, each with its own seed.
"""

import argparse
import collections
import ctypes
import os
import sys
import time

import group_classes
import mlx.core as mx
import numpy as np

TYPES = {"F32": 0, "F16": 1, "BF16": 2}
MX_TYPES = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}
WORDS = {"F32": np.uint32, "F16": np.uint16, "BF16": np.uint16}
MX_WORDS = {"F32": mx.uint32, "F16": mx.uint16, "BF16": mx.uint16}
FORMATS = [("affine", b, g) for b in (2, 3, 4, 5, 6, 8) for g in (32, 64, 128)] + [
    ("nvfp4", 4, 16),
    ("mxfp4", 4, 32),
    ("mxfp8", 8, 32),
]
ISAS = ("portable", "neon", "avx2", "avx512")


class Call(ctypes.Structure):
    """Mirrors struct Call of c_api.cc."""

    _fields_ = [
        ("mode", ctypes.c_char_p),
        ("isa", ctypes.c_char_p),
        ("bits", ctypes.c_int32),
        ("group_size", ctypes.c_int32),
        ("type", ctypes.c_int32),
        ("out_type", ctypes.c_int32),
        ("high_effort", ctypes.c_int32),
        ("has_global_scale", ctypes.c_int32),
        ("global_scale", ctypes.c_float),
        ("rows", ctypes.c_uint64),
        ("columns", ctypes.c_uint64),
        ("values", ctypes.c_void_p),
        ("codes", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("biases", ctypes.c_void_p),
    ]


def is_affine(fmt):
    return fmt[0] == "affine"


class Ours:
    """The library under test; arrays go in and come out as raw words."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.isas = [i for i in ISAS if self.lib.ingot_isa_supported(i.encode())]

    def _call(self, fmt, isa, type_name, rows, columns, arrays, global_scale, out_type="F32"):
        mode, bits, group = fmt
        values, codes, scales, biases = (a.ctypes.data if a is not None else None for a in arrays)
        return Call(
            mode.encode(), isa.encode(), bits, group, TYPES[type_name], TYPES[out_type], 0,
            global_scale is not None, global_scale or 0.0, rows, columns, values, codes, scales,
            biases,
        )  # fmt: skip

    def encode(self, fmt, isa, type_name, words, global_scale=None):
        mode, bits, group = fmt
        columns = words.shape[-1]
        rows = words.size // columns
        scale_words = WORDS[type_name] if is_affine(fmt) else np.uint8
        codes = np.full((rows, columns * bits // 32), 0xA5A5A5A5, np.uint32)
        scales = np.full((rows, columns // group), 0xA5, scale_words)
        biases = np.full_like(scales, 0xA5) if is_affine(fmt) else None
        call = self._call(
            fmt, isa, type_name, rows, columns, (words, codes, scales, biases), global_scale
        )
        if self.lib.ingot_encode(ctypes.byref(call)) != 0:
            raise RuntimeError("ingot_encode failed")
        return codes, scales, biases

    def decode(self, fmt, isa, scale_type, out_type, columns, parts, global_scale=None):
        codes, scales, biases = parts
        rows = codes.size * 32 // fmt[1] // columns
        values = np.full((rows, columns), 0xA5, WORDS[out_type])
        call = self._call(
            fmt, isa, scale_type, rows, columns, (values, codes, scales, biases), global_scale,
            out_type,
        )  # fmt: skip
        if self.lib.ingot_decode(ctypes.byref(call)) != 0:
            raise RuntimeError("ingot_decode failed")
        return values

    def encode_fp8(self, kind, isa, type_name, words):
        codes = np.full(words.size, 0xA5, np.uint8)
        arguments = (kind, TYPES[type_name], isa.encode(), ctypes.c_uint64(words.size))
        if self.lib.ingot_encode_fp8(*arguments, to_pointer(words), to_pointer(codes)) != 0:
            raise RuntimeError("ingot_encode_fp8 failed")
        return codes

    def decode_fp8(self, kind, isa, type_name, codes):
        words = np.full(codes.size, 0xA5, WORDS[type_name])
        arguments = (kind, TYPES[type_name], isa.encode(), ctypes.c_uint64(codes.size))
        if self.lib.ingot_decode_fp8(*arguments, to_pointer(codes), to_pointer(words)) != 0:
            raise RuntimeError("ingot_decode_fp8 failed")
        return words


def to_pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def to_mx(words, type_name):
    return mx.array(words).view(MX_TYPES[type_name])


def to_words(array):
    kinds = {mx.float32: mx.uint32, mx.float16: mx.uint16, mx.bfloat16: mx.uint16}
    return np.array(array.view(kinds[array.dtype]) if array.dtype in kinds else array)


def rounded(values, type_name):
    """float32 values as words of the type, to nearest."""
    with np.errstate(over="ignore"):
        return to_words(mx.array(values.astype(np.float32)).astype(MX_TYPES[type_name]))


def source_groups(rng, fmt, type_name, count):
    """At least `count` groups as words, [n, group]: every kind that could go wrong.

    First kind after kind, since kernels work on tiles of neighbours and leave a tile with anything
    unusual to the plain code; then the same groups mixed.
    """
    mode, bits, group = fmt
    kinds = 20
    n = -(-count // kinds // 2)
    f = lambda values: rounded(np.broadcast_to(values, (n, group)), type_name)  # noqa: E731
    normal = lambda: rng.standard_normal((n, group))  # noqa: E731
    exponents = {"F32": (-140, 127), "F16": (-24, 15), "BF16": (-130, 127)}[type_name]
    powers = 2.0 ** rng.integers(*exponents, (n, 1))
    small = 2.0 ** rng.integers(-14, 4, (n, 1))
    parts = [
        f(normal() * 0.02),
        f(normal()),
        f(normal() * powers),
        f(np.abs(normal()) * small),
        f(-np.abs(normal()) * small),
        f(rng.laplace(size=(n, group)) * small),
        f(rng.standard_normal((n, 1)) * small),  # all equal
        f(np.zeros((n, group))),
        f(np.where(rng.random((n, group)) < 0.5, 0.0, -0.0)),
        f(np.where(np.arange(group) == rng.integers(group, size=(n, 1)), 100 * small, 1e-3 * normal())),
        f(np.where(rng.random((n, group)) < 0.9, 0.0, normal() * small)),
        f(rng.standard_normal((n, 1)) + 1e-3 * normal()),  # a constant with a little noise
        f(normal() * 10.0 ** rng.uniform(-9, -4, (n, 1))),  # around the least affine scale
        # Ties: multiples of half a step between a lower and an upper end.
        f(small * (half_steps(rng, bits, (n, group)) - rng.integers(0, 2**bits, (n, 1)))),
        # Ties between E2M1 or E4M3 values, under scales that are E4M3 or powers of two.
        f(
            small
            * rng.integers(8, 16, (n, 1))
            / 8
            * rng.choice([0, 0.25, 0.5, 0.75, 1, 1.25, 1.75, 2.5, 3.5, 5, 6, -0.25, -1.75, -5, -6], (n, group))
        ),
        f(rng.integers(-448, 449, (n, group)) * small / 16),
        # Next to ties: a step of the type up or down.
        nudged(rng, rounded(small * rng.choice([0.25, 0.75, 1.25, 2.5, 3.5, 5, 6, 7], (n, group)), type_name)),
        # Any bits at all: many exponents in one group, infinities, NaN.
        rng.integers(0, 2 ** (8 * np.dtype(WORDS[type_name]).itemsize), (n, group)).astype(WORDS[type_name]),
        specials(rng, f(normal() * small), type_name),
        subnormals(rng, (n, group), type_name),
    ]  # fmt: skip
    assert len(parts) == kinds
    words = np.concatenate(parts)
    return np.concatenate([words, rng.permutation(words)])


def half_steps(rng, bits, shape):
    """Whole numbers of half steps from 0 to the last code, both ends among them."""
    steps = rng.integers(0, 2 * (2**bits - 1) + 1, shape) / 2
    steps[:, rng.integers(shape[1] // 2)] = 0
    steps[:, shape[1] // 2 + rng.integers(shape[1] // 2)] = 2**bits - 1
    return steps


def nudged(rng, words):
    return (words + rng.integers(-1, 2, words.shape)).astype(words.dtype)


def specials(rng, words, type_name):
    """A few infinities, NaN, largest and smallest values among ordinary ones."""
    bits = {
        "F32": [0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F7FFFFF, 0xFF7FFFFF, 1, 0x80000001],
        "F16": [0x7C00, 0xFC00, 0x7E00, 0xFE00, 0x7BFF, 0xFBFF, 1, 0x8001],
        "BF16": [0x7F80, 0xFF80, 0x7FC0, 0xFFC0, 0x7F7F, 0xFF7F, 1, 0x8001],
    }[type_name]  # fmt: skip
    some = rng.choice(np.array(bits, words.dtype), words.shape)
    share = rng.choice([0.02, 0.02, 0.2, 1.0], (words.shape[0], 1))
    return np.where(rng.random(words.shape) < share, some, words)


def subnormals(rng, shape, type_name):
    top = {"F32": 1 << 23, "F16": 1 << 10, "BF16": 1 << 7}[type_name]
    sign = {"F32": 31, "F16": 15, "BF16": 15}[type_name]
    limit = 2 ** rng.integers(1, top.bit_length() + 1, (shape[0], 1))
    magnitude = rng.integers(0, limit, shape)
    return (magnitude | (rng.integers(0, 2, shape) << sign)).astype(WORDS[type_name])


def shaped(rng, words):
    """The groups as rows of one to ten groups each, the first ones again at the end to come out even."""
    n, group = words.shape
    per_row = int(rng.integers(1, 6)) * (2 if group == 16 else 1)
    rows = -(-n // per_row)
    return np.resize(words, (rows, per_row * group))


def mlx_quantize(fmt, type_name, words, global_scale=None):
    mode, bits, group = fmt
    extra = {} if global_scale is None else {"global_scale": mx.array(global_scale, mx.float32)}
    parts = mx.quantize(to_mx(words, type_name), group_size=group, bits=bits, mode=mode, **extra)
    parts = [to_words(p) for p in parts]
    return parts if len(parts) == 3 else [*parts, None]


def mlx_dequantize(fmt, scale_type, out_type, parts, global_scale=None):
    mode, bits, group = fmt
    codes, scales, biases = parts
    extra = {} if global_scale is None else {"global_scale": mx.array(global_scale, mx.float32)}
    if is_affine(fmt):
        scales, biases = to_mx(scales, scale_type), to_mx(biases, scale_type)
    else:
        scales = mx.array(scales)
    out = mx.dequantize(
        mx.array(codes), scales, biases, group_size=group, bits=bits, mode=mode,
        dtype=MX_TYPES[out_type], **extra,
    )  # fmt: skip
    # With a global scale MLX leaves the result in float32 whatever dtype says.
    return to_words(out.astype(MX_TYPES[out_type]))


def is_nan(words, type_name):
    exponent = {"F32": 0x7F800000, "F16": 0x7C00, "BF16": 0x7F80}[type_name]
    mask = {"F32": 0x7FFFFFFF, "F16": 0x7FFF, "BF16": 0x7FFF}[type_name]
    return (words & mask) > exponent


def explain(what, fmt, type_name, isa, got, want, words):
    different = np.argwhere(got != want)
    row, column = different[0]
    group = fmt[2]
    at = (column * (words.shape[-1] // want.shape[-1])) // group * group if words is not None else 0
    print(f"FAIL {what} {fmt} {type_name} {isa}: {len(different)} of {want.size} differ")
    print(
        f"  first at row {row}, column {column}: ours {got[row, column]:#x}, MLX {want[row, column]:#x}"
    )
    if words is not None:
        print("  group:", [hex(int(w)) for w in words[row, at : at + group]])


def check_encoding(ours, rng, fmt, type_name, count, global_scale=None, classes=None):
    words = shaped(rng, source_groups(rng, fmt, type_name, count))
    want = mlx_quantize(fmt, type_name, words, global_scale)
    if classes is not None:
        values = np.array(to_mx(words, type_name).astype(mx.float32))
        classes.update(group_classes.count(fmt, type_name, words, values, want[1]))
        classes["magnitudes"] = group_classes.count_magnitudes(values, fmt[2])
    for isa in ours.isas:
        got = ours.encode(fmt, isa, type_name, words, global_scale)
        for name, a, b in zip(("codes", "scales", "biases"), got, want):
            if b is not None and not np.array_equal(a, b.reshape(a.shape)):
                explain(name, fmt, type_name, isa, a, b.reshape(a.shape), words)
                return 0, 1
    return words.size // fmt[2], 0


def stored_parts(rng, fmt, scale_type, count):
    """Any codes with any scales: those that real data have, and any bits."""
    mode, bits, group = fmt
    columns = group * 4
    rows = -(-count // 4)
    codes = rng.integers(0, 2**32, (rows, columns * bits // 32)).astype(np.uint32)
    if not is_affine(fmt):
        scales = rng.integers(0, 256, (rows, 4)).astype(np.uint8)
        usual = rng.integers(100, 150, (rows, 4)).astype(np.uint8)
        return columns, (codes, np.where(rng.random((rows, 4)) < 0.5, scales, usual), None)
    scales, biases = (
        np.where(
            rng.random((rows, 4)) < 0.3,
            rng.integers(0, 2**32, (rows, 4)).astype(WORDS[scale_type]),
            rounded(rng.standard_normal((rows, 4)) * factor, scale_type),
        )
        for factor in (0.01, 0.1)
    )
    return columns, (codes, scales, biases)


def check_decoding(ours, rng, fmt, scale_type, out_type, count, global_scale=None):
    columns, parts = stored_parts(rng, fmt, scale_type, count)
    want = mlx_dequantize(fmt, scale_type, out_type, parts, global_scale)
    for isa in ours.isas:
        got = ours.decode(fmt, isa, scale_type, out_type, columns, parts, global_scale)
        same = (got == want) | (is_nan(got, out_type) & is_nan(want, out_type))
        if not same.all():
            explain(
                "decoded",
                fmt,
                f"{scale_type}->{out_type}",
                isa,
                np.where(same, want, got),
                want,
                None,
            )
            return 0, 1
    return want.size // fmt[2], 0


def e5m2_of(values):
    """Nearest, ties to even, from float64: E5M2 is the upper byte of an F16."""
    finite = (np.arange(0x7C, dtype=np.uint16) << 8).view(np.float16).astype(np.float64)
    magnitudes = np.abs(values)
    above = np.clip(np.searchsorted(finite, magnitudes), 1, 0x7B)
    low, high = magnitudes - finite[above - 1], finite[above] - magnitudes
    codes = np.where((low < high) | ((low == high) & (above % 2 == 1)), above - 1, above)
    codes = np.where(magnitudes >= 61440, 0x7C, codes)
    codes = np.where(np.isnan(values), 0x7F, codes)
    return (codes | np.where(np.signbit(values), 0x80, 0)).astype(np.uint8)


def check_fp8(ours, rng, count):
    """Every 16-bit float and any 32-bit ones to E4M3 and E5M2, every code back."""
    failures = 0
    codes = np.arange(256, dtype=np.uint8)
    e5m2 = mx.array((codes.astype(np.uint16) << 8).view(np.float16))
    for type_name in TYPES:
        words = np.arange(65536, dtype=np.uint16)
        if type_name == "F32":
            usual = rounded(rng.standard_normal(count) * 2.0 ** rng.integers(-20, 20, count), "F32")
            words = np.concatenate([rng.integers(0, 2**32, count).astype(np.uint32), usual])
        floats = to_mx(words, type_name)
        with np.errstate(invalid="ignore"):
            values = np.array(floats.astype(mx.float32)).astype(np.float64)
        encoded = [np.array(mx.to_fp8(floats)), e5m2_of(values)]
        kind_type = MX_TYPES[type_name]
        decoded = [
            to_words(mx.from_fp8(mx.array(codes), kind_type)),
            to_words(e5m2.astype(kind_type)),
        ]
        for isa in ours.isas:
            for kind in (0, 1):
                got = ours.encode_fp8(kind, isa, type_name, words)
                back = ours.decode_fp8(kind, isa, type_name, codes)
                nan = is_nan(back, type_name) & is_nan(decoded[kind], type_name)
                wrong = np.flatnonzero(got != encoded[kind])
                if wrong.size or not ((back == decoded[kind]) | nan).all():
                    print(f"FAIL fp8 {kind} {type_name} {isa}: {wrong.size} codes differ", end="")
                    print([(hex(words[i]), got[i], encoded[kind][i]) for i in wrong[:3]])
                    failures += 1
    print("fp8: every F16 and BF16, and", 2 * count, "F32, to E4M3 and E5M2; every code back")
    return failures


def check_format(ours, rng, fmt, groups, fewest):
    """Both directions of a mode in every type; the number of failures. Keeps fewest, by class."""
    failures = 0
    least = None
    for type_name in TYPES:
        classes = collections.Counter()
        results = [check_encoding(ours, rng, fmt, type_name, groups, classes=classes)]
        for out in TYPES if is_affine(fmt) else [type_name]:
            results.append(check_decoding(ours, rng, fmt, type_name, out, groups))
        failures += sum(failed for _, failed in results)
        counts = [count for count, _ in results]
        least = min(counts if least is None else [least, *counts])
        for name in group_classes.NAMES:
            fewest[name] = min(fewest.get(name, groups), classes[name])
            if classes[name] < groups // 100:
                print(f"FAIL {fmt} {type_name}: {classes[name]} groups are {name}: too few")
                failures += 1
        fewest["magnitudes"] = min(fewest.get("magnitudes", 1000), classes["magnitudes"])
        if classes["magnitudes"] < 16:
            print(f"FAIL {fmt} {type_name}: groups of {classes['magnitudes']} magnitudes")
            failures += 1
    print(f"{fmt[0]} {fmt[1]} bits, groups of {fmt[2]}: {least} groups a type and direction")
    return failures


def check_all(ours, seed, groups):
    rng = np.random.default_rng(seed)
    print(f"seed {seed}, instruction sets: {', '.join(ours.isas)}")
    fewest = {}
    failures = sum(check_format(ours, rng, fmt, groups, fewest) for fmt in FORMATS)
    print(
        f"groups of at least {fewest.pop('magnitudes')} magnitudes in every mode and type, and of"
    )
    print("  " + ", ".join(f"{name} {least}" for name, least in fewest.items()))
    failures += check_fp8(ours, rng, 5 * groups)
    for global_scale in (0.37, 3.0, 1e-3, 2688.0, 2e4, 0.0, -1.0, float("inf")):
        for type_name in TYPES:
            fmt = ("nvfp4", 4, 16)
            failures += check_encoding(ours, rng, fmt, type_name, groups, global_scale)[1]
            failures += check_decoding(ours, rng, fmt, type_name, type_name, groups, global_scale)[
                1
            ]
        print(f"nvfp4 with global scale {global_scale}: {groups} groups a type and direction")
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--groups", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=10 if "INGOT_SOAK" in os.environ else 1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    mx.set_default_device(mx.cpu)
    if mx.__version__ != "0.32.4":
        sys.exit(f"mlx {mx.__version__} is not the pinned 0.32.4")
    ours = Ours(args.library)
    if len(ours.isas) < 2:
        sys.exit(f"only {ours.isas} of the instruction sets run here")
    started = time.time()
    failures = sum(check_all(ours, args.seed + i, args.groups) for i in range(args.rounds))
    print(f"{failures} failures, {time.time() - started:.1f} s")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
