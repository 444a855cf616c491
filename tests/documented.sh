#!/usr/bin/env bash
# Every operator has a row in docs/layers.md, every layer of Keras one in docs/keras.md, and the other way round.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

diff <(sed -nE 's/^LAYER\(([A-Za-z0-9]+),.*/\1/p' runtime/layers.inc | sort) \
     <(awk -F '|' '/^\| [A-Z]/ && $2 !~ /ONNX/ { gsub(/[ ]/, "", $2); gsub(",", "\n", $2); print $2 }' \
           docs/layers.md | grep -vx Constant | sort) ||
    { echo "documented: < has no row in docs/layers.md, > is no operator" >&2; exit 1; }
diff <(sed -nE 's/^KERAS\(([A-Za-z0-9]+),.*/\1/p' runtime/formats/keras_layers.inc | sort) \
     <(sed -nE 's/^\| ([A-Z][^|]*) \|.*/\1/p' docs/keras.md | tr -d ' ' | tr , '\n' | grep -vx Class | sort) ||
    { echo "documented: < has no row in docs/keras.md, > is no layer of Keras" >&2; exit 1; }
echo "documented: every operator and every layer of Keras has its row"
