# Judges what codegen_loops.awk found in the kernels of one instruction set.
#
#   awk -v isa=ISA -v arm=0|1 -v compiler=gcc|clang [-v table=1 -v pattern=PATTERN] -f codegen_judge.awk ALLOW EXPECTED LOOPS
#
# ALLOW is tests/codegen.allow; EXPECTED has a symbol a line. The main loop of a kernel is the innermost loop with the
# most FMAs, and of these the shortest.

function complain(text) { print "codegen: " text > "/dev/stderr"; n_complaints++ }

# A shell pattern as a regular expression.
function regular(pattern) { gsub(/\*/, ".*", pattern); return "^" pattern "$" }

function allowance(symbol,    i) {
    for (i = 1; i <= n_allowed; i++) if (symbol ~ allowed[i]) { used[i] = 1; return i }
    return 0
}

# Kernels whose hottest loop is nearly all of them, with loops inside: the whole is judged.
function is_whole(symbol) { return symbol ~ /^fmap_(winograd[0-9]_|winograd_line|depthwise([35]x[35])?_.*x|grouped_.*x|dot_.*x|planar_(stride2_)?halves_|pool_)/ }

function shape_of(symbol) { # PIXELSxVECTORS, ROWSxPIXELS
    if (!match(symbol, /_[0-9]+x[0-9]+_/)) return 0
    split(substr(symbol, RSTART + 1, RLENGTH - 2), side, "x")
    return 1
}

# Each term takes `vectors` loads of weights and a broadcast a pixel for pixels x vectors FMAs. Up to three pixels may load
# the weights anew. A compiler that moves accumulators about does so at most three times for every two of them.
function judge_tile(symbol, steps,    pixels, vectors, fmas, loads) {
    if (arm) { judge_lanes(symbol); return }
    pixels = side[1]; vectors = side[2]
    if (symbol ~ /_pointwise_.*_avx2$/) steps = 16 # Whole blocks.
    # Clang moves what fetches a line to the end, from where it jumps back into the loop: one term lies between two jumps.
    if (compiler == "clang" && symbol ~ /_pointwise_far_/ && main_fmas[symbol] == pixels * vectors) steps = 1
    fmas = steps * pixels * vectors
    loads = steps * (pixels + (pixels <= 3 ? pixels * vectors : vectors))
    if (main_fmas[symbol] != fmas)
        complain(symbol ": " main_fmas[symbol] " FMAs in the main loop, not " fmas)
    if (main_loads[symbol] > loads)
        complain(symbol ": " main_loads[symbol] " loads in the main loop for " fmas " FMAs, more than " loads)
    if (2 * main_moves[symbol] > 3 * pixels * vectors && main_moves[symbol] > 2 * steps) complain(symbol ": " main_moves[symbol] " moves of vectors in the main loop")
    if (wasteful[symbol] != "") complain(symbol ": " wasteful[symbol])
}

# Pixels from which on a tile of so many vectors is at least 85 % FMAs. Smaller ones have too few for each load, and 14
# pixels of single floats, in two pairs for 14 FMAs, are 84.8 %.
function enough_pixels(symbol, vectors,    least) {
    split(symbol ~ /_planar_/ ? "15 6 5 5" : symbol ~ /_dense_/ ? "15 10 6 5" : "10 5 4 4", least, " ")
    return least[vectors] + 0
}

