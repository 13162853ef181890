#!/usr/bin/env python3
"""Writes tests/tensor/data: small safetensors files in each dialect that other programs produce.

    .deps/venv/bin/python tools/reference/safetensors_fixtures.py

mlx_*.safetensors   by mlx.core.save_safetensors (MLX 0.32.4, CPU): unpadded header, inner keys
                    sorted, data in the order of a hash table, "__metadata__": null when empty
package.safetensors by the safetensors package 0.8.0
byte_path*.safetensors
                    laid out here as the original importer's byte path does: keys sorted, inner keys
                    dtype, shape, data_offsets, `<>&` escaped, header padded with spaces to a
                    multiple of 8, data in plan order (weight, scale, bias)
listing.json        what each holds: {file: {metadata, tensors: {name: [dtype, shape, sha256]}}}

MLX's order of data may differ in another build of it; what the files hold does not.
"""

import hashlib
import json
import struct
from pathlib import Path

import mlx.core as mx
import numpy
from safetensors import deserialize
from safetensors.numpy import save_file

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "tensor" / "data"


def save_mlx(name: str, arrays: dict, metadata: dict | None = None) -> None:
    mx.save_safetensors(str(FOLDER / name), arrays, metadata)


def write_mlx() -> None:
    mx.set_default_device(mx.cpu)
    mx.random.seed(7)
    weight = mx.random.normal((4, 64)).astype(mx.bfloat16)
    codes, scales, biases = mx.quantize(weight, group_size=64, bits=4)
    base = "model.layers.0.self_attn.q_proj.weight"
    save_mlx(
        "mlx_int4.safetensors",
        {base: codes, f"{base}.scale": scales, f"{base}.bias": biases},
        {"quant_type": "int4", "group_size": "64"},
    )
    save_mlx("mlx_dense.safetensors", {"norm.weight": mx.arange(5, dtype=mx.float32)})
    kinds = [
        mx.bool_,
        mx.uint8,
        mx.int8,
        mx.uint16,
        mx.int16,
        mx.uint32,
        mx.int32,
        mx.uint64,
        mx.int64,
        mx.float16,
        mx.bfloat16,
        mx.float32,
        mx.complex64,
    ]
    many = {str(kind).removeprefix("mlx.core."): mx.arange(3).astype(kind) for kind in kinds}
    many["scalar"] = mx.array(1.5)
    save_mlx("mlx_types.safetensors", many)


def save_byte_path(name: str, tensors: list, metadata: dict | None = None) -> None:
    """tensors: (name, dtype, shape, data) in the order of the data."""
    header = {}
    offset = 0
    for key, dtype, shape, data in tensors:
        header[key] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [offset, offset + len(data)],
        }
        offset += len(data)
    if metadata is not None:
        header["__metadata__"] = metadata
    ordered = dict(sorted(header.items()))
    text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    raw = text.encode()
    raw += b" " * (-len(raw) % 8)
    body = b"".join(data for *_, data in tensors)
    (FOLDER / name).write_bytes(struct.pack("<Q", len(raw)) + raw + body)


def write_byte_path() -> None:
    save_byte_path(
        "byte_path_quantized.safetensors",
        [
            ("w.weight", "U32", [2, 2], bytes(range(16))),
            ("w.weight.scale", "U8", [2, 1], b"\x38\x40"),
            ("w.weight.global_scale", "F32", [1], struct.pack("<f", 0.5)),
        ],
        {"quant_type": "nvfp4", "group_size": "16"},
    )
    save_byte_path(
        "byte_path.safetensors",
        [("<mask>&token.weight", "F8_E4M3", [3], b"\x01\x02\x03")],
    )


def listing(path: Path) -> dict:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return {
        "metadata": json.loads(data[8 : 8 + length]).get("__metadata__") or {},
        "tensors": {
            name: [
                tensor["dtype"],
                tensor["shape"],
                hashlib.sha256(tensor["data"]).hexdigest(),
            ]
            for name, tensor in sorted(deserialize(data))
        },
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_mlx()
    write_byte_path()
    rng = numpy.random.default_rng(1)
    save_file(
        {"a": rng.standard_normal((2, 3)), "b": numpy.int8([1, 2, 3])},
        FOLDER / "package.safetensors",
        metadata={"format": "np"},
    )
    found = {path.name: listing(path) for path in sorted(FOLDER.glob("*.safetensors"))}
    (FOLDER / "listing.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
