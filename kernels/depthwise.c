/* Depthwise convolution of one block's plane. */
#include "activate.h"
#include "window.h"

/* Minima and maxima keep the units busy that multiply: there are only as many as are needed. */
INLINE void depthwise_clip(vf acc[][WINDOW_PIXELS], const struct fmap_activate_job *activate,
                           const struct window_shape *shape) {
    if (activate->kind != FMAP_ACTIVATE_CLIP) return;
    vf low = v_splat(activate->a), high = v_splat(activate->b);
    UNROLL for (int r = 0; r < shape->rows; r++) {
        UNROLL for (int p = 0; p < shape->pixels; p++) acc[r][p] = v_max(low, acc[r][p]);
    }
    if (activate->b == __builtin_inff()) return;
    UNROLL for (int r = 0; r < shape->rows; r++) {
        UNROLL for (int p = 0; p < shape->pixels; p++) acc[r][p] = v_min(high, acc[r][p]);
    }
}

INLINE void depthwise(const struct window_strip *strip, int x, int n_groups,
                      const struct window_shape *shape) {
    const struct fmap_depthwise *job = strip->job;
    ptrdiff_t step = shape->dilated ? strip->pixel_stride : FMAP_BLOCK;
    float *dst = strip->dst + x * step;
    ROLLED for (; n_groups > 0; n_groups--) {
        ROLLED for (int part = 0; part < PARTS; part++) {
            vf acc[WINDOW_MAX_ROWS][WINDOW_PIXELS];
            UNROLL for (int r = 0; r < shape->rows; r++) {
                UNROLL for (int p = 0; p < shape->pixels; p++) acc[r][p] = v_load(job->bias + part * LANES);
            }
            window_group(acc, strip, part, x, shape);
            depthwise_clip(acc, &job->activate, shape);
            float *to = dst + part * LANES;
            UNROLL for (int r = 0; r < shape->rows; r++) {
                UNROLL for (int p = 0; p < shape->pixels; p++) v_store(to + p * step, acc[r][p]);
                to += strip->dst_row_stride;
            }
        }
        x += shape->pixels;
        dst += shape->pixels * step;
    }
}

/* The windows that are common: 3, 5 and 7 wide at stride 1 and 2, dilated, and of several outputs a channel. The
 * first that fits is taken.
 * KIND(name, groups, kernel width, stride, dilated, picked) */
#define KINDS(KIND) \
    KIND(3s1, BOTH, 3, 1, false, false) \
    KIND(3s2, BOTH, 3, 2, false, false) \
    KIND(5s1, BOTH, 5, 1, false, false) \
    KIND(5s2, BOTH, 5, 2, false, false) \
    KIND(7s1, BOTH, 7, 1, false, false) \
    KIND(7s2, BOTH, 7, 2, false, false) \
    KIND(3d, BOTH, 3, 1, true, false) \
    KIND(5d, BOTH, 5, 1, true, false) \
    KIND(any, WINDOW_SINGLES, 0, 0, false, false) \
    KIND(multiplied_3s1, BOTH, 3, 1, false, true) \
    KIND(multiplied_3s2, BOTH, 3, 2, false, true) \
    KIND(multiplied_any, WINDOW_SINGLES, 0, 0, false, true)

#define BOTH(GROUP, ...) WINDOW_SINGLES(GROUP, __VA_ARGS__) WINDOW_PAIRS(GROUP, __VA_ARGS__)

/* A function for every size of group: small enough for the compiler to find its registers, and with a name in a
 * profile. */
#define FUNCTION(rows, pixels, name, ...) \
    static __attribute__((noinline)) void K(depthwise_##name##_##rows##x##pixels)( \
        const struct window_strip *strip, int x, int n_groups) { \
        depthwise(strip, x, n_groups, &(const struct window_shape){WINDOW_FMA, rows, pixels, __VA_ARGS__}); \
    }
#define KIND(name, groups, ...) groups(FUNCTION, name, __VA_ARGS__)
KINDS(KIND)
#undef KIND

#define ENTRY(rows, pixels, name) [rows - 1][pixels] = K(depthwise_##name##_##rows##x##pixels),
#define KIND(name, groups, ...)   {__VA_ARGS__, {groups(ENTRY, name)}},
static const struct window_kind kinds[] = {KINDS(KIND)};
#undef KIND

/* Activations that are not a clip, over rows just stored: they are still in the first cache. */
static __attribute__((noinline)) void depthwise_activate(const struct fmap_depthwise *job, int64_t first,
                                                         int64_t last) {
    int64_t row = job->window.dst_width * FMAP_BLOCK;
    for (int64_t i = first * row; i < last * row; i += LANES) {
        v_store(job->window.dst + i, v_activate(v_load(job->window.dst + i), &job->activate));
    }
}

void K(depthwise)(const struct fmap_depthwise *job) {
    struct window_strip strip = {
        .window = &job->window, .job = job, .weights = job->weights, .lanes = job->lanes};
    int64_t first = job->window.first_row, last = first + job->window.n_rows;
    if (job->activate.kind == FMAP_ACTIVATE_NONE || job->activate.kind == FMAP_ACTIVATE_CLIP) {
        window_run(&strip, kinds, first, last);
        return;
    }
    for (int64_t end; first < last; first = end) {
        end = last - first < WINDOW_MAX_ROWS ? last : first + WINDOW_MAX_ROWS;
        window_run(&strip, kinds, first, end);
        depthwise_activate(job, first, end);
    }
}
