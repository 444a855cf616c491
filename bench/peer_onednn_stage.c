#include "bench/peer_onednn.h"

#include <stdlib.h>

void onednn_release(bench_prepared *p) {
    for (int i = 0; i < p->n_stages; i++) {
        if (p->stages[i].primitive) dnnl_primitive_destroy(p->stages[i].primitive);
        if (p->stages[i].description) dnnl_primitive_desc_destroy(p->stages[i].description);
    }
    for (int i = 0; i < p->n_memories; i++) {
        if (p->memories[i].memory) dnnl_memory_destroy(p->memories[i].memory);
        free(p->memories[i].floats);
    }
    if (p->stream) dnnl_stream_destroy(p->stream);
    if (p->engine) dnnl_engine_destroy(p->engine);
    free(p);
}

/* Memory for a description, ours to free with the rest. NULL: none left. */
static dnnl_memory_t memory_for(bench_prepared *p, const dnnl_memory_desc_t *description) {
    int i = p->n_memories++;
    p->memories[i].floats = bench_floats(dnnl_memory_desc_get_size(description) / sizeof(float) + 1);
    if (!p->memories[i].floats || dnnl_memory_create(&p->memories[i].memory, description, p->engine,
                                                     p->memories[i].floats) != dnnl_success)
        return NULL;
    return p->memories[i].memory;
}

bool onednn_reorder(bench_prepared *p, dnnl_memory_t to, dnnl_memory_t from) {
    const dnnl_memory_desc_t *from_description, *to_description;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    dnnl_memory_get_memory_desc(from, &from_description);
    dnnl_memory_get_memory_desc(to, &to_description);
    bool done = dnnl_reorder_primitive_desc_create(&description, from_description, p->engine, to_description,
                                                   p->engine, NULL) == dnnl_success &&
                dnnl_primitive_create(&primitive, description) == dnnl_success &&
                dnnl_primitive_execute(primitive, p->stream, 2, arguments) == dnnl_success &&
                dnnl_stream_wait(p->stream) == dnnl_success;
    if (primitive) dnnl_primitive_destroy(primitive);
    if (description) dnnl_primitive_desc_destroy(description);
    return done;
}

void onednn_attach(struct onednn_stage *stage, int argument, dnnl_memory_t memory) {
    stage->arguments[stage->n_arguments++] = (dnnl_exec_arg_t){argument, memory};
}

bool onednn_feed(bench_prepared *p, struct onednn_stage *stage, int argument, const float *floats,
                 dnnl_format_tag_t tag, int n_dims, const dnnl_dims_t dims) {
    dnnl_memory_desc_t plain;
    dnnl_memory_t from = NULL;
    dnnl_memory_t to = memory_for(
        p, dnnl_primitive_desc_query_md(stage->description, dnnl_query_exec_arg_md, argument));
    onednn_attach(stage, argument, to);
    bool done = to && dnnl_memory_desc_init_by_tag(&plain, n_dims, dims, dnnl_f32, tag) == dnnl_success &&
                dnnl_memory_create(&from, &plain, p->engine, (void *)(uintptr_t)floats) == dnnl_success &&
                onednn_reorder(p, to, from);
    if (from) dnnl_memory_destroy(from);
    return done;
}

bool onednn_finish_stage(bench_prepared *p, struct onednn_stage *stage) {
    if (dnnl_primitive_create(&stage->primitive, stage->description) != dnnl_success) return false;
    p->output = memory_for(
        p, dnnl_primitive_desc_query_md(stage->description, dnnl_query_exec_arg_md, DNNL_ARG_DST));
    onednn_attach(stage, DNNL_ARG_DST, p->output);
    return p->output != NULL;
}