# With a multiplication by a lane, a loop is FMAs and loads, nothing else. Weights are loaded in pairs; pixels are one load for
# four terms, or one pair for eight where registers are left; a term of single floats takes four neighbours, or eight, at once.
function judge_lanes(symbol,    pixels, vectors, terms, pairs, fmas, loads, times) {
    pixels = side[1]; vectors = side[2]
    pairs = 32 - pixels * vectors - pixels - (vectors % 2 ? 2 * vectors : vectors)
    if (pairs > pixels || vectors == 1) pairs = pixels
    if (symbol ~ /_planar_/) {
        terms = vectors % 2 + 1
        loads = terms * int((pixels + 7) / 8)
    } else if (symbol !~ /_dense_/ && (pairs == pixels || (vectors == 2 && pairs > 0))) {
        terms = 8
        loads = pixels + pixels - pairs
    } else {
        terms = 4
        loads = pixels
    }
    times = main_fmas[symbol] == 2 * terms * pixels * vectors ? 2 : 1 # A whole block.
    fmas = times * terms * pixels * vectors
    loads = times * (loads + terms * vectors / (symbol ~ /_bf16_/ ? 1 : 2))
    if (main_fmas[symbol] != fmas)
        complain(symbol ": " main_fmas[symbol] " FMAs in the main loop, not " fmas)
    if (main_loads[symbol] > loads)
        complain(symbol ": " main_loads[symbol] " loads in the main loop for " fmas " FMAs, more than " loads)
    if (wasteful[symbol] != "") complain(symbol ": " wasteful[symbol])
    if (symbol ~ /_bf16_/) return # What is widened takes an instruction more.
    if (main_vectors[symbol] > main_fmas[symbol] + main_loads[symbol])
        complain(symbol ": " main_vectors[symbol] - main_fmas[symbol] - main_loads[symbol] " vector instructions beside FMAs and loads in the main loop")
    if (pixels >= enough_pixels(symbol, vectors) && main_fmas[symbol] < 0.85 * main_vectors[symbol])
        complain(symbol ": " main_fmas[symbol] " FMAs of " main_vectors[symbol] " vector instructions in the main loop, less than 85 %")
}

# A row of a known window takes its width in FMAs for every pixel. Of two rows of output the first, both, or the second
# take part: four rows in all. Other windows have two versions of each row, with tests for the border and without.
# Compilers make more versions, but in each of them a wide group loads little more than it multiplies: the columns of the
# row, its weights, and at most six others, on Arm seven.
function judge_depthwise(symbol,    rows, pixels, width, fmas) {
    rows = side[1] == 2 ? 4 : 1; pixels = side[2]
    if (body_instructions[symbol] < 12 && body_loads[symbol] == 0) return # Too large for the registers: left empty.
    if (symbol ~ /any_/) width = 2
    else { match(symbol, /[0-9][sd][0-9]/); width = substr(symbol, RSTART, 1) }
    fmas = width * pixels * rows
    if (pixels > 1 && body_fmas[symbol] < fmas)
        complain(symbol ": " body_fmas[symbol] " FMAs, less than " fmas)
    if (width > 2 && pixels > 4 && body_loads[symbol] > body_fmas[symbol] + (arm ? 7 : 6) * int(body_fmas[symbol] / fmas))
        complain(symbol ": " body_loads[symbol] " loads for " body_fmas[symbol] " FMAs")
}

# All elements of a window for every pixel; where there are pairs of rows, once more for a last one. A wide group loads its weights
# for each row, a bias for each sum, and each column once for all rows that it belongs to.
function judge_square(symbol,    rows, pixels, size, stride, fmas, loads, passes) {
    if (body_instructions[symbol] < 12 && body_loads[symbol] == 0) return # Too large for the registers: left empty.
    rows = side[1]; pixels = side[2]; size = substr(symbol, length("fmap_depthwise") + 1, 1); stride = symbol ~ /_s2_/ ? 2 : 1
    passes = rows == 2 ? 3 : 1
    fmas = size * size * pixels * passes
    if (pixels > 1 && body_fmas[symbol] < fmas) complain(symbol ": " body_fmas[symbol] " FMAs, less than " fmas)
    loads = (pixels + size * size) * passes + ((pixels - 1) * stride + size) * (rows == 2 ? 2 * size + stride : size)
    loads += 14 # And limits, and what a compiler keeps of the job.
    if (pixels > 4 && body_loads[symbol] > loads * body_fmas[symbol] / fmas)
        complain(symbol ": " body_loads[symbol] " loads for " body_fmas[symbol] " FMAs, more than " loads)
}

# The same rows for every channel of a group.
function judge_grouped(symbol,    width, fmas) {
    if (body_instructions[symbol] < 12 && body_loads[symbol] == 0) return
    width = 1
    if (match(symbol, /[0-9]s[0-9]/)) width = substr(symbol, RSTART, 1)
    fmas = width * side[2] * (side[1] == 2 ? (width == 1 ? 2 : 4) : 1)
    if (side[2] > 1 && body_fmas[symbol] < fmas) complain(symbol ": " body_fmas[symbol] " FMAs, less than " fmas)
}

