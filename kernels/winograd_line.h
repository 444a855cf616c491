/* Winograd's minimal filtering in one dimension, F(OUTPUT, r) with r = PATCH - OUTPUT + 1, for kernels of one row or one column:
 * a source defines OUTPUT and PATCH and includes this. The construction is that of winograd.h. Points are pairs +-p, with 0
 * before them where PATCH is even, and infinity behind. */
#ifndef FMAP_WINOGRAD_LINE_H
#define FMAP_WINOGRAD_LINE_H

#include "winograd_places.h"

enum { ZERO = PATCH % 2 == 0, PAIRS = (PATCH - 1) / 2, MOST_PATCH = 12 };

/* Of each size of patch: short binary fractions, of which every number of sixteenths was tried for the smallest error. */
static const double points_of[MOST_PATCH + 1][(MOST_PATCH - 1) / 2] = {
    [6] = {0.625, 1.5},
    [8] = {0.5, 1, 2},
    [9] = {0.25, 0.6875, 1.125, 2.125},
    [10] = {0.4375, 0.8125, 1.25, 2.375},
    [12] = {0.375, 0.6875, 1, 1.4375, 2.8125}};

/* The product of x^2 - q^2 over all pairs but one, or over all of them: the factor of x^(2 k), for each k. */
INLINE void coefficients(double *product, int left_out) {
    int degree = 0;
    product[0] = 1;
    UNROLL for (int q = 0; q < PAIRS; q++) {
        if (q == left_out) continue;
        double square = points_of[PATCH][q] * points_of[PATCH][q];
        product[degree + 1] = product[degree];
        UNROLL for (int k = PAIRS; k > 0; k--) {
            if (k <= degree) product[k] = product[k - 1] - square * product[k];
        }
        product[0] *= -square;
        degree++;
    }
}

/* Of n values; the last factor is 1. */
INLINE vf sum_of(const double *factors, const vf *values, int n) {
    vf sum = values[n - 1];
    UNROLL for (int k = n - 2; k >= 0; k--) sum = v_fma(v_splat((float)factors[k]), values[k], sum);
    return sum;
}

/* Elements of a patch, `pitch` floats apart; those in [first, end) are inside of the image, the others zeros. */
struct line_patch {
    const float *src;
    ptrdiff_t pitch;
    int first, end;
};

static const _Alignas(64) float zeros[FMAP_BLOCK];

INLINE vf load_element(const struct line_patch *patch, int whole, int i, int lane) {
    int inside = whole || (i >= patch->first && i < patch->end);
    return v_load((inside ? patch->src + i * patch->pitch : zeros) + lane);
}

/* The row of a pair is x^ZERO (x +- p) times what coefficients() says: of every other element, and of those between. Half
 * of the elements are loaded when the other half is done with, so that the registers suffice. */
INLINE void transform_input(const struct line_patch *patch, int whole, int lane, float *dst,
                            ptrdiff_t point_stride) {
    double all[PAIRS + 1], others[PAIRS + 1];
    vf d[PAIRS + 1], times_p[PAIRS];
    coefficients(all, -1);
    UNROLL for (int k = 0; k <= PAIRS; k++) d[k] = load_element(patch, whole, ZERO + 2 * k, lane);
    v_store(dst + (PATCH - 1) * point_stride, sum_of(all, d, PAIRS + 1));
    UNROLL for (int p = 0; p < PAIRS; p++) {
        coefficients(others, p);
        times_p[p] = sum_of(others, d, PAIRS);
    }
    UNROLL for (int k = 1 - ZERO; k <= PAIRS; k++) d[k] = load_element(patch, whole, ZERO + 2 * k - 1, lane);
    if (ZERO) v_store(dst, sum_of(all, d, PAIRS + 1));
    UNROLL for (int p = 0; p < PAIRS; p++) {
        coefficients(others, p);
        vf rest = sum_of(others, d + 1, PAIRS);
        float point = (float)points_of[PATCH][p];
        float *pair = dst + (ZERO + 2 * p) * point_stride;
        v_store(pair, v_fma(v_splat(point), times_p[p], rest));
        v_store(pair + point_stride, v_fma(v_splat(-point), times_p[p], rest));
    }
}

