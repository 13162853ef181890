#!/usr/bin/env bash
# Builds llama-quantize, which bench/import.py compares with, from the source archive that the tests
# take chat templates from (tools/packages.txt names it and its hash). Needs `make deps`, and ten
# minutes of two processors; prints where the program is.
#   bench/llama_quantize.sh [DIR]      build/llama-quantize by default
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
dir="${1:-$root/build/llama-quantize}"
program="$dir/build/bin/llama-quantize"
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
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
  -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DGGML_CCACHE=OFF -Wno-dev >"$dir/configure.log"
nice cmake --build "$dir/build" --target llama-quantize -j "$(nproc)" >"$dir/build.log"
echo "$program"
