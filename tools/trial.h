/* One network, one number of threads, one batch: how long it takes, where the time goes, what the machine allows. */
#ifndef FMAP_TOOLS_TRIAL_H
#define FMAP_TOOLS_TRIAL_H

#include "ports.h"
#include "timing.h"

struct trial_options {
    const struct port_options *ports;
    struct timing_options timing;
    fmap_isa max_isa;
    fmap_weights weights;
    bool layers;   /* measure every layer too */
    bool roofs;    /* measure the machine too */
    bool profiled; /* leave a context that records its steps */
};

struct trial {
    int threads;
    int64_t batch;
    struct ports ports;
    fmap_plan *plan;
    fmap_context *context;
    struct buffers buffers;
    fmap_plan_info info;
    struct timing timing;
    double *layer_seconds; /* means; NULL: not asked for */
    bool has_roofs;
    fmap_machine machine;
};

/* Plans and measures; zeros for threads and batch are the library's choice and the model's. The progress in
 * options->timing goes on by 100, twice with `layers`. Release the trial whatever comes out. */
fmap_status trial_measure(const fmap_model *model, const struct sidecar *sidecar,
                          const struct trial_options *options, int threads, int64_t batch,
                          struct trial *trial, fmap_error *error);
void trial_release(struct trial *trial);

/* ---- what a layer cost, and what it could cost --------------------------------------------------- */

struct layer_cost {
    fmap_layer_info layer;
    char algorithm[64]; /* the kernel without its instruction set */
    const char *isa;    /* "" for a kernel that has none */
    double seconds;
    double share; /* of the time of all layers */
    double flops; /* two for each multiply-accumulate of the direct algorithm, with what is fused into it */
    double
        roof_seconds;  /* the least that this machine could take for them and for layer.bytes; 0: not known */
    bool memory_bound; /* it is the bytes that take so long */
    fmap_memory_level level; /* the nearest that could hold layer.bytes */
};

/* Of the i-th layer of a trial that measured layers. False for one that took no time. */
bool trial_layer_cost(const struct trial *trial, size_t i, struct layer_cost *cost);

/* "peak", or the level whose bandwidth limits the layer. */
const char *layer_cost_limit(const struct layer_cost *cost);

#endif
