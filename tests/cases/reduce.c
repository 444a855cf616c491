/* Cases of reductions and normalizations. */
#include "case.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/oracle.h"

static const char *const names[] = {"sum",     "absolutes", "squares", "exponentials",
                                    "product", "maximum",   "minimum"};

double case_reduce_bound(enum fmap_reduce_op op, int64_t n, double range, double magnitude) {
    double roundings = (double)((n + 15) / 16) + 4;
    switch (op) {
    case FMAP_REDUCE_MAXIMUM:
    case FMAP_REDUCE_MINIMUM: return 0.0;
    case FMAP_REDUCE_PRODUCT: return check_bound((double)n, magnitude);
    case FMAP_REDUCE_SQUARES: return check_bound(roundings + 2, magnitude);
    case FMAP_REDUCE_EXPONENTIALS: /* each within 2 ulp, of a difference that was rounded */
        return check_bound(roundings + 2 * (2 + range), magnitude) + (double)n * (double)FLT_MIN;
    default: return check_bound(roundings, magnitude);
    }
}

static void expect(struct kernel_case *c, size_t at, enum fmap_reduce_op op, const float *row, int64_t n,
                   const float *shift) {
    double magnitude, range = 0;
    c->expected[at] = oracle_reduce(op, row, n, shift ? (double)*shift : 0.0, &magnitude);
    for (int64_t i = 0; i < n; i++)
        range = fmax(range, fabs((double)row[i] - (shift ? (double)*shift : 0.0)));
    c->bounds[at] = case_reduce_bound(op, n, range, magnitude);
}

static void reduce_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->reduce(c->jobs);
}

struct kernel_case *reduce_case(const struct reduce_shape *shape) {
    bool alone = shape->stride == 1;
    size_t rows = (size_t)shape->n_rows, n = (size_t)shape->n;
    struct kernel_case *c = case_create(rows, 1, sizeof(struct fmap_reduce));
    snprintf(c->name, sizeof c->name, "reduce/%s/n:%d/stride:%d/rows:%d", names[shape->op], (int)n,
             (int)shape->stride, (int)rows);
    size_t elements = alone ? rows * n : n ? (n - 1) * (size_t)shape->stride + rows : 0;
    const float *src = case_source(c, elements, sizeof *src, shape->fill);
    const float *shift = shape->shifted ? case_source(c, rows, sizeof *shift, CASE_FILL_UNIFORM) : NULL;
    *(struct fmap_reduce *)c->jobs = (struct fmap_reduce){.src = src,
                                                          .dst = c->dst.data,
                                                          .shift = shift,
                                                          .n = shape->n,
                                                          .stride = shape->stride,
                                                          .n_rows = shape->n_rows,
                                                          .op = shape->op};
    c->run = reduce_run;
    c->flops = (double)(rows * n);
    c->bytes = c->flops * sizeof(float);
    float *row = malloc((n + 1) * sizeof *row);
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < n; i++) row[i] = src[alone ? r * n + i : r + i * (size_t)shape->stride];
        expect(c, r, shape->op, row, shape->n, shift ? shift + r : NULL);
    }
    free(row);
    return c;
}

static void reduce_maps_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->reduce_maps(c->jobs);
}

