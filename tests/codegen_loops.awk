# The innermost loops of every function in a disassembly (objdump -d --no-show-raw-insn) of x86-64 or, with -v arm=1, of
# 64-bit Arm.
#
# A line for each: symbol, what, first address, instructions, FMAs, loads, of these broadcasts, of these constants,
# stores, moves between registers, spills, branches, an example of a spill, instructions on vector registers. From the
# FMAs on all of them are on vector registers; a spill is a vector that goes to the stack or comes from there. A loop is what
# lies between a backward jump and its target; it is innermost when it holds no other. "what" is loop; or body, the whole
# function, for what has no loop worth the name: transforms so long that they are one; or path, of windows, whose loops have
# several ways. A function that is only a jump to another, whose code it shares, is alias.

function add_loop(head, end,    i) {
    for (i = 1; i <= n_loops; i++) {
        if (from[i] != head) continue
        if (to[i] < end) to[i] = end
        return
    }
    n_loops++; from[n_loops] = head; to[n_loops] = end
}

function is_innermost(i,    j) {
    for (j = 1; j <= n_loops; j++) if (j != i && from[j] >= from[i] && to[j] <= to[i]) return 0
    return 1
}

function report(what, first, last,    i, fmas, loads, broadcasts, constants, stores, moves, spills, branches,
                example, vectors) {
    vectors = fmas = loads = broadcasts = constants = stores = moves = spills = branches = 0
    for (i = first; i <= last; i++) {
        if (what == "path" && !(i in on_path)) continue
        if (i in target && i < last) branches++
        if (!(i in kind)) continue
        vectors++
        if (kind[i] ~ /f/) fmas++
        if (kind[i] ~ /l/) loads++
        if (kind[i] ~ /b/) broadcasts++
        if (kind[i] ~ /c/) constants++
        if (kind[i] ~ /s/) stores++
        if (kind[i] ~ /m/) moves++
        if (kind[i] ~ /p/) { spills++; example = code[i] }
    }
    gsub(/ /, "", example)
    if (what == "path") { first = path_head; last = first + path_length - 1 }
    print symbol, what, address[first], last - first + 1, fmas, loads, broadcasts, constants, stores, moves,
          spills, branches, example == "" ? "-" : example, vectors
}

# ---- the dearest way through an innermost loop -----------------------------------------------------------------------
# Windows choose between rows and test for borders inside of their innermost loop, and compilers move what is rare to the end
# of the function: such a loop is no range of addresses. What counts is a turn that multiplies most: of the ways from the loop's
# head back to it that with the most FMAs, and of these the shortest.

# Instructions behind `i`: next_one[i] and target, where they go on.
function goes_to(i, which) {
    if (which == 1) return i in ends || i == n ? 0 : i + 1
    return i in target && target[i] in at ? at[target[i]] : 0
}

# Numbers instructions so that all but the edges back to a loop's head go from higher to lower; notes those heads.
function walk(    depth, i, j, stack, turn, state) {
    n_done = 0
    split("", is_head); split("", done)
    depth = 1; stack[1] = 1; turn[1] = 0; state[1] = 1
    while (depth > 0) {
        i = stack[depth]
        if (++turn[depth] > 2) { state[i] = 2; done[++n_done] = i; depth--; continue }
        j = goes_to(i, turn[depth])
        if (!j) continue
        if (state[j] == 1) { is_head[j] = is_head[j] " " i; continue }
        if (state[j] == 2) continue
        state[j] = 1; stack[++depth] = j; turn[depth] = 0
    }
}

# The instructions of head's loop: from where all ways lead back to it.
function collect(head,    tails, k, count, i, j, queue, first, last) {
    split("", inside)
    inside[head] = 1; last = 0
    count = split(is_head[head], tails, " ")
    for (k = 1; k <= count; k++) if (!(tails[k] in inside)) { inside[tails[k]] = 1; queue[++last] = tails[k] }
    for (first = 1; first <= last; first++) {
        i = queue[first]
        count = split(before[i], tails, " ")
        for (k = 1; k <= count; k++) { j = tails[k]; if (!(j in inside)) { inside[j] = 1; queue[++last] = j } }
    }
}

function is_fma(i) { return i in kind && kind[i] ~ /f/ }

