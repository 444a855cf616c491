/* What depthwise convolution and pooling share: walking a window over the rows of one block's plane.
 *
 * A strip is one output row, or two that share source rows. It is walked in groups of neighbouring pixels
 * whose sums stay in registers. A window of known width visits every source column once and gives it to all
 * pixels, of both rows, that it belongs to; for each pixel the elements still come in the order of the window.
 * Rows outside of the image are left out of the strip. Columns outside are skipped, by a test that only the
 * first and the last columns of a group need: it is predicted and costs nothing beside the arithmetic.
 *
 * A dilated window of stride 1 is a plain one over every dilation-th column and row. */
#ifndef FMAP_WINDOW_H
#define FMAP_WINDOW_H

#include <stdbool.h>

#include "template.h"

enum window_op { WINDOW_FMA, WINDOW_MAX, WINDOW_SUM };

enum { WINDOW_MAX_KNOWN = 7, WINDOW_MAX_ROWS = 2 };

struct window_strip {
    const struct fmap_window *window;
    const void *job;      /* whose window it is */
    const float *src;     /* source row 0 of the strip, which may be outside; column 0 */
    float *dst;           /* its first output row, column 0 */
    const float *weights; /* of WINDOW_FMA: [kernel height][kernel width][16] */
    const int32_t *lanes; /* of a picked window */
    ptrdiff_t src_row_stride, dst_row_stride;
    ptrdiff_t pixel_stride; /* of a dilated window, in both; else one pixel */
    int src_column, dst_column;
    int n_pixels, src_width, pad_left;
    int64_t row;          /* number of the first output row */
    int64_t first, end;   /* source rows of the strip that are inside of the image */
    int64_t row_distance; /* source rows from the first output row's window to the second's */
    int64_t kernel_height;
};

/* What a function is made for. */
struct window_shape {
    enum window_op op;
    int rows, pixels;
    int kernel_width, stride; /* 0: any */
    bool dilated;             /* pixels are not side by side */
    bool picked;              /* lanes come from other lanes of the source */
};

INLINE vf window_step(vf acc, vf value, vf weight, enum window_op op) {
    return op == WINDOW_FMA   ? v_fma(value, weight, acc)
           : op == WINDOW_MAX ? v_max_or_nan(acc, value)
                              : v_add(acc, value);
}

INLINE vf window_weight(const float *weights, int k, enum window_op op) {
    return op == WINDOW_FMA ? v_load(weights + k * FMAP_BLOCK) : v_splat(0.0f);
}

INLINE vf window_value(const float *src, vi lanes, const struct window_shape *shape) {
    return shape->picked ? v_pick(v_load(src), lanes) : v_load(src);
}

/* One source row for the strip's output rows [from, to). `column` is where src points; the weights of output
 * row r are at weights - r * row_weights. */
INLINE void window_row_known(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, const float *src,
                             const float *weights, ptrdiff_t row_weights, vi lanes, int column, int from,
                             int to, const struct window_shape *shape) {
    int kernel_width = shape->kernel_width, stride = shape->stride, pixels = shape->pixels;
    ptrdiff_t step = shape->dilated ? strip->pixel_stride : FMAP_BLOCK;
    vf w[WINDOW_MAX_ROWS][WINDOW_MAX_KNOWN];
    UNROLL for (int r = from; r < to; r++) {
        UNROLL for (int k = 0; k < kernel_width; k++)
            w[r][k] = window_weight(weights - r * row_weights, k, shape->op);
    }
    UNROLL for (int j = 0; j < (pixels - 1) * stride + kernel_width; j++) {
        if (j < kernel_width - 1 && column + j < 0) continue;
        if (j > (pixels - 1) * stride && column + j >= strip->src_width) continue;
        vf value = v_keep(window_value(src + j * step, lanes, shape));
        UNROLL for (int k = 0; k < kernel_width; k++) {
            int p = (j - k) / stride;
            if (j < k || (j - k) % stride != 0 || p >= pixels) continue;
            UNROLL for (int r = from; r < to; r++)
                acc[r][p] = window_step(acc[r][p], value, w[r][k], shape->op);
        }
    }
}

/* The same for one row of any window. The test would cost as much as the arithmetic, once a pixel and not a
 * column. */
