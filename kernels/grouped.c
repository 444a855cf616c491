/* Convolution of narrow groups: one block of output channels, whose lanes belong to several groups or all to one.
 *
 * A register tile that broadcasts one channel would use a few of its lanes only. Here each output lane takes the
 * channel of its own group: for the i-th channel of the groups, a permutation of the pixel's vector, or a broadcast
 * where the whole vector belongs to one group. A value so made serves all elements of a kernel row and, as in
 * depthwise convolution, two output rows; weights are vectors, so no multiplication is for nothing, and no value of
 * another group is ever touched. */
#include "activate.h"
#include "window.h"

/* Where an instruction multiplies by a lane, a value of one channel need not be in all of them. */
#ifdef BY_LANE
INLINE vf grouped_value(const float *src, vi lanes, const struct window_shape *shape) {
    return shape->picked ? v_pick(v_load(src), lanes) : v_load_one(src);
}
INLINE void grouped_add(vf *acc, vf value, vf weight, const struct window_shape *shape) {
    if (shape->picked)
        v_accumulate(acc, value, weight);
    else
        v_accumulate_lane(acc, weight, value, 0);
}
#else
INLINE vf grouped_value(const float *src, vi lanes, const struct window_shape *shape) {
    return shape->picked ? v_pick(v_load(src), lanes) : v_splat(*src);
}
INLINE void grouped_add(vf *acc, vf value, vf weight, const struct window_shape *shape) {
    (void)shape;
    v_accumulate(acc, value, weight);
}
#endif

/* One channel of one source row for the strip's output rows [from, to): window_row_shared, but for the value. */
INLINE void grouped_row_shared(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, const float *src,
                               const float *weights, ptrdiff_t row_weights, vi lanes, int column, int from,
                               int to, const struct window_shape *shape) {
    int kernel_width = shape->kernel_width, stride = shape->stride, pixels = shape->pixels;
    vf w[WINDOW_MAX_ROWS][WINDOW_MAX_KNOWN];
    UNROLL for (int r = from; r < to; r++) {
        UNROLL for (int k = 0; k < kernel_width; k++)
            w[r][k] = v_load(weights - r * row_weights + k * FMAP_BLOCK);
    }
    UNROLL for (int j = 0; j < (pixels - 1) * stride + kernel_width; j++) {
        if (j < kernel_width - 1 && column + j < 0) continue;
        if (j > (pixels - 1) * stride && column + j >= strip->src_width) continue;
        vf value = v_keep(grouped_value(src + j * FMAP_BLOCK, lanes, shape));
        UNROLL for (int k = 0; k < kernel_width; k++) {
            int p = (j - k) / stride;
            if (j < k || (j - k) % stride != 0 || p >= pixels) continue;
            UNROLL for (int r = from; r < to; r++) grouped_add(&acc[r][p], value, w[r][k], shape);
        }
    }
}

/* The same for any window, column by column: each pixel makes a value of its own. */
INLINE void grouped_row_apart(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, const float *src,
                              const float *weights, ptrdiff_t row_weights, vi lanes, int column, int from,
                              int to, const struct window_shape *shape) {
    const struct fmap_window *window = strip->window;
    int width = strip->src_width, stride = (int)window->strides[1], dilation = (int)window->dilations[1];
    ptrdiff_t step = (ptrdiff_t)stride * FMAP_BLOCK;
    vf w[WINDOW_MAX_ROWS];
    ROLLED for (int k = 0; k < window->kernel[1]; k++) {
        UNROLL for (int r = from; r < to; r++) w[r] = v_load(weights - r * row_weights + k * FMAP_BLOCK);
        UNROLL for (int p = 0; p < shape->pixels; p++) {
            if ((unsigned)(column + p * stride) >= (unsigned)width) continue;
            vf value = v_keep(grouped_value(src + p * step, lanes, shape));
            UNROLL for (int r = from; r < to; r++) grouped_add(&acc[r][p], value, w[r], shape);
        }
        column += dilation;
        src += (ptrdiff_t)dilation * FMAP_BLOCK;
    }
}

/* All channels of one source row. */
INLINE void grouped_channels(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, const float *src,
                             const float *weights, ptrdiff_t row_weights, const int32_t *lanes, int base,
                             int column, int from, int to, const struct window_shape *shape) {
    const struct fmap_grouped *job = strip->job;
    ptrdiff_t width = shape->kernel_width ? shape->kernel_width : (ptrdiff_t)strip->window->kernel[1];
    ROLLED for (int i = 0; i < job->n_lanes; i++) {
        BARRIER(src, weights); /* Else the loads, the same for every channel, are kept on the stack. */
        vi picked = {0};
        if (shape->picked) picked = v_lanes(lanes, base - i);
        const float *lane = shape->picked ? src : src + i;
        if (shape->dilation == 0) {
            grouped_row_apart(acc, strip, lane, weights, row_weights, picked, column, from, to, shape);
        } else {
            grouped_row_shared(acc, strip, lane, weights, row_weights, picked, column, from, to, shape);
        }
        weights += width * FMAP_BLOCK;
    }
}

