/* The kernels: loops over numbers in memory, one table of them per instruction set.
 *
 * Layout. Activations are blocked: [n][channels / 16][h][w][16]. A block of 16 channels of one pixel is
 * one cache line whatever the instruction set. Lanes beyond the last channel hold anything: they are
 * stored, but nothing that is computed from them may reach a valid lane.
 *
 * Kernels cannot fail, allocate, or start threads. A job is const and describes the whole of the work;
 * plans guarantee its contract. Every output is one fixed chain of operations that depends neither on the
 * vector width nor on how the work was cut: all instruction sets give the same bits.
 */
#ifndef FMAP_KERNELS_H
#define FMAP_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FMAP_BLOCK = 16 };

/* ---- functions of one number, first of all activations: what happens to a value before it is stored ------------
 *
 * FUNCTION(KIND, name, about how many operations it costs): y is made of x and two parameters, a and b. How
 * exact they are is said where they are computed (exponential.h, logarithm.h, error_function.h, activate.h). */
/* clang-format off */
#define FMAP_FUNCTIONS(FUNCTION) \
    FUNCTION(NONE, copy, 16) \
    FUNCTION(CLIP, clip, 16)                /* min(max(x, a), b); ReLU is a = 0, b = infinity */ \
    FUNCTION(LEAKY, leaky_relu, 16)         /* x < 0 ? a * x : x */ \
    FUNCTION(SIGMOID, sigmoid, 80)          /* 1 / (1 + exp(-x)) */ \
    FUNCTION(TANH, tanh, 80) \
    FUNCTION(HARD_SIGMOID, hard_sigmoid, 16) /* min(max(a * x + b, 0), 1) */ \
    FUNCTION(HARD_SWISH, hard_swish, 16)    /* x * min(max(a * x + b, 0), 1) */ \
    FUNCTION(SILU, silu, 80)                /* x * (1 / (1 + exp(-x))) */ \
    FUNCTION(ELU, elu, 80)                  /* x < 0 ? a * (exp(x) - 1) : x */ \
    FUNCTION(SELU, selu, 80)                /* b * (x < 0 ? a * (exp(x) - 1) : x) */ \
    FUNCTION(CELU, celu, 80)                /* max(x, 0) + min(a * (exp(x / a) - 1), 0) */ \
    FUNCTION(GELU, gelu, 120)               /* x / 2 * (1 + erf(x / sqrt(2))) */ \
    FUNCTION(GELU_TANH, gelu_tanh, 80)      /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) */ \
    FUNCTION(MISH, mish, 80)                /* x * tanh(log(1 + exp(x))) */ \
    FUNCTION(SOFTPLUS, softplus, 150)       /* log(1 + exp(x)) */ \
    FUNCTION(SOFTSIGN, softsign, 30)        /* x / (1 + |x|) */ \
    FUNCTION(THRESHOLD, thresholded_relu, 16) /* x > a ? x : 0 */ \
    FUNCTION(NEG, neg, 16) \
    FUNCTION(ABS, abs, 16) \
    FUNCTION(SIGN, sign, 16)                /* -1, 1, or x where that is 0 */ \
    FUNCTION(FLOOR, floor, 16) \
    FUNCTION(CEIL, ceil, 16) \
    FUNCTION(ROUND, round, 16)              /* halves to the even neighbour */ \
    FUNCTION(SQRT, sqrt, 30) \
    FUNCTION(SQUARE, square, 16)            /* x * x */ \
    FUNCTION(CUBE, cube, 16)                /* x * x * x */ \
    FUNCTION(RECIPROCAL, reciprocal, 30)    /* 1 / x */ \
    FUNCTION(EXP, exp, 70) \
    FUNCTION(LOG, log, 90) \
    FUNCTION(ERF, erf, 100) \
    FUNCTION(SIN, sin, 400)                 /* from here on the C library's, one number at a time */ \
    FUNCTION(COS, cos, 400) \
    FUNCTION(TAN, tan, 400) \
    FUNCTION(ASIN, asin, 400) \
    FUNCTION(ACOS, acos, 400) \
    FUNCTION(ATAN, atan, 400) \
    FUNCTION(SINH, sinh, 400) \
    FUNCTION(COSH, cosh, 400) \
    FUNCTION(ASINH, asinh, 400) \
    FUNCTION(ACOSH, acosh, 400) \
    FUNCTION(ATANH, atanh, 400)
