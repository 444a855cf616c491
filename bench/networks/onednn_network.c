#include "onednn_network.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

bool network_check(struct network *net, dnnl_status_t status, const char *what) {
    if (status != dnnl_success && net->reason[0] == '\0')
        snprintf(net->reason, sizeof net->reason, "oneDNN has no %s (status %d)", what, (int)status);
    return status == dnnl_success;
}

static bool no_memory(struct network *net) {
    snprintf(net->reason, sizeof net->reason, "there is no memory left");
    return false;
}

static size_t rounded(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

char *network_memory(size_t bytes) {
    size_t unit = bytes < HUGE_PAGE ? LINE : HUGE_PAGE;
    char *memory = aligned_alloc(unit, rounded(bytes + 1, unit));
    if (memory != NULL && unit == HUGE_PAGE) madvise(memory, rounded(bytes + 1, unit), MADV_HUGEPAGE);
    return memory;
}

/* Room for one more element; false when there is none. */
static bool grow(void *array, int n, size_t size) {
    void **elements = array;
    if ((n & (n - 1)) != 0) return true; /* It doubles at powers of two. */
    void *larger = realloc(*elements, size * (size_t)(n < 1 ? 1 : 2 * n));
    if (larger != NULL) *elements = larger;
    return larger != NULL;
}

bool network_open(struct network *net, int threads, dnnl_dim_t batch, bool blocked) {
    *net = (struct network){.threads = threads, .batch = batch, .blocked = blocked};
    omp_set_num_threads(threads); /* It plans for as many as OpenMP would use. */
    /* With a primitive in the cache, version 2.6's iterator over the ways to compute something stays at that one. */
    dnnl_set_primitive_cache_capacity(0);
    net->scratch = network_buffer(net, 0, NULL, false);
    return (net->scratch >= 0 || no_memory(net)) &&
           network_check(net, dnnl_engine_create(&net->engine, dnnl_cpu, 0), "engine") &&
           network_check(net, dnnl_stream_create(&net->stream, net->engine, dnnl_stream_default_flags),
                         "stream");
}

static void destroy(struct stage *stage) {
    for (int i = 0; i < stage->n_operands; i++) {
        if (stage->operands[i].memory) dnnl_memory_destroy(stage->operands[i].memory);
    }
    if (stage->primitive) dnnl_primitive_destroy(stage->primitive);
    if (stage->description) dnnl_primitive_desc_destroy(stage->description);
    free(stage);
}

void network_close(struct network *net) {
    for (int i = 0; i < net->n_stages; i++) destroy(net->stages[i]);
    for (int i = 0; i < net->n_buffers; i++) {
        if (net->buffers[i].owned) free(net->buffers[i].fixed);
    }
    free(net->stages);
    free(net->buffers);
    free(net->tensors);
    free(net->arena);
    if (net->stream) dnnl_stream_destroy(net->stream);
    if (net->engine) dnnl_engine_destroy(net->engine);
    *net = (struct network){0};
}

int network_buffer(struct network *net, size_t bytes, char *memory, bool owned) {
    if (!grow(&net->buffers, net->n_buffers, sizeof *net->buffers)) {
        no_memory(net);
        return -1;
    }
    net->buffers[net->n_buffers] = (struct buffer){
        .bytes = bytes, .first = 1 << 30, .last = -1, .fixed = memory, .owned = owned, .parent = -1};
    return net->n_buffers++;
}

const struct tensor *network_find(struct network *net, const char *name) {
    for (int i = net->n_tensors - 1; i >= 0; i--) {
        if (net->tensors[i].name != NULL && strcmp(net->tensors[i].name, name) == 0) return &net->tensors[i];
    }
    snprintf(net->reason, sizeof net->reason, "the recipe reads %s before it is made", name);
    return NULL;
}

static bool add_tensor(struct network *net, const char *name, int original, const dnnl_memory_desc_t *desc,
                       int buffer) {
    dnnl_memory_desc_t copy = *desc; /* It may lie in what grows. */
    if (buffer < 0) return false;
    if (!grow(&net->tensors, net->n_tensors, sizeof *net->tensors)) return no_memory(net);
    net->tensors[net->n_tensors++] = (struct tensor){name, original, copy, buffer};
    return true;
}

bool network_add(struct network *net, const char *name, const dnnl_memory_desc_t *desc, int buffer) {
    return add_tensor(net, name, net->n_tensors, desc, buffer);
}

bool network_plain(struct network *net, dnnl_memory_desc_t *desc, int n_dims, const dnnl_dims_t dims) {
    return network_check(net, dnnl_memory_desc_init_by_strides(desc, n_dims, dims, dnnl_f32, NULL),
                         "plain layout");
}

int network_in_layout(struct network *net, const struct tensor *tensor, const dnnl_memory_desc_t *wanted) {
    dnnl_primitive_desc_t description = NULL;
    dnnl_memory_desc_t layout = *wanted, from = tensor->desc;
    int original = tensor->original, source = tensor->buffer;
    if (dnnl_memory_desc_equal(&from, &layout)) return source;
    for (int i = 0; i < net->n_tensors; i++) {
        if (net->tensors[i].original == original && dnnl_memory_desc_equal(&net->tensors[i].desc, &layout))
            return net->tensors[i].buffer;
    }
    int buffer = network_buffer(net, dnnl_memory_desc_get_size(&layout), NULL, false);
    if (buffer < 0 || !network_check(net,
                                     dnnl_reorder_primitive_desc_create(&description, &from, net->engine,
                                                                        &layout, net->engine, NULL),
                                     "reorder"))
        return -1;
    struct stage *stage = network_stage(net, description);
    return stage != NULL && network_operand(net, stage, DNNL_ARG_FROM, &from, source) &&
                   network_operand(net, stage, DNNL_ARG_TO, &layout, buffer) &&
                   add_tensor(net, NULL, original, &layout, buffer)
               ? buffer
               : -1;
}

bool network_reorder(struct network *net, const dnnl_memory_desc_t *from, const void *source,
                     const dnnl_memory_desc_t *to, void *target) {
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t memories[2] = {NULL, NULL};
    bool done = network_check(net,
                              dnnl_reorder_primitive_desc_create(&description, from, net->engine, to,
                                                                 net->engine, NULL),
                              "reorder of weights") &&
                dnnl_primitive_create(&primitive, description) == dnnl_success &&
                dnnl_memory_create(&memories[0], from, net->engine, (void *)(uintptr_t)source) ==
                    dnnl_success &&
                dnnl_memory_create(&memories[1], to, net->engine, target) == dnnl_success;
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, memories[0]}, {DNNL_ARG_TO, memories[1]}};
    done = done && dnnl_primitive_execute(primitive, net->stream, 2, arguments) == dnnl_success &&
           dnnl_stream_wait(net->stream) == dnnl_success;
    for (int i = 0; i < 2; i++) {
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    }
    if (primitive) dnnl_primitive_destroy(primitive);
    if (description) dnnl_primitive_desc_destroy(description);
    return done;
}

