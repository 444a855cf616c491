/* What depthwise convolution and pooling share: walking a window over the rows of one block's plane.
 *
 * A strip is one output row, or two that share source rows. It is walked in groups of neighbouring pixels
 * whose sums stay in registers. A window of known width visits every source column once and gives it to all
 * pixels, of both rows, that it belongs to; for each pixel the elements still come in the order of the window.
 * Rows outside of the image are left out of the strip. Columns outside are skipped, by a test that only the
 * first and the last columns of a group need: it is predicted and costs nothing beside the arithmetic. */
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
    int src_width;
    int64_t row;          /* number of the first output row */
    int64_t first, end;   /* source rows of the strip that are inside of the image */
    int64_t row_distance; /* source rows from the first output row's window to the second's */
    int64_t kernel_height;
    bool far; /* of a pool: the plane outgrows the caches */
};

/* What a function is made for. */
struct window_shape {
    enum window_op op;
    int rows, pixels;
    int kernel_width, stride; /* 0: any */
    int dilation;             /* 0: any; then pixels are not known to share source columns */
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

/* Lines that are fetched into the first cache, one with each column: at once they would wait for each other. */
struct window_fetch {
    const float *first;
    int n;
};

/* One source row for the strip's output rows [from, to), whose weights are w. `column` is where src points. */
INLINE void window_columns(vf acc[][WINDOW_PIXELS], const float *src, int src_width, vf w[][WINDOW_MAX_KNOWN],
                           vi lanes, struct window_fetch fetch, int column, int from, int to,
                           const struct window_shape *shape) {
    int kernel_width = shape->kernel_width, dilation = shape->dilation, stride = shape->stride;
    int pixels = shape->pixels, reach = (kernel_width - 1) * dilation;
    UNROLL for (int j = 0; j <= (pixels - 1) * stride + reach; j++) {
        if (j < fetch.n) __builtin_prefetch(fetch.first + j * FMAP_BLOCK, 0, 3);
        if (j < reach && column + j < 0) continue;
        if (j > (pixels - 1) * stride && column + j >= src_width) continue;
        vf value = v_keep(window_value(src + j * FMAP_BLOCK, lanes, shape));
        UNROLL for (int k = 0; k < kernel_width; k++) {
            int p = (j - k * dilation) / stride;
            if (j < k * dilation || (j - k * dilation) % stride != 0 || p >= pixels) continue;
            UNROLL for (int r = from; r < to; r++)
                acc[r][p] = window_step(acc[r][p], value, w[r][k], shape->op);
        }
    }
}

/* The weights of output row r are at weights - r * row_weights. */
INLINE void window_row_shared(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, const float *src,
                              const float *weights, ptrdiff_t row_weights, vi lanes, int column, int from,
                              int to, const struct window_shape *shape) {
    vf w[WINDOW_MAX_ROWS][WINDOW_MAX_KNOWN];
    UNROLL for (int r = from; r < to; r++) {
        UNROLL for (int k = 0; k < shape->kernel_width; k++)
            w[r][k] = window_weight(weights - r * row_weights, k, shape->op);
    }
    window_columns(acc, src, strip->src_width, w, lanes, (struct window_fetch){0}, column, from, to, shape);
}

/* One column of the window, `column` where src points: each pixel loads a source column of its own. A test for
 * every pixel would cost as much as the arithmetic. */
INLINE void window_column(vf acc[][WINDOW_PIXELS], const float *src, const vf *w, vi lanes, int column,
                          int stride, int width, int from, int to, const struct window_shape *shape) {
    ptrdiff_t step = (ptrdiff_t)stride * FMAP_BLOCK;
    bool inside = column >= 0 && column + (shape->pixels - 1) * stride < width;
    if (inside) {
        UNROLL for (int p = 0; p < shape->pixels; p++) {
            vf value = v_keep(window_value(src + p * step, lanes, shape));
            UNROLL for (int r = from; r < to; r++) acc[r][p] = window_step(acc[r][p], value, w[r], shape->op);
        }
    } else {
        UNROLL for (int p = 0; p < shape->pixels; p++) {
            if ((unsigned)(column + p * stride) >= (unsigned)width) continue;
            vf value = window_value(src + p * step, lanes, shape);
            UNROLL for (int r = from; r < to; r++) acc[r][p] = window_step(acc[r][p], value, w[r], shape->op);
        }
    }
}

/* One source row, column by column of the window. */
INLINE void window_row_apart(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, const float *src,
                             const float *weights, ptrdiff_t row_weights, vi lanes, int column, int from,
                             int to, const struct window_shape *shape) {
    const struct fmap_window *window = strip->window;
    int dilation = (int)window->dilations[1], stride = (int)window->strides[1];
    vf w[WINDOW_MAX_ROWS];
    ROLLED for (int k = 0; k < window->kernel[1]; k++) {
        UNROLL for (int r = from; r < to; r++) w[r] = window_weight(weights - r * row_weights, k, shape->op);
        window_column(acc, src, w, lanes, column, stride, strip->src_width, from, to, shape);
        column += dilation;
        src += (ptrdiff_t)dilation * FMAP_BLOCK;
    }
}

INLINE void window_row(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, const float *src,
                       const float *weights, ptrdiff_t row_weights, vi lanes, int column, int from, int to,
                       const struct window_shape *shape) {
    if (shape->dilation == 0) {
        window_row_apart(acc, strip, src, weights, row_weights, lanes, column, from, to, shape);
    } else {
        window_row_shared(acc, strip, src, weights, row_weights, lanes, column, from, to, shape);
    }
}

/* Accumulates the windows of a group: `pixels` of each of the strip's rows, from output column x on, for one
 * vector of the block's lanes. */
INLINE void window_group(vf acc[][WINDOW_PIXELS], const struct window_strip *strip, int part, int x,
                         const struct window_shape *shape) {
    int stride = shape->stride ? shape->stride : (int)strip->window->strides[1];
    int column = x * stride - (int)strip->window->pads[1];
    ptrdiff_t width_weights = (shape->kernel_width ? shape->kernel_width
                                                   : (ptrdiff_t)strip->window->kernel[1]) *
                              FMAP_BLOCK;
    ptrdiff_t row_weights = strip->row_distance * width_weights;
    const float *src = strip->src + strip->first * strip->src_row_stride + column * FMAP_BLOCK;
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
        if (shape->rows == 1 || i < strip->row_distance) {
            window_row(acc, strip, src, weights, row_weights, lanes, column, 0, 1, shape);
        } else if (i < strip->kernel_height) {
            window_row(acc, strip, src, weights, row_weights, lanes, column, 0, 2, shape);
        } else {
            window_row(acc, strip, src, weights, row_weights, lanes, column, 1, 2, shape);
        }
        src += strip->src_row_stride;
        weights += width_weights;
    }
}

