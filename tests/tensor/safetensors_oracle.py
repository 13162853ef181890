"""The `safetensors` package as the judge of our reader and writer; differential_test.cc runs it.

safetensors_oracle.py write DIR      files of every kind, and listing.json saying what they hold
safetensors_oracle.py dump FILE…     what files hold: one JSON object a file and line
safetensors_oracle.py judge BATCH    for files packed into one (u64 little-endian length, bytes;
                                     repeated): one line each, what it holds or null where refused
"""

import ctypes
import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy
from safetensors import SafetensorError, TensorSpec, deserialize, serialize_file
from safetensors.numpy import save_file

# What the package calls the types that it can write; F4 counts two elements to a byte.
WRITABLE = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "uint16": 2,
    "int16": 2,
    "uint32": 4,
    "int32": 4,
    "uint64": 8,
    "int64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1,
    "complex64": 8,
}


def listing(data: bytes) -> dict:
    tensors = {
        name: [
            tensor["dtype"],
            tensor["shape"],
            hashlib.sha256(tensor["data"]).hexdigest(),
        ]
        for name, tensor in deserialize(data)
    }
    (length,) = struct.unpack("<Q", data[:8])
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    return {"metadata": metadata, "tensors": tensors}


def write_all_types(path: Path) -> None:
    keep = []
    specs = {}
    for number, (dtype, width) in enumerate(WRITABLE.items()):
        for shape in ([], [0, 3], [2, 5], [1, 2, 3, 4]):
            count = int(numpy.prod(shape, dtype=int))
            data = bytes((number * 31 + i * 7) % 251 for i in range(count * width))
            keep.append(ctypes.create_string_buffer(data, max(len(data), 1)))
            if dtype == "float4_e2m1fn_x2" and not shape:
                continue
            specs[f"{dtype}.{len(shape)}"] = TensorSpec(
                dtype=dtype,
                shape=shape,
                data_ptr=ctypes.addressof(keep[-1]),
                data_len=len(data),
            )
    serialize_file(specs, str(path), metadata={"format": "raw", "é\n": '"\\/<&>\x7f'})


def write(folder: Path) -> None:
    rng = numpy.random.default_rng(20260821)
    write_all_types(folder / "all_types.safetensors")
    save_file(
        {
            "layers.10.weight": rng.standard_normal((3, 4)).astype(numpy.float32),
            "layers.9.weight": rng.integers(-9, 9, (2, 3), dtype=numpy.int64),
            "ключ": numpy.float16([1.5]),
            'q"\\\t\u0001😀': numpy.uint8([1, 2, 3]),
            "": numpy.zeros((2, 2)),
            "scalar": numpy.array(7, dtype=numpy.int16),
        },
        folder / "names.safetensors",
    )
    save_file({}, folder / "empty.safetensors", metadata={"only": "metadata"})
    many = {f"model.layers.{i}.w": rng.integers(0, 255, 3, dtype=numpy.uint8) for i in range(700)}
    save_file(many, folder / "many.safetensors")
    found = {path.name: listing(path.read_bytes()) for path in folder.glob("*.safetensors")}
    (folder / "listing.json").write_text(json.dumps(found))


def judge(batch: bytes) -> None:
    at = 0
    while at < len(batch):
        (length,) = struct.unpack_from("<Q", batch, at)
        data = batch[at + 8 : at + 8 + length]
        at += 8 + length
        try:
            print(json.dumps(listing(data)))
        except (SafetensorError, ValueError):
            print("null")


def main() -> None:
    command, *paths = sys.argv[1:]
    if command == "write":
        write(Path(paths[0]))
    elif command == "dump":
        for path in paths:
            print(json.dumps(listing(Path(path).read_bytes())))
    elif command == "judge":
        judge(Path(paths[0]).read_bytes())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
