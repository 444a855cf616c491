/* Pooling: one row of output pixels of a block of 16 channels, and the average of a whole map. */
#include "window.h"

INLINE void pool_group(const struct fmap_window *window, const float *divisors, int x, int pixels,
                       int kernel_width, int stride, enum window_op op) {
    for (int part = 0; part < PARTS; part++) {
        vf acc[WINDOW_PIXELS];
        UNROLL for (int p = 0; p < pixels; p++) acc[p] = v_splat(op == WINDOW_MAX ? -__builtin_inff() : 0.0f);
        window_group(acc, window, window->src, part, x, pixels, kernel_width, stride, op);
        float *dst = window->dst + (ptrdiff_t)x * FMAP_BLOCK + part * LANES;
        UNROLL for (int p = 0; p < pixels; p++) {
            if (op == WINDOW_SUM) { /* An empty window may come with the divisor 0. */
                float divisor = divisors[x + p];
                acc[p] = v_div(acc[p], v_splat(divisor > 0.0f ? divisor : 1.0f));
            }
            v_store(dst + p * FMAP_BLOCK, acc[p]);
        }
    }
}

INLINE void pool_row(const struct fmap_window *window, const float *divisors, int kernel_width, int stride,
                     enum window_op op) {
    for (int x = 0, n; x < window->n_pixels; x += n) {
        n = window_next(window->n_pixels - x);
        switch (n) {
#define SIZE(pixels) \
    case pixels: pool_group(window, divisors, x, pixels, kernel_width, stride, op); break;
            WINDOW_SIZES(SIZE)
#undef SIZE
        }
    }
}

INLINE void pool(const struct fmap_window *window, const float *divisors, enum window_op op) {
    if (window->kernel_width == 2 && window->stride == 2 && window->dilation == 1) {
        pool_row(window, divisors, 2, 2, op);
    } else if (window->kernel_width == 3 && window->stride == 2 && window->dilation == 1) {
        pool_row(window, divisors, 3, 2, op);
    } else {
        pool_row(window, divisors, 0, 0, op);
    }
}

void K(max_pool)(const struct fmap_max_pool *job) { pool(&job->window, NULL, WINDOW_MAX); }

void K(average_pool)(const struct fmap_average_pool *job) { pool(&job->window, job->divisors, WINDOW_SUM); }

void K(global_average)(const struct fmap_global_average *job) {
    for (int part = 0; part < PARTS; part++) {
        const float *src = job->src + part * LANES;
        vf sums[4];
        UNROLL for (int j = 0; j < 4; j++) sums[j] = v_splat(0.0f);
        int64_t i = 0;
        for (; i + 4 <= job->n_pixels; i += 4, src += 4 * FMAP_BLOCK) {
            UNROLL for (int j = 0; j < 4; j++) sums[j] = v_add(sums[j], v_load(src + j * FMAP_BLOCK));
        }
        UNROLL for (int j = 0; j < 3; j++) {
            if (i + j < job->n_pixels) sums[j] = v_add(sums[j], v_load(src + j * FMAP_BLOCK));
        }
        vf sum = v_add(v_add(sums[0], sums[1]), v_add(sums[2], sums[3]));
        v_store(job->dst + part * LANES, v_div(sum, v_splat((float)job->n_pixels)));
    }
}
