/* Winograd's minimal filtering F(4x4, 3x3): 36 products for 16 outputs where the direct sum takes 144.
 *
 * Points 0, +-5/8, +-3/2 and infinity: of those that are short binary fractions the ones with the smallest error,
 * less than half of the usual 0, +-1, +-2. Cook & Toom's construction as in Lavin & Gray 2015, arXiv:1509.09308. */
#include "activate.h"

#include <string.h>

enum { PATCH = FMAP_WINOGRAD_PATCH, OUTPUT = FMAP_WINOGRAD_OUTPUT };

static const float A = 0.625f, A2 = 0.390625f, A3 = 0.244140625f; /* 5/8 and its powers, all exact */
static const float B = 1.5f, B2 = 2.25f, B3 = 3.375f;

/* B^T d: the coefficients of the polynomials that vanish at all points but one. */
INLINE void transform_input(vf *t, vf d0, vf d1, vf d2, vf d3, vf d4, vf d5) {
    vf even_b = v_fma(v_splat(-B2), d2, d4), odd_b = v_fma(v_splat(-B2), d1, d3);
    vf even_a = v_fma(v_splat(-A2), d2, d4), odd_a = v_fma(v_splat(-A2), d1, d3);
    t[0] = v_fma(v_splat(A2 * B2), d0, v_fma(v_splat(-(A2 + B2)), d2, d4));
    t[1] = v_fma(v_splat(A), odd_b, even_b);
    t[2] = v_fma(v_splat(-A), odd_b, even_b);
    t[3] = v_fma(v_splat(B), odd_a, even_a);
    t[4] = v_fma(v_splat(-B), odd_a, even_a);
    t[5] = v_fma(v_splat(A2 * B2), d1, v_fma(v_splat(-(A2 + B2)), d3, d5));
}

/* One patch of one vector of channels: columns first, then rows. */
INLINE void transform_patch(const float *src, ptrdiff_t row_stride, float *dst, ptrdiff_t point_stride) {
    vf half[PATCH][PATCH]; /* [column][row of points] */
    UNROLL for (int x = 0; x < PATCH; x++) {
        const float *column = src + x * FMAP_BLOCK;
        transform_input(half[x], v_load(column), v_load(column + row_stride), v_load(column + 2 * row_stride),
                        v_load(column + 3 * row_stride), v_load(column + 4 * row_stride),
                        v_load(column + 5 * row_stride));
    }
    UNROLL for (int y = 0; y < PATCH; y++) {
        vf points[PATCH];
        transform_input(points, half[0][y], half[1][y], half[2][y], half[3][y], half[4][y], half[5][y]);
        UNROLL for (int x = 0; x < PATCH; x++) v_store(dst + (y * PATCH + x) * point_stride, points[x]);
    }
}