/* clang-format on */

enum fmap_activate {
#define FUNCTION(kind, name, cost) FMAP_ACTIVATE_##kind,
    FMAP_FUNCTIONS(FUNCTION)
#undef FUNCTION
        FMAP_N_FUNCTIONS
};

struct fmap_activate_job {
    enum fmap_activate kind;
    float a, b;
};

/* ---- the register tile --------------------------------------------------------------------------
 *
 *   dst[p][o] = activate((bias[o] + sum over blocks, positions, lanes of
 *                                   src[block][position][p][lane] * weights[block][position][lane][o])
 *                        + residual[p][o])
 *
 * for `pixels` pixels p and `vectors` vectors of output channels o: one function per size of the tile.
 * The sum is one chain of fused multiply-adds per output, in the order of the loops as written (block,
 * position, lane), beginning with the bias. A position is one element of the convolution's kernel: an
 * offset into the source, and the range of pixels for which it lies inside of the image. Direct
 * convolution has kernel height x width positions, a 1x1 convolution one, a dense layer one a pixel of
 * the map that it flattens, with "pixels" that are the images of the batch. */
struct fmap_tile_position {
    ptrdiff_t src_offset; /* elements, from `src` to this position of pixel 0 */
    int32_t index;        /* of its weights, 0 .. kernel_size - 1 */
    int16_t first, last;  /* pixels [first, last) take part; the others skip the position */
};

struct fmap_tile {
    const float *src;
    const float *weights; /* [block][kernel_size][lanes of the block][vectors * lanes of a vector], aligned */
    const float *bias;    /* [vectors * lanes of a vector], aligned */
    float *dst;
    /* Sums begin with what dst holds, those of earlier channels, instead of the bias; not in the pointwise and the planar tile. */
    bool continues;
    const float
        *residual; /* added before the activation, from where it lies as the outputs do in dst; NULL: none */
    const struct fmap_tile_position *positions;
    int n_positions;
    int kernel_size;
    int n_blocks;
    int first_lane; /* of the first block: not 0 where a group begins inside a block */
    int last_lanes; /* end of the lanes of the last block, 1 .. 16 */
    ptrdiff_t src_block_stride;
    ptrdiff_t src_pixel_stride;
    ptrdiff_t dst_pixel_stride;
    ptrdiff_t dst_offsets[4]; /* of each vector, from `dst` */
    struct fmap_activate_job activate;
    /* Of the pointwise and the planar tile: how often, and how far each time moves on. A call costs as much as some
     * channels. */
    int n_repeats;
    ptrdiff_t src_step, weights_step, dst_step;
    /* With every block of channels, in other tiles than the pointwise one with every position of it, so many lines from here on
     * are fetched into the second cache, those of a sum in any order; NULL: none. The pointwise tile does so only where it is a
     * far one, the planar tile each time that it begins. */
    const float *fetch;
    int n_fetched;
    /* Of the planar tile: elements from a pixel to what is multiplied. Up to three behind the last pixel's may be read. */
    const int32_t *terms;
    int n_terms;
    ptrdiff_t
        threes; /* from one to the next of each three terms in turn, where this is always the same; 0: it is not */
};

typedef void fmap_tile_function(const struct fmap_tile *tile);

enum { FMAP_TILE_MAX_PIXELS = 14, FMAP_TILE_MAX_VECTORS = 4 };

/* dst[i] = src[i * distance], i < n: a row of single floats out of whatever layout. */
struct fmap_gather {
    const float *src;
    float *dst;
    int n;
    ptrdiff_t distance;
};

/* dst[i] = (src[i * distance] - mean) * scale, i < n: the same of 8-bit pixels, each operation rounded. */
struct fmap_gather_pixels {
    const uint8_t *src;
    float *dst;
    int n;
    ptrdiff_t distance;
    float mean, scale;
};

/* ---- dense layers ---------------------------------------------------------------------------------
 *
 * The terms of a sum are the lanes of n_blocks whole blocks of 16, and then of n_rests blocks that end early: an image
 * as it lies in memory, a flattened map as well as a row of features. */
struct fmap_terms {
    int64_t n_blocks, n_rests;
    int rest_lanes; /* of each of the last blocks, 1 .. 15 where there are any */
};

/* Weights are floats or, for kernels with bf16 in their names, bfloat16: the upper half of a float whose lower half is 0.
 * All else is the same, the order of a sum too: the bits are those of a layer with such floats. */

