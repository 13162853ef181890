#!/usr/bin/env bash
# What `make demo` shows. Needs only what `make build` made.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/build/release/bin/ingot" --version
