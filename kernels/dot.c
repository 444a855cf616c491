/* Convolution to a few outputs: a register tile would use as many of its lanes as there are outputs. Here a vector
 * holds channels, and a sum is 16 partial sums, one a lane, that are added up at the end. */
#include <stdbool.h>

#include "activate.h"

enum { DOT_SUMS = 16, DOT_ROWS = (DOT_SUMS + LANES - 1) / LANES };

/* Where a tile of pixels is, for one vector of the lanes. */
struct dot_place {
    const float *src; /* its first pixel's window in the first block, perhaps outside of the image */
    const float *weights;
    int64_t column;         /* of src */
    int64_t first, end;     /* rows of the kernel that are inside of the image */
    ptrdiff_t row, element; /* from one of the kernel's to the next */
};

/* Blocks [b, end) where every pixel of every position is inside: nothing but pointers that move on. */
INLINE void dot_inside(vf *acc, const struct fmap_dot *job, const struct dot_place *place, int b, int end,
                       ptrdiff_t step, int pixels, int outputs) {
    ptrdiff_t row_weights = job->window.kernel[1] * outputs * FMAP_BLOCK;
    ROLLED for (; b < end; b++) {
        const float *block = place->src + b * job->src_block_stride + place->first * place->row;
        const float *weights = place->weights + (b * job->window.kernel[0] + place->first) * row_weights;
        ROLLED for (int64_t r = place->first; r < place->end; r++, block += place->row) {
            const float *src = block;
            ROLLED for (int64_t k = job->window.kernel[1]; k > 0; k--, src += place->element) {
                const float *pixel = src;
                vf w[FMAP_DOT_OUTPUTS];
                UNROLL for (int o = 0; o < outputs; o++) w[o] = v_load(weights + o * FMAP_BLOCK);
                UNROLL for (int p = 0; p < pixels; p++) {
                    vf value = v_keep(v_load(pixel));
                    UNROLL for (int o = 0; o < outputs; o++) v_accumulate(&acc[p * outputs + o], value, w[o]);
                    pixel += step;
                    if (step != FMAP_BLOCK) BARRIER(pixel, weights); /* No pointer for every pixel. */
                }
                weights += outputs * FMAP_BLOCK;
            }
        }
    }
}

/* Blocks [b, end) with borders, and `lanes` lanes. */
INLINE void dot_border(vf *acc, const struct fmap_dot *job, const struct dot_place *place, int b, int end,
                       int lanes, int pixels, int outputs) {
    const struct fmap_window *window = &job->window;
    int64_t stride = window->strides[1];
    ROLLED for (; b < end; b++) {
        ROLLED for (int64_t r = place->first; r < place->end; r++) {
            ROLLED for (int64_t k = 0; k < window->kernel[1]; k++) {
                const float *src = place->src + b * job->src_block_stride + r * place->row +
                                   k * place->element;
                const float *weights = place->weights +
                                       ((b * window->kernel[0] + r) * window->kernel[1] + k) * outputs *
                                           FMAP_BLOCK;
                int64_t column = place->column + k * window->dilations[1];
                UNROLL for (int p = 0; p < pixels; p++) {
                    if ((uint64_t)column < (uint64_t)window->src_size[1]) {
                        vf value = v_load_first(src, lanes);
                        UNROLL for (int o = 0; o < outputs; o++)
                            v_accumulate(&acc[p * outputs + o], value, v_load(weights + o * FMAP_BLOCK));
                    }
                    column += stride;
                    src += stride * FMAP_BLOCK;
                    BARRIER(src, column);
                }
            }
        }
    }
}

/* One vector of partial sums of every output of `pixels` pixels. */
INLINE void dot_sum(vf *acc, const struct fmap_dot *job, int64_t y, int64_t x, int part, int pixels,
                    int outputs) {
    const struct fmap_window *window = &job->window;
    int64_t top = y * window->strides[0] - window->pads[0], left = x * window->strides[1] - window->pads[1];
    int64_t width = window->src_size[1], height = window->src_size[0];
    struct dot_place place = {.src = window->src + (top * width + left) * FMAP_BLOCK + part * LANES,
                              .weights = job->weights + part * LANES,
                              .column = left,
                              .end = window->kernel[0],
                              .row = window->dilations[0] * width * FMAP_BLOCK,
                              .element = window->dilations[1] * FMAP_BLOCK};
    while (place.first < place.end && top + place.first * window->dilations[0] < 0) place.first++;
    while (place.end > place.first && top + (place.end - 1) * window->dilations[0] >= height) place.end--;
    int64_t right = left + (window->kernel[1] - 1) * window->dilations[1] + (pixels - 1) * window->strides[1];
    int n_whole = job->n_blocks - (job->last_lanes < FMAP_BLOCK), rest = job->last_lanes - part * LANES;
    UNROLL for (int i = 0; i < pixels * outputs; i++) acc[i] = v_splat(0.0f);
    if (left < 0 || right >= width) {
        dot_border(acc, job, &place, 0, n_whole, LANES, pixels, outputs);
    } else if (window->strides[1] == 1) {
        dot_inside(acc, job, &place, 0, n_whole, FMAP_BLOCK, pixels, outputs);
    } else {
        dot_inside(acc, job, &place, 0, n_whole, window->strides[1] * FMAP_BLOCK, pixels, outputs);
    }
    if (rest > LANES) rest = LANES;
    if (n_whole < job->n_blocks && rest > 0)
        dot_border(acc, job, &place, n_whole, job->n_blocks, rest, pixels, outputs);
}