/* ---- from a plane to strips ----------------------------------------------------------------------------- */

/* `n_groups` groups of a strip, from output column x on. */
typedef void window_function(const struct window_strip *strip, int x, int n_groups);

/* Functions for one kind of window: for strips of 1 and of 2 rows,
 * groups of 1 to `pixels` pixels. */
struct window_kind {
    int kernel_width, stride, dilation; /* 0: any */
    bool picked;
    int pixels[WINDOW_MAX_ROWS]; /* 0: no such strips */
    window_function *functions[WINDOW_MAX_ROWS][WINDOW_PIXELS + 1];
};

/* The largest group of one row whose sums stay in registers beside a row of weights and a value. */
#define WINDOW_SINGLE_PIXELS(kernel_width) \
    (WINDOW_REGISTERS - 1 - (kernel_width) < WINDOW_PIXELS ? WINDOW_REGISTERS - 1 - (kernel_width) \
                                                           : WINDOW_PIXELS)

/* Whether the window is of this kind. The tests of window_row_shared are enough for padding of less than a kernel
 * on either side. */
INLINE bool window_fits(const struct fmap_window *window, const struct window_kind *kind, bool picked) {
    if (kind->picked != picked) return false;
    if (kind->dilation == 0) return true;
    return kind->kernel_width == window->kernel[1] && kind->stride == window->strides[1] &&
           kind->dilation == window->dilations[1] &&
           window->pads[1] <= (kind->kernel_width - 1) * kind->dilation &&
           (window->dst_width - 1) * kind->stride - window->pads[1] < window->src_size[1];
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
    strip->src = window->src + top * window->src_size[1] * FMAP_BLOCK;
    strip->dst = window->dst + y * window->dst_width * FMAP_BLOCK;
}

