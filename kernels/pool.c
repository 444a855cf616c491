/* Pooling: one row of output pixels of a block of 16 channels, and the average of a whole map. */
#include "window.h"

/* Smaller groups than depthwise convolution has: there is little to compute, so memory is the limit. */
enum { POOL_PIXELS = 7 };
#define POOL_SIZES(SIZE) SIZE(1) SIZE(2) SIZE(3) SIZE(4) SIZE(5) SIZE(6) SIZE(7)

INLINE void pool_max(const struct fmap_max_pool *job, int x, int pixels, int kernel_width, int stride) {
    const struct fmap_window *window = &job->window;
    for (int part = 0; part < PARTS; part++) {
        vf acc[POOL_PIXELS];
        UNROLL for (int p = 0; p < pixels; p++) acc[p] = v_splat(-__builtin_inff());
        window_group(acc, window, window->src, part, x, pixels, kernel_width, stride, WINDOW_MAX);
        float *dst = window->dst + (ptrdiff_t)x * FMAP_BLOCK + part * LANES;
        UNROLL for (int p = 0; p < pixels; p++) v_store(dst + p * FMAP_BLOCK, acc[p]);
    }
}

INLINE void pool_average(const struct fmap_average_pool *job, int x, int pixels, int kernel_width,
                         int stride) {
    const struct fmap_window *window = &job->window;
    for (int part = 0; part < PARTS; part++) {
        vf acc[POOL_PIXELS];
        UNROLL for (int p = 0; p < pixels; p++) acc[p] = v_splat(0.0f);
        window_group(acc, window, window->src, part, x, pixels, kernel_width, stride, WINDOW_SUM);
        float *dst = window->dst + (ptrdiff_t)x * FMAP_BLOCK + part * LANES;
        UNROLL for (int p = 0; p < pixels; p++) { /* An empty window may come with the divisor 0. */
            float divisor = job->divisors[x + p];
            v_store(dst + p * FMAP_BLOCK, v_div(acc[p], v_splat(divisor > 0.0f ? divisor : 1.0f)));
        }
    }
}

/* A function for every size of group and every common window: 2 wide at stride 2, 3 wide at 1 and 2. */
#define GROUP(op, job_type, name, pixels, kernel_width, stride) \
    static __attribute__((noinline)) void K(op##_##name##_##pixels)(const struct job_type *job, int x) { \
        op(job, x, pixels, kernel_width, stride); \
    }
#define GROUPS(op, job_type, pixels) \
    GROUP(op, job_type, 2s2, pixels, 2, 2) \
    GROUP(op, job_type, 3s1, pixels, 3, 1) \
    GROUP(op, job_type, 3s2, pixels, 3, 2) \
    GROUP(op, job_type, any, pixels, 0, 0)
#define SIZE(pixels) GROUPS(pool_max, fmap_max_pool, pixels) GROUPS(pool_average, fmap_average_pool, pixels)
POOL_SIZES(SIZE)
#undef SIZE

enum { KIND_2S2, KIND_3S1, KIND_3S2, KIND_ANY, N_KINDS };

#define ENTRIES(op, pixels) \
    [KIND_2S2][pixels] = K(op##_2s2_##pixels), [KIND_3S1][pixels] = K(op##_3s1_##pixels), \
    [KIND_3S2][pixels] = K(op##_3s2_##pixels), [KIND_ANY][pixels] = K(op##_any_##pixels),

typedef void max_function(const struct fmap_max_pool *job, int x);
static max_function *const max_groups[N_KINDS][POOL_PIXELS + 1] = {
#define SIZE(pixels) ENTRIES(pool_max, pixels)
    POOL_SIZES(SIZE)
#undef SIZE
};

typedef void average_function(const struct fmap_average_pool *job, int x);
static average_function *const average_groups[N_KINDS][POOL_PIXELS + 1] = {
#define SIZE(pixels) ENTRIES(pool_average, pixels)
    POOL_SIZES(SIZE)
#undef SIZE
};

INLINE int kind_of(const struct fmap_window *window) {
    if (window->dilation != 1) return KIND_ANY;
    if (window->kernel_width == 2 && window->stride == 2) return KIND_2S2;
    if (window->kernel_width == 3 && window->stride == 1) return KIND_3S1;
    if (window->kernel_width == 3 && window->stride == 2) return KIND_3S2;
    return KIND_ANY;
}

void K(max_pool)(const struct fmap_max_pool *job) {
    max_function *const *functions = max_groups[kind_of(&job->window)];
    for (int x = 0, n; x < job->window.n_pixels; x += n) {
        n = window_next(job->window.n_pixels - x, POOL_PIXELS);
        functions[n](job, x);
    }
}

void K(average_pool)(const struct fmap_average_pool *job) {
    average_function *const *functions = average_groups[kind_of(&job->window)];
    for (int x = 0, n; x < job->window.n_pixels; x += n) {
        n = window_next(job->window.n_pixels - x, POOL_PIXELS);
        functions[n](job, x);
    }
}

/* Four sums side by side hide the latency of addition. */
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