const dnnl_memory_desc_t *network_wanted(const struct stage *stage, int argument) {
    return dnnl_primitive_desc_query_md(stage->description, dnnl_query_exec_arg_md, argument);
}

bool network_is_slow(dnnl_primitive_desc_t description) {
    const char *name = NULL;
    return dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, (void *)&name) ==
               dnnl_success &&
           (strncmp(name, "ref", 3) == 0 || strstr(name, "gemm:") != NULL);
}

struct stage *network_stage(struct network *net, dnnl_primitive_desc_t description) {
    struct stage *stage = calloc(1, sizeof *stage);
    if (stage == NULL || !grow(&net->stages, net->n_stages, sizeof *net->stages)) {
        no_memory(net);
        dnnl_primitive_desc_destroy(description);
        free(stage);
        return NULL;
    }
    stage->description = description;
    stage->convolution = net->n_convolutions - 1;
    net->stages[net->n_stages++] = stage;
    if (!network_check(net, dnnl_primitive_create(&stage->primitive, description), "such primitive"))
        return NULL;
    const dnnl_memory_desc_t *scratch = network_wanted(stage, DNNL_ARG_SCRATCHPAD);
    size_t bytes = scratch != NULL ? dnnl_memory_desc_get_size(scratch) : 0;
    if (bytes > 0 && !network_operand(net, stage, DNNL_ARG_SCRATCHPAD, scratch, net->scratch)) return NULL;
    if (bytes > net->buffers[net->scratch].bytes) net->buffers[net->scratch].bytes = bytes;
    return stage;
}