/* dst[o] = activate(bias[o] + sum over terms of src[term] * weights[term][o]) of one image, as one chain of fused
 * multiply-adds per output that begins with the bias. The weights of n_vectors vectors of outputs are one stream;
 * several streams are read at once. */
struct fmap_gemv {
    const float *src;        /* [n_blocks + n_rests][16] */
    const void *weights;     /* of each stream [term][n_vectors * lanes of a vector], aligned */
    ptrdiff_t stream_stride; /* elements from one stream to the next */
    const float *bias;       /* [n_streams * n_vectors * lanes of a vector] */
    float *dst;              /* the same */
    struct fmap_terms terms;
    int n_streams, n_vectors; /* 1 .. gemv_streams, 1 .. gemv_vectors of the table */
    bool far;                 /* weights come from beyond the second cache: they are fetched ahead */
    struct fmap_activate_job activate;
};

/* The same sums for several images, called rows, or a piece of them: dst[row][o] begins with bias[o], or goes on with
 * what it holds. One function per number of rows and vectors. */
struct fmap_dense_tile {
    const float *src; /* of each row [n_blocks + n_rests][16] */
    ptrdiff_t src_row_stride;
    const void *weights; /* [term][vectors * lanes of a vector], aligned */
    const float *bias;   /* [vectors * lanes of a vector]; NULL: go on with dst */
    float *dst;
    ptrdiff_t dst_row_stride;
    struct fmap_terms terms;
    const float *prefetch; /* with every four terms four lines from here are fetched into the second cache, */
    int64_t prefetch_step; /* and it moves on by so many elements */
    struct fmap_activate_job activate;
};

typedef void fmap_dense_function(const struct fmap_dense_tile *tile);

/* dst[i] = the float of the bfloat16 src[i], i < n: weights that many tiles are going to read. */
struct fmap_widen {
    const uint16_t *src;
    float *dst;
    int64_t n; /* a multiple of the lanes of a vector */
};

/* ---- Winograd F(m x m, 3x3), m = 2, 4, 5, 6, F(2x2, 5x5), and F(m, r) of one line -------------------------
 *
 * An output of m x m pixels is a tile, made from a patch of (m + 2) x (m + 2) input pixels, of 6 x 6 for F(2x2, 5x5), whose
 * input transform is that of F(4x4, 3x3). Tiles are numbered row by
 * row. The input transform makes as many values of a patch as it has pixels, called points; the register tile
 * multiplies them with the transformed weights (one product for each of the points, tiles for pixels); the output
 * transform makes the tile. Where the kernel is one row or one column of r, so are tiles, of m pixels, and patches, of m + r - 1;
 * winograd_line<patch>_input, winograd_line<m>_<r>_output.
 *
 * Along an axis with a dilation of d, pixels that are d apart are a phase, and each of the d phases has tiles of its own. They
 * take turns: tile t is of phase t % d and begins at output t / d * d * m + t % d. Phases differ by an output at most, so that
 * the last round of tiles may be of the first phases alone. Kernels of one line have a dilation along it, of squares those that are
 * named after it; all others are 1. */
enum {
    FMAP_WINOGRAD_MAX_OUTPUT = 6,
    FMAP_WINOGRAD_MAX_PATCH = FMAP_WINOGRAD_MAX_OUTPUT + 2,
    FMAP_WINOGRAD_MAX_LINE = FMAP_WINOGRAD_MAX_OUTPUT + 6 /* a patch of one line */
};

/* Patches of one block of 16 channels: point p of the i-th tile goes to dst + p * point_stride + i * 16. What lies
 * outside of the image is zero. */
struct fmap_winograd_input {
    const float *src; /* the block's plane, [height][width][16] */
    float *dst;
    ptrdiff_t point_stride;
    int n_tiles, first_tile, tiles_per_row;
    int tile_step; /* pixels from a tile to the next: m; of one line along it, and 1 across */
    int height, width;
    int pad_top, pad_left;
    int down;         /* of one line: a column */
    int dilations[2]; /* of rows, of columns */
};

/* Tiles of one vector of output channels: activate(A^T m A + bias), cut to the image. Point p of the i-th
 * tile comes from src + p * point_stride + i * tile_stride. */
