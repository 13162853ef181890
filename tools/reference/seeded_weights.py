"""Weights of tests/models' goldens, by numpy alone: every tensor is a function of its name (see
model_goldens.py). And safetensors files of raw numbers."""

import json
import math

import numpy as np


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def splitmix(counter):
    z = counter + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def to_bf16_bits(values):
    """To nearest, ties to even; for finite numbers."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16_bits(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def round_bf16(values):
    return from_bf16_bits(to_bf16_bits(values)).reshape(np.shape(values))


def seeded(name, shape, base, spread):
    """float32 values that bfloat16 holds exactly."""
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        bits = splitmix(np.arange(count, dtype=np.uint64) + np.uint64(fnv1a(name)))
    unit = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-23) - np.float32(1)
    return round_bf16(unit * np.float32(spread) + np.float32(base)).reshape(shape)


def golden_weights(folder):
    """Name to float32 values, of a folder of tests/models/goldens."""
    table = json.loads((folder / "tensors.json").read_text())
    return {name: seeded(name, shape, base, spread) for name, shape, base, spread in table}


NUMPY_TYPES = {"F32": np.float32, "BF16": np.uint16, "U8": np.uint8, "F8_E4M3": np.uint8}


def write_safetensors(path, tensors):
    """tensors: name to (type, array of raw numbers); the order is kept."""
    header, offset = {}, 0
    for name, (dtype, array) in tensors.items():
        assert array.dtype == NUMPY_TYPES[dtype], (name, array.dtype)
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps({"__metadata__": {"format": "pt"}} | header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def read_safetensors(path):
    """Name to (type, array of raw numbers), and the metadata."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", None) or {}
    types = NUMPY_TYPES | {"U32": np.uint32}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[8 + size + begin : 8 + size + end], types[entry["dtype"]])
        tensors[name] = (entry["dtype"], array.reshape(entry["shape"]))
    return tensors, metadata