bool network_operand(struct network *net, struct stage *stage, int argument, const dnnl_memory_desc_t *desc,
                     int buffer) {
    int at = net->n_stages - 1; /* Stages get their operands before the next stage is made. */
    if (buffer < 0) return false;
    if (stage->n_operands == MOST_OPERANDS) {
        snprintf(net->reason, sizeof net->reason, "a step has more than %d operands", MOST_OPERANDS);
        return false;
    }
    stage->operands[stage->n_operands++] = (struct operand){argument, buffer, *desc, NULL};
    struct buffer *used = &net->buffers[buffer];
    if (at < used->first) used->first = at;
    if (at > used->last) used->last = at;
    return true;
}

bool network_output(struct network *net, struct stage *stage, const char *name) {
    dnnl_memory_desc_t desc = *network_wanted(stage, DNNL_ARG_DST);
    int buffer = network_buffer(net, dnnl_memory_desc_get_size(&desc), NULL, false);
    return network_operand(net, stage, DNNL_ARG_DST, &desc, buffer) && network_add(net, name, &desc, buffer);
}

static bool run_stage(struct network *net, const struct stage *stage) {
    return stage->skipped || network_check(net,
                                           dnnl_primitive_execute(stage->primitive, net->stream,
                                                                  stage->n_operands, stage->arguments),
                                           "answer of a primitive");
}

bool network_run(struct network *net) {
    omp_set_num_threads(net->threads);
    for (int i = 0; i < net->n_stages; i++) {
        if (!run_stage(net, net->stages[i])) return false;
    }
    return network_check(net, dnnl_stream_wait(net->stream), "end");
}

bool network_profile(struct network *net, double seconds[MOST_CONVOLUTIONS]) {
    double taken[MOST_CONVOLUTIONS] = {0};
    omp_set_num_threads(net->threads);
    for (int i = 0; i < net->n_stages; i++) {
        int convolution = net->stages[i]->convolution;
        double start = now();
        if (!run_stage(net, net->stages[i]) || dnnl_stream_wait(net->stream) != dnnl_success) return false;
        if (convolution >= 0 && convolution < MOST_CONVOLUTIONS) taken[convolution] += now() - start;
    }
    for (int i = 0; i < net->n_convolutions && i < MOST_CONVOLUTIONS; i++) {
        if (taken[i] < seconds[i]) seconds[i] = taken[i];
    }
    return true;
}

bool network_deliver(struct network *net, const struct tensor *tensor, const dnnl_memory_desc_t *rows,
                     char *memory) {
    size_t bytes = dnnl_memory_desc_get_size(rows);
    struct buffer *made = &net->buffers[tensor->buffer];
    bool alone = !made->shared && made->bytes == bytes && made->first == made->last && made->first >= 0;
    if (alone && made->fixed == NULL && dnnl_memory_desc_equal(&tensor->desc, rows)) {
        made->fixed = memory;
        return true;
    }
    dnnl_memory_desc_t from = tensor->desc;
    dnnl_primitive_desc_t description = NULL;
    int source = tensor->buffer, target = network_buffer(net, bytes, memory, false);
    if (target < 0 || !network_check(net,
                                     dnnl_reorder_primitive_desc_create(&description, &from, net->engine,
                                                                        rows, net->engine, NULL),
                                     "reorder"))
        return false;
    struct stage *stage = network_stage(net, description);
    return stage != NULL && network_operand(net, stage, DNNL_ARG_FROM, &from, source) &&
           network_operand(net, stage, DNNL_ARG_TO, rows, target);
}