struct fmap_winograd_output {
    const float *src;
    float *dst;        /* the vector's first lane of the plane [height][width][16] */
    const float *bias; /* [lanes of a vector] */
    const float *
        residual; /* added to the sums before the activation, from where it lies as they do in dst; NULL: none.
                              Not with a pool. */
    ptrdiff_t point_stride, tile_stride;
    int n_tiles, first_tile, tiles_per_row;
    int height, width;
    int down; /* of one line: a column. Without a pool */
    /* Not 0: only the largest of every 2 x 2 outputs is kept, or their average, dst is [pooled_height][pooled_width][16];
     * m is even and the activation none or a clip. Rows and columns beyond 2 * pooled_... are dropped. */
    int pooled_height, pooled_width;
    int pools_average;
    int dilations[2]; /* as those of the input; not with a pool */
    struct fmap_activate_job activate;
};

/* ---- Winograd F(4, n) along the rows of a stem, n = 3, 4, 5 ----------------------------------------
 *
 * Four neighbouring outputs of a row are a tile, made from n + 3 columns. The planar tile multiplies each of the n + 3 points
 * with its weights; all channels, all rows of the kernel and, of a stride, all phases are one sum. */
enum { FMAP_STEM_WINOGRAD_OUTPUT = 4, FMAP_STEM_WINOGRAD_MAX_PATCH = 8, FMAP_STEM_WINOGRAD_MAX_STRIDE = 4 };

/* Points of a line of single floats: column k of tile t in phase f is src[(4 * t + k) * stride + f], point p of it goes to
 * dst + f * phase_stride + p * point_stride + t. */
struct fmap_stem_winograd_input {
    const float *src; /* 16 floats beyond the last tile's may be read */
    float *dst;
    ptrdiff_t point_stride, phase_stride;
    int n_tiles; /* a multiple of 16 */
    int stride;
};

/* A row of one vector of output channels: activate(A^T m + bias). Point p of tile t comes from src + p * point_stride + t * 16. */
struct fmap_stem_winograd_output {
    const float *src;
    float *dst;        /* [width][16] */
    const float *bias; /* [lanes of a vector] */
    ptrdiff_t point_stride;
    int width;
    struct fmap_activate_job activate;
};

/* ---- windows: depthwise convolution and pooling --------------------------------------------------
 *
 * Some rows of output pixels of one block of 16 channels. Elements of the window that lie outside of the image
 * are skipped. Sizes and steps are those of rows, then of columns; columns, with their padding, fit in an int.
 *
 *   element(y, x, r, k)[c] = src[y * strides[0] - pads[0] + r * dilations[0]]
 *                               [x * strides[1] - pads[1] + k * dilations[1]][c] */
struct fmap_window {
    const float *src;          /* [src_size[0]][src_size[1]][16]: the whole plane */
    float *dst;                /* [...][dst_width][16]: the whole plane */
    int64_t first_row, n_rows; /* of the output: those to compute */
    int64_t src_size[2];
    int64_t dst_width;
    int64_t kernel[2], strides[2], dilations[2];
    int64_t pads[2]; /* above, on the left */
};

/* dst[y][x][c] = activate(bias[c] + sum over r, k of element(y, x, r, k)[lanes[c]] * weights[r][k][c]), the sum
 * in the order r, k, beginning with the bias. */
struct fmap_depthwise {
    struct fmap_window window;
    const float *weights; /* [kernel[0]][kernel[1]][16], aligned */
    const float *bias;    /* [16], aligned */
    /* [16], ascending, at most 1 from one to the next: where the channel that an output is made from has several.
     * NULL: lanes[c] = c. */
    const int32_t *lanes;
    struct fmap_activate_job activate;
};

/* Convolution of narrow groups: one block of outputs c, each made from n_lanes channels of n_blocks source blocks
 * (src is the first one's plane, the others follow), which begin at lane lanes[c]:
 *
 *   dst[y][x][c] = activate(bias[c] + sum over blocks b, r, i, k of
 *                                     element(b, y, x, r, k)[lanes[c] + i] * weights[b][r][i][k][c])
 *
 * in the order b, r, i, k, beginning with the bias. */
struct fmap_grouped {
    struct fmap_window window;
    int n_blocks, n_lanes; /* more than one block: of 16 lanes */
    ptrdiff_t src_block_stride;
    const float *weights; /* [n_blocks][kernel[0]][n_lanes][kernel[1]][16], aligned */
    const float *bias;    /* [16], aligned */
    /* [16]: the same for m outputs in a row, m a power of two; then n_lanes more. m is at least n_lanes or 16. */
    const int32_t *lanes;
    struct fmap_activate_job activate;
};

