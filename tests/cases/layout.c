/* Reorders and statistics. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

/* ---- reorders ------------------------------------------------------------------------------------------- */

static size_t plain_size(const struct reorder_shape *shape) {
    return (size_t)((shape->n_lanes - 1) * shape->channel_stride +
                    (shape->n_pixels - 1) * shape->pixel_stride + 1);
}

static void name_reorder(struct kernel_case *c, const char *kernel, const struct reorder_shape *shape) {
    snprintf(c->name, sizeof c->name, "%s/pixels:%d/lanes:%d/channel_stride:%d/pixel_stride:%d", kernel,
             (int)shape->n_pixels, shape->n_lanes, (int)shape->channel_stride, (int)shape->pixel_stride);
    c->bytes = (double)(shape->n_pixels * (shape->n_lanes + FMAP_BLOCK)) * sizeof(float);
}

static void set_reorder(struct kernel_case *c, const struct reorder_shape *shape, float *blocked,
                        float *plain) {
    *(struct fmap_reorder *)c->jobs = (struct fmap_reorder){.blocked = blocked,
                                                            .plain = plain,
                                                            .n_pixels = shape->n_pixels,
                                                            .n_lanes = shape->n_lanes,
                                                            .channel_stride = shape->channel_stride,
                                                            .pixel_stride = shape->pixel_stride};
}

static void to_blocked_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->reorder_to_blocked(c->jobs);
}

struct kernel_case *reorder_to_blocked_case(const struct reorder_shape *shape) {
    struct kernel_case *c = case_create((size_t)shape->n_pixels * FMAP_BLOCK, 1, sizeof(struct fmap_reorder));
    name_reorder(c, "reorder_to_blocked", shape);
    float *plain = case_source(c, plain_size(shape), sizeof(float), CASE_FILL_SPECIAL);
    set_reorder(c, shape, c->dst.data, plain);
    c->run = to_blocked_run;
    for (int64_t p = 0; p < shape->n_pixels; p++) {
        for (int lane = 0; lane < shape->n_lanes; lane++) {
            float value = plain[lane * shape->channel_stride + p * shape->pixel_stride];
            c->expected[p * FMAP_BLOCK + lane] = (double)value;
        }
    }
    return c;
}

static void to_plain_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->reorder_to_plain(c->jobs);
}

/* Between the elements of a plain image with gaps nothing may be written. */
struct kernel_case *reorder_to_plain_case(const struct reorder_shape *shape) {
    struct kernel_case *c = case_create(plain_size(shape), 1, sizeof(struct fmap_reorder));
    name_reorder(c, "reorder_to_plain", shape);
    check_fenced_destroy(&c->dst);
    c->dst = check_fenced_create(plain_size(shape), sizeof(float)); /* Callers align nothing. */
    float *blocked = case_source(c, (size_t)shape->n_pixels * FMAP_BLOCK, 64, CASE_FILL_SPECIAL);
    set_reorder(c, shape, blocked, c->dst.data);
    c->run = to_plain_run;
    for (size_t i = 0; i < c->dst.n; i++) c->expected[i] = (double)NAN;
    for (int64_t p = 0; p < shape->n_pixels; p++) {
        for (int lane = 0; lane < shape->n_lanes; lane++) {
            float value = blocked[p * FMAP_BLOCK + lane];
            c->expected[lane * shape->channel_stride + p * shape->pixel_stride] = (double)value;
        }
    }
    return c;
}

/* ---- rows of single floats --------------------------------------------------------------------------------- */

static void gather_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->gather(c->jobs);
}

struct kernel_case *gather_case(const struct gather_shape *shape) {
    struct kernel_case *c = case_create((size_t)shape->n, 1, sizeof(struct fmap_gather));
    snprintf(c->name, sizeof c->name, "gather/n:%d/distance:%d", shape->n, (int)shape->distance);
    c->bytes = 2.0 * shape->n * (double)sizeof(float);
    float *src = case_source(c, (size_t)((shape->n - 1) * shape->distance + 1), sizeof(float),
                             CASE_FILL_SPECIAL);
    *(struct fmap_gather *)c->jobs = (struct fmap_gather){
        .src = src, .dst = c->dst.data, .n = shape->n, .distance = shape->distance};
    c->run = gather_run;
    for (int i = 0; i < shape->n; i++) c->expected[i] = (double)src[i * shape->distance];
    return c;
}

