/* MaxPool as it is defined, for what the kernel does not do: to say where each maximum was (Indices), and bytes. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/pool.h"

#include <math.h>

struct plain_job {
    struct fmap_window_size size;
    bool by_columns; /* Indices count down the columns of a plane, not along its rows */
    fmap_type type;
    int64_t image_planes;
    struct fmap_cut cut; /* of planes */
};

static bool reaches(const struct fmap_window_size *size, int axis, int64_t at) {
    return at >= 0 && at < size->in[axis];
}

/* One plane. `indices` may be NULL; `first` is the number of the plane's first element. The first of equal maxima
 * counts; a window without elements has none: -1. */
#define MAX_PLANE(name, type, lowest, is_nan) \
    static void name(const struct plain_job *job, const type *src, type *dst, int64_t *indices, \
                     int64_t first) { \
        const struct fmap_window_size *size = &job->size; \
        for (int64_t i = 0; i < size->out[0] * size->out[1]; i++) { \
            int64_t top = i / size->out[1] * size->strides[0] - size->pads[0]; \
            int64_t left = i % size->out[1] * size->strides[1] - size->pads[1]; \
            int64_t index = -1; \
            type best = (lowest); \
            for (int64_t k = 0; k < size->kernel[0] * size->kernel[1]; k++) { \
                int64_t y = top + k / size->kernel[1] * size->dilations[0]; \
                int64_t x = left + k % size->kernel[1] * size->dilations[1]; \
                if (!reaches(size, 0, y) || !reaches(size, 1, x)) continue; \
                type value = src[y * size->in[1] + x]; \
                if (index >= 0 && (is_nan(best) || !(value > best || is_nan(value)))) continue; \
                best = value; \
                index = first + (job->by_columns ? x * size->in[0] + y : y * size->in[1] + x); \
            } \
            dst[i] = best; \
            if (indices) indices[i] = index; \
        } \
    }

#define NEVER_NAN(x) ((void)(x), false)

MAX_PLANE(max_floats, float, -INFINITY, isnan)
MAX_PLANE(max_uint8, uint8_t, 0, NEVER_NAN)
MAX_PLANE(max_int8, int8_t, INT8_MIN, NEVER_NAN)

static void plain_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct plain_job *job = step->job;
    const struct fmap_window_size *size = &job->size;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    char *dst = fmap_elements_at(run, &step->operands[1]);
    int64_t *indices = step->n_operands > 2 ? fmap_elements_at(run, &step->operands[2]) : NULL;
    int64_t in = size->in[0] * size->in[1], out = size->out[0] * size->out[1];
    int64_t bytes = (int64_t)fmap_type_bytes(job->type);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t plane = range.first; plane < range.end; plane++) {
        const void *from = src + plane * in * bytes;
        void *to = dst + plane * out * bytes;
        int64_t *where = indices ? indices + plane * out : NULL;
        int64_t first = ((int64_t)run->chunk * job->image_planes + plane) * in; /* a chunk is one image */
        if (job->type == FMAP_FLOAT32) max_floats(job, from, to, where, first);
        if (job->type == FMAP_UINT8) max_uint8(job, from, to, where, first);
        if (job->type == FMAP_INT8) max_int8(job, from, to, where, first);
    }
}

bool fmap_max_pool_is_plain(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    bool says_where = node->n_outputs > 1 && node->outputs[1];
    return says_where || fmap_input_value(graph, node, 0)->type != FMAP_FLOAT32;
}

fmap_status fmap_plan_max_pool_plain(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                     const struct fmap_window_size *size) {
    const struct fmap_pool_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const struct fmap_graph_value *value = &planning->graph->values[in];
    struct plain_job job = {.size = *size,
                            .by_columns = parameters->by_columns,
                            .type = value->type,
                            .image_planes = value->shape.dims[1]};
    int64_t work = fmap_dim_product(size->kernel[0] * size->kernel[1], size->out[0] * size->out[1]);
    job.cut = fmap_cut_of(planning, value->shape.dims[0] * value->shape.dims[1], work, 1);
    struct fmap_operand operands[3];
    size_t n_operands = node->n_outputs > 1 && node->outputs[1] ? 3 : 2;
    TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    for (size_t i = 1; i < n_operands; i++)
        TRY(fmap_planning_write(planning, node->outputs[i - 1], FMAP_FORM_PLAIN, &operands[i]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = plain_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = n_operands,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "max_pool_plain",
                                                                       .node = node});
}