struct kernel_case *reduce_maps_case(const struct maps_shape *shape) {
    size_t maps = (size_t)shape->n_maps, n = (size_t)shape->n;
    struct kernel_case *c = case_create(maps * FMAP_BLOCK, 1, sizeof(struct fmap_reduce_maps));
    snprintf(c->name, sizeof c->name, "reduce_maps/%s/n:%d/maps:%d", names[shape->op], (int)n, (int)maps);
    const float *src = case_source(c, maps * n * FMAP_BLOCK, 64, shape->fill);
    *(struct fmap_reduce_maps *)c->jobs = (struct fmap_reduce_maps){.src = src,
                                                                    .dst = c->dst.data,
                                                                    .n = shape->n,
                                                                    .n_maps = shape->n_maps,
                                                                    .divisor = shape->divisor,
                                                                    .op = shape->op};
    c->run = reduce_maps_run;
    c->flops = (double)(maps * n * FMAP_BLOCK);
    c->bytes = c->flops * sizeof(float);
    float *row = malloc((n + 1) * sizeof *row);
    for (size_t r = 0; r < maps * FMAP_BLOCK; r++) {
        for (size_t i = 0; i < n; i++) row[i] = src[(r / FMAP_BLOCK * n + i) * FMAP_BLOCK + r % FMAP_BLOCK];
        expect(c, r, shape->op, row, shape->n, NULL);
        c->expected[r] /= (double)shape->divisor;
        c->bounds[r] = c->bounds[r] / (double)shape->divisor + check_bound(1, fabs(c->expected[r]));
    }
    free(row);
    return c;
}

static void reduce_lanes_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->reduce_lanes(c->jobs);
}

struct kernel_case *reduce_lanes_case(const struct lanes_shape *shape) {
    int blocks = (shape->channels + FMAP_BLOCK - 1) / FMAP_BLOCK, pixels = shape->n_pixels;
    struct kernel_case *c = case_create((size_t)pixels, 1, sizeof(struct fmap_reduce_lanes));
    snprintf(c->name, sizeof c->name, "reduce_lanes/%s/channels:%d/pixels:%d", names[shape->op],
             shape->channels, pixels);
    const float *src = case_source(c, (size_t)(blocks * pixels * FMAP_BLOCK), 64, shape->fill);
    *(struct fmap_reduce_lanes *)c->jobs = (struct fmap_reduce_lanes){
        .src = src,
        .dst = c->dst.data,
        .n_pixels = pixels,
        .n_blocks = blocks,
        .last_lanes = shape->channels - (blocks - 1) * FMAP_BLOCK,
        .block_stride = (ptrdiff_t)pixels * FMAP_BLOCK,
        .op = shape->op};
    c->run = reduce_lanes_run;
    c->flops = (double)(shape->channels * pixels);
    c->bytes = c->flops * sizeof(float);
    float *row = malloc((size_t)shape->channels * sizeof *row);
    for (int p = 0; p < pixels; p++) {
        for (int i = 0; i < shape->channels; i++)
            row[i] = src[(i / FMAP_BLOCK * pixels + p) * FMAP_BLOCK + i % FMAP_BLOCK];
        expect(c, (size_t)p, shape->op, row, shape->channels, NULL);
    }
    free(row);
    return c;
}

/* ---- normalizations ---------------------------------------------------------------------------------------- */

static void normalize_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->normalize(c->jobs);
}

struct kernel_case *normalize_case(const struct normalize_shape *shape) {
    static const int steps[][4] = {[FMAP_NORMALIZE_SCALARS] = {0, 0, 0, 0},
                                   [FMAP_NORMALIZE_ROW] = {0, 0, 1, 1},
                                   [FMAP_NORMALIZE_ELEMENTS] = {1, 1, 1, 1},
                                   [FMAP_NORMALIZE_BLOCK] = {1, 1, 1, 1}};
    size_t n = (size_t)shape->n, period = shape->walk == FMAP_NORMALIZE_BLOCK ? FMAP_BLOCK : n;
    struct kernel_case *c = case_create(n, 1, sizeof(struct fmap_normalize));
    snprintf(c->name, sizeof c->name, "normalize/walk:%d/n:%d%s", (int)shape->walk, (int)n,
             shape->in_place ? "/in_place" : "");
    const int *step = steps[shape->walk];
    const float *with[5];
    for (int k = 0; k < 5; k++) {
        size_t size = k == 0 ? n : step[k - 1] ? period : 1;
        with[k] = case_source(c, size, sizeof(float), k == 0 ? shape->fill : CASE_FILL_UNIFORM);
    }
    c->in_place = shape->in_place;
    *(struct fmap_normalize *)c->jobs = (struct fmap_normalize){.src = shape->in_place ? c->dst.data
                                                                                       : with[0],
                                                                .dst = c->dst.data,
                                                                .mean = with[1],
                                                                .scale = with[2],
                                                                .gamma = with[3],
                                                                .beta = with[4],
                                                                .n = shape->n,
                                                                .walk = shape->walk};
    c->run = normalize_run;
    c->flops = 4.0 * (double)n;
    c->bytes = 2.0 * sizeof(float) * (double)n;
    for (size_t i = 0; i < n; i++) {
        double value[5];
        for (int k = 1; k < 5; k++) value[k] = (double)with[k][step[k - 1] ? i % period : 0];
        double product = ((double)with[0][i] - value[1]) * value[2] * value[3];
        c->expected[i] = product + value[4];
        c->bounds[i] = check_bound(3, fabs(product) + fabs(value[4]));
    }
    return c;
}

