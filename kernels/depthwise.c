/* Depthwise convolution: one row of output pixels of a block of 16 channels. */
#include "activate.h"
#include "window.h"

INLINE void depthwise(const struct fmap_depthwise *job, int x, int pixels, int kernel_width, int stride) {
    for (int part = 0; part < PARTS; part++) {
        vf acc[WINDOW_PIXELS];
        UNROLL for (int p = 0; p < pixels; p++) acc[p] = v_load(job->bias + part * LANES);
        window_group(acc, &job->window, job->weights, part, x, pixels, kernel_width, stride, WINDOW_FMA);
        int clips = job->activate.kind == FMAP_ACTIVATE_CLIP;
        vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
        vf high = v_splat(clips ? job->activate.b : __builtin_inff());
        float *dst = job->window.dst + (ptrdiff_t)x * FMAP_BLOCK + part * LANES;
        UNROLL for (int p = 0; p < pixels; p++) {
            v_store(dst + p * FMAP_BLOCK, v_min(high, v_max(low, acc[p])));
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

/* A function for every size of group and every window of a kind that is common: 3 and 5 wide at stride 1 and
 * 2. Each is small enough for the compiler to find its registers, and has a name in a profile. */
typedef void depthwise_function(const struct fmap_depthwise *job, int x);

#define GROUP(name, pixels, kernel_width, stride) \
    static __attribute__((noinline)) void K(depthwise_##name##_##pixels)(const struct fmap_depthwise *job, \
                                                                         int x) { \
        depthwise(job, x, pixels, kernel_width, stride); \
    }
#define SIZE(pixels) \
    GROUP(3s1, pixels, 3, 1) \
    GROUP(3s2, pixels, 3, 2) \
    GROUP(5s1, pixels, 5, 1) \
    GROUP(5s2, pixels, 5, 2) \
    GROUP(any, pixels, 0, 0)
WINDOW_SIZES(SIZE)
#undef SIZE
#undef GROUP

enum { KIND_3S1, KIND_3S2, KIND_5S1, KIND_5S2, KIND_ANY, N_KINDS };

static depthwise_function *const groups[N_KINDS][WINDOW_PIXELS + 1] = {
#define SIZE(pixels) \
    [KIND_3S1][pixels] = K(depthwise_3s1_##pixels), [KIND_3S2][pixels] = K(depthwise_3s2_##pixels), \
    [KIND_5S1][pixels] = K(depthwise_5s1_##pixels), [KIND_5S2][pixels] = K(depthwise_5s2_##pixels), \
    [KIND_ANY][pixels] = K(depthwise_any_##pixels),
    WINDOW_SIZES(SIZE)
#undef SIZE
};

INLINE int kind_of(const struct fmap_window *window) {
    if (window->dilation != 1 || (window->stride != 1 && window->stride != 2)) return KIND_ANY;
    if (window->kernel_width == 3) return window->stride == 1 ? KIND_3S1 : KIND_3S2;
    if (window->kernel_width == 5) return window->stride == 1 ? KIND_5S1 : KIND_5S2;
    return KIND_ANY;
}

void K(depthwise)(const struct fmap_depthwise *job) {
    depthwise_function *const *functions = groups[kind_of(&job->window)];
    for (int x = 0, n; x < job->window.n_pixels; x += n) {
        n = window_next(job->window.n_pixels - x, WINDOW_PIXELS);
        functions[n](job, x);
    }
    if (job->activate.kind != FMAP_ACTIVATE_NONE && job->activate.kind != FMAP_ACTIVATE_CLIP) {
        depthwise_activate(job);
    }
}
