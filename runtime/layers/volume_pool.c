#include "runtime/layers/elements.h"
#include "runtime/layers/volume.h"

#include <math.h>

/* Operands: x, y, where the maxima are. */
struct pool_job {
    struct fmap_volume volume;
    struct fmap_volume_pooling pooling;
    fmap_type type;
    bool says_where;
    int64_t image_maps;
    struct fmap_cut cut; /* of maps of all images */
};

/* Bytes and floats are exact in double. */
static double load(fmap_type type, const void *elements, int64_t i) {
    if (type == FMAP_FLOAT32) return (double)((const float *)elements)[i];
    return type == FMAP_INT8 ? ((const int8_t *)elements)[i] : ((const uint8_t *)elements)[i];
}

static void store(fmap_type type, void *elements, int64_t i, double x) {
    if (type == FMAP_FLOAT32) ((float *)elements)[i] = (float)x;
    if (type == FMAP_INT8) ((int8_t *)elements)[i] = x < INT8_MIN ? INT8_MIN : (int8_t)x;
    if (type == FMAP_UINT8) ((uint8_t *)elements)[i] = x < 0 ? 0 : (uint8_t)x;
}

/* The first of the largest elements; NaN is larger than all. *where is -1 for an empty window. */
static double largest_at(const struct pool_job *job, const void *src, int64_t first, const int64_t *at,
                         int64_t *where) {
    const struct fmap_volume *volume = &job->volume;
    int64_t k[FMAP_WINDOW_DIMS] = {0}, n = fmap_volume_product(volume->kernel, volume->n_dims);
    double largest = (double)-INFINITY;
    *where = -1;
    for (int64_t i = 0; i < n; i++, fmap_volume_next(k, volume->kernel, volume->n_dims)) {
        int64_t source = fmap_volume_source(volume, at, k);
        if (source < 0) continue;
        double x = load(job->type, src, first + source);
        if (*where >= 0 && (isnan(largest) || !(x > largest || isnan(x)))) continue;
        largest = x;
        *where = source;
    }
    return largest;
}

/* How many elements of the window lie in the image or its padding, but not beyond. */
static int64_t count_at(const struct fmap_volume *volume, const int64_t *at) {
    int64_t count = 1;
    for (int d = 0; d < volume->n_dims; d++) {
        int64_t begin = at[d] * volume->strides[d] - volume->pads[d], inside = 0;
        for (int64_t k = 0; k < volume->kernel[d]; k++)
            inside += begin + k * volume->dilations[d] < volume->in[d] + volume->pads[d + volume->n_dims];
        count *= inside;
    }
    return count;
}

static double sum_at(const struct pool_job *job, const void *src, int64_t first, const int64_t *at) {
    const struct fmap_volume *volume = &job->volume;
    enum fmap_volume_pool pool = job->pooling.pool;
    int64_t k[FMAP_WINDOW_DIMS] = {0}, n = fmap_volume_product(volume->kernel, volume->n_dims), count = 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++, fmap_volume_next(k, volume->kernel, volume->n_dims)) {
        int64_t source = fmap_volume_source(volume, at, k);
        if (source < 0) continue;
        double x = load(job->type, src, first + source);
        sum += pool == FMAP_VOLUME_AVERAGE ? x : pool == FMAP_VOLUME_L1 ? fabs(x) : x * x;
        count++;
    }
    if (pool == FMAP_VOLUME_L2) return sqrt(sum);
    if (pool == FMAP_VOLUME_L1 || count == 0) return sum;
    return sum / (double)(job->pooling.count_padding ? count_at(volume, at) : count);
}

/* The number of an element of the map, counting down its columns. */
static int64_t by_columns(const struct fmap_volume *volume, int64_t source) {
    int64_t at[FMAP_WINDOW_DIMS], index = 0;
    fmap_volume_at(source, volume->in, volume->n_dims, at);
    for (int d = volume->n_dims - 1; d >= 0; d--) index = index * volume->in[d] + at[d];
    return index;
}

static void pool_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pool_job *job = step->job;
    const struct fmap_volume *volume = &job->volume;
    const void *src = fmap_elements_at(run, &step->operands[0]);
    void *dst = fmap_elements_at(run, &step->operands[1]);
    int64_t *places = job->says_where ? fmap_elements_at(run, &step->operands[2]) : NULL;
    int64_t pixels = fmap_volume_product(volume->in, volume->n_dims),
            n = fmap_volume_product(volume->out, volume->n_dims);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t map = range.first; map < range.end; map++) {
        int64_t at[FMAP_WINDOW_DIMS] = {0};
        for (int64_t i = 0; i < n; i++, fmap_volume_next(at, volume->out, volume->n_dims)) {
            int64_t where = -1;
            double x = job->pooling.pool == FMAP_VOLUME_MAX ? largest_at(job, src, map * pixels, at, &where)
                                                            : sum_at(job, src, map * pixels, at);
            store(job->type, dst, map * n + i, x);
            if (!places) continue;
            if (job->pooling.by_columns && where >= 0) where = by_columns(volume, where);
            /* A chunk is one image. */
            int64_t first = ((int64_t)run->chunk * job->image_maps + map) * pixels;
            places[map * n + i] = where < 0 ? -1 : first + where;
        }
    }
}

fmap_status fmap_planning_volume_pool(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                      const struct fmap_volume *volume,
                                      const struct fmap_volume_pooling *pooling) {
    fmap_value x = fmap_node_input(planning->graph, node, 0);
    const struct fmap_graph_value *value = &planning->graph->values[x];
    struct pool_job job = {.volume = *volume,
                           .pooling = *pooling,
                           .type = value->type,
                           .says_where = node->n_outputs > 1 && node->outputs[1],
                           .image_maps = value->shape.dims[1]};
    int64_t work = fmap_dim_product(fmap_volume_product(volume->kernel, volume->n_dims),
                                    fmap_volume_product(volume->out, volume->n_dims));
    job.cut = fmap_cut_of(planning, value->shape.dims[0] * job.image_maps,
                          work < 0 ? INT64_MAX : fmap_dim_product(8, work), 1);
    struct fmap_operand operands[3];
    TRY(fmap_planning_read(planning, x, FMAP_FORM_PLAIN, &operands[0]));
    for (size_t i = 0; i < (job.says_where ? 2 : 1); i++)
        TRY(fmap_planning_write(planning, node->outputs[i], FMAP_FORM_PLAIN, &operands[1 + i]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = pool_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = job.says_where ? 3 : 2,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "pool_plain",
                                                                       .node = node});
}
