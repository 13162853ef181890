"""Writes, or checks, tests/quant/data/mlx_goldens.txt: what mlx.core 0.32.4 makes on its CPU device
of one row of 128 values of every class that could go wrong, in every mode and float type.

    python tools/reference/quant_goldens.py [--check]

The tests of src/quant read the file, so that the core of the comparison with MLX needs no Python.
Lines, with bytes in hexadecimal as they lie in memory:

    source TYPE CLASS VALUES
    MODE BITS GROUP TYPE CLASS GLOBAL_SCALE CODES SCALES BIASES DECODED

GLOBAL_SCALE and BIASES are "-" where there are none; the former is an F32. DECODED is the 64-bit
FNV-1a hash of the bytes of the values decoded to TYPE, every NaN as the quiet one without sign.
"""

import argparse
import pathlib
import sys

import mlx.core as mx
import numpy as np

COLUMNS = 128
GOLDENS = pathlib.Path(__file__).resolve().parents[2] / "tests/quant/data/mlx_goldens.txt"
TYPES = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}
WORDS = {"F32": np.uint32, "F16": np.uint16, "BF16": np.uint16}
MX_WORDS = {"F32": mx.uint32, "F16": mx.uint16, "BF16": mx.uint16}
INFINITY = {"F32": 0x7F800000, "F16": 0x7C00, "BF16": 0x7F80}
QUIET_NAN = {"F32": 0x7FC00000, "F16": 0x7E00, "BF16": 0x7FC0}
SUBNORMALS = {"F32": 1 << 23, "F16": 1 << 10, "BF16": 1 << 7}
SIGN = {"F32": 1 << 31, "F16": 1 << 15, "BF16": 1 << 15}
# Groups of 64 in every width, and the other sizes where the width is the usual one.
FORMATS = [("affine", bits, 64) for bits in (2, 3, 4, 5, 6, 8)] + [
    ("affine", 4, 32),
    ("affine", 4, 128),
    ("nvfp4", 4, 16),
    ("mxfp4", 4, 32),
    ("mxfp8", 8, 32),
]
GLOBAL_SCALES = (0.37, 3000.0)


def words_of(array, name):
    return np.array(array.view(MX_WORDS[name]))


def rounded(values, name):
    return words_of(mx.array(np.asarray(values, np.float32)).astype(TYPES[name]), name)


def sources(name):
    """A row of words a class. The random numbers do not depend on the type."""
    rng = np.random.default_rng(4)
    normal = lambda: rng.standard_normal(COLUMNS)  # noqa: E731
    index = np.arange(COLUMNS)
    rows = {
        "usual": rounded(0.02 * normal(), name),
        "large": rounded(900 * normal(), name),
        "small": rounded(2e-6 * normal(), name),
        # Another magnitude every sixteen values.
        "magnitudes": rounded(normal() * 4.0 ** (index // 16 - 5), name),
        "equal": rounded(np.where(index < 64, -0.3, 1.75), name),
        "zero": rounded(np.zeros(COLUMNS), name),
        "signed_zeros": rounded(np.where(rng.random(COLUMNS) < 0.5, 0.0, -0.0), name),
        "negative": rounded(-np.abs(normal()), name),
        "outlier": rounded(np.where(index % 128 == 77, 30.0, 0.01 * normal()), name),
        # Halves of steps between ends that are whole steps; midpoints of E2M1; of E4M3.
        "ties": rounded(np.where(index % 2 == 0, index % 31 / 2 - 7.5, rng.permutation(index) / 8 - 7.5), name),
        "float_ties": rounded(
            rng.choice([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 6, -0.75, -2.5, -5, -6], COLUMNS) * 0.125, name
        ),
        "eighths": rounded(np.where(index % 32 == 3, 448, rng.integers(-432, 433, COLUMNS) + 0.5), name),
    }  # fmt: skip
    rows["next_to_ties"] = rows["float_ties"] + rng.integers(-1, 2, COLUMNS).astype(WORDS[name])
    magnitudes = rng.integers(0, SUBNORMALS[name], COLUMNS)
    rows["subnormal"] = magnitudes.astype(WORDS[name]) | np.where(
        rng.random(COLUMNS) < 0.5, SIGN[name], 0
    ).astype(WORDS[name])
    rows["infinite"] = rows["usual"].copy()
    rows["infinite"][[5, 70]] = INFINITY[name], INFINITY[name] | SIGN[name]
    rows["infinite"][96:] = INFINITY[name]
    rows["nan"] = rows["usual"].copy()
    rows["nan"][[40, 100]] = QUIET_NAN[name], QUIET_NAN[name] | SIGN[name]
    return {key: np.ascontiguousarray(row.astype(WORDS[name])) for key, row in rows.items()}


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = ((state ^ byte) * 0x100000001B3) % 2**64
    return state


def quantized(fmt, name, row, global_scale):
    mode, bits, group = fmt
    settings = {"mode": mode, "bits": bits, "group_size": group}
    if global_scale is not None:
        settings["global_scale"] = mx.array(global_scale, mx.float32)
    parts = mx.quantize(mx.array(row[None, :]).view(TYPES[name]), **settings)
    decoded = words_of(
        mx.dequantize(*parts, **settings, dtype=TYPES[name]).astype(TYPES[name]), name
    )
    is_nan = (decoded & (SIGN[name] - 1)) > INFINITY[name]
    decoded = np.where(is_nan, QUIET_NAN[name], decoded).astype(WORDS[name])
    scales = [words_of(p, name) if mode == "affine" else np.array(p) for p in parts[1:]]
    return [np.array(parts[0]), *scales], decoded


def stored_sources(name):
    rows = {}
    for line in GOLDENS.read_text().splitlines():
        fields = line.split()
        if fields[:2] == ["source", name]:
            rows[fields[2]] = np.frombuffer(bytes.fromhex(fields[3]), WORDS[name])
    return rows


def lines(sources_of):
    for name in TYPES:
        rows = sources_of(name)
        for key, row in rows.items():
            yield f"source {name} {key} {row.tobytes().hex()}"
        for fmt in FORMATS:
            for scale in (None, *GLOBAL_SCALES) if fmt[0] == "nvfp4" else (None,):
                for key, row in rows.items():
                    parts, decoded = quantized(fmt, name, row, scale)
                    fields = [*map(str, fmt), name, key]
                    fields.append("-" if scale is None else np.float32(scale).tobytes().hex())
                    fields += [part.tobytes().hex() for part in parts]
                    if len(parts) == 2:
                        fields.append("-")
                    yield " ".join([*fields, f"{fnv1a(decoded.tobytes()):016x}"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--check", action="store_true", help="compare what MLX makes of the stored rows"
    )
    args = parser.parse_args()
    mx.set_default_device(mx.cpu)
    if mx.__version__ != "0.32.4":
        sys.exit(f"mlx {mx.__version__} is not the pinned 0.32.4")
    text = "\n".join(lines(stored_sources if args.check else sources)) + "\n"
    if not args.check:
        GOLDENS.parent.mkdir(exist_ok=True)
        GOLDENS.write_text(text)
        print(f"{GOLDENS}: {len(text)} bytes")
    elif GOLDENS.read_text() != text:
        sys.exit(f"{GOLDENS} is not what MLX gives")
    else:
        print(f"{GOLDENS}: {len(text.splitlines())} lines are as MLX gives them")


if __name__ == "__main__":
    main()