# On Arm, the way through the loop over a window's rows that multiplies most, that of a row which two rows of outputs share: each
# column is loaded once and each weight once, what is picked takes an instruction for a column, and nothing else is on vector
# registers. A dot product loads a vector of each pixel and one of each output's weights.
function judge_path(symbol,    rows, pixels, width, stride, dilation, columns, fmas, loads, picks) {
    if (!(symbol in path_fmas)) return
    rows = side[1]; pixels = side[2]
    if (symbol ~ /^fmap_dot_/) {
        fmas = rows * pixels; loads = rows + pixels; picks = 0
    } else {
        width = 1; stride = 1; dilation = 1; columns = pixels
        if (match(symbol, /_[0-9][sd][0-9]_/)) {
            width = substr(symbol, RSTART + 1, 1)
            if (substr(symbol, RSTART + 2, 1) == "s") stride = substr(symbol, RSTART + 3, 1)
            else dilation = substr(symbol, RSTART + 3, 1)
            columns = (pixels - 1) * stride + (width - 1) * dilation + 1
        }
        fmas = rows * pixels * width; loads = columns + rows * width
        # And what to pick is worked out in a few, for each channel of a group anew.
        picks = symbol ~ /_multiplied_/ ? columns + 3 : symbol ~ /_picked_/ ? columns + 7 : 0
    }
    if (path_fmas[symbol] != fmas)
        complain(symbol ": " path_fmas[symbol] " FMAs in the innermost loop, not " fmas)
    if (path_loads[symbol] > loads + (picks ? 1 : 0))
        complain(symbol ": " path_loads[symbol] " loads in the innermost loop for " fmas " FMAs, more than " loads)
    if (path_vectors[symbol] > fmas + loads + picks + (width > 3 ? 2 : 0)) # GCC moves two sums in a window of 5.
        complain(symbol ": " path_vectors[symbol] " vector instructions in the innermost loop, more than " fmas + loads + picks)
}

# A transform of one dimension of all rows and all columns of a patch, which is loaded once; of stride 2, whose input is
# transformed row by row of points, seven times for five rows.
function judge_winograd(symbol,    output, patch, fmas, versions, limit, strided) {
    match(symbol, /winograd[0-9]/)
    output = substr(symbol, RSTART + 8, 1) + 0; patch = symbol ~ /_5x5_/ ? output + 4 : output + 2
    strided = symbol ~ /_stride2_/; if (strided) patch = 5
    fmas = symbol ~ /_input_/ ? 2 * patch * input_fmas[output] : (patch + output) * output_fmas[symbol ~ /_5x5_/ ? 25 : output]
    if (body_fmas[symbol] < fmas) complain(symbol ": " body_fmas[symbol] " FMAs, less than " fmas)
    versions = fmas > 0 ? int(body_fmas[symbol] / fmas) : 2 # F(2x2) only adds.
    limit = patch * patch * versions + (arm ? 112 : 48) # Bias, limits, sizes, masks of the border; of Arm's constants too.
    if (strided && symbol ~ /_input_/) limit += 2 * patch * versions + patch * patch # The masks for every row.
    if (body_loads[symbol] > limit) complain(symbol ": " body_loads[symbol] " loads, more than " limit)
}

# Of one line: a pair of points takes every element of a patch in an FMA for both, but one, and one each; 0 and infinity take half
# of the elements. An output takes each pair in an FMA, but for the first one. Where a point is 1, some factors are.
function judge_line(symbol,    size, patch, pairs, fmas, versions) {
    match(symbol, /line[0-9_]+/)
    split(substr(symbol, RSTART + 4, RLENGTH - 5), size, "_")
    patch = symbol ~ /_input_/ ? size[1] + 0 : size[1] + size[2] - 1
    pairs = int((patch - 1) / 2)
    fmas = symbol ~ /_input_/ ? 2 * pairs * pairs + pairs * (2 - patch % 2) - (patch % 4 == 0 ? 3 : 0) : (size[1] - 1) * (pairs - 1 - (patch % 4 == 0))
    if (body_fmas[symbol] < fmas) complain(symbol ": " body_fmas[symbol] + 0 " FMAs, less than " fmas)
    versions = int(body_fmas[symbol] / fmas)
    if (body_loads[symbol] > patch * versions + (arm ? 112 : 48))
        complain(symbol ": " body_loads[symbol] " loads for a patch of " patch ", " versions " times")
}

