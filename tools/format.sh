#!/usr/bin/env bash
# Formats every tracked source file in place; with --check it changes nothing and fails where it
# would have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ruff=.deps/venv/bin/ruff
mapfile -d '' -t cpp < <(git ls-files -z '*.h' '*.cc')
[ ${#cpp[@]} -gt 0 ] || { echo "format: git lists no sources here" >&2 && exit 1; }
if [ "${1:-}" = --check ]; then
  clang-format-16 --dry-run -Werror "${cpp[@]}"
  "$ruff" format --check .
  "$ruff" check .
else
  clang-format-16 -i "${cpp[@]}"
  "$ruff" format .
  "$ruff" check --fix .
fi
