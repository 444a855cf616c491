#include "bench/engine.h"
#include "bench/gbench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_ENGINES = 32 };

static const struct bench_engine *engines[MAX_ENGINES + 1];

const struct bench_engine *bench_engine_at(size_t i) { return engines[i]; }

double bench_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

fmap_isa bench_isa_cap(void) {
    const char *limit = getenv("FMAP_MAX_ISA");
    fmap_isa cap = FMAP_ISA_BEST;
    if (limit) fmap_isa_parse(limit, &cap);
    return cap;
}

/* Not on this machine, above the cap, or plain C where there is something better. */
static bool is_left_out(const struct bench_engine *engine) {
    fmap_isa best = fmap_isa_select(bench_isa_cap());
    if (!engine->isa) return false;
    return fmap_isa_select(engine->isa) != engine->isa || engine->isa > best ||
           (engine->isa == FMAP_ISA_SCALAR && best != FMAP_ISA_SCALAR);
}

static size_t add(size_t n, const struct bench_engine *first) {
    for (; first && first->name && n < MAX_ENGINES; first++) {
        if (is_left_out(first)) continue;
        engines[n++] = first;
    }
    return n;
}

void bench_engines_open(void) {
    static const struct {
        const char *name;
        bench_rival *open;
    } rivals[] = {
#ifdef FMAP_BENCH_ONEDNN
        {"onednn", bench_onednn},
#endif
#ifdef FMAP_BENCH_XNNPACK
        {"xnnpack", bench_xnnpack},
#endif
#ifdef FMAP_BENCH_OPENBLAS
        {"openblas", bench_openblas},
#endif
        {NULL, NULL}};
    fmap_isa cap = bench_isa_cap();
    size_t n = add(0, bench_fmap);
    for (size_t i = 0; rivals[i].name; i++) {
        const char *version = NULL;
        const struct bench_engine *first = rivals[i].open(cap, &version);
        if (!first) {
            fprintf(stderr, "fmap-bench: %s is left out: it cannot be limited to %s\n", rivals[i].name,
                    fmap_isa_name(cap));
            continue;
        }
        gbench_context(rivals[i].name, version);
        n = add(n, first);
    }
}
