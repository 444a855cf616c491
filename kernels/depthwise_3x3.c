/* Depthwise convolution with windows of 3x3, at stride 1 and 2, which nearly all are.
 *
 * A function goes down the rows of some columns, and no loop goes over a window's rows: what surrounds strips and rows takes as long
 * as two thirds of the multiply-adds where maps are small. Columns and rows outside of the image are skipped by tests, as in
 * window.h, and sums are those of the same order. */
#include "depthwise.h"

enum { KERNEL_SIZE = 3, MAX_STRIDE = 2, BAND_BYTES = 32768 };

/* Pairs of rows where their sums and the weights of both fit into the registers. */
#if WINDOW_SHARED_PAIR_PIXELS
#define GROUPS(GROUP, ...) WINDOW_SHARED_PAIRS(GROUP, __VA_ARGS__)
enum { ROWS = 2, MOST_PIXELS = WINDOW_SHARED_PAIR_PIXELS };
#else
#define GROUPS(GROUP, ...) WINDOW_SINGLES(GROUP, __VA_ARGS__)
enum { ROWS = 1, MOST_PIXELS = WINDOW_PIXELS };
#endif

/* Where a strip is: src is the element of column `column` in source row `top`, which may both be outside. */
struct strip_place {
    const float *src;
    float *dst;
    int64_t top;
    int column;
};

/* Source row i of a strip, for its output rows [from, to). */
INLINE void source_row(vf acc[][WINDOW_PIXELS], const float *src, int src_width, const float *weights, int i,
                       int column, int from, int to, const struct window_shape *shape) {
    vf w[WINDOW_MAX_ROWS][WINDOW_MAX_KNOWN];
    UNROLL for (int r = from; r < to; r++) {
        UNROLL for (int k = 0; k < KERNEL_SIZE; k++)
            w[r][k] = v_load(weights + ((i - r * shape->stride) * KERNEL_SIZE + k) * FMAP_BLOCK);
    }
    window_columns(acc, src, src_width, w, (vi){0}, column, from, to, shape);
}

INLINE void strip_of_rows(const struct fmap_depthwise *job, const struct strip_place *place, int part,
                          const struct window_shape *shape) {
    const struct fmap_window *window = &job->window;
    const float *weights = job->weights + part * LANES, *src = place->src;
    vf acc[WINDOW_MAX_ROWS][WINDOW_PIXELS];
    UNROLL for (int r = 0; r < shape->rows; r++) {
        UNROLL for (int p = 0; p < shape->pixels; p++) {
            LOAD_BARRIER(); /* copies of a register would take the ports that multiply */
            acc[r][p] = v_load(job->bias + part * LANES);
        }
    }
    UNROLL for (int i = 0; i < KERNEL_SIZE + (shape->rows - 1) * shape->stride; i++) {
        BARRIER(src, weights);
        if ((uint64_t)(place->top + i) < (uint64_t)window->src_size[0]) {
            if (i < shape->stride)
                source_row(acc, src, (int)window->src_size[1], weights, i, place->column, 0, 1, shape);
            else if (i < KERNEL_SIZE)
                source_row(acc, src, (int)window->src_size[1], weights, i, place->column, 0, shape->rows,
                           shape);
            else
                source_row(acc, src, (int)window->src_size[1], weights, i, place->column, 1, shape->rows,
                           shape);
        }
        src += window->src_size[1] * FMAP_BLOCK;
    }
    depthwise_clip(acc, &job->activate, shape);
    float *dst = place->dst;
    UNROLL for (int r = 0; r < shape->rows; r++) {
        UNROLL for (int p = 0; p < shape->pixels; p++) v_store(dst + p * FMAP_BLOCK, acc[r][p]);
        dst += window->dst_width * FMAP_BLOCK;
    }
}

/* Output rows [first, last) of the columns from x on. */
INLINE void columns(const struct fmap_depthwise *job, int64_t first, int64_t last, int x, int pixels,
                    int stride) {
    const struct fmap_window *window = &job->window;
    const struct window_shape pair = {WINDOW_FMA, ROWS, pixels, KERNEL_SIZE, stride, 1, false},
                              single = {WINDOW_FMA, 1, pixels, KERNEL_SIZE, stride, 1, false};
    int64_t src_row = window->src_size[1] * FMAP_BLOCK, dst_row = window->dst_width * FMAP_BLOCK;
    struct strip_place begin = {.top = first * stride - window->pads[0],
                                .column = x * stride - (int)window->pads[1]};
    begin.src = window->src + begin.top * src_row + begin.column * FMAP_BLOCK;
    begin.dst = window->dst + first * dst_row + x * FMAP_BLOCK;
    ROLLED for (int part = 0; part < PARTS; part++) {
        struct strip_place place = begin;
        int64_t left = last - first;
        ROLLED for (; left >= ROWS; left -= ROWS) {
            strip_of_rows(job, &place, part, &pair);
            place.src += ROWS * stride * src_row;
            place.top += ROWS * stride;
            place.dst += ROWS * dst_row;
        }
        if (ROWS > 1 && left > 0) strip_of_rows(job, &place, part, &single);
        begin.src += LANES;
        begin.dst += LANES;
    }
}

typedef void columns_function(const struct fmap_depthwise *job, int64_t first, int64_t last, int x);

#define FUNCTION(rows, pixels, stride) \
    static __attribute__((noinline)) void K(depthwise3x3_s##stride##_##rows##x##pixels)( \
        const struct fmap_depthwise *job, int64_t first, int64_t last, int x) { \
        columns(job, first, last, x, pixels, stride); \
    }
GROUPS(FUNCTION, 1)
GROUPS(FUNCTION, 2)

#define ENTRY(rows, pixels, stride) [stride - 1][pixels] = K(depthwise3x3_s##stride##_##rows##x##pixels),
static columns_function *const functions[MAX_STRIDE][MOST_PIXELS + 1] = {GROUPS(ENTRY, 1) GROUPS(ENTRY, 2)};

int64_t K(depthwise_3x3_band)(const struct fmap_depthwise *job) {
    const struct fmap_window *window = &job->window;
    int64_t stride = window->strides[1], row_bytes = (stride * window->src_size[1] + window->dst_width) *
                                                     FMAP_BLOCK * (int64_t)sizeof(float);
    bool fits = !job->lanes && window->kernel[0] == KERNEL_SIZE && window->kernel[1] == KERNEL_SIZE &&
                window->dilations[0] == 1 && window->dilations[1] == 1 && stride <= MAX_STRIDE &&
                window->strides[0] == stride && window->pads[1] < KERNEL_SIZE &&
                (window->dst_width - 1) * stride - window->pads[1] < window->src_size[1];
    if (!fits) return 0;
    int64_t rows = BAND_BYTES;
    /* Whole small maps, for which a division would take long. */
    if (row_bytes * (window->n_rows + 1) > BAND_BYTES) rows = (BAND_BYTES / row_bytes) & ~(int64_t)1;
    return rows < ROWS ? ROWS : rows;
}

void K(depthwise_3x3)(const struct fmap_depthwise *job, int64_t first, int64_t last) {
    struct window_cut cut = window_cut_of((int)job->window.dst_width, MOST_PIXELS);
    columns_function *const *of_stride = functions[job->window.strides[1] - 1];
    int x = 0;
    for (; cut.n_larger > 0; cut.n_larger--, x += cut.pixels + 1)
        of_stride[cut.pixels + 1](job, first, last, x);
    for (; cut.n_others > 0; cut.n_others--, x += cut.pixels) of_stride[cut.pixels](job, first, last, x);
}
