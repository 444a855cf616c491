/* What a layer is for oneDNN: one or two primitives, and the memories between them (peer_onednn_stage.c). */
#ifndef BENCH_PEER_ONEDNN_H
#define BENCH_PEER_ONEDNN_H

#include "bench/engine.h"

#include <oneapi/dnnl/dnnl.h>

enum { ONEDNN_MAX_STAGES = 2, ONEDNN_MAX_MEMORIES = 8 };

/* A primitive and what it works on. */
struct onednn_stage {
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[4];
    int n_arguments;
};

struct bench_prepared {
    const struct bench_problem *problem;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int threads, n_stages, n_memories;
    struct onednn_stage stages[ONEDNN_MAX_STAGES];
    struct {
        dnnl_memory_t memory;
        float *floats;
    } memories[ONEDNN_MAX_MEMORIES];
    dnnl_memory_t output;
};

/* Also of what is half prepared. */
void onednn_release(bench_prepared *p);

bool onednn_reorder(bench_prepared *p, dnnl_memory_t to, dnnl_memory_t from);

/* The stage works on this memory, as that argument. */
void onednn_attach(struct onednn_stage *stage, int argument, dnnl_memory_t memory);

/* Memory as the stage wants it for one of its inputs, filled with floats in the plain layout `tag`. */
bool onednn_feed(bench_prepared *p, struct onednn_stage *stage, int argument, const float *floats,
                 dnnl_format_tag_t tag, int n_dims, const dnnl_dims_t dims);

/* Creates the stage's primitive and its output memory. */
bool onednn_finish_stage(bench_prepared *p, struct onednn_stage *stage);

#endif
