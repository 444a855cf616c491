/* Winograd's minimal filtering F(OUTPUT x OUTPUT, 3x3), the same for every OUTPUT, F(2x2, 5x5) and stride 2: a source defines
 * OUTPUT, PATCH and its two transforms of one dimension, and includes this. BY_ROWS: a transform's element needs few of a
 * column's, so that to load them again for each row of points takes less than to keep the square of all in registers.
 *
 * Cook & Toom's construction as in Lavin & Gray 2015, arXiv:1509.09308: the product of two polynomials from its values at
 * PATCH points, the last of them infinity. The input transform's rows are the polynomials that vanish at all other
 * points, x^k read as element k; the output transform's are the powers of the points; what they leave to divide by is in
 * the weights. Points come as pairs +-p, so that the even and the odd terms are shared. */
#ifndef FMAP_WINOGRAD_H
#define FMAP_WINOGRAD_H

#include "winograd_places.h"

/* Where the rows of a patch are, and which of its columns [first, end) are inside of the image. Rows outside are zeros. */
struct winograd_patch {
    const float *rows[PATCH];
    int first, end;
};

static const _Alignas(64) float zero_row[PATCH * FMAP_BLOCK];

INLINE struct winograd_patch find_patch(const struct fmap_winograd_input *job, int y, int x) {
    struct winograd_patch patch = {.first = between(-x, 0, PATCH)};
    patch.end = between(job->width - x, patch.first, PATCH);
    UNROLL for (int i = 0; i < PATCH; i++) {
        const float *row = job->src + ((ptrdiff_t)(y + i) * job->width + x) * FMAP_BLOCK;
        patch.rows[i] = y + i >= 0 && y + i < job->height ? row : zero_row;
    }
    return patch;
}

INLINE void transform_rows(vf half[PATCH][PATCH], float *dst, ptrdiff_t point_stride) {
    UNROLL for (int y = 0; y < PATCH; y++) {
        vf d[PATCH], points[PATCH];
        UNROLL for (int x = 0; x < PATCH; x++) d[x] = half[x][y];
        transform_input(points, d);
        UNROLL for (int x = 0; x < PATCH; x++) v_store(dst + (y * PATCH + x) * point_stride, points[x]);
    }
}

/* Columns [first, end) of a patch; what is outside is zero, and so is its transform. */
INLINE void transform_by_rows(const float *const *rows, int first, int end, float *dst,
                              ptrdiff_t point_stride) {
    UNROLL for (int y = 0; y < PATCH; y++) {
        vf d[PATCH], points[PATCH];
        UNROLL for (int x = 0; x < PATCH; x++) {
            vf column[PATCH], t[PATCH];
            d[x] = v_splat(0.0f);
            if (x < first || x >= end) continue;
            UNROLL for (int k = 0; k < PATCH; k++) column[k] = v_load(rows[k] + x * FMAP_BLOCK);
            transform_input(t, column);
            d[x] = t[y];
        }
        transform_input(points, d);
        UNROLL for (int x = 0; x < PATCH; x++) v_store(dst + (y * PATCH + x) * point_stride, points[x]);
    }
}

/* One patch of one vector of channels: columns first, then rows. Its pixels are `pitch` elements apart. */
INLINE void transform_patch(const float *src, ptrdiff_t row_stride, ptrdiff_t pitch, float *dst,
                            ptrdiff_t point_stride) {
    if (BY_ROWS) {
        const float *rows[PATCH];
        UNROLL for (int y = 0; y < PATCH; y++) rows[y] = src + y * row_stride;
        transform_by_rows(rows, 0, PATCH, dst, point_stride);
        return;
    }
    vf half[PATCH][PATCH]; /* [column][row of points] */
    UNROLL for (int x = 0; x < PATCH; x++) {
        const float *column = src + x * pitch;
        vf d[PATCH];
        UNROLL for (int y = 0; y < PATCH; y++) d[y] = v_load(column + y * row_stride);
        transform_input(half[x], d);
    }
    transform_rows(half, dst, point_stride);
}

