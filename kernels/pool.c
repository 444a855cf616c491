/* Pooling of one block's plane. */
#include "window.h"

/* Planes of more bytes outgrow the caches: what a large one is read from answers too late for the processor's own fetching, which
 * begins anew with each page. */
enum { FAR_BYTES = 1 << 20 };

/* The lines that the next group reads in one of the rows, where windows do not share any and there are as many rows as parts. */
INLINE void fetch_next(const struct window_strip *strip, int row, int x, const struct window_shape *shape) {
    const float *src = strip->src + row * strip->src_row_stride;
    src += (ptrdiff_t)(x + shape->pixels) * shape->stride * FMAP_BLOCK;
    UNROLL for (int j = 0; j < shape->pixels * shape->stride; j++)
        __builtin_prefetch(src + j * FMAP_BLOCK, 0, 3);
}

INLINE void pool_max(const struct window_strip *strip, int x, int n_groups,
                     const struct window_shape *shape) {
    float *dst = strip->dst + (ptrdiff_t)x * FMAP_BLOCK;
    /* AVX2's; with whole lines as vectors it was not measured. */
    bool fetches = PARTS == 2 && shape->kernel_width == PARTS && strip->kernel_height == PARTS &&
                   shape->stride == PARTS && strip->far;
    ROLLED for (; n_groups > 0; n_groups--) {
        ROLLED for (int part = 0; part < PARTS; part++) {
            vf acc[WINDOW_MAX_ROWS][WINDOW_PIXELS];
            if (fetches) fetch_next(strip, part, x, shape);
            UNROLL for (int p = 0; p < shape->pixels; p++) acc[0][p] = v_splat(-__builtin_inff());
            window_group(acc, strip, part, x, shape);
            float *to = dst + part * LANES;
            UNROLL for (int p = 0; p < shape->pixels; p++) v_store(to + p * FMAP_BLOCK, acc[0][p]);
        }
        x += shape->pixels;
        dst += shape->pixels * FMAP_BLOCK;
    }
}

INLINE void pool_average(const struct window_strip *strip, int x, int n_groups,
                         const struct window_shape *shape) {
    const struct fmap_average_pool *job = strip->job;
    float row_count = job->row_counts[strip->row];
    float *dst = strip->dst + (ptrdiff_t)x * FMAP_BLOCK;
    ROLLED for (; n_groups > 0; n_groups--) {
        ROLLED for (int part = 0; part < PARTS; part++) {
            vf acc[WINDOW_MAX_ROWS][WINDOW_PIXELS];
            UNROLL for (int p = 0; p < shape->pixels; p++) acc[0][p] = v_splat(0.0f);
            window_group(acc, strip, part, x, shape);
            float *to = dst + part * LANES;
            UNROLL for (int p = 0; p < shape->pixels;
                        p++) { /* An empty window may come with the divisor 0. */
                float divisor = row_count * job->column_counts[x + p];
                v_store(to + p * FMAP_BLOCK, v_div(acc[0][p], v_splat(divisor > 0.0f ? divisor : 1.0f)));
            }
        }
        x += shape->pixels;
        dst += shape->pixels * FMAP_BLOCK;
    }
}

/* The windows that are common: 2 wide at stride 2, 3 wide at 1 and 2. The first that fits is taken.
 * KIND(function, op, name, kernel width, stride, dilation) */
#define KINDS(KIND, function, op) \
    KIND(function, op, 2s2, 2, 2, 1) \
    KIND(function, op, 3s1, 3, 1, 1) \
    KIND(function, op, 3s2, 3, 2, 1) \
    KIND(function, op, any, 0, 0, 0)

/* A function for every size of group. */
#define FUNCTION(rows, pixels, function, op, name, width, stride, dilation) \
    static __attribute__((noinline)) void K(function##_##name##_##pixels)(const struct window_strip *strip, \
                                                                          int x, int n_groups) { \
        function(strip, x, n_groups, \
                 &(const struct window_shape){op, rows, pixels, width, stride, dilation, false}); \
    }
#define KIND(...) WINDOW_SINGLES(FUNCTION, __VA_ARGS__)
KINDS(KIND, pool_max, WINDOW_MAX)
KINDS(KIND, pool_average, WINDOW_SUM)
#undef KIND

#define ENTRY(rows, pixels, function, name) [rows - 1][pixels] = K(function##_##name##_##pixels),
#define KIND(function, op, name, width, stride, dilation) \
    {width, stride, dilation, false, {WINDOW_PIXELS, 0}, {WINDOW_SINGLES(ENTRY, function, name)}},
static const struct window_kind max_kinds[] = {KINDS(KIND, pool_max, WINDOW_MAX)};
static const struct window_kind average_kinds[] = {KINDS(KIND, pool_average, WINDOW_SUM)};
#undef KIND

void K(max_pool)(const struct fmap_max_pool *job) {
    const struct fmap_window *window = &job->window;
    bool far = window->src_size[0] * window->src_size[1] * FMAP_BLOCK * (int64_t)sizeof(float) > FAR_BYTES;
    window_run(&(struct window_strip){.window = window, .job = job, .far = far}, max_kinds, window->first_row,
               window->first_row + window->n_rows);
}

void K(average_pool)(const struct fmap_average_pool *job) {
    window_run(&(struct window_strip){.window = &job->window, .job = job}, average_kinds,
               job->window.first_row, job->window.first_row + job->window.n_rows);
}