function dearest(head,    k, i, j, w, so_far, dear, length_to, from_one, tails, count, last) {
    for (i in inside) if (i != head && i in is_head) return # Not innermost.
    dear[head] = is_fma(head); length_to[head] = 1
    for (k = n_done; k > 0; k--) {
        i = done[k]
        if (!(i in inside) || !(i in dear)) continue
        for (w = 1; w <= 2; w++) {
            j = goes_to(i, w)
            if (!j || j == head || !(j in inside)) continue
            so_far = dear[i] + is_fma(j)
            if (j in dear && (dear[j] > so_far || (dear[j] == so_far && length_to[j] <= length_to[i] + 1))) continue
            dear[j] = so_far; length_to[j] = length_to[i] + 1; from_one[j] = i
        }
    }
    count = split(is_head[head], tails, " "); last = 0
    for (k = 1; k <= count; k++) {
        i = tails[k]
        if (i in dear && (!last || dear[i] > dear[last] || (dear[i] == dear[last] && length_to[i] < length_to[last]))) last = i
    }
    if (!last || dear[last] < path_fmas || (dear[last] == path_fmas && length_to[last] >= path_length)) return
    path_fmas = dear[last]; path_length = length_to[last]
    split("", on_path)
    for (i = last; i != head; i = from_one[i]) on_path[i] = 1
    on_path[head] = 1; path_head = head
}

function report_path(    i, w, j, h) {
    walk()
    split("", before)
    for (i = 1; i <= n; i++) for (w = 1; w <= 2; w++) { j = goes_to(i, w); if (j) before[j] = before[j] " " i }
    path_fmas = 0; path_length = 0; split("", on_path)
    for (h in is_head) { h += 0; collect(h); dearest(h) }
    if (path_fmas > 0) report("path", 1, n)
}

function finish(    i) {
    if (symbol == "" || n == 0) return
    if (alias) { print symbol, "alias", alias; return }
    n_loops = 0
    for (i = 1; i <= n; i++) if (i in target && target[i] in at && at[target[i]] < i) add_loop(at[target[i]], i)
    report("body", 1, n)
    for (i = 1; i <= n_loops; i++) if (is_innermost(i)) report("loop", from[i], to[i])
    if (symbol ~ /^fmap_(depthwise|grouped|dot)_.*[0-9]x[0-9]/) report_path()
}

/^[0-9a-f]+ <.*>:$/ {
    finish()
    symbol = $2; gsub(/[<>:]/, "", symbol)
    n = 0; alias = ""
    split("", at); split("", target); split("", code); split("", kind); split("", address); split("", ends)
    next
}

# What an instruction on vector registers does: f multiplies and adds, l loads, lb loads to all lanes, lc loads a
# constant, s stores, p spills, m moves, v anything else; or nothing, where it has none of them.
function kind_x86(text,    what, is_store) {
    if (text !~ /%[xyz]mm/) return ""
    if (text ~ /^vfn?m(add|sub)[0-9]+p[sd]/) what = "f"
    if (text ~ /\(/) { # AT&T's order: the destination comes last.
        is_store = text ~ /\)({%k[0-7]})?[ ]*$/
        if (text ~ /\(%r[sb]p/) what = what "p"
        else if (is_store) what = what "s"
        else what = what "l"
        if (!is_store && text ~ /broadcast|{1to/) what = what "b"
        if (!is_store && text ~ /\(%rip\)/) what = what "c"
    }
    else if (text ~ /^vmov(ap|up|dq)[^{]*$/) what = "m"
    return what == "" ? "v" : what
}

# The registers that a function saves for its caller are halves: a whole one that goes to the stack is a spill.
function kind_arm(text) {
    if (text !~ /[ {,][vqds][0-9]+/) return ""
    if (text ~ /^fml[as] .*\.4s/) return "f"
    if (text ~ /^(ld|st)[a-z0-9]* /) {
        if (text ~ /\[(sp|x29)/) return text ~ / q|{v/ ? "p" : "v"
        return text ~ /^st/ ? "s" : text ~ /^ld1r/ ? "lb" : "l"
    }
    return text ~ /^mov v[0-9]+\.16b, v[0-9]+\.16b$/ ? "m" : "v"
}

# Where a branch goes to, and whether it is one that always goes there.
function target_of(text,    word, count) {
    if (text !~ (arm ? "^(b|b\\.[a-z]+|cbn?z|tbn?z) " : "^j")) return ""
    always = text ~ /^(jmp|b) /
    sub(/ *<.*/, "", text)
    count = split(text, word, / +/)
    return word[count]
}

symbol != "" && /^ +[0-9a-f]+:\t/ {
    n++
    split($0, part, "\t")
    gsub(/[ :]/, "", part[1]); at[part[1]] = n; address[n] = part[1]
    text = part[3] == "" ? part[2] : part[2] " " part[3]
    if (text ~ (arm ? "^(b|br|ret)( |$)" : "^(jmp|ret)")) ends[n] = 1
    to_address = target_of(text)
    if (to_address != "") {
        target[n] = to_address
        if (n == 1 && always && text ~ /<fmap_[a-z0-9_]*>/) {
            alias = text; gsub(/.*<|>.*/, "", alias)
        }
        next
    }
    what = arm ? kind_arm(text) : kind_x86(text)
    if (what != "") { code[n] = text; kind[n] = what }
}

END { finish() }