/* The same where the patch hangs over the border: what is outside is zero, and so is its transform. */
INLINE void transform_border(const struct winograd_patch *patch, int lane, float *dst,
                             ptrdiff_t point_stride) {
    if (BY_ROWS) {
        const float *rows[PATCH];
        UNROLL for (int y = 0; y < PATCH; y++) rows[y] = patch->rows[y] + lane;
        transform_by_rows(rows, patch->first, patch->end, dst, point_stride);
        return;
    }
    vf half[PATCH][PATCH];
    UNROLL for (int x = 0; x < PATCH; x++) {
        vf d[PATCH];
        if (x < patch->first || x >= patch->end) {
            UNROLL for (int y = 0; y < PATCH; y++) half[x][y] = v_splat(0.0f);
            continue;
        }
        UNROLL for (int y = 0; y < PATCH; y++) d[y] = v_load(patch->rows[y] + x * FMAP_BLOCK + lane);
        transform_input(half[x], d);
    }
    transform_rows(half, dst, point_stride);
}

INLINE void winograd_input(const struct fmap_winograd_input *job) {
    ptrdiff_t row_stride = (ptrdiff_t)job->width * FMAP_BLOCK;
    for (int i = 0; i < job->n_tiles; i++) {
        int tile = job->first_tile + i;
        int y = tile / job->tiles_per_row * job->tile_step - job->pad_top;
        int x = tile % job->tiles_per_row * job->tile_step - job->pad_left;
        float *dst = job->dst + i * FMAP_BLOCK;
        if (y < 0 || x < 0 || y + PATCH > job->height || x + PATCH > job->width) {
            struct winograd_patch patch = find_patch(job, y, x);
            ROLLED for (int lane = 0; lane < FMAP_BLOCK; lane += LANES) {
                transform_border(&patch, lane, dst + lane, job->point_stride);
            }
            continue;
        }
        const float *src = job->src + ((ptrdiff_t)y * job->width + x) * FMAP_BLOCK;
        ROLLED for (int lane = 0; lane < FMAP_BLOCK; lane += LANES) {
            transform_patch(src + lane, row_stride, FMAP_BLOCK, dst + lane, job->point_stride);
        }
    }
}

/* A patch that hangs over the border, its pixels side by side. What is outside of the image is zero: loaded from zeros, for a
 * branch on each pixel would be guessed wrong now and then. */
static __attribute__((noinline)) void copy_patch(const struct fmap_winograd_input *job, int top, int left,
                                                 float *patch) {
    int down = job->dilations[0], across = job->dilations[1];
    int first = between(pixels_below(-left, across), 0, PATCH);
    int end = between(pixels_below(job->width - left, across), first, PATCH);
    ptrdiff_t row_stride = (ptrdiff_t)down * job->width * FMAP_BLOCK, pitch = (ptrdiff_t)across * FMAP_BLOCK;
    const float *row = job->src + ((ptrdiff_t)top * job->width + left) * FMAP_BLOCK;
    for (int y = 0; y < PATCH; y++, row += row_stride) {
        int inside = top + (ptrdiff_t)y * down >= 0 && top + (ptrdiff_t)y * down < job->height;
        UNROLL for (int x = 0; x < PATCH; x++, patch += FMAP_BLOCK) {
            const float *from = (inside & (x >= first) & (x < end)) ? row + x * pitch : zero_row;
            UNROLL for (int lane = 0; lane < FMAP_BLOCK; lane += LANES)
                v_store(patch + lane, v_load(from + lane));
        }
    }
}

INLINE void winograd_dilated_input(const struct fmap_winograd_input *job) {
    _Alignas(64) float border[PATCH * PATCH * FMAP_BLOCK];
    const ptrdiff_t down = job->dilations[0], across = job->dilations[1];
    for (int i = 0; i < job->n_tiles; i++) {
        int tile = job->first_tile + i;
        int y = begin_of(tile / job->tiles_per_row, job->tile_step, job->dilations[0]) - job->pad_top;
        int x = begin_of(tile % job->tiles_per_row, job->tile_step, job->dilations[1]) - job->pad_left;
        ptrdiff_t row_stride = down * job->width * FMAP_BLOCK, pitch = across * FMAP_BLOCK;
        const float *src = job->src + ((ptrdiff_t)y * job->width + x) * FMAP_BLOCK;
        if (y < 0 || x < 0 || y + (PATCH - 1) * down >= job->height ||
            x + (PATCH - 1) * across >= job->width) {
            copy_patch(job, y, x, border);
            src = border;
            row_stride = PATCH * FMAP_BLOCK;
            pitch = FMAP_BLOCK;
        }
        ROLLED for (int lane = 0; lane < FMAP_BLOCK; lane += LANES) {
            transform_patch(src + lane, row_stride, pitch, job->dst + i * FMAP_BLOCK + lane,
                            job->point_stride);
        }
    }
}

