/* Cases of resampling along an axis. */
#include "case.h"

#include <math.h>
#include <stdio.h>

static void resample_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->resample(c->jobs);
}

static void expect(struct kernel_case *c, const struct resample_shape *shape, const float *src,
                   const int32_t *indices, const float *weights) {
    int stride = shape->unit + shape->gap;
    for (int i = 0; i < shape->n_outputs * shape->unit; i++) {
        int first = i / shape->unit * shape->taps;
        double magnitude = 0;
        for (int t = first; t < first + shape->taps; t++) {
            double term = (double)weights[t] * (double)src[indices[t] * stride + i % shape->unit];
            c->expected[i] += term;
            magnitude += fabs(term);
        }
        c->bounds[i] = check_bound(shape->taps, magnitude);
    }
}

struct kernel_case *resample_case(const struct resample_shape *shape) {
    enum { INPUTS = 9 };
    size_t n = (size_t)(shape->n_outputs * shape->unit), n_taps = (size_t)(shape->n_outputs * shape->taps);
    struct kernel_case *c = case_create(n, 1, sizeof(struct fmap_resample));
    snprintf(c->name, sizeof c->name, "resample/taps:%d/outputs:%d/unit:%d/gap:%d", shape->taps,
             shape->n_outputs, shape->unit, shape->gap);
    size_t n_src = (size_t)((INPUTS - 1) * (shape->unit + shape->gap) + shape->unit);
    const float *src = case_source(c, n_src, sizeof *src, CASE_FILL_UNIFORM);
    const float *weights = case_source(c, n_taps, sizeof *weights, CASE_FILL_UNIFORM);
    int32_t *indices = (int32_t *)(void *)case_source(c, n_taps, sizeof *indices, CASE_FILL_UNIFORM);
    uint64_t seed = n;
    for (size_t i = 0; i < n_taps; i++) indices[i] = check_between(&seed, 0, INPUTS - 1);
    expect(c, shape, src, indices, weights);
    *(struct fmap_resample *)c->jobs = (struct fmap_resample){.src = src,
                                                              .dst = c->dst.data,
                                                              .indices = indices,
                                                              .weights = weights,
                                                              .taps = shape->taps,
                                                              .n_outputs = shape->n_outputs,
                                                              .unit = shape->unit,
                                                              .src_stride = shape->unit + shape->gap};
    c->flops = 2.0 * (double)n * shape->taps;
    c->bytes = (double)n * (shape->taps + 1) * sizeof(float);
    c->run = resample_run;
    return c;
}
