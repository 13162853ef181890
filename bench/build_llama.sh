#!/usr/bin/env bash
# Builds a program that benchmarks compare with (llama-quantize for bench/import.py, llama-server
# for bench/serve.py) from the source archive that the tests take chat templates from
# (tools/packages.txt names it and its hash). Needs `make deps`, and ten to twenty minutes of two
# processors; prints where the program is.
#   bench/build_llama.sh llama-quantize|llama-server [DIR]      build/llama by default
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="${1:?the program to build: llama-quantize or llama-server}"
dir="${2:-$root/build/llama}"
read -r version sha < <(awk '$1 == "llama-cpp-python" {print $2, $4}' "$root/tools/packages.txt")

if [ ! -f "$dir/source/CMakeLists.txt" ]; then
  mkdir -p "$dir/download" "$dir/unpacked"
  "$root/.deps/venv/bin/python" -m pip download -q --no-deps --no-build-isolation \
    --no-binary llama-cpp-python -d "$dir/download" "llama-cpp-python==$version"
  echo "$sha  $(ls "$dir/download/"*.tar.gz)" | sha256sum -c --quiet
  tar -xzf "$dir/download/"*.tar.gz -C "$dir/unpacked" --strip-components=3 \
    "llama_cpp_python-$version/vendor/llama.cpp"
  mv "$dir/unpacked" "$dir/source"
  rm -rf "$dir/download"
fi
cmake -G Ninja -S "$dir/source" -B "$dir/build" -DCMAKE_BUILD_TYPE=Release -DLLAMA_OPENSSL=OFF \
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=ON \
  -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DGGML_CCACHE=OFF -Wno-dev >"$dir/configure.log"
nice cmake --build "$dir/build" --target "$target" -j "$(nproc)" >"$dir/build.log"
echo "$dir/build/bin/$target"
