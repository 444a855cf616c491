/* What depthwise convolution and pooling share: walking a window over one row of output pixels.
 *
 * A group of neighbouring pixels is accumulated together. A window of known width visits every source column
 * once and gives it to all pixels that it belongs to; for each pixel the columns still come in the order of
 * the window. Columns outside of the image are skipped, which costs a test per column, so groups that lie
 * inside have a body without it. */
#ifndef FMAP_WINDOW_H
#define FMAP_WINDOW_H

#include "template.h"

enum window_op { WINDOW_FMA, WINDOW_MAX, WINDOW_SUM };

INLINE vf window_step(vf acc, vf value, vf weight, enum window_op op) {
    return op == WINDOW_FMA   ? v_fma(value, weight, acc)
           : op == WINDOW_MAX ? v_max_or_nan(acc, value)
                              : v_add(acc, value);
}

/* One row of the window, of constant width and stride, without dilation. `column` is where src points. */
INLINE void window_row_known(vf *acc, const float *src, const float *weights, int column, int width,
                             int pixels, int kernel_width, int stride, int edges, enum window_op op) {
    vf w[8];
    UNROLL for (int k = 0; k < kernel_width; k++) {
        w[k] = op == WINDOW_FMA ? v_load(weights + k * FMAP_BLOCK) : v_splat(0.0f);
    }
    UNROLL for (int j = 0; j < (pixels - 1) * stride + kernel_width; j++) {
        if (edges && (unsigned)(column + j) >= (unsigned)width) continue;
        vf value = v_load(src + j * FMAP_BLOCK);
        UNROLL for (int k = 0; k < kernel_width; k++) {
            if (j >= k && (j - k) % stride == 0 && (j - k) / stride < pixels) {
                acc[(j - k) / stride] = window_step(acc[(j - k) / stride], value, w[k], op);
            }
        }
    }
}

/* The same for any window. */
INLINE void window_row_any(vf *acc, const float *src, const float *weights, int column,
                           const struct fmap_window *window, int pixels, int edges, enum window_op op) {
    int width = window->src_width, stride = window->stride;
    ptrdiff_t step = (ptrdiff_t)stride * FMAP_BLOCK;
    ROLLED for (int k = 0; k < window->kernel_width; k++) {
        vf w = op == WINDOW_FMA ? v_load(weights + k * FMAP_BLOCK) : v_splat(0.0f);
        UNROLL for (int p = 0; p < pixels; p++) {
            if (edges && (unsigned)(column + p * stride) >= (unsigned)width) continue;
            acc[p] = window_step(acc[p], v_load(src + p * step), w, op);
        }
        column += window->dilation;
        src += (ptrdiff_t)window->dilation * FMAP_BLOCK;
    }
}

INLINE void window_rows(vf *acc, const struct fmap_window *window, const float *weights, int part, int column,
                        int pixels, int kernel_width, int stride, int edges, enum window_op op) {
    const float *src = window->src + (ptrdiff_t)column * FMAP_BLOCK + part * LANES;
    weights += part * LANES;
    ROLLED for (int r = 0; r < window->n_rows; r++) {
        if (kernel_width) {
            window_row_known(acc, src, weights, column, window->src_width, pixels, kernel_width, stride,
                             edges, op);
        } else {
            window_row_any(acc, src, weights, column, window, pixels, edges, op);
        }
        src += window->src_row_stride;
        weights += window->kernel_width * FMAP_BLOCK;
    }
}

/* Accumulates `pixels` windows from output column x on, for one vector of the block's channels.
 * kernel_width 0 stands for any window. `weights` is only read (or moved) by WINDOW_FMA. */
INLINE void window_group(vf *acc, const struct fmap_window *window, const float *weights, int part, int x,
                         int pixels, int kernel_width, int stride, enum window_op op) {
    int column = x * window->stride - window->pad_left;
    int last = column + (pixels - 1) * window->stride + (window->kernel_width - 1) * window->dilation;
    if (column < 0 || last >= window->src_width) {
        window_rows(acc, window, weights, part, column, pixels, kernel_width, stride, 1, op);
    } else {
        window_rows(acc, window, weights, part, column, pixels, kernel_width, stride, 0, op);
    }
}

/* Pixels of the next group: as many as possible, and all groups of a row nearly equal. */
INLINE int window_next(int remaining) {
    int groups = (remaining + WINDOW_PIXELS - 1) / WINDOW_PIXELS;
    return (remaining + groups - 1) / groups;
}

#endif
