#!/usr/bin/env python3
"""Checks what a GPU would run, where there is none.

    tools/check_gpu.py nvrtc MAKE_KERNELS   every CUDA kernel compiles, for every architecture
    tools/check_gpu.py host DIR...          the rooms that differ compile against both GPU wheels

`nvrtc` hands NVIDIA's compiler what MLX hands it when a kernel is first used: the same text, the
same headers. Both need what `tools/setup.sh gpu` fetches.
"""

import argparse
import concurrent.futures
import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPS = pathlib.Path(os.environ.get("INGOT_DEPS_DIR", ROOT / ".deps"))
ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
CUDA = DEPS / "gpu-check" / "cuda" / "mlx" / "include"
METAL = DEPS / "gpu-check" / "metal" / "mlx" / "include"
TOOLKIT = DEPS / "gpu-check" / "toolkit" / "nvidia" / "cu13"

# MLX carries the headers that it gives to the compiler inside its library, as texts: which one is
# which shows by what only it says.
EMBEDDED = {
    "mlx/backend/cuda/device/utils.cuh": b"This file must not include any host-only code",
    "mlx/backend/cuda/device/complex.cuh": b"#define LIBCUDACXX_ENABLE_SIMPLIFIED_COMPLEX",
    "mlx/backend/cuda/device/config.h": b"This file is used by both CUDA kernel code and host-only",
}


def write_embedded(folder):
    library = (CUDA.parent / "lib" / "libmlx.so").read_bytes()
    for name, marker in EMBEDDED.items():
        at = library.find(marker)
        if at < 0:
            sys.exit(f"check_gpu: libmlx.so has no {name}")
        begin = library.rfind(b"\0", 0, at) + 1
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(library[begin : library.find(b"\0", at)])


def load_nvrtc():
    # The compiler opens its builtins by name; they lie beside it.
    for name in sorted((TOOLKIT / "lib").glob("libnvrtc-builtins.so*")):
        ctypes.CDLL(str(name), mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(str(next((TOOLKIT / "lib").glob("libnvrtc.so*"))))


def compile_all(folder, architecture):
    """The compiler's complaint, or nothing; run in a process of its own."""
    nvrtc = load_nvrtc()
    program = ctypes.c_void_p()
    source = (folder / "kernels.cu").read_bytes()
    names = (folder / "names.txt").read_text().split()
    status = nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"kernels.cu", 0, None, None)
    if status != 0:
        return f"NVRTC could not begin ({status})"
    kernels = [b"mlx::core::cu::" + name.encode() for name in names]
    for kernel in kernels:
        nvrtc.nvrtcAddNameExpression(program, kernel)
    options = [
        f"--gpu-architecture={architecture}",
        f"--include-path={CUDA / 'cccl'}",
        f"--include-path={TOOLKIT / 'include'}",
        f"--include-path={folder}",
    ]
    words = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
    status = nvrtc.nvrtcCompileProgram(program, len(options), words)
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value + 1)
    nvrtc.nvrtcGetProgramLog(program, log)
    if status != 0:
        return f"{architecture}: {log.value.decode(errors='replace')}"
    # What was compiled is machine code, and has every kernel.
    lowered = ctypes.c_char_p()
    for kernel in kernels:
        if nvrtc.nvrtcGetLoweredName(program, kernel, ctypes.byref(lowered)) != 0:
            return f"{architecture}: {kernel.decode()} is not in what was compiled"
    nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    code = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetCUBIN(program, code)
    return None if code.raw.startswith(b"\x7fELF") else f"{architecture}: no machine code"


def check_nvrtc(make_kernels):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([make_kernels, "cuda", folder], check=True)
        write_embedded(folder)
        count = len((folder / "names.txt").read_text().split())
        with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(compile_all, [folder] * len(ARCHITECTURES), ARCHITECTURES))
    complaints = [complaint for complaint in found if complaint]
    if complaints:
        print("\n".join(complaints), file=sys.stderr)
    else:
        print(f"nvrtc: {count} kernels compile for {', '.join(ARCHITECTURES)}")
    return not complaints and count > 0


def check_host(folders):
    builds = {"cuda": CUDA, "metal": METAL}
    sources = [path for folder in folders for path in sorted(pathlib.Path(folder).rglob("*.cc"))]
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)

        def compile_with(kind, *arguments):
            command = ["g++", "-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-Isrc"]
            command += ["-isystem", str(builds[kind]), f'-DINGOT_MLX_KIND="{kind}"', *arguments]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            return "" if done.returncode == 0 else f"{arguments[-1]} ({kind}):\n{done.stderr}"

        def prepare(kind):
            # MLX's headers take most of the time: read once a build.
            header = scratch / f"{kind}.h"
            header.write_text('#include "ops/array.h"\n')
            return compile_with(kind, "-x", "c++-header", "-o", f"{header}.gch", str(header))

        def compile_source(job):
            kind, source = job
            header = ["-Winvalid-pch", "-include", str(scratch / f"{kind}.h")]
            return compile_with(kind, "-fsyntax-only", *header, str(source))

        jobs = [(kind, source) for kind in builds for source in sources]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            complaints = [text for text in pool.map(prepare, builds) if text]
            if not complaints:
                complaints = [text for text in pool.map(compile_source, jobs) if text]
    if complaints:
        print("\n".join(complaints), file=sys.stderr)
    else:
        print(f"host: {len(sources)} files compile against both GPU builds of MLX")
    return not complaints and len(sources) > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("nvrtc", "host"))
    parser.add_argument("paths", nargs="+")
    arguments = parser.parse_args()
    if not all(path.is_dir() for path in (CUDA, METAL, TOOLKIT)):
        sys.exit("check_gpu: the wheels are missing; run `tools/setup.sh gpu`")
    if arguments.what == "nvrtc":
        return 0 if check_nvrtc(arguments.paths[0]) else 1
    return 0 if check_host(arguments.paths) else 1


if __name__ == "__main__":
    sys.exit(main())
