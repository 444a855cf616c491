/* Depthwise convolution: one row of output pixels of a block of 16 channels. */
#include "activate.h"
#include "window.h"

INLINE void depthwise_group(const struct fmap_depthwise *job, int x, int pixels, int kernel_width,
                            int stride) {
    int clips = job->activate.kind == FMAP_ACTIVATE_CLIP;
    vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
    vf high = v_splat(clips ? job->activate.b : __builtin_inff());
    for (int part = 0; part < PARTS; part++) {
        vf acc[WINDOW_PIXELS];
        UNROLL for (int p = 0; p < pixels; p++) acc[p] = v_load(job->bias + part * LANES);
        window_group(acc, &job->window, job->weights, part, x, pixels, kernel_width, stride, WINDOW_FMA);
        float *dst = job->window.dst + (ptrdiff_t)x * FMAP_BLOCK + part * LANES;
        UNROLL for (int p = 0; p < pixels; p++)
            v_store(dst + p * FMAP_BLOCK, v_min(high, v_max(low, acc[p])));
    }
}

INLINE void depthwise_row(const struct fmap_depthwise *job, int kernel_width, int stride) {
    for (int x = 0, n; x < job->window.n_pixels; x += n) {
        n = window_next(job->window.n_pixels - x);
        switch (n) {
#define SIZE(pixels) \
    case pixels: depthwise_group(job, x, pixels, kernel_width, stride); break;
            WINDOW_SIZES(SIZE)
#undef SIZE
        }
    }
}

/* Activations that are not a clip, over the row just stored: it is still in the first cache. */
static __attribute__((noinline)) void depthwise_activate(const struct fmap_depthwise *job) {
    float *dst = job->window.dst;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)job->window.n_pixels * FMAP_BLOCK; i += LANES) {
        v_store(dst + i, v_activate(v_load(dst + i), &job->activate));
    }
}

void K(depthwise)(const struct fmap_depthwise *job) {
    const struct fmap_window *window = &job->window;
    int known = window->dilation == 1 && (window->stride == 1 || window->stride == 2);
    if (known && window->kernel_width == 3) {
        if (window->stride == 1)
            depthwise_row(job, 3, 1);
        else
            depthwise_row(job, 3, 2);
    } else {
        depthwise_row(job, 0, 0);
    }
    if (job->activate.kind != FMAP_ACTIVATE_NONE && job->activate.kind != FMAP_ACTIVATE_CLIP) {
        depthwise_activate(job);
    }
}
