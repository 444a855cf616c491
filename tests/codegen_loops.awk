# The innermost loops of every function in an x86-64 disassembly (objdump -d --no-show-raw-insn).
#
# A line for each: symbol, what, first address, instructions, FMAs, loads, of these broadcasts, of these constants,
# stores, moves between registers, spills, branches, an example of a spill. All of them on vector registers; a spill is
# a vector that goes to the stack or comes from there. A loop is what lies between a backward jump and its target; it is innermost when it holds no
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
                example) {
    fmas = loads = broadcasts = constants = stores = moves = spills = branches = 0
    for (i = first; i <= last; i++) {
        if (i in target && i < last) branches++
        if (!(i in kind)) continue
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
          spills, branches, example == "" ? "-" : example
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

symbol != "" && /^ +[0-9a-f]+:\t/ {
    n++
    split($0, part, "\t")
    gsub(/[ :]/, "", part[1]); at[part[1]] = n; address[n] = part[1]
    text = part[2]
    if (text ~ /^j/) {
        split(text, word, / +/); target[n] = word[2]
        if (n == 1 && text ~ /^jmp / && word[3] ~ /^<fmap_/ && word[3] !~ /\+/) {
            alias = word[3]; gsub(/[<>]/, "", alias)
        }
        next
    }
    if (text !~ /%[xyz]mm/) next
    code[n] = text; what = ""
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
    if (what != "") kind[n] = what
}

END { finish() }
