# The innermost loops of every function in a disassembly (objdump -d --no-show-raw-insn) of x86-64 or, with -v arm=1, of
# 64-bit Arm.
#
# A line for each: symbol, what, first address, instructions, FMAs, loads, of these broadcasts, of these constants,
# stores, moves between registers, spills, branches, an example of a spill, instructions on vector registers. From the
# FMAs on all of them are on vector registers; a spill is a vector that goes to the stack or comes from there. A loop is what lies between a backward jump and its target; it is innermost when it holds no
# other. "what" is loop; or body, the whole function, for what has no loop worth the name: transforms so long that they
# are one. A function that is only a jump to another, whose code it shares, is alias.

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
    print symbol, what, address[first], last - first + 1, fmas, loads, broadcasts, constants, stores, moves,
          spills, branches, example == "" ? "-" : example, vectors
}

function finish(    i) {
    if (symbol == "" || n == 0) return
    if (alias) { print symbol, "alias", alias; return }
    n_loops = 0
    for (i = 1; i <= n; i++) if (i in target && target[i] in at && at[target[i]] < i) add_loop(at[target[i]], i)
    report("body", 1, n)
    for (i = 1; i <= n_loops; i++) if (is_innermost(i)) report("loop", from[i], to[i])
}

/^[0-9a-f]+ <.*>:$/ {
    finish()
    symbol = $2; gsub(/[<>:]/, "", symbol)
    n = 0; alias = ""
    split("", at); split("", target); split("", code); split("", kind); split("", address)
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