/* Over outputs just stored. */
static __attribute__((noinline)) void dot_activate(const struct fmap_dot *job, float *dst, int pixels,
                                                   int outputs) {
    float sums[DOT_ROWS * LANES] = {0};
    int n = pixels * outputs;
    for (int i = 0; i < n; i++) sums[i] = dst[i / outputs * FMAP_BLOCK + i % outputs];
    K(activate)(sums, sums, LANES, (n + LANES - 1) / LANES, &job->activate);
    for (int i = 0; i < n; i++) dst[i / outputs * FMAP_BLOCK + i % outputs] = sums[i];
}

/* Outputs of pixels [x, x + pixels) of row y. */
INLINE void dot(const struct fmap_dot *job, int64_t y, int64_t x, int pixels, int outputs) {
    float partial[FMAP_BLOCK][DOT_ROWS * LANES], sums[DOT_ROWS * LANES];
    int n = pixels * outputs, rows = (n + LANES - 1) / LANES;
    ROLLED for (int part = 0; part < PARTS; part++) {
        vf acc[DOT_ROWS * LANES];
        dot_sum(acc, job, y, x, part, pixels, outputs);
        UNROLL for (int i = n; i < rows * LANES; i++) acc[i] = v_splat(0.0f);
        UNROLL for (int row = 0; row < rows; row++) {
            v_transpose(acc + row * LANES);
            UNROLL for (int l = 0; l < LANES; l++)
                v_store(partial[part * LANES + l] + row * LANES, acc[row * LANES + l]);
        }
    }
    UNROLL for (int row = 0; row < rows; row++) {
        vf lane[FMAP_BLOCK];
        UNROLL for (int l = 0; l < FMAP_BLOCK; l++) lane[l] = v_load(partial[l] + row * LANES);
        UNROLL for (int half = FMAP_BLOCK / 2; half > 0; half /= 2) {
            UNROLL for (int l = 0; l < half; l++) lane[l] = v_add(lane[l], lane[l + half]);
        }
        vf sum = v_add(lane[0], v_load(job->bias + row * LANES));
        v_store(sums + row * LANES, sum);
    }
    float *dst = job->window.dst + (y * job->window.dst_width + x) * FMAP_BLOCK;
    UNROLL for (int p = 0; p < pixels; p++) {
        UNROLL for (int o = 0; o < outputs; o++) dst[p * FMAP_BLOCK + o] = sums[p * outputs + o];
    }
    if (job->activate.kind != FMAP_ACTIVATE_NONE) dot_activate(job, dst, pixels, outputs);
}

/* A function for each number of outputs and some numbers of pixels, the largest first: as many sums as there are
 * registers to keep them in. */
/* clang-format off */
#if LANES == 16
#define SIZES(SIZE) \
    SIZE(16, 1) SIZE(8, 1) SIZE(4, 1) SIZE(1, 1) SIZE(8, 2) SIZE(4, 2) SIZE(1, 2) \
    SIZE(5, 3) SIZE(1, 3) SIZE(4, 4) SIZE(1, 4)
#else
#define SIZES(SIZE) \
    SIZE(8, 1) SIZE(4, 1) SIZE(1, 1) SIZE(4, 2) SIZE(1, 2) SIZE(4, 3) SIZE(1, 3) SIZE(2, 4) SIZE(1, 4)
#endif
/* clang-format on */

typedef void dot_function(const struct fmap_dot *job, int64_t y, int64_t x);

#define SIZE(pixels, outputs) \
    static __attribute__((noinline)) void K(dot_##pixels##x##outputs)(const struct fmap_dot *job, int64_t y, \
                                                                      int64_t x) { \
        dot(job, y, x, pixels, outputs); \
    }
SIZES(SIZE)
#undef SIZE

static const struct dot_size {
    int pixels, outputs;
    dot_function *function;
} sizes[] = {
#define SIZE(pixels, outputs) {pixels, outputs, K(dot_##pixels##x##outputs)},
    SIZES(SIZE)
#undef SIZE
};

/* A row's last pixels are computed together with some that are done already: the same numbers again. */
void K(dot)(const struct fmap_dot *job) {
    int64_t width = job->window.dst_width, end = job->window.first_row + job->window.n_rows;
    const struct dot_size *size = sizes;
    while (size->outputs != job->n_outputs || size->pixels > width) size++;
    for (int64_t y = job->window.first_row; y < end; y++) {
        for (int64_t x = 0; x < width; x += size->pixels) {
            size->function(job, y, x + size->pixels <= width ? x : width - size->pixels);
        }
    }
}