INLINE void winograd_line_input(const struct fmap_winograd_input *job) {
    int dilation = job->dilations[job->down ? 0 : 1];
    ptrdiff_t pitch = (ptrdiff_t)dilation * (job->down ? job->width : 1) * FMAP_BLOCK;
    for (int i = 0; i < job->n_tiles; i++) {
        int tile = job->first_tile + i;
        int row = tile / job->tiles_per_row, column = tile % job->tiles_per_row;
        int y = (job->down ? begin_of(row, job->tile_step, dilation) : row) - job->pad_top;
        int x = (job->down ? column : begin_of(column, job->tile_step, dilation)) - job->pad_left;
        int along = job->down ? y : x, length = job->down ? job->height : job->width;
        int across = job->down ? x : y, lines = job->down ? job->width : job->height;
        struct line_patch patch = {
            job->src + ((ptrdiff_t)y * job->width + x) * FMAP_BLOCK, pitch,
            across < 0 || across >= lines ? PATCH : between(pixels_below(-along, dilation), 0, PATCH),
            pixels_below(length - along, dilation)};
        float *dst = job->dst + i * FMAP_BLOCK;
        if (patch.first == 0 && patch.end >= PATCH) {
            ROLLED for (int lane = 0; lane < FMAP_BLOCK; lane += LANES) {
                transform_input(&patch, 1, lane, dst + lane, job->point_stride);
            }
            continue;
        }
        ROLLED for (int lane = 0; lane < FMAP_BLOCK; lane += LANES) {
            transform_input(&patch, 0, lane, dst + lane, job->point_stride);
        }
    }
}

/* Output k is the sum over the points of p^k times their products; 0 counts for the first, infinity for the last one. */
INLINE void transform_output(const float *src, ptrdiff_t point_stride, vf out[OUTPUT]) {
    UNROLL for (int p = 0; p < PAIRS; p++) {
        const float *pair = src + (ZERO + 2 * p) * point_stride;
        vf a = v_load(pair), b = v_load(pair + point_stride);
        vf sum = v_add(a, b), difference = v_sub(a, b);
        double power = points_of[PATCH][p];
        if (p == 0) out[0] = ZERO ? v_add(v_load(src), sum) : sum;
        if (p > 0) out[0] = v_add(out[0], sum);
        UNROLL for (int k = 1; k < OUTPUT; k++, power *= points_of[PATCH][p]) {
            vf factor = v_splat((float)power), term = k % 2 ? difference : sum;
            out[k] = p > 0 ? v_fma(factor, term, out[k]) : v_mul(factor, term);
        }
    }
    out[OUTPUT - 1] = v_add(out[OUTPUT - 1], v_load(src + (PATCH - 1) * point_stride));
}

INLINE void winograd_line_output(const struct fmap_winograd_output *job) {
    int clips = is_clip(job);
    int rows = job->down ? OUTPUT : 1, columns = job->down ? 1 : OUTPUT;
    int down = job->down ? job->dilations[0] : 1, across = job->down ? 1 : job->dilations[1];
    vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
    vf high = v_splat(clips ? job->activate.b : __builtin_inff());
    vf bias = v_load(job->bias);
    for (int i = 0; i < job->n_tiles; i++) {
        struct output_place place = place_of(job, i, rows, columns, job->height, job->width, down, across);
        int n = job->down ? place.rows : place.columns;
        ptrdiff_t pitch = job->down ? place.row_stride : place.pitch;
        vf out[OUTPUT];
        transform_output(job->src + i * job->tile_stride, job->point_stride, out);
        UNROLL for (int k = 0; k < OUTPUT; k++) {
            if (k < n) v_store(place.dst + k * pitch, v_min(high, v_max(low, v_add(out[k], bias))));
        }
    }
    if (job->residual) add_residual(job, rows, columns);
    if (!clips && job->activate.kind != FMAP_ACTIVATE_NONE) activate_outputs(job, rows, columns);
}

#endif
