#!/usr/bin/env bash
# Runs benchmark programs one after the other, so that none disturbs another.
#   tools/run_bench.sh DIR [NAME…]     e.g. tools/run_bench.sh build/bench/bin quant
set -euo pipefail
dir="$1"
shift
programs=()
if [ $# -eq 0 ]; then
  for program in "$dir"/bench_*; do programs+=("$program"); done
else
  for name in "$@"; do programs+=("$dir/bench_$name"); done
fi
for program in "${programs[@]}"; do
  [ -x "$program" ] || {
    echo "no benchmark program $program" >&2
    exit 1
  }
  printf '\n== %s\n' "$(basename "$program")"
  "$program"
done