/* How a strip is cut into nearly equal groups: n_larger of pixels + 1, then the others. */
struct window_cut {
    int pixels, n_larger, n_others;
};

/* Of at most `most` pixels. Where planes are small, divisions would be felt. */
INLINE struct window_cut window_cut_of(int n_pixels, int most) {
    if (n_pixels <= most) return (struct window_cut){n_pixels, 0, 1};
    int n_groups = (n_pixels + most - 1) / most, pixels = n_pixels / n_groups, n_larger = n_pixels % n_groups;
    return (struct window_cut){pixels, n_larger, n_groups - n_larger};
}

INLINE void window_walk(const struct window_strip *strip, const struct window_kind *kind, int n_rows) {
    window_function *const *functions = kind->functions[n_rows - 1];
    struct window_cut cut = window_cut_of((int)strip->window->dst_width, kind->pixels[n_rows - 1]);
    if (cut.n_larger) functions[cut.pixels + 1](strip, 0, cut.n_larger);
    functions[cut.pixels](strip, cut.n_larger * (cut.pixels + 1), cut.n_others);
}

/* Output rows [first, last), in pairs that share source rows: y and y + mate. */
INLINE void window_run(struct window_strip *strip, const struct window_kind *kind, int64_t first,
                       int64_t last) {
    const struct fmap_window *window = strip->window;
    while (!window_fits(window, kind, strip->lanes != NULL)) kind++;
    bool dilated = window->dilations[0] != 1;
    int64_t mate = dilated ? window->dilations[0] : 1;
    strip->src_width = (int)window->src_size[1];
    strip->row_distance = dilated ? 1 : window->strides[0];
    strip->kernel_height = window->kernel[0];
    strip->src_row_stride = window->dilations[0] * window->src_size[1] * FMAP_BLOCK;
    strip->dst_row_stride = mate * window->dst_width * FMAP_BLOCK;
    bool pairs = kind->pixels[1] && strip->row_distance < window->kernel[0] &&
                 (!dilated || window->strides[0] == 1);
    if (!pairs) mate = 1;
    for (int64_t base = first; base < last; base += pairs ? 2 * mate : 1) {
        for (int64_t y = base; y < base + mate && y < last; y++) {
            int n_rows = pairs && y + mate < last ? 2 : 1;
            window_rows(strip, y, n_rows);
            window_walk(strip, kind, n_rows);
        }
    }
}

/* Of a kernel of multiply-adds, a function for every size of group: small enough for the compiler to find its registers, and
 * with a name in a profile. Then the table that they are found in. */
#define WINDOW_FMA_FUNCTION(rows, pixels, function, name, ...) \
    static __attribute__((noinline)) void K(function##_##name##_##rows##x##pixels)( \
        const struct window_strip *strip, int x, int n_groups) { \
        function(strip, x, n_groups, &(const struct window_shape){WINDOW_FMA, rows, pixels, __VA_ARGS__}); \
    }
#define WINDOW_FMA_FUNCTIONS(function, name, columns, ...) \
    WINDOW_SINGLES(WINDOW_FMA_FUNCTION, function, name, __VA_ARGS__) \
    WINDOW_##columns##_PAIRS(WINDOW_FMA_FUNCTION, function, name, __VA_ARGS__)

#define WINDOW_FMA_ENTRY(rows, pixels, function, name) \
    [rows - 1][pixels] = K(function##_##name##_##rows##x##pixels),
#define WINDOW_FMA_KIND(function, name, columns, width, stride, dilation, picked) \
    {width, \
     stride, \
     dilation, \
     picked, \
     {WINDOW_SINGLE_PIXELS(width), WINDOW_##columns##_PAIR_PIXELS}, \
     {WINDOW_SINGLES(WINDOW_FMA_ENTRY, function, name) \
          WINDOW_##columns##_PAIRS(WINDOW_FMA_ENTRY, function, name)}},

#endif