/* Convolution to a few outputs o, from all lanes of n_blocks source blocks (src is the first one's plane):
 *
 *   dst[y][x][o] = activate(s(0) + bias[o]), where
 *   s(l) for l < 16 = sum over blocks b, r, k of element(b, y, x, r, k)[l] * weights[b][r][k][o][l]
 *
 * in the order b, r, k, beginning with 0, and then s(l) += s(l + 8) for l < 8, s(l) += s(l + 4) for l < 4, and so on.
 * Lanes beyond the outputs are not written. */
enum { FMAP_DOT_OUTPUTS = 4 };

struct fmap_dot {
    struct fmap_window window;
    int n_outputs; /* 1 .. FMAP_DOT_OUTPUTS */
    int n_blocks;
    int last_lanes; /* of the last block: its others are 0 whatever they hold */
    ptrdiff_t src_block_stride;
    const float *weights; /* [n_blocks][kernel[0]][kernel[1]][n_outputs][16], aligned */
    const float *bias;    /* [16], aligned: that of output i mod n_outputs */
    struct fmap_activate_job activate;
};

/* Whole blocks out of channels that lie side by side: dst[b * dst_block_stride + p * 16 + lane] =
 * src[p * src_pixel_stride + b * 16 + lane]. */
struct fmap_restack {
    const float *src;
    float *dst;
    int64_t n_blocks, n_pixels;
    ptrdiff_t src_pixel_stride, dst_block_stride;
};

/* Resampling along one axis of n_outputs: dst[o * unit + i] = the sum over t < taps of weights[o * taps + t] *
 * src[indices[o * taps + t] * src_stride + i], i < unit, in the order of t: a product, then a chain of v_fma. */
struct fmap_resample {
    const float *src;
    float *dst;
    const int32_t *indices;
    const float *weights;
    int taps;
    int64_t n_outputs;
    int64_t unit;
    ptrdiff_t src_stride;
};

/* dst[y][x][c] = the largest element of the window, NaN if one is NaN, -infinity for an empty window; in the
 * order r, k, as max(so far, element) with max(a, b) = a > b ? a : b. */
struct fmap_max_pool {
    struct fmap_window window;
};

/* dst[y][x][c] = (sum over the window's elements inside of the image, in the order r, k) / (row_counts[y] *
 * column_counts[x]); an empty window gives 0 whatever its divisor. */
struct fmap_average_pool {
    struct fmap_window window;
    const float *row_counts;    /* of every output row of the plane */
    const float *column_counts; /* [dst_width] */
};

/* ---- reductions and normalization --------------------------------------------------------------------
 *
 * dst[r] = the reduction of n elements src[r][i], in one order: element i belongs to chain i mod 16, and the chains
 * are combined 8, 4, 2, 1 apart. Without elements it is 0, 1 (product) or an infinity. NaN wins an extreme. */
enum fmap_reduce_op {
    FMAP_REDUCE_SUM,
    FMAP_REDUCE_ABSOLUTES,    /* the sum of |x| */
    FMAP_REDUCE_SQUARES,      /* the sum of (x - shift)^2, by fused multiply-adds */
    FMAP_REDUCE_EXPONENTIALS, /* the sum of exp(x - shift) */
    FMAP_REDUCE_PRODUCT,
    FMAP_REDUCE_MAXIMUM,
    FMAP_REDUCE_MINIMUM
};

/* stride 1: row r begins at src + r * n. Else rows lie side by side: element i of row r is src[r + i * stride], and
 * n_rows <= stride; of a block of channels stride is 16. */
struct fmap_reduce {
    const float *src;
    float *dst;
    const float *shift; /* [n_rows]; NULL: 0 */
    int64_t n, stride, n_rows;
    enum fmap_reduce_op op;
};

/* The same of maps that lie one behind the other, of the lanes of a block of channels each, and divided by the divisor:
 * dst[m][c] = the reduction of src[m][i][c] over i < n, divided by it. */
struct fmap_reduce_maps {
    const float *src; /* [n_maps][n][16] */
    float *dst;       /* [n_maps][16] */
    int64_t n, n_maps;
    float divisor;
    enum fmap_reduce_op op; /* SUM or MAXIMUM */
};

