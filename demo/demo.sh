#!/usr/bin/env bash
# What `make demo` shows. Needs only what `make build` made: a small mixture-of-experts model lies
# beside this script (tools/demo/train.py says how it was trained). It is imported as int4 into a
# store of its own, which is removed at the end, and is asked a few things from there.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
ingot="$root/build/release/bin/ingot"
model="$root/demo/model"
INGOT_MODELS="$(mktemp -d)"
export INGOT_MODELS
trap 'rm -rf "$INGOT_MODELS"' EXIT

show() {
  printf '\n$ ingot'
  printf ' %q' "${@/#$root\//}"
  printf '\n'
  "$ingot" "$@"
}

show version
show create demo -f "$model" -q int4
show list
for question in "What is 2+2?" "What is 47+38?" "Spell tiger." "What day comes after Sunday?" \
  "What is the opposite of hot?"; do
  show run demo "$question" --temperature 0
done
show run demo "What is 58+67?" --temperature 0 --think true --timings

# Not only a show: a wrong answer is a failure.
answer="$("$ingot" run demo "What is 47+38?" --temperature 0)"
if [ "$answer" != 85 ]; then
  echo "demo: expected the answer 85, found '$answer'" >&2
  exit 1
fi
