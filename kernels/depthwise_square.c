/* Depthwise convolution with windows of 3x3 and 5x5, at stride 1 and 2, which nearly all are.
 *
 * A function goes down the rows of some columns, and no loop goes over a window's rows: what surrounds strips and rows takes as long
 * as two thirds of the multiply-adds where maps are small. Columns and rows outside of the image are skipped by tests, as in
 * window.h, and sums are those of the same order. */
#include "depthwise.h"

enum { MAX_STRIDE = 2, NEAREST_BYTES = 32768 };

/* Pairs of rows where their sums and the weights of both fit into the registers, in bands that stay in the first cache. Single
 * rows leave too little time for lines that come from beyond it: what the next row of the same columns will read is fetched
 * meanwhile, and bands need only stay in the second cache, so that this next row mostly is one of theirs. To fetch the lines of the
 * output, too, for writing, is no faster. */
#if WINDOW_SHARED_PAIR_PIXELS
#define GROUPS(GROUP, ...) WINDOW_SHARED_PAIRS(GROUP, __VA_ARGS__)
#define MOST_PIXELS(size)  WINDOW_SHARED_PAIR_PIXELS
enum { ROWS = 2, BAND_BYTES = NEAREST_BYTES, FETCH = 0 };
#else
#define GROUPS(GROUP, ...) WINDOW_SINGLES(GROUP, __VA_ARGS__)
#define MOST_PIXELS(size)  WINDOW_SINGLE_PIXELS(size)
enum { ROWS = 1, BAND_BYTES = 131072, FETCH = 1 };
#endif

/* Where a strip is: src is the element of column `column` in source row `top`, which may both be outside. */
struct strip_place {
    const float *src;
    float *dst;
    int64_t top;
    int column;
};

/* A part's share of the lines that the next strip is the first to read: of `stride` rows. */
INLINE int fetched_lines(const struct window_shape *shape) {
    return FETCH ? (shape->pixels * shape->stride * shape->stride + PARTS - 1) / PARTS : 0;
}

INLINE const float *first_fetched(const struct fmap_window *window, const float *src, int part,
                                  const struct window_shape *shape) {
    ptrdiff_t row = window->src_size[1] * FMAP_BLOCK;
    ptrdiff_t share = shape->stride == 1 ? (ptrdiff_t)fetched_lines(shape) * FMAP_BLOCK : row;
    return src + shape->kernel_width * row + shape->kernel_width / 2 * FMAP_BLOCK + part * share;
}

/* Source row i of a strip, for its output rows [from, to). */
INLINE void source_row(vf acc[][WINDOW_PIXELS], const float *src, int src_width, const float *weights,
                       struct window_fetch fetch, int i, int column, int from, int to,
                       const struct window_shape *shape) {
    vf w[WINDOW_MAX_ROWS][WINDOW_MAX_KNOWN];
    UNROLL for (int r = from; r < to; r++) {
        UNROLL for (int k = 0; k < shape->kernel_width; k++)
            w[r][k] = v_load(weights + ((i - r * shape->stride) * shape->kernel_width + k) * FMAP_BLOCK);
    }
    window_columns(acc, src, src_width, w, (vi){0}, fetch, column, from, to, shape);
}

INLINE void strip_of_rows(const struct fmap_depthwise *job, const struct strip_place *place, int part,
                          const struct window_shape *shape) {
    const struct fmap_window *window = &job->window;
    const float *weights = job->weights + part * LANES, *bias = job->bias + part * LANES,
                *src = place->src + part * LANES;
    const float *fetched = FETCH ? first_fetched(window, place->src, part, shape) : NULL;
    vf acc[WINDOW_MAX_ROWS][WINDOW_PIXELS];
    UNROLL for (int r = 0; r < shape->rows; r++) {
        UNROLL for (int p = 0; p < shape->pixels; p++) {
            LOAD_BARRIER(); /* copies of a register would take the ports that multiply */
            acc[r][p] = v_load(bias);
        }
    }
    UNROLL for (int i = 0; i < shape->kernel_width + (shape->rows - 1) * shape->stride; i++) {
        /* The middle row, which is outside of hardly any image. */
        struct window_fetch fetch = {fetched, i == shape->kernel_width / 2 ? fetched_lines(shape) : 0};
        BARRIER(src, weights);
        if ((uint64_t)(place->top + i) < (uint64_t)window->src_size[0]) {
            if (i < shape->stride)
                source_row(acc, src, (int)window->src_size[1], weights, fetch, i, place->column, 0, 1, shape);
            else if (i < shape->kernel_width)
                source_row(acc, src, (int)window->src_size[1], weights, fetch, i, place->column, 0,
                           shape->rows, shape);
            else
                source_row(acc, src, (int)window->src_size[1], weights, fetch, i, place->column, 1,
                           shape->rows, shape);
        }
        src += window->src_size[1] * FMAP_BLOCK;
    }
    depthwise_clip(acc, &job->activate, shape);
    float *dst = place->dst + part * LANES;
    UNROLL for (int r = 0; r < shape->rows; r++) {
        UNROLL for (int p = 0; p < shape->pixels; p++) v_store(dst + p * FMAP_BLOCK, acc[r][p]);
        dst += window->dst_width * FMAP_BLOCK;
    }
}

