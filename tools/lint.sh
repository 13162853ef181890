#!/usr/bin/env bash
# Everything that can be said of the sources without running them. Needs build/release configured.
# Arguments go to tools/tidy.py: --since COMMIT, --minutes N.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/format.sh --check
python3 tools/check_layers.py
python3 tools/check_house.py
for script in tools/*.sh demo/*.sh .ci/run; do bash -n "$script"; done
python3 tools/tidy.py "$@"
