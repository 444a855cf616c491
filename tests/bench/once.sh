#!/usr/bin/env bash
# Every benchmark of one image runs for one iteration, each engine's answer is right; how fast decides nothing.
set -euo pipefail

bench=$FMAP_BUILD_DIR/fmap-bench
[ -x "$bench" ] || { echo "once: skipped, fmap-bench is not built"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

die() {
    echo "once: $*" >&2
    exit 1
}

# All but one: vgg16.fc6 differs from the other dense layers in its 412 MB of weights for each engine alone.
filter='(conv2d|conv2d_pool|conv2d_average_pool|max_pool|average_pool|global_pool|elements|inverted)/.*/n:1/t:1/|fc8?/n:1/t:1/'
few=$FMAP_SANITIZE$FMAP_EMULATOR # Instrumented code is slow, and so is an emulator.
[ -z "$few" ] || filter='digits.*/n:1/t:1/'
$FMAP_EMULATOR "$bench" --benchmark_filter="$filter" --benchmark_min_time=0 --benchmark_format=json \
    >"$scratch/once.json" 2>"$scratch/errors" || die "fmap-bench failed: $(cat "$scratch/errors" "$scratch/once.json")"
n=$(grep -c '"run_name"' "$scratch/once.json") || true
ours=$(grep '"run_name"' "$scratch/once.json" | grep -c '/best_') || true
layers=$($FMAP_EMULATOR "$bench" --layers | grep -c '"target"') || true
[ -n "$few" ] || [ "$ours" -ge $((layers - 1)) ] || die "$ours benchmarks of ours for $layers layers"
[ "$ours" -gt 0 ] || die "no benchmarks of ours"
grep '"error_message"' "$scratch/once.json" | grep -v 'does not have this layer' && die "a benchmark failed"
for label in '"label": "direct_' '"FLOP/s"' '"bytes/s"' '"flop_per_byte"' '"of_roof"' '"peak_'; do
    grep -qF "$label" "$scratch/once.json" || die "no $label in the JSON"
done

# refused ARGUMENT...: an argument that makes no sense is not passed over.
refused() {
    if $FMAP_EMULATOR "$bench" "$@" >"$scratch/out" 2>&1; then die "fmap-bench $* was not refused"; fi
    [ -s "$scratch/out" ] || die "fmap-bench $* was refused without a word"
}
refused --nonsense
refused nonsense
refused --benchmark_filter='('
refused --benchmark_filter=no_such_layer
echo "once: $n benchmarks, $ours of ours"
