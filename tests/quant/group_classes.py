"""Counts, from the bits of groups alone, how many are of each kind that encoders must get right."""

import numpy as np

NAMES = (
    "all equal",
    "all zero",
    "all negative",
    "with one outlier",
    "with subnormals",
    "with both zeros",
    "with +inf",
    "with -inf",
    "with NaN",
    "with ties",
)
LEAST_NORMAL = {"F32": 2.0**-126, "F16": 2.0**-14, "BF16": 2.0**-126}
E2M1_MIDPOINTS = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5])


def affine_steps(values, bits):
    """Values in steps of their group's scale from its bias, all in F32 as MLX has them."""
    low = values.min(-1, keepdims=True)
    high = values.max(-1, keepdims=True)
    top = np.float32(2**bits - 1)
    scale = np.maximum((high - low) / top, np.float32(1e-7))
    below = np.abs(low) > np.abs(high)
    scale = np.where(below, scale, -scale)
    edge = np.where(below, low, high)
    whole = np.rint(edge / scale)
    bias = np.where(whole != 0, edge, np.float32(0))
    scale = np.where(whole != 0, edge / whole, scale)
    return (values - bias) / scale


def e4m3_values(codes):
    exponent, mantissa = codes >> 3 & 15, codes & 7
    subnormal = exponent == 0
    value = (mantissa + np.where(subnormal, 0, 8)) * 2.0 ** (np.where(subnormal, 1, exponent) - 10)
    return np.where(codes & 0x7F == 0x7F, np.nan, value)


def has_ties(fmt, values, scales):
    """Whether a value lies exactly half way between two codes of its group."""
    mode, bits, _ = fmt
    if mode == "affine":
        steps = affine_steps(values, bits)
        return (np.abs(steps - np.floor(steps)) == 0.5).any(-1)
    codes = scales.reshape(-1, 1).astype(np.int64)
    scale = e4m3_values(codes) if mode == "nvfp4" else 2.0 ** (codes - 127)
    quotients = np.abs(values.astype(np.float64)) / scale
    if bits == 4:
        return np.isin(quotients, E2M1_MIDPOINTS).any(-1)
    # Half way between E4M3 values: an odd number of sixteenths of the power of two below, or of
    # halves of the least value.
    unit = 2.0 ** np.maximum(np.floor(np.log2(np.maximum(quotients, 1e-30))), -6) / 16
    halves = quotients / unit
    return ((halves == np.floor(halves)) & (halves % 2 == 1) & (quotients < 448)).any(-1)


def count(fmt, type_name, words, values, scales):
    """words and values are the same rows, as bits and as F32; scales are MLX's. Counts by name."""
    group = fmt[2]
    words = words.reshape(-1, group)
    values = values.reshape(-1, group)
    magnitudes = np.abs(values)
    sign = 1 << (8 * words.dtype.itemsize - 1)
    is_zero = (words & (sign - 1)) == 0
    minus = (words & sign) != 0
    with np.errstate(all="ignore"):
        finite = np.isfinite(values).all(-1)
        largest = magnitudes.max(-1)
        second = np.partition(magnitudes, -2, axis=-1)[:, -2]
        found = {
            "all equal": (words == words[:, :1]).all(-1) & finite & (largest > 0),
            "all zero": is_zero.all(-1),
            "all negative": (values < 0).all(-1),
            "with one outlier": finite & (largest > 30 * second),
            "with subnormals": ((magnitudes > 0) & (magnitudes < LEAST_NORMAL[type_name])).any(-1),
            "with both zeros": (is_zero & minus).any(-1) & (is_zero & ~minus).any(-1),
            "with +inf": (values == np.inf).any(-1),
            "with -inf": (values == -np.inf).any(-1),
            "with NaN": np.isnan(values).any(-1),
            "with ties": has_ties(fmt, values, scales) & finite,
        }
    return {name: int(is_such.sum()) for name, is_such in found.items()}


def count_magnitudes(values, group):
    """How many powers of two are those of the largest value of at least twenty groups."""
    largest = np.abs(values.reshape(-1, group)).max(-1)
    powers = np.floor(np.log2(largest[np.isfinite(largest) & (largest > 0)]))
    return int((np.unique(powers, return_counts=True)[1] >= 20).sum())
