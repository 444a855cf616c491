#!/usr/bin/env bash
# Every operator has a row in docs/layers.md, and every row there is an operator.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

diff <(sed -nE 's/^LAYER\(([A-Za-z0-9]+),.*/\1/p' runtime/layers.inc | sort) \
     <(awk -F '|' '/^\| [A-Z]/ && $2 !~ /ONNX/ { gsub(/[ ]/, "", $2); gsub(",", "\n", $2); print $2 }' \
           docs/layers.md | grep -vx Constant | sort) ||
    { echo "documented: < has no row in docs/layers.md, > is no operator" >&2; exit 1; }
echo "documented: every operator has its row"
