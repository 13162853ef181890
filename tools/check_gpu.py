#!/usr/bin/env python3
"""Checks what a GPU would run, where there is none.

    tools/check_gpu.py nvrtc MAKE_KERNELS   every CUDA kernel compiles, for every architecture
    tools/check_gpu.py metal MAKE_KERNELS   clang takes every Metal kernel, as the C++ it is built on
    tools/check_gpu.py host BUILD           all that includes MLX compiles against both GPU wheels,
                                            otherwise as in BUILD, which has been configured

`nvrtc` hands NVIDIA's compiler what MLX hands it when a kernel is first used: the same text, the
same headers. `metal` cannot do that: tests/ops/gpu/metal_words.h says what it does instead. The
first and the last need what `tools/setup.sh gpu` fetches.
"""

import argparse
import concurrent.futures
import ctypes
import json
import os
import pathlib
import re
import shlex
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


def check_metal(make_kernels):
    with tempfile.TemporaryDirectory() as name:
        source = pathlib.Path(name) / "kernels.metal"
        subprocess.run([make_kernels, "metal-whole", name], check=True)
        count = source.read_text().count("template kernel")
        command = ["clang++-16", "-x", "c++", "-std=c++14", "-fsyntax-only", "-I", str(ROOT)]
        # A double would come of a constant without its f; a kernel need not use all that it gets.
        command += ["-Wall", "-Wextra", "-Wdouble-promotion", "-Wno-unused-parameter", "-Werror"]
        done = subprocess.run([*command, source], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
    else:
        print(f"metal: clang takes {count} kernels")
    return done.returncode == 0 and count > 0


INCLUDE = re.compile(r'^#include [<"]([^">]+)[">]', re.MULTILINE)


def sources_with_mlx():
    """Every source of the product that includes MLX, itself or by a header of ours."""
    known = {}

    def has_mlx(path):
        if path not in known:
            known[path] = False  # while we look: headers do not go in circles
            known[path] = any(
                name.startswith("mlx/")
                or ((ROOT / "src" / name).is_file() and has_mlx(ROOT / "src" / name))
                for name in INCLUDE.findall(path.read_text())
            )
        return known[path]

    return [path for path in sorted((ROOT / "src").rglob("*.cc")) if has_mlx(path)]


def same_headers(*includes):
    """Whether wheels have the same headers of MLX, byte for byte."""

    def texts(include):
        paths = sorted(path for path in (include / "mlx").rglob("*") if path.is_file())
        return [(path.relative_to(include), path.read_bytes()) for path in paths]

    first = texts(includes[0])
    return bool(first) and all(texts(include) == first for include in includes[1:])


MLX_INCLUDE = "mlx/include"


def commands_of(build):
    """How the build compiles each source: what follows the compiler and precedes the output."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        first = next(at for at, word in enumerate(words) if word.startswith(("-D", "-I")))
        commands[pathlib.Path(entry["file"])] = words[first : words.index("-o")]
    return commands


def as_for(words, kind, include):
    """The same in a build for another kind, with less effort, as there is no output."""
    changed = []
    for word in words:
        if word.endswith(MLX_INCLUDE):
            changed.append(str(include))
        elif word.startswith("-DINGOT_MLX_KIND="):
            changed.append(f'-DINGOT_MLX_KIND="{kind}"')
        elif word.startswith("-O"):
            changed.append("-O1")
        else:
            changed.append(word)
    return ["g++", *changed]


def check_host(build):
    builds = {"cuda": CUDA, "metal": METAL}
    commands = commands_of(build)
    sources = sources_with_mlx()
    # Only ops is told the kind. Where the headers are those of the wheel that BUILD has, the other
    # rooms are what it has compiled already.
    own = {word for source in sources for word in commands[source] if word.endswith(MLX_INCLUDE)}
    same = same_headers(*map(pathlib.Path, own), *builds.values())
    done = {source for source in sources if same and ROOT / "src" / "ops" not in source.parents}
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)

        def compile_with(kind, source, *arguments):
            command = [*as_for(commands[source], kind, builds[kind]), *arguments]
            ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            return "" if ran.returncode == 0 else f"{source} ({kind}):\n{ran.stderr}"

        def prepare(kind):
            # MLX's headers take most of the time: read once a build.
            header = scratch / f"{kind}.h"
            header.write_text('#include "ops/array.h"\n')
            # As a room that is not told the kind: what a source defines beyond that does not matter.
            like = ROOT / "src" / "model" / "cache.cc"
            return compile_with(kind, like, "-x", "c++-header", "-o", f"{header}.gch", str(header))

        def compile_source(job):
            kind, source = job
            header = ["-Winvalid-pch", "-include", str(scratch / f"{kind}.h")]
            return compile_with(kind, source, "-fsyntax-only", *header, str(source))

        jobs = [(kind, source) for kind in builds for source in sources if source not in done]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            complaints = [text for text in pool.map(prepare, builds) if text]
            if not complaints:
                complaints = [text for text in pool.map(compile_source, jobs) if text]
    if complaints:
        print("\n".join(complaints), file=sys.stderr)
    else:
        print(f"host: {len(sources) - len(done)} files compile against both GPU builds of MLX")
        if done:
            print(f"host: {len(done)} more include only headers that all builds of MLX have alike")
    return not complaints and len(sources) > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="what", required=True)
    for kind in ("nvrtc", "metal"):
        kinds.add_parser(kind).add_argument("make_kernels")
    kinds.add_parser("host").add_argument("build")
    arguments = parser.parse_args()
    if arguments.what == "metal":
        return 0 if check_metal(arguments.make_kernels) else 1
    if not all(path.is_dir() for path in (CUDA, METAL, TOOLKIT)):
        sys.exit("check_gpu: the wheels are missing; run `tools/setup.sh gpu`")
    if arguments.what == "nvrtc":
        return 0 if check_nvrtc(arguments.make_kernels) else 1
    return 0 if check_host(pathlib.Path(arguments.build)) else 1


if __name__ == "__main__":
    sys.exit(main())