/* The channels of each pixel of a blocked image. */
struct fmap_reduce_lanes {
    const float *src; /* [n_blocks][...][16], from the first pixel on */
    float *dst;       /* [n_pixels] */
    const float *shift;
    int64_t n_pixels, n_blocks;
    int last_lanes; /* channels of the last block */
    ptrdiff_t block_stride;
    enum fmap_reduce_op op;
};

enum fmap_normalize_walk {
    FMAP_NORMALIZE_SCALARS,  /* one of each */
    FMAP_NORMALIZE_ROW,      /* one mean and scale; gamma and beta of each element */
    FMAP_NORMALIZE_ELEMENTS, /* all four of each element */
    FMAP_NORMALIZE_BLOCK     /* 16 of each that repeat; n is a multiple of 16 */
};

/* dst[i] = fma((src[i] - mean) * scale, gamma, beta), i < n. dst may be src. */
struct fmap_normalize {
    const float *src;
    float *dst;
    const float *mean, *scale, *gamma, *beta;
    int64_t n;
    enum fmap_normalize_walk walk;
};

/* dst[c] = src[c] / (bias + alpha * s(c))^beta for one block of channels c of n_pixels pixels, where s(c) is the sum of
 * src[k]^2 over k from c - before to c + after, in that order, as far as there are such channels. */
enum { FMAP_LRN_MAX_SIZE = 33 };
struct fmap_lrn {
    const float *src; /* [n_blocks][...][16], from the first pixel on */
    float *dst;       /* of the block, from the first pixel on */
    int64_t n_pixels, n_blocks, block;
    int last_lanes;
    ptrdiff_t block_stride;
    int before, after; /* at most 16 */
    float alpha, beta, bias;
};

/* ---- element-wise -------------------------------------------------------------------------------- */

/* dst[i] = activate(src[i]), i < n. dst may be src. */
struct fmap_unary {
    const float *src;
    float *dst;
    int64_t n;
    struct fmap_activate_job activate;
};

enum fmap_binary_op {
    FMAP_BINARY_ADD,
    FMAP_BINARY_MUL,
    FMAP_BINARY_SUB,
    FMAP_BINARY_DIV,
    FMAP_BINARY_MIN, /* NaN when either is */
    FMAP_BINARY_MAX,
    FMAP_BINARY_PRELU, /* x < 0 ? x * y : x */
    FMAP_BINARY_POW,   /* this and the next are the C library's, one number at a time */
    FMAP_BINARY_MOD,   /* the remainder of a division towards 0 */
    FMAP_N_BINARY_OPS
};

/* How the second operand is walked. */
enum fmap_binary_walk {
    FMAP_WALK_SAME,   /* b[i] */
    FMAP_WALK_SCALAR, /* b[0] */
    FMAP_WALK_BLOCK   /* b[i mod 16]: one value a channel of a blocked tensor */
};

/* dst[i] = activate(a[i] op b[...]), i < n, or activate(b[...] op a[i]) when swapped. dst may be a or, with
 * FMAP_WALK_SAME, b. */
struct fmap_binary {
    const float *a;
    const float *b;
    float *dst;
    int64_t n;
    enum fmap_binary_op op;
    bool swapped;
    enum fmap_binary_walk walk;
    struct fmap_activate_job activate;
};

/* dst[i] = activate(fma(src[i], scale[i mod 16], shift[i mod 16])): BatchNormalization of a block. dst may be src. */
struct fmap_affine {
    const float *src;
    float *dst;
    const float *scale; /* [16], aligned */
    const float *shift; /* [16], aligned */
    int64_t n;          /* a multiple of 16 */
    struct fmap_activate_job activate;
};

/* Softmax over `n` elements that lie `stride` elements apart, for `n_rows` rows that begin at src + r:
 * dst[r + i * stride] = exp(src[r + i * stride] - max) * (1 / sum). stride == 1 needs n_rows == 1 (a row of its
 * own); with stride > 1, n_rows <= stride and rows lie side by side. dst may be src. The sum is one chain
 * over i for stride > 1, and 16 chains over i mod 16, added pairwise (8, 4, 2, 1 apart), for stride == 1. */
struct fmap_softmax {
    const float *src;
    float *dst;
    int64_t n;
    int64_t stride;
    int64_t n_rows;
};

/* Counter-based random numbers: Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3,
 * SC 2011). Element i uses word i mod 4 of the counter {low and high of i / 4, low and high of step} under
 * the key {low of key, high of key}; it is dropped when the word is below `threshold` = rate * 2^32.
 * mask[i - first] = 0 or 1 for i in [first, first + n). */