INLINE void window_row_any(vf *acc, const struct window_strip *strip, const float *src, const float *weights,
                           vi lanes, int column, const struct window_shape *shape) {
    const struct fmap_window *window = strip->window;
    int width = strip->src_width, stride = (int)window->strides[1], dilation = (int)window->dilations[1];
    ptrdiff_t step = (ptrdiff_t)stride * FMAP_BLOCK;
    ROLLED for (int k = 0; k < window->kernel[1]; k++) {
        vf w = window_weight(weights, k, shape->op);
        if (column >= 0 && column + (shape->pixels - 1) * stride < width) {
            UNROLL for (int p = 0; p < shape->pixels; p++)
                acc[p] = window_step(acc[p], window_value(src + p * step, lanes, shape), w, shape->op);
        } else {
            UNROLL for (int p = 0; p < shape->pixels; p++) {
                if ((unsigned)(column + p * stride) >= (unsigned)width) continue;
                acc[p] = window_step(acc[p], window_value(src + p * step, lanes, shape), w, shape->op);
            }
        }
        column += dilation;
        src += (ptrdiff_t)dilation * FMAP_BLOCK;
    }
}

/* Accumulates the windows of a group: `pixels` of each of the strip's rows, from output column x on, for one
 * vector of the block's lanes. */
INLINE void window_group(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, int part, int x,
                         const struct window_shape *shape) {
    bool any = shape->kernel_width == 0;
    int column = x * (any ? (int)strip->window->strides[1] : shape->stride) - strip->pad_left;
    ptrdiff_t step = shape->dilated ? strip->pixel_stride : FMAP_BLOCK;
    ptrdiff_t width_weights = (any ? (ptrdiff_t)strip->window->kernel[1] : shape->kernel_width) * FMAP_BLOCK;
    ptrdiff_t row_weights = strip->row_distance * width_weights;
    const float *src = strip->src + strip->first * strip->src_row_stride + column * step;
    const float *weights = strip->src;
    if (shape->op == WINDOW_FMA) weights = strip->weights + strip->first * width_weights + part * LANES;
    vi lanes = {0};
    if (shape->picked) {
        int lane = strip->lanes[part * LANES] < FMAP_BLOCK - LANES ? strip->lanes[part * LANES]
                                                                   : FMAP_BLOCK - LANES;
        lanes = v_lanes(strip->lanes + part * LANES, lane);
        src += lane;
    } else {
        src += part * LANES;
    }
    ROLLED for (int64_t i = strip->first; i < strip->end; i++) {
        if (any) {
            window_row_any(acc[0], strip, src, weights, lanes, column, shape);
        } else if (shape->rows == 1 || i < strip->row_distance) {
            window_row_known(acc, strip, src, weights, row_weights, lanes, column, 0, 1, shape);
        } else if (i < strip->kernel_height) {
            window_row_known(acc, strip, src, weights, row_weights, lanes, column, 0, 2, shape);
        } else {
            window_row_known(acc, strip, src, weights, row_weights, lanes, column, 1, 2, shape);
        }
        src += strip->src_row_stride;
        weights += width_weights;
    }
}

/* ---- from a plane to strips ----------------------------------------------------------------------------- */

/* `n_groups` groups of a strip, from output column x on. */
typedef void window_function(const struct window_strip *strip, int x, int n_groups);

/* Functions for one kind of window: for strips of 1 and 2 rows, groups of 1 to WINDOW_PIXELS pixels. */
struct window_kind {
    int kernel_width, stride; /* 0: any */
    bool dilated;             /* any dilation; else 1, but for a kind of any width */
    bool picked;
    window_function *functions[WINDOW_MAX_ROWS][WINDOW_PIXELS + 1];
};

INLINE int window_dilation(const struct fmap_window *window, const struct window_kind *kind) {
    return kind->dilated ? (int)window->dilations[1] : 1;
}

/* How many times a strip is walked, each time over every dilation-th column. */
INLINE int window_walks(const struct fmap_window *window, const struct window_kind *kind) {
    int dilation = window_dilation(window, kind);
    return dilation < window->dst_width ? dilation : (int)window->dst_width;
}

/* n / dilation, rounded up; divisions take their time. */
INLINE int window_divided(int n, int dilation) { return dilation == 1 ? n : (n + dilation - 1) / dilation; }