/* All points' products become the outputs, bias added; clipped to [low, high]. */
INLINE void transform_products(const float *src, ptrdiff_t point_stride, vf bias, vf low, vf high,
                               vf out[OUTPUT][OUTPUT]) {
    vf half[PATCH][OUTPUT]; /* [column of points][output row] */
    UNROLL for (int x = 0; x < PATCH; x++) {
        const float *column = src + x * point_stride;
        vf m[PATCH];
        UNROLL for (int y = 0; y < PATCH; y++) m[y] = v_load(column + y * PATCH * point_stride);
        transform_output(half[x], m);
    }
    UNROLL for (int y = 0; y < OUTPUT; y++) {
        vf m[PATCH];
        UNROLL for (int x = 0; x < PATCH; x++) m[x] = half[x][y];
        transform_output(out[y], m);
        UNROLL for (int x = 0; x < OUTPUT; x++) out[y][x] = v_min(high, v_max(low, v_add(out[y][x], bias)));
    }
}

/* Outputs that are `pitch` elements apart. */
INLINE void store_outputs(vf out[OUTPUT][OUTPUT], float *dst, ptrdiff_t row_stride, ptrdiff_t pitch, int rows,
                          int columns) {
    if (rows == OUTPUT && columns == OUTPUT) {
        UNROLL for (int y = 0; y < OUTPUT; y++) {
            UNROLL for (int x = 0; x < OUTPUT; x++) v_store(dst + y * row_stride + x * pitch, out[y][x]);
        }
        return;
    }
    UNROLL for (int y = 0; y < OUTPUT; y++) {
        UNROLL for (int x = 0; x < OUTPUT; x++) {
            if (y < rows && x < columns) v_store(dst + y * row_stride + x * pitch, out[y][x]);
        }
    }
}

/* In the order of the window, as the pool itself would. A sum begins with 0 there, which makes 0 of -0; a quarter is exact,
 * as a division by 4 is. */
INLINE void store_pooled(vf out[OUTPUT][OUTPUT], float *dst, ptrdiff_t row_stride, int rows, int columns,
                         int average) {
    UNROLL for (int y = 0; y < OUTPUT / 2; y++) {
        UNROLL for (int x = 0; x < OUTPUT / 2; x++) {
            if (y >= rows || x >= columns) continue;
            vf a = v_keep(out[2 * y][2 * x]), b = v_keep(out[2 * y][2 * x + 1]);
            vf c = v_keep(out[2 * y + 1][2 * x]), d = v_keep(out[2 * y + 1][2 * x + 1]), pooled;
            if (average) {
                pooled = v_add(v_add(v_add(v_add(v_splat(0.0f), a), b), c), d);
                pooled = v_mul(pooled, v_splat(0.25f));
            } else {
                pooled = v_max_or_nan(v_max_or_nan(v_max_or_nan(a, b), c), d);
            }
            v_store(dst + y * row_stride + x * FMAP_BLOCK, pooled);
        }
    }
}

INLINE void winograd_output(const struct fmap_winograd_output *job, int dilated) {
    int clips = is_clip(job), pools = OUTPUT % 2 == 0 && !dilated && job->pooled_width > 0;
    vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
    vf high = v_splat(clips ? job->activate.b : __builtin_inff());
    vf bias = v_load(job->bias);
    int side = pools ? OUTPUT / 2 : OUTPUT;
    int height = pools ? job->pooled_height : job->height, width = pools ? job->pooled_width : job->width;
    int down = dilated ? job->dilations[0] : 1, across = dilated ? job->dilations[1] : 1;
    for (int i = 0; i < job->n_tiles; i++) {
        struct output_place place = place_of(job, i, side, side, height, width, down, across);
        vf out[OUTPUT][OUTPUT];
        transform_products(job->src + i * job->tile_stride, job->point_stride, bias, low, high, out);
        if (pools)
            store_pooled(out, place.dst, place.row_stride, place.rows, place.columns, job->pools_average);
        else
            store_outputs(out, place.dst, place.row_stride, place.pitch, place.rows, place.columns);
    }
    if (job->residual) add_residual(job, OUTPUT, OUTPUT);
    if (!clips && job->activate.kind != FMAP_ACTIVATE_NONE) activate_outputs(job, OUTPUT, OUTPUT);
}

#endif
