/* What depthwise convolution and pooling share: walking a window over one row of output pixels.
 *
 * A group of neighbouring pixels is accumulated together. A window of known width visits every source column
 * once and gives it to all pixels that it belongs to; for each pixel the columns still come in the order of
 * the window. Columns outside of the image are skipped: a test that is predicted and costs nothing beside
 * the arithmetic. */
#ifndef FMAP_WINDOW_H
#define FMAP_WINDOW_H

#include "template.h"

enum window_op { WINDOW_FMA, WINDOW_MAX, WINDOW_SUM };

INLINE vf window_step(vf acc, vf value, vf weight, enum window_op op) {
    return op == WINDOW_FMA   ? v_fma(value, weight, acc)
           : op == WINDOW_MAX ? v_max_or_nan(acc, value)
                              : v_add(acc, value);
}

INLINE vf window_weight(const float *weights, int k, enum window_op op) {
    return op == WINDOW_FMA ? v_load(weights + k * FMAP_BLOCK) : v_splat(0.0f);
}

enum { WINDOW_MAX_KNOWN = 5 };

/* One row of the window, of constant width and stride, without dilation. `column` is where src points. */
INLINE void window_row_known(vf *acc, const float *src, const float *weights, int column, int width,
                             int pixels, int kernel_width, int stride, enum window_op op) {
    vf w[WINDOW_MAX_KNOWN];
    UNROLL for (int k = 0; k < kernel_width; k++) w[k] = window_weight(weights, k, op);
    UNROLL for (int j = 0; j < (pixels - 1) * stride + kernel_width; j++) {
        if ((unsigned)(column + j) >= (unsigned)width) continue;
        vf value = v_keep(v_load(src + j * FMAP_BLOCK));
        UNROLL for (int k = 0; k < kernel_width; k++) {
            int p = (j - k) / stride;
            if (j >= k && (j - k) % stride == 0 && p < pixels) acc[p] = window_step(acc[p], value, w[k], op);
        }
    }
}

/* The same for any window. The test would cost as much as the arithmetic, once a pixel and not a column. */
INLINE void window_row_any(vf *acc, const float *src, const float *weights, int column,
                           const struct fmap_window *window, int pixels, enum window_op op) {
    int width = window->src_width, stride = window->stride;
    ptrdiff_t step = (ptrdiff_t)stride * FMAP_BLOCK;
    ROLLED for (int k = 0; k < window->kernel_width; k++) {
        vf w = window_weight(weights, k, op);
        if (column >= 0 && column + (pixels - 1) * stride < width) {
            UNROLL for (int p = 0; p < pixels; p++)
                acc[p] = window_step(acc[p], v_load(src + p * step), w, op);
        } else {
            UNROLL for (int p = 0; p < pixels; p++) {
                if ((unsigned)(column + p * stride) >= (unsigned)width) continue;
                acc[p] = window_step(acc[p], v_load(src + p * step), w, op);
            }
        }
        column += window->dilation;
        src += (ptrdiff_t)window->dilation * FMAP_BLOCK;
    }
}

/* Accumulates `pixels` windows from output column x on, for one vector of the block's channels.
 * kernel_width 0 stands for any window. `weights` is only read by WINDOW_FMA. */
INLINE void window_group(vf *acc, const struct fmap_window *window, const float *weights, int part, int x,
                         int pixels, int kernel_width, int stride, enum window_op op) {
    int column = x * window->stride - window->pad_left;
    const float *src = window->src + (ptrdiff_t)column * FMAP_BLOCK + part * LANES;
    weights += part * LANES;
    ROLLED for (int r = 0; r < window->n_rows; r++) {
        if (kernel_width) {
            window_row_known(acc, src, weights, column, window->src_width, pixels, kernel_width, stride, op);
        } else {
            window_row_any(acc, src, weights, column, window, pixels, op);
        }
        src += window->src_row_stride;
        weights += window->kernel_width * FMAP_BLOCK;
    }
}

/* Pixels of the next group: the most, but the last two groups of a row are nearly equal. */
INLINE int window_next(int remaining, int most) {
    return remaining <= most ? remaining : remaining < 2 * most ? (remaining + 1) / 2 : most;
}

#endif