/* Columns i, i + dilation, ... of the output and what they see of the source. */
INLINE void window_columns(struct window_strip *strip, const struct window_kind *kind, int i) {
    const struct fmap_window *window = strip->window;
    int dilation = window_dilation(window, kind), pad = (int)window->pads[1] - i;
    strip->pad_left = pad > 0 ? window_divided(pad, dilation) : 0;
    int column = strip->pad_left * dilation - pad, width = (int)window->src_size[1] - column;
    strip->n_pixels = window_divided((int)window->dst_width - i, dilation);
    strip->src_width = width > 0 ? window_divided(width, dilation) : 0;
    strip->pixel_stride = (ptrdiff_t)dilation * FMAP_BLOCK;
    strip->src_column = column;
    strip->dst_column = i;
}

/* Whether there is padding of less than a kernel on either side: then the tests of window_row_known are enough. */
INLINE bool window_fits(const struct fmap_window *window, const struct window_kind *kind, bool picked) {
    if (kind->picked != picked) return false;
    if (kind->kernel_width == 0) return true;
    if (kind->kernel_width != window->kernel[1] || kind->stride != window->strides[1]) return false;
    if (!kind->dilated && window->dilations[1] != 1) return false;
    for (int i = 0; i < window_walks(window, kind); i++) {
        struct window_strip strip = {.window = window};
        window_columns(&strip, kind, i);
        if (strip.pad_left >= kind->kernel_width) return false;
        if ((strip.n_pixels - 1) * kind->stride - strip.pad_left >= strip.src_width) return false;
    }
    return true;
}

/* The strip of output row y and, if n_rows is 2, of the one whose window begins row_distance source rows later. */
INLINE void window_rows(struct window_strip *strip, int64_t y, int n_rows) {
    const struct fmap_window *window = strip->window;
    int64_t top = y * window->strides[0] - window->pads[0], dilation = window->dilations[0];
    int64_t end = window->kernel[0] + (n_rows - 1) * strip->row_distance, below = window->src_size[0] - top;
    int64_t first = top < 0 ? -top : 0;
    if (dilation != 1) {
        first = (first + dilation - 1) / dilation;
        below = below > 0 ? (below + dilation - 1) / dilation : 0;
    }
    strip->row = y;
    strip->first = first;
    strip->end = below < end ? below : end;
    strip->src = window->src + (top * window->src_size[1] + strip->src_column) * FMAP_BLOCK;
    strip->dst = window->dst + (y * window->dst_width + strip->dst_column) * FMAP_BLOCK;
}

/* Output rows [first, last), in pairs that share source rows: y and y + mate. */
INLINE void window_run(struct window_strip *strip, const struct window_kind *kind, int64_t first,
                       int64_t last) {
    const struct fmap_window *window = strip->window;
    while (!window_fits(window, kind, strip->lanes != NULL)) kind++;
    bool dilated = window->dilations[0] != 1;
    int64_t mate = dilated ? window->dilations[0] : 1;
    strip->row_distance = dilated ? 1 : window->strides[0];
    strip->kernel_height = window->kernel[0];
    strip->src_row_stride = window->dilations[0] * window->src_size[1] * FMAP_BLOCK;
    strip->dst_row_stride = mate * window->dst_width * FMAP_BLOCK;
    bool pairs = kind->functions[1][1] && strip->row_distance < window->kernel[0] &&
                 (!dilated || window->strides[0] == 1);
    if (!pairs) mate = 1;
    for (int i = 0; i < window_walks(window, kind); i++) {
        window_columns(strip, kind, i);
        int n_groups = (strip->n_pixels + WINDOW_PIXELS - 1) / WINDOW_PIXELS;
        int pixels = strip->n_pixels / n_groups, n_larger = strip->n_pixels % n_groups;
        for (int64_t base = first; base < last; base += pairs ? 2 * mate : 1) {
            for (int64_t y = base; y < base + mate && y < last; y++) {
                int n_rows = pairs && y + mate < last ? 2 : 1;
                window_function *const *functions = kind->functions[n_rows - 1];
                window_rows(strip, y, n_rows);
                if (n_larger) functions[pixels + 1](strip, 0, n_larger);
                functions[pixels](strip, n_larger * (pixels + 1), n_groups - n_larger);
            }
        }
    }
}

#endif