static void gather_pixels_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->gather_pixels(c->jobs);
}

/* All bytes in turn, the last one in front of the page that must not be read; the bits are those of float arithmetic. */
struct kernel_case *gather_pixels_case(const struct gather_shape *shape) {
    static const float mean = 123.675f, scale = 1 / 58.395f;
    struct kernel_case *c = case_create((size_t)shape->n, 1, sizeof(struct fmap_gather_pixels));
    size_t n_bytes = (size_t)((shape->n - 1) * shape->distance + 1), n_floats = (n_bytes + 3) / 4;
    snprintf(c->name, sizeof c->name, "gather_pixels/n:%d/distance:%d", shape->n, (int)shape->distance);
    c->bytes = (double)shape->n * (1.0 + sizeof(float));
    uint8_t *bytes = (uint8_t *)case_source(c, n_floats, sizeof(float), CASE_FILL_UNIFORM);
    for (size_t i = 0; i < n_floats * sizeof(float); i++) bytes[i] = (uint8_t)(i * 89);
    bytes += n_floats * sizeof(float) - n_bytes;
    *(struct fmap_gather_pixels *)c->jobs = (struct fmap_gather_pixels){.src = bytes,
                                                                        .dst = c->dst.data,
                                                                        .n = shape->n,
                                                                        .distance = shape->distance,
                                                                        .mean = mean,
                                                                        .scale = scale};
    c->run = gather_pixels_run;
    for (int i = 0; i < shape->n; i++) {
        float centred = (float)bytes[i * shape->distance] - mean, number = centred * scale;
        c->expected[i] = (double)number;
    }
    return c;
}

/* ---- statistics ----------------------------------------------------------------------------------------- */

static void statistics_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->statistics(c->jobs);
}

static bool is_same(double got, double expected) {
    return got == expected || (isnan(got) && isnan(expected));
}

/* Doubles in the order of the pixels are the contract, so the obvious loop gives the same bits. */
static bool lane_agrees(const struct fmap_statistics_job *job, int lane) {
    double sum = 0.0, sum_of_squares = 0.0, zeros = 0.0, minimum = INFINITY, maximum = -INFINITY;
    for (int64_t i = 0; i < job->n_pixels; i++) {
        double x = (double)job->src[i * job->pixel_stride + lane];
        double centred = x - (double)job->src[lane];
        sum += x;
        sum_of_squares += centred * centred;
        zeros += x == 0.0;
        minimum = fmin(minimum, x);
        maximum = fmax(maximum, x);
    }
    const struct fmap_lane_statistics *got = job->result;
    return is_same(got->sum[lane], sum) && is_same(got->sum_of_squares[lane], sum_of_squares) &&
           got->zeros[lane] == zeros && (double)got->minimum[lane] == minimum &&
           (double)got->maximum[lane] == maximum && is_same((double)got->shift[lane], (double)job->src[lane]);
}

static bool statistics_agree(const struct kernel_case *c, const char *isa) {
    const struct fmap_statistics_job *job = c->jobs;
    for (int lane = 0; lane < job->n_lanes; lane++) {
        if (lane_agrees(job, lane)) continue;
        fprintf(stderr, "%s on %s: lane %d differs from the oracle\n", c->name, isa, lane);
        return false;
    }
    return true;
}

struct kernel_case *statistics_case(const struct statistics_shape *shape) {
    size_t n_result = sizeof(struct fmap_lane_statistics) / sizeof(float);
    struct kernel_case *c = case_create(n_result, 1, sizeof(struct fmap_statistics_job));
    snprintf(c->name, sizeof c->name, "statistics/pixels:%d/stride:%d/lanes:%d", (int)shape->n_pixels,
             (int)shape->pixel_stride, shape->n_lanes);
    size_t n = (size_t)((shape->n_pixels - 1) * shape->pixel_stride + shape->n_lanes);
    const float *src = case_source(c, n, sizeof(float), shape->fill);
    *(struct fmap_statistics_job *)c->jobs = (struct fmap_statistics_job){
        .src = src,
        .result = (struct fmap_lane_statistics *)(void *)c->dst.data,
        .n_pixels = shape->n_pixels,
        .pixel_stride = shape->pixel_stride,
        .n_lanes = shape->n_lanes};
    c->run = statistics_run;
    c->agrees = statistics_agree;
    c->bytes = (double)n * sizeof(float);
    return c;
}