struct fmap_dropout_mask {
    float *mask;
    uint64_t key;
    uint64_t step;
    uint64_t first;
    int64_t n;
    uint64_t threshold; /* 0 .. 2^32 */
};

/* ---- layouts ------------------------------------------------------------------------------------- */

/* Between a caller's image and a blocked one, for one block of up to 16 channels and a run of pixels:
 * blocked[p][lane] <-> plain[lane * channel_stride + p * pixel_stride], p < n_pixels, lane < n_lanes.
 * To blocked, lanes from n_lanes on are set to 0. */
struct fmap_reorder {
    float *blocked;
    float *plain;
    int64_t n_pixels;
    int n_lanes;
    ptrdiff_t channel_stride;
    ptrdiff_t pixel_stride;
};

/* Per-lane statistics of n_pixels pixels `pixel_stride` apart, n_lanes <= 16 lanes, one chain per lane in
 * the order of the pixels: minimum and maximum (NaN left out), sum, sum of squares about `shift`
 * (the lane's first element), number of zeros. */
struct fmap_lane_statistics {
    double sum[16];
    double sum_of_squares[16];
    double zeros[16];
    float shift[16];
    float minimum[16];
    float maximum[16];
};

struct fmap_statistics_job {
    const float *src;
    struct fmap_lane_statistics *result;
    int64_t n_pixels;
    ptrdiff_t pixel_stride;
    int n_lanes;
};

/* ---- the machine's limit --------------------------------------------------------------------------- */

/* `iterations` rounds of independent multiply-adds; *flops is how many operations they were, *result keeps the
 * compiler from leaving them out. What every other kernel is measured against. */
struct fmap_peak {
    int64_t iterations;
    float *result;
    double *flops;
};

/* Reads `iterations` times four streams, the s-th from src + s * stream_stride, and adds up what it finds: at each
 * of n_steps steps two vectors from each stream, which then moves on by `step` floats. *result, the sum of the first
 * lanes, keeps the compiler from leaving it out. Four separate streams have step = 2 * lanes; four that take turns in
 * one piece of memory have stream_stride = 2 * lanes and step = 8 * lanes. src is aligned to 64. */
struct fmap_bandwidth {
    const float *src;
    ptrdiff_t stream_stride;
    ptrdiff_t step;
    int64_t n_steps;
    int64_t iterations;
    float *result;
};

/* ---- the table ----------------------------------------------------------------------------------- */

struct fmap_kernels {
    const char *isa; /* "avx512", ... */
    int lanes;       /* floats of a vector: 1, 4, 8 or 16 */
    /* Largest tile for each number of vectors, in pixels; 0: no such tile. Every smaller one exists. */
    int tile_pixels[FMAP_TILE_MAX_VECTORS + 1];
    int planar_pixels[FMAP_TILE_MAX_VECTORS + 1]; /* the same of the planar tile */
    bool fetches_far_weights; /* whether pointwise layers take pointwise_far before any trial */
    /* [0]: for any distance between the source's pixels; [1] and [2]: for 16 and 32 elements, faster. */
    fmap_tile_function *tile[3][FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    /* The same, faster, for one position of index 0 at offset 0 that all pixels take part in, a kernel of size 1, a
     * first lane of 0 and a distance of 16 between the source's pixels. */
    fmap_tile_function *pointwise[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    /* The same for weights that come from the third cache or from memory: it fetches them ahead. */
    fmap_tile_function *pointwise_far[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    /*   dst[p][o] = activate(bias[o] + sum over terms t of src[p + terms[t]] * weights[t][o])
     * in the order of the terms. */
    fmap_tile_function *planar[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    fmap_dense_function
        *dense[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1]; /* where there is a tile */
    fmap_dense_function *dense_bf16[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    int gemv_streams, gemv_vectors; /* most of one call of gemv */
#define KERNEL(name, job) void (*name)(const struct job *);
#include "kernels.inc"
#undef KERNEL
};

/* isas.inc makes one table per instruction set. */
#define ISA(name, suffix, supported) extern const struct fmap_kernels fmap_kernels_##name;
#include "isas.inc"
#undef ISA

/* Number of instruction sets built in, and the i-th's kernels, best first; NULL when this processor or
 * operating system cannot run them. */
int fmap_kernels_count(void);
const struct fmap_kernels *fmap_kernels_at(int i);

#endif
