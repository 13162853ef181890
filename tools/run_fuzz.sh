#!/usr/bin/env bash
# Builds the fuzz targets and runs them on their seeds and on inputs made from them.
#
#   tools/run_fuzz.sh [--share S] [--seconds N] [--jobs N] [TARGET…]
#
# --share S    that share of the inputs that fuzz/targets.txt calls a full run (0.01 unless told)
# --seconds N  also stop a target after N seconds, and say how far it came
#
# An input that crashes, hangs or takes too much memory is kept in build/fuzz/artifacts/<target>/
# and fails the run; so does a target that ran no input. Inputs found on the way are kept in
# build/fuzz/found/<target>/ and serve the next run as seeds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

share=0.01
seconds=0
jobs="$(nproc)"
wanted=()
while [ $# -gt 0 ]; do
  case "$1" in
    --share) share="$2" && shift 2 ;;
    --seconds) seconds="$2" && shift 2 ;;
    --jobs) jobs="$2" && shift 2 ;;
    -*) echo "run_fuzz: unknown option $1" >&2 && exit 2 ;;
    *) wanted+=("$1") && shift ;;
  esac
done

if [ ! -f build/fuzz/build.ninja ]; then
  cmake --preset fuzz -Wno-dev --log-level=WARNING >/dev/null
fi
cmake --build --preset fuzz -j "$jobs"

if [ ${#wanted[@]} -eq 0 ]; then
  for source in fuzz/*_fuzz.cc; do
    [ -e "$source" ] || { echo "run_fuzz: there are no targets" >&2 && exit 1; }
    wanted+=("$(basename "$source" _fuzz.cc)")
  done
fi

export ASAN_OPTIONS="${ASAN_OPTIONS:-allocator_may_return_null=1:detect_leaks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

# run_one TARGET: prints one line, and the log where it failed.
run_one() {
  local target="$1" line inputs max_len timeout_s rss_mb
  line="$(awk -v t="$target" '$1 == t {print; exit}' fuzz/targets.txt)"
  [ -n "$line" ] || line="$(awk '$1 == "default" {print; exit}' fuzz/targets.txt)"
  read -r _ inputs max_len timeout_s rss_mb <<<"$line"
  inputs="$(awk -v n="$inputs" -v s="$share" 'BEGIN {r = int(n * s); print (r < 1 ? 1 : r)}')"
  local artifacts="build/fuzz/artifacts/$target" found="build/fuzz/found/$target"
  local log="build/fuzz/$target.log" start=$SECONDS
  mkdir -p "$artifacts" "$found"
  local corpus=("$found")
  if [ -d "fuzz/corpus/$target" ]; then corpus+=("fuzz/corpus/$target"); fi
  local dictionary=()
  if [ -f "fuzz/corpus/$target.dict" ]; then dictionary=("-dict=fuzz/corpus/$target.dict"); fi
  local status=0
  "build/fuzz/bin/${target}_fuzz" -runs="$inputs" -max_total_time="$seconds" -max_len="$max_len" \
    -timeout="$timeout_s" -rss_limit_mb="$rss_mb" -artifact_prefix="$artifacts/" \
    -print_final_stats=1 "${dictionary[@]}" "${corpus[@]}" >"$log" 2>&1 </dev/null || status=$?
  local done_inputs
  done_inputs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  if [ "$status" != 0 ] || [ "${done_inputs:-0}" -lt 1 ]; then
    tail -n 60 "$log"
    echo "FAILED $target: exit $status after ${done_inputs:-no} inputs; see $artifacts"
    return 1
  fi
  printf 'ok %-24s %10s of %s inputs, %ss\n' "$target" "$done_inputs" "$inputs" \
    "$((SECONDS - start))"
}

failed=0
running=0
for target in "${wanted[@]}"; do
  if [ "$running" -ge "$jobs" ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  run_one "$target" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit "$failed"