static int between(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

/* A patch that hangs over the border, with zeros where there is no image. */
static void copy_patch(const struct fmap_winograd_input *job, int y, int x, float *patch) {
    memset(patch, 0, PATCH * PATCH * FMAP_BLOCK * sizeof *patch);
    int first = between(-x, 0, PATCH), last = between(job->height - y, 0, PATCH);
    int end = between(job->width - x, first, PATCH);
    for (int row = between(-y, 0, PATCH); row < last && end > first; row++) {
        memcpy(patch + (row * PATCH + first) * FMAP_BLOCK,
               job->src + ((ptrdiff_t)(y + row) * job->width + x + first) * FMAP_BLOCK,
               (size_t)(end - first) * FMAP_BLOCK * sizeof *patch);
    }
}

void K(winograd_input)(const struct fmap_winograd_input *job) {
    _Alignas(64) float border[PATCH * PATCH * FMAP_BLOCK];
    for (int i = 0; i < job->n_tiles; i++) {
        int tile = job->first_tile + i;
        int y = tile / job->tiles_per_row * OUTPUT - job->pad_top;
        int x = tile % job->tiles_per_row * OUTPUT - job->pad_left;
        const float *src = job->src + ((ptrdiff_t)y * job->width + x) * FMAP_BLOCK;
        ptrdiff_t row_stride = (ptrdiff_t)job->width * FMAP_BLOCK;
        if (y < 0 || x < 0 || y + PATCH > job->height || x + PATCH > job->width) {
            copy_patch(job, y, x, border);
            src = border;
            row_stride = PATCH * FMAP_BLOCK;
        }
        float *dst = job->dst + i * FMAP_BLOCK;
        for (int part = 0; part < PARTS; part++) {
            transform_patch(src + part * LANES, row_stride, dst + part * LANES, job->point_stride);
        }
    }
}

/* A^T m: the values of the product's polynomial become its coefficients. */
INLINE void transform_output(vf *y, vf m0, vf m1, vf m2, vf m3, vf m4, vf m5) {
    vf sum_a = v_add(m1, m2), difference_a = v_sub(m1, m2), sum_b = v_add(m3, m4),
       difference_b = v_sub(m3, m4);
    y[0] = v_add(v_add(m0, sum_a), sum_b);
    y[1] = v_fma(v_splat(B), difference_b, v_mul(v_splat(A), difference_a));
    y[2] = v_fma(v_splat(B2), sum_b, v_mul(v_splat(A2), sum_a));
    y[3] = v_fma(v_splat(B3), difference_b, v_fma(v_splat(A3), difference_a, m5));
}

/* 36 products become 16 outputs, bias added; clipped to [low, high]. */
INLINE void transform_products(const float *src, ptrdiff_t point_stride, vf bias, vf low, vf high,
                               vf out[OUTPUT][OUTPUT]) {
    vf half[PATCH][OUTPUT]; /* [column of points][output row] */
    UNROLL for (int x = 0; x < PATCH; x++) {
        const float *column = src + x * point_stride;
        ptrdiff_t row = PATCH * point_stride;
        transform_output(half[x], v_load(column), v_load(column + row), v_load(column + 2 * row),
                         v_load(column + 3 * row), v_load(column + 4 * row), v_load(column + 5 * row));
    }
    UNROLL for (int y = 0; y < OUTPUT; y++) {
        transform_output(out[y], half[0][y], half[1][y], half[2][y], half[3][y], half[4][y], half[5][y]);
        UNROLL for (int x = 0; x < OUTPUT; x++) out[y][x] = v_min(high, v_max(low, v_add(out[y][x], bias)));
    }
}

/* Activations that are not a clip, over the outputs just stored. */
static __attribute__((noinline)) void activate_outputs(float *dst, ptrdiff_t row_stride, int rows,
                                                       int columns,
                                                       const struct fmap_activate_job *activate) {
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) {
            float *pixel = dst + y * row_stride + x * FMAP_BLOCK;
            v_store(pixel, v_activate(v_load(pixel), activate));
        }
    }
}

void K(winograd_output)(const struct fmap_winograd_output *job) {
    int clips = job->activate.kind == FMAP_ACTIVATE_CLIP;
    vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
    vf high = v_splat(clips ? job->activate.b : __builtin_inff());
    vf bias = v_load(job->bias);
    ptrdiff_t row_stride = (ptrdiff_t)job->width * FMAP_BLOCK;
    for (int i = 0; i < job->n_tiles; i++) {
        int tile = job->first_tile + i;
        int top = tile / job->tiles_per_row * OUTPUT, left = tile % job->tiles_per_row * OUTPUT;
        int rows = between(job->height - top, 0, OUTPUT), columns = between(job->width - left, 0, OUTPUT);
        float *dst = job->dst + top * row_stride + left * FMAP_BLOCK;
        vf out[OUTPUT][OUTPUT];
        transform_products(job->src + i * job->tile_stride, job->point_stride, bias, low, high, out);
        if (rows == OUTPUT && columns == OUTPUT) {
            UNROLL for (int y = 0; y < OUTPUT; y++) {
                UNROLL for (int x = 0; x < OUTPUT; x++)
                    v_store(dst + y * row_stride + x * FMAP_BLOCK, out[y][x]);
            }
        } else {
            UNROLL for (int y = 0; y < OUTPUT; y++) {
                UNROLL for (int x = 0; x < OUTPUT; x++) {
                    if (y < rows && x < columns) v_store(dst + y * row_stride + x * FMAP_BLOCK, out[y][x]);
                }
            }
        }
        if (!clips && job->activate.kind != FMAP_ACTIVATE_NONE) {
            activate_outputs(dst, row_stride, rows, columns, &job->activate);
        }
    }
}