# A 3x4 tile of so many terms, unrolled: four of them load their values for each half; biases, limits, addresses.
function judge_halves(symbol,    terms, loads) {
    match(symbol, /halves_[0-9]+/)
    terms = substr(symbol, RSTART + 7, RLENGTH - 7)
    loads = 7 * terms + 3 * 4 + 12 + 4 + 2
    if (body_fmas[symbol] != 12 * terms) complain(symbol ": " body_fmas[symbol] " FMAs, not " 12 * terms)
    if (body_loads[symbol] > loads) complain(symbol ": " body_loads[symbol] " loads, more than " loads)
}

function judge(symbol,    spills, i) {
    spills = is_whole(symbol) ? body_spills[symbol] : all_spills[symbol]
    i = allowance(symbol)
    if (spills > allowed_spills[i])
        complain(symbol ": " spills " spills, such as " example[symbol] ", where " allowed_spills[i] + 0 " are allowed")
    if (spills > needed[i]) needed[i] = spills
    if (symbol !~ /^fmap_/) return
    if (arm && symbol ~ /^fmap_(depthwise|grouped|dot)_/ && shape_of(symbol)) judge_path(symbol)
    if (symbol ~ /^fmap_(tile|tile_stride[12]|pointwise|pointwise_far|dense|dense_bf16)_[0-9]+x/ && shape_of(symbol)) judge_tile(symbol, 4)
    else if (symbol ~ /^fmap_planar_(stride2_)?[0-9]+x/ && shape_of(symbol)) judge_tile(symbol, 2)
    else if (symbol ~ /^fmap_planar_(stride2_)?threes_/ && shape_of(symbol)) judge_tile(symbol, 9)
    else if (symbol ~ /^fmap_planar_(stride2_)?halves_/) judge_halves(symbol)
    else if (symbol ~ /^fmap_depthwise_.*x/ && shape_of(symbol)) judge_depthwise(symbol)
    else if (symbol ~ /^fmap_depthwise[35]x[35]_/ && shape_of(symbol)) judge_square(symbol)
    else if (symbol ~ /^fmap_grouped_.*x/ && shape_of(symbol)) judge_grouped(symbol)
    else if (symbol ~ /^fmap_dot_[0-9]+x/ && shape_of(symbol)) {
        if (body_fmas[symbol] < 3 * side[1] * side[2]) # Inside at stride 1, inside at any, and at the border.
            complain(symbol ": " body_fmas[symbol] " FMAs, less than " 3 * side[1] * side[2])
    } else if (symbol ~ /^fmap_winograd_line/) judge_line(symbol)
    else if (symbol ~ /^fmap_winograd/) judge_winograd(symbol)
    else if (symbol ~ /^fmap_gemv_/) {
        if (wasteful[symbol] != "") complain(symbol ": " wasteful[symbol])
    } else if (symbol ~ /^fmap_peak_/) {
        if (main_fmas[symbol] != 48 || main_loads[symbol] > 0) complain(symbol ": its loop is not 48 FMAs and no load")
    } else if (symbol ~ /^fmap_affine_/) {
        if (main_fmas[symbol] == 0) complain(symbol ": no FMA in a loop")
    } else if (symbol ~ /^fmap_(pool_|max_pool|average_pool|bandwidth)/ && all_fmas[symbol] > 0)
        complain(symbol ": multiplies")
}

function print_row(symbol, instructions, vectors, fmas, loads, stores, spills, what) {
    printf "%-44s %4d %12d %7d %5d %6d %6d %6d %6.1f%%%s\n", symbol, loops[symbol], instructions, vectors, fmas, loads, stores,
           spills, vectors ? 100 * fmas / vectors : 0, what
}

BEGIN { # FMAs of the transforms of one dimension in kernels/winograd*.c, but for factors of 1.
    input_fmas[4] = 12; input_fmas[5] = 21; input_fmas[6] = 17
    output_fmas[4] = 4; output_fmas[25] = 2; output_fmas[5] = 9; output_fmas[6] = 10
}

