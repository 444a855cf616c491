#!/usr/bin/env bash
# fmap maps from end to end: the files that it writes, what it prints, how it fails, and that neither
# threads nor instruction sets change a bit. With Chromium installed, also that the page's script runs.
set -euo pipefail
: "${FMAP_COMMAND:?the command under test}"
fmap=$FMAP_COMMAND
model=models/digits/digits.onnx
image=models/digits/samples/7.png
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

check() { # check SENTENCE COMMAND...
    local sentence=$1
    shift
    if "$@" >/dev/null 2>&1; then
        echo "ok    $sentence"
    else
        echo "FAIL  $sentence"
        failures=$((failures + 1))
    fi
}

exits() { # exits CODE WORDS-ON-STDERR COMMAND...
    local code=$1 words=$2 got=0
    shift 2
    "$@" >/dev/null 2>"$work/stderr" || got=$?
    [ "$got" -eq "$code" ] && grep -qF -- "$words" "$work/stderr"
}

no() { # no COMMAND...: succeeds when the command does not
    ! "$@"
}

to_full_disk() {
    "$@" >/dev/full
}

# ---- what it writes and prints ----

out=$work/new/folder
"$fmap" maps "$model" "$image" -o "$out" --npy --threads 1 >"$work/printed"
layers=$("$fmap" info "$model" | grep -cE '^ *[0-9]+  ')

check "ends with the answer, its probability and the page's path" \
    diff <(sed -E 's/^7   [0-9]+\.[0-9]{2}%$/7   p/' "$work/printed") <(printf '7   p\n%s/index.html\n' "$out")
check "draws the input and every layer" test "$(find "$out" -name '*.png' | wc -l)" -eq $((layers + 1))
check "writes as many .npy files" test "$(find "$out" -name '*.npy' | wc -l)" -eq $((layers + 1))
check "leaves no temporary file behind" \
    test "$(find "$out" -type f | grep -cvE '/([0-9]{2}-[A-Za-z0-9._-]+\.(png|npy)|index\.html)$')" -eq 0
for png in "$out"/*.png; do
    check "${png##*/} is a PNG" test "$(head -c 8 "$png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a
done
check "the first convolution is height x width x channels" \
    grep -qaF "'<f4', 'fortran_order': False, 'shape': (28, 28, 16, )" "$out/02-conv2d_1.npy"
check "the answer is a vector" grep -qaF "'shape': (10, )" "$out/16-softmax.npy"
check "the page asks nobody for anything" \
    no grep -qE 'https?:|url\(|@import|<link| src="' "$out/index.html"
check "the page holds every layer" test "$(grep -c '^{"name":' "$out/index.html")" -eq $((layers + 1))

# ---- again into the same folder, with other options ----

cp "$out/02-conv2d_1.png" "$work/before.png"
"$fmap" maps "$model" "$image" -o "$out" --colormap magma --normalize layer --zoom 3 >/dev/null
check "an existing picture is replaced" no cmp -s "$work/before.png" "$out/02-conv2d_1.png"

"$fmap" maps "$model" "$image" -o "$work/some" --layers 'conv2d_*' --channels 3 >/dev/null
check "--layers draws what matches, and the input" \
    diff <(cd "$work/some" && echo *.png) <(echo 00-image.png 02-conv2d_1.png 07-conv2d_2.png)
check "the page still names the other layers" grep -q '^{"name":"softmax"' "$work/some/index.html"
check "--channels caps the page" grep -q '"total":16,"shown":3,' "$work/some/index.html"

# ---- neither threads nor instruction sets change a bit ----

for threads in 2 3 7; do
    OMP_NUM_THREADS=$threads "$fmap" maps "$model" "$image" -o "$work/t$threads" --npy >/dev/null
    for npy in "$out"/*.npy; do
        check "$threads threads give the same ${npy##*/}" cmp "$npy" "$work/t$threads/${npy##*/}"
    done
done
for isa in scalar avx2 avx512 neon; do
    "$fmap" isa "$isa" || continue
    FMAP_MAX_ISA=$isa "$fmap" maps "$model" "$image" -o "$work/$isa" --npy >"$work/$isa.printed"
    check "$isa gives the same answer" diff <(head -n 1 "$work/printed") <(head -n 1 "$work/$isa.printed")
    for npy in "$out"/*.npy; do
        check "$isa gives the same ${npy##*/}" cmp "$npy" "$work/$isa/${npy##*/}"
    done
done

# ---- how it fails ----

head -c 1000 "$model" >"$work/damaged.onnx"
head -c 100 "$image" >"$work/damaged.png"
check "no IMAGE is wrong usage" exits 2 "MODEL and IMAGE" "$fmap" maps "$model"
check "two images are wrong usage" exits 2 "one IMAGE" "$fmap" maps "$model" "$image" "$image"
check "an unknown colormap is wrong usage" exits 2 "viridis, magma or gray" \
    "$fmap" maps "$model" "$image" -o "$work/x" --colormap jet
check "a pattern that matches nothing is wrong usage" exits 2 "nosuch" \
    "$fmap" maps "$model" "$image" -o "$work/x" --layers 'nosuch*'
check "a damaged model is a bad file" exits 3 "damaged.onnx" "$fmap" maps "$work/damaged.onnx" "$image"
check "a damaged picture is a bad file" exits 3 "damaged.png" "$fmap" maps "$model" "$work/damaged.png"
check "a missing picture is an I/O failure" exits 6 "nosuch.png" "$fmap" maps "$model" "$work/nosuch.png"
check "a folder that cannot be made is an I/O failure" exits 6 "cannot create" \
    "$fmap" maps "$model" "$image" -o /proc/nosuch/folder
touch "$work/file"
check "a file in the folder's place is an I/O failure" exits 6 "$work/file" \
    "$fmap" maps "$model" "$image" -o "$work/file"
check "a full disk is an I/O failure" exits 6 "standard output" \
    to_full_disk "$fmap" maps "$model" "$image" -o "$work/full"

# ---- the page in a browser ----

if command -v chromium >/dev/null; then
    timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --user-data-dir="$work/profile" --enable-logging=stderr --virtual-time-budget=3000 \
        --dump-dom "file://$out/index.html#layer=2&map=5" >"$work/dom" 2>"$work/log" || true
    check "the script says nothing on the console" no grep -q CONSOLE "$work/log"
    check "the script builds a section for each layer" \
        test "$(grep -o 'class="layer panel' "$work/dom" | wc -l)" -eq $((layers + 1))
    check "the address opens a map" grep -q '<dialog[^>]* open' "$work/dom"
else
    echo "skip  the page in a browser: no chromium"
fi

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