/* Accumulates the windows of a group of pixels: as window_group, for every channel of every block. */
INLINE void grouped_pixels(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, int part, int x,
                           const struct window_shape *shape) {
    const struct fmap_grouped *job = strip->job;
    const struct fmap_window *window = strip->window;
    int column = x * (shape->stride ? shape->stride : (int)window->strides[1]) - (int)window->pads[1];
    ptrdiff_t width = shape->kernel_width ? shape->kernel_width : (ptrdiff_t)window->kernel[1];
    ptrdiff_t line_weights = job->n_lanes * width * FMAP_BLOCK;
    ptrdiff_t row_weights = strip->row_distance * line_weights;
    const int32_t *lanes = job->lanes + part * LANES;
    int base = shape->picked && lanes[0] > FMAP_BLOCK - LANES ? FMAP_BLOCK - LANES : lanes[0];
    const float *block = strip->src + strip->first * strip->src_row_stride + column * FMAP_BLOCK + base;
    const float *block_weights = job->weights + part * LANES;
    ROLLED for (int b = 0; b < job->n_blocks; b++) {
        const float *src = block, *weights = block_weights + strip->first * line_weights;
        ROLLED for (int64_t i = strip->first; i < strip->end; i++) {
            if (shape->rows == 1 || i < strip->row_distance) {
                grouped_channels(acc, strip, src, weights, row_weights, lanes, base, column, 0, 1, shape);
            } else if (i < strip->kernel_height) {
                grouped_channels(acc, strip, src, weights, row_weights, lanes, base, column, 0, 2, shape);
            } else {
                grouped_channels(acc, strip, src, weights, row_weights, lanes, base, column, 1, 2, shape);
            }
            src += strip->src_row_stride;
            weights += line_weights;
        }
        block += job->src_block_stride;
        block_weights += window->kernel[0] * line_weights;
    }
}

INLINE void grouped(const struct window_strip *strip, int x, int n_groups, const struct window_shape *shape) {
    /* Sums that do not fit in the registers: as in depthwise convolution. */
    if (shape->rows == 1 && shape->pixels > WINDOW_SINGLE_PIXELS(shape->kernel_width)) return;
    const struct fmap_grouped *job = strip->job;
    float *dst = strip->dst + x * FMAP_BLOCK;
    vf low = v_splat(job->activate.a), high = v_splat(job->activate.b);
    bool clip = job->activate.kind == FMAP_ACTIVATE_CLIP;
    ROLLED for (; n_groups > 0; n_groups--) {
        ROLLED for (int part = 0; part < PARTS; part++) {
            vf acc[WINDOW_MAX_ROWS][WINDOW_PIXELS];
            UNROLL for (int r = 0; r < shape->rows; r++) {
                UNROLL for (int p = 0; p < shape->pixels; p++) acc[r][p] = v_load(job->bias + part * LANES);
            }
            grouped_pixels(acc, strip, part, x, shape);
            float *to = dst + part * LANES;
            UNROLL for (int r = 0; r < shape->rows; r++) {
                UNROLL for (int p = 0; p < shape->pixels; p++) {
                    if (clip) acc[r][p] = v_min(high, v_max(low, acc[r][p]));
                    v_store(to + p * FMAP_BLOCK, acc[r][p]);
                }
                to += strip->dst_row_stride;
            }
        }
        x += shape->pixels;
        dst += shape->pixels * FMAP_BLOCK;
    }
}

/* The windows that are common, and any. The first that fits is taken.
 * KIND(function, name, columns, kernel width, stride, dilation, picked) */
#define KINDS(KIND, function) \
    KIND(function, 1s1, SHARED, 1, 1, 1, false) \
    KIND(function, 3s1, SHARED, 3, 1, 1, false) \
    KIND(function, 3s2, SHARED, 3, 2, 1, false) \
    KIND(function, any, APART, 0, 0, 0, false) \
    KIND(function, picked_1s1, SHARED, 1, 1, 1, true) \
    KIND(function, picked_3s1, SHARED, 3, 1, 1, true) \
    KIND(function, picked_3s2, SHARED, 3, 2, 1, true) \
    KIND(function, picked_any, APART, 0, 0, 0, true)

KINDS(WINDOW_FMA_FUNCTIONS, grouped)
static const struct window_kind kinds[] = {KINDS(WINDOW_FMA_KIND, grouped)};

void K(grouped)(const struct fmap_grouped *job) {
    struct window_strip strip = {.window = &job->window, .job = job};
    /* The lanes of a vector are the same in all vectors, but for where they begin. */
    if (job->lanes[0] != job->lanes[LANES - 1]) strip.lanes = job->lanes;
    int64_t first = job->window.first_row, last = first + job->window.n_rows;
    window_run(&strip, kinds, first, last);
    if (job->activate.kind == FMAP_ACTIVATE_NONE || job->activate.kind == FMAP_ACTIVATE_CLIP) return;
    int64_t row = job->window.dst_width * FMAP_BLOCK;
    float *dst = job->window.dst + first * row;
    K(activate)(dst, dst, LANES, (last - first) * row / LANES, &job->activate);
}