FILENAME == ARGV[1] {
    if ($1 == compiler) { n_allowed++; allowed[n_allowed] = regular($2); allowed_spills[n_allowed] = $3; line[n_allowed] = $0 }
    next
}
FILENAME == ARGV[2] { expected[$1] = 1; next }

$1 ~ /\.cold$/ { next }
{ sub(/\.(constprop|isra|part)\.[0-9.]*$/, "", $1) }
$2 == "alias" { found[$1] = 1; n_aliases++; next }
$2 == "path" {
    path_instructions[$1] = $4; path_vectors[$1] = $14; path_fmas[$1] = $5; path_loads[$1] = $6; path_stores[$1] = $9
    path_spills[$1] = $11
    next
}
$2 == "body" {
    if (!($1 in found)) order[++n_symbols] = $1
    found[$1] = 1
    body_instructions[$1] = $4; body_vectors[$1] = $14; body_fmas[$1] = $5; body_loads[$1] = $6 - $8; body_stores[$1] = $9
    if ($11 > body_spills[$1]) body_spills[$1] = $11
    if ($11 > 0) example[$1] = $13
    next
}
{
    n_loops++; loops[$1]++
    all_fmas[$1] += $5; all_loads[$1] += $6 - $8; all_spills[$1] += $11
    if ($11 > 0) example[$1] = $13
    if ($5 > main_fmas[$1] || ($5 == main_fmas[$1] && ($5 > 0 ? $4 < main_instructions[$1] : $4 > main_instructions[$1]))) {
        main_instructions[$1] = $4; main_vectors[$1] = $14; main_fmas[$1] = $5; main_loads[$1] = $6 - $8; main_stores[$1] = $9; main_moves[$1] = $10
    }
    # A broadcast serves a vector of each output; one that the tile takes more than once is wasted. The weights of one
    # image are loaded once each, beside a value.
    if ($5 > 0 && $1 ~ /^fmap_(tile|pointwise|planar|dense)_/ && shape_of($1) && $7 * side[2] > $5)
        wasteful[$1] = $7 " broadcasts for " $5 " FMAs in a loop"
    if ($5 > 0 && $1 ~ /^fmap_gemv_/ && $6 > $5 + ($5 >= 4 ? 4 : 1))
        wasteful[$1] = $6 " loads for " $5 " FMAs in a loop"
}

END {
    if (table) {
        for (i = 1; i <= n_symbols; i++) {
            s = order[i]
            if (s !~ pattern || s !~ /^fmap_/) continue
            if (s in path_fmas)
                print_row(s, path_instructions[s], path_vectors[s], path_fmas[s], path_loads[s], path_stores[s], path_spills[s], "  dearest way")
            if (is_whole(s))
                print_row(s, body_instructions[s], body_vectors[s], body_fmas[s], body_loads[s], body_stores[s], body_spills[s], "  whole")
            else if (s in loops)
                print_row(s, main_instructions[s], main_vectors[s], main_fmas[s], main_loads[s], main_stores[s], all_spills[s], "")
        }
        exit 0
    }
    for (s in expected) if (!(s in found)) complain(s ": not found")
    for (i = 1; i <= n_symbols; i++) judge(order[i])
    for (i = 1; i <= n_allowed; i++)
        if (line[i] ~ "_" isa && needed[i] < allowed_spills[i])
            complain("tests/codegen.allow: \"" line[i] "\": " needed[i] + 0 " would do")
    for (s in main_fmas) if (s ~ /^fmap_(tile|pointwise|planar|dense)_/) {
        instructions += main_instructions[s]; fmas += main_fmas[s]
        share = main_fmas[s] / main_instructions[s]
        if (share > best) { best = share; best_symbol = s }
    }
    for (i = 1; i <= n_symbols; i++) spills += is_whole(order[i]) ? body_spills[order[i]] : all_spills[order[i]]
    if (instructions == 0) complain(isa ": no register tile found")
    else printf "codegen: %s: %d functions, %d innermost loops; of the register tiles' main loops %.0f%% are FMAs, " \
                "%.0f%% in %s; %d spills%s\n", isa, n_symbols + n_aliases, n_loops, 100 * fmas / instructions, 100 * best,
                best_symbol, spills, n_complaints ? "" : ", all of them known"
    exit n_complaints > 0
}
