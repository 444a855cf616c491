/* Depthwise convolution of one block's plane. */
#include "depthwise.h"

#include "activate.h"

INLINE void depthwise(const struct window_strip *strip, int x, int n_groups,
                      const struct window_shape *shape) {
    /* Sums that do not fit in the registers: no kind of window names such groups, so there need be no code. */
    if (shape->rows == 1 && shape->pixels > WINDOW_SINGLE_PIXELS(shape->kernel_width)) return;
    const struct fmap_depthwise *job = strip->job;
    float *dst = strip->dst + (ptrdiff_t)x * FMAP_BLOCK;
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
                UNROLL for (int p = 0; p < shape->pixels; p++) v_store(to + p * FMAP_BLOCK, acc[r][p]);
                to += strip->dst_row_stride;
            }
        }
        x += shape->pixels;
        dst += shape->pixels * FMAP_BLOCK;
    }
}

/* The windows that are common: 3, 5 and 7 wide at stride 1 and 2, and 3 wide dilated by 2 and 4. The first that
 * fits is taken.
 * KIND(function, name, columns, kernel width, stride, dilation, picked) */
#define KINDS(KIND, function) \
    KIND(function, 3s1, SHARED, 3, 1, 1, false) \
    KIND(function, 3s2, SHARED, 3, 2, 1, false) \
    KIND(function, 5s1, SHARED, 5, 1, 1, false) \
    KIND(function, 5s2, SHARED, 5, 2, 1, false) \
    KIND(function, 7s1, SHARED, 7, 1, 1, false) \
    KIND(function, 7s2, SHARED, 7, 2, 1, false) \
    KIND(function, 3d2, SHARED, 3, 1, 2, false) \
    KIND(function, 3d4, SHARED, 3, 1, 4, false) \
    KIND(function, any, APART, 0, 0, 0, false) \
    KIND(function, multiplied_3s1, SHARED, 3, 1, 1, true) \
    KIND(function, multiplied_3s2, SHARED, 3, 2, 1, true) \
    KIND(function, multiplied_any, APART, 0, 0, 0, true)

KINDS(WINDOW_FMA_FUNCTIONS, depthwise)
static const struct window_kind kinds[] = {KINDS(WINDOW_FMA_KIND, depthwise)};

/* Activations that are not a clip, over rows just stored: they are still in the first cache. */
static __attribute__((noinline)) void depthwise_activate(const struct fmap_depthwise *job, int64_t first,
                                                         int64_t last) {
    int64_t row = job->window.dst_width * FMAP_BLOCK;
    float *dst = job->window.dst + first * row;
    K(activate)(dst, dst, LANES, (last - first) * row / LANES, &job->activate);
}

void K(depthwise)(const struct fmap_depthwise *job) {
    struct window_strip strip = {
        .window = &job->window, .job = job, .weights = job->weights, .lanes = job->lanes};
    int64_t first = job->window.first_row, last = first + job->window.n_rows;
    bool follows = job->activate.kind != FMAP_ACTIVATE_NONE && job->activate.kind != FMAP_ACTIVATE_CLIP;
    int64_t band = K(depthwise_square_band)(job, follows);
    int64_t rows = band ? band : follows ? WINDOW_MAX_ROWS : last - first;
    for (int64_t end; first < last; first = end) {
        end = last - first < rows ? last : first + rows;
        if (band)
            K(depthwise_square)(job, first, end);
        else
            window_run(&strip, kinds, first, end);
        if (follows) depthwise_activate(job, first, end);
    }
}