/* Output rows [first, last) of the columns from x on. */
INLINE void columns(const struct fmap_depthwise *job, int64_t first, int64_t last, int x, int pixels,
                    int size, int stride) {
    if (pixels > MOST_PIXELS(size)) return; /* Which nobody asks for: there need be no code. */
    const struct fmap_window *window = &job->window;
    const struct window_shape pair = {WINDOW_FMA, ROWS, pixels, size, stride, 1, false},
                              single = {WINDOW_FMA, 1, pixels, size, stride, 1, false};
    int64_t src_row = window->src_size[1] * FMAP_BLOCK, dst_row = window->dst_width * FMAP_BLOCK;
    struct strip_place place = {.top = first * stride - window->pads[0],
                                .column = x * stride - (int)window->pads[1]};
    place.src = window->src + place.top * src_row + place.column * FMAP_BLOCK;
    place.dst = window->dst + first * dst_row + x * FMAP_BLOCK;
    int64_t left = last - first;
    /* Parts innermost: a line is read and written once, even where others use the same caches. */
    ROLLED for (; left >= ROWS; left -= ROWS) {
        ROLLED for (int part = 0; part < PARTS; part++) strip_of_rows(job, &place, part, &pair);
        place.src += ROWS * stride * src_row;
        place.top += ROWS * stride;
        place.dst += ROWS * dst_row;
    }
    if (ROWS == 1 || left == 0) return;
    ROLLED for (int part = 0; part < PARTS; part++) strip_of_rows(job, &place, part, &single);
}

typedef void columns_function(const struct fmap_depthwise *job, int64_t first, int64_t last, int x);

#define FUNCTION(rows, pixels, size, stride) \
    static __attribute__((noinline)) void K(depthwise##size##x##size##_s##stride##_##rows##x##pixels)( \
        const struct fmap_depthwise *job, int64_t first, int64_t last, int x) { \
        columns(job, first, last, x, pixels, size, stride); \
    }
GROUPS(FUNCTION, 3, 1)
GROUPS(FUNCTION, 3, 2)
GROUPS(FUNCTION, 5, 1)
GROUPS(FUNCTION, 5, 2)

#define ENTRY(rows, pixels, size, stride) \
    [size == 5][stride - 1][pixels] = K(depthwise##size##x##size##_s##stride##_##rows##x##pixels),
static columns_function *const functions[2][MAX_STRIDE][WINDOW_PIXELS + 1] = {
    GROUPS(ENTRY, 3, 1) GROUPS(ENTRY, 3, 2) GROUPS(ENTRY, 5, 1) GROUPS(ENTRY, 5, 2)};

int64_t K(depthwise_square_band)(const struct fmap_depthwise *job, bool follows) {
    const struct fmap_window *window = &job->window;
    int64_t stride = window->strides[1], size = window->kernel[1];
    int64_t row_bytes = (stride * window->src_size[1] + window->dst_width) * FMAP_BLOCK *
                        (int64_t)sizeof(float);
    bool fits = !job->lanes && (size == 3 || size == 5) && window->kernel[0] == size &&
                window->dilations[0] == 1 && window->dilations[1] == 1 && stride <= MAX_STRIDE &&
                window->strides[0] == stride && window->pads[1] < size &&
                (window->dst_width - 1) * stride - window->pads[1] < window->src_size[1];
    if (!fits) return 0;
    int64_t most = follows ? NEAREST_BYTES : BAND_BYTES, rows = most;
    /* Whole small maps, for which a division would take long. */
    if (row_bytes * (window->n_rows + 1) > most) rows = (most / row_bytes) & ~(int64_t)1;
    return rows < ROWS ? ROWS : rows;
}

void K(depthwise_square)(const struct fmap_depthwise *job, int64_t first, int64_t last) {
    const struct fmap_window *window = &job->window;
    bool large = window->kernel[1] == 5;
    columns_function *const *of_window = functions[large][window->strides[1] - 1];
    struct window_cut cut = window_cut_of((int)window->dst_width, large ? MOST_PIXELS(5) : MOST_PIXELS(3));
    int x = 0;
    for (; cut.n_larger > 0; cut.n_larger--, x += cut.pixels + 1)
        of_window[cut.pixels + 1](job, first, last, x);
    for (; cut.n_others > 0; cut.n_others--, x += cut.pixels) of_window[cut.pixels](job, first, last, x);
}