static void lrn_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct fmap_lrn *jobs = c->jobs;
    for (int i = 0; i < c->n_jobs; i++) kernels->lrn(&jobs[i]);
}

struct kernel_case *lrn_case(const struct lrn_shape *shape) {
    int blocks = (shape->channels + FMAP_BLOCK - 1) / FMAP_BLOCK, pixels = shape->n_pixels;
    size_t n = (size_t)(blocks * pixels * FMAP_BLOCK);
    struct kernel_case *c = case_create(n, blocks, sizeof(struct fmap_lrn));
    snprintf(c->name, sizeof c->name, "lrn/channels:%d/size:%d/beta:%g", shape->channels, shape->size,
             (double)shape->beta);
    float *src = case_source(c, n, 64, shape->fill);
    struct fmap_lrn *jobs = c->jobs;
    for (int b = 0; b < blocks; b++) {
        jobs[b] = (struct fmap_lrn){.src = src,
                                    .dst = c->dst.data + b * pixels * FMAP_BLOCK,
                                    .n_pixels = pixels,
                                    .n_blocks = blocks,
                                    .block = b,
                                    .last_lanes = shape->channels - (blocks - 1) * FMAP_BLOCK,
                                    .block_stride = (ptrdiff_t)pixels * FMAP_BLOCK,
                                    .before = (shape->size - 1) / 2,
                                    .after = shape->size - 1 - (shape->size - 1) / 2,
                                    .alpha = shape->alpha,
                                    .beta = shape->beta,
                                    .bias = shape->bias};
    }
    c->run = lrn_run;
    c->flops = (double)n * (2.0 * shape->size + 3.0);
    c->bytes = 2.0 * sizeof(float) * (double)n;
    for (int p = 0; p < pixels; p++) {
        for (int i = 0; i < blocks * FMAP_BLOCK; i++) {
            double sum = 0;
            size_t at = (size_t)(i / FMAP_BLOCK * pixels + p) * FMAP_BLOCK + (size_t)(i % FMAP_BLOCK);
            for (int k = i - jobs->before; k <= i + jobs->after; k++) {
                if (k < 0 || k >= shape->channels) continue;
                double x = (double)src[(k / FMAP_BLOCK * pixels + p) * FMAP_BLOCK + k % FMAP_BLOCK];
                sum += x * x;
            }
            double base = (double)shape->bias + (double)shape->alpha * sum;
            double terms = fabs((double)shape->bias) + fabs((double)shape->alpha) * sum; /* may cancel */
            double grows = terms > fabs(base) ? terms / fabs(base) : 1.0;
            double quotient = (double)src[at] / pow(base, (double)shape->beta);
            c->expected[at] = fabs(quotient) > (double)FLT_MAX ? copysign(INFINITY, quotient) : quotient;
            /* Sum and base: size + 3 roundings, which the power weakens or strengthens; the power itself and the quotient. */
            c->bounds[at] = check_bound((shape->size + 3) * fmax(1.0, (double)shape->beta) * grows + 6,
                                        fabs(c->expected[at]));
        }
    }
    return c;
}
