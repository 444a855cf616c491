/* One way to compute a layer: ours, or a rival's. */
#ifndef FMAP_BENCH_ENGINE_H
#define FMAP_BENCH_ENGINE_H

#include "bench/problem.h"

#include <fmap/fmap.h>

enum { BENCH_REASON_BYTES = FMAP_ERROR_MESSAGE_BYTES };

/* A layer made ready by an engine. */
typedef struct bench_prepared bench_prepared;

struct bench_engine {
    const char *name; /* last part of a benchmark's name: "direct_avx512", "onednn_winograd" */

    /* Whether it has this layer. What a library only finds out when asked, prepare() says. */
    bool (*accepts)(const struct bench_engine *engine, const struct bench_layer *layer);

    /* Packs weights, plans, warms up nothing. NULL, with a sentence in `reason`, when it cannot. */
    bench_prepared *(*prepare)(const struct bench_engine *engine, const struct bench_problem *problem,
                               int threads, char reason[BENCH_REASON_BYTES]);

    /* Computes the layer once, on data in the engine's own layout; returns the seconds that this took. */
    double (*run)(bench_prepared *prepared);

    /* What a run computes, [batch][channels][height][width]. */
    void (*read)(bench_prepared *prepared, float *output);

    /* Which kernel computes it, for the label; NULL: the engine does not tell. */
    const char *(*kernel)(const bench_prepared *prepared);

    void (*release)(bench_prepared *prepared);

    /* How far its result may be from ours, in terms of the root of our mean square. */
    double tolerance;

    /* Ours alone. */
    fmap_isa isa;
    fmap_algorithm algorithm;
    fmap_strips strips;
    fmap_weights weights;
    bool pixels; /* takes the 8-bit pixels */
};

/* Ours for each instruction set and algorithm; ended by one without a name. */
extern const struct bench_engine bench_fmap[];

/* The i-th engine on this machine: ours, then the rivals; NULL behind the last. */
const struct bench_engine *bench_engine_at(size_t i);

/* Ours, by the plainest sum: what all results are compared with. */
const struct bench_engine *bench_reference(void);

/* Rivals that were found when this was built; `cap` limits their instruction sets where they can be limited.
 * Each returns its engines, ended by one without a name, and fills in its version; NULL: it cannot be capped. */
typedef const struct bench_engine *bench_rival(fmap_isa cap, const char **version);
bench_rival bench_onednn, bench_xnnpack, bench_openblas;

/* What the environment variable FMAP_MAX_ISA allows. */
fmap_isa bench_isa_cap(void);

/* Finds the rivals and adds their versions to the context. */
void bench_engines_open(void);

/* Seconds on a clock that only goes forward. */
double bench_seconds(void);

#endif
