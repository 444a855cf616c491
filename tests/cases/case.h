/* One kernel at one shape: its memory, its jobs, and what it should compute. Tests walk through shapes of
 * their own; benchmarks time the shapes of `kernel_case_lists`, so that nothing is timed that is not verified.
 *
 *     struct kernel_case *c = depthwise_case(&shape);
 *     bool holds = kernel_case_holds(c);                         a test: every instruction set, or
 *     kernel_case_prepare(c, kernels);                           a benchmark: once,
 *     kernel_case_run(c, kernels);                               many times,
 *     bool right = kernel_case_agrees(c, kernels->isa);          and at the end
 *     kernel_case_destroy(c);
 */
#ifndef TESTS_CASES_CASE_H
#define TESTS_CASES_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/kernels.h"
#include "tests/check.h"

struct kernel_case {
    char name[96];
    double flops, bytes; /* of one run: multiplications and additions; memory read and written */

    void (*run)(const struct kernel_case *self, const struct fmap_kernels *kernels);
    /* What depends on the instruction set (packed weights); NULL: nothing. */
    void (*prepare)(struct kernel_case *self, const struct fmap_kernels *kernels);
    /* When the result is not floats to compare with `expected`: demands exact agreement. NULL: it is floats. */
    bool (*agrees)(const struct kernel_case *self, const char *isa);

    void (*destroy)(struct kernel_case *self); /* what `jobs` points to; NULL: nothing */

    void *jobs; /* run() knows what they are */
    int n_jobs;
    struct check_fenced sources[5];
    int n_sources;
    struct check_fenced dst;
    bool in_place;             /* every run begins with a copy of sources[0] in dst */
    double *expected, *bounds; /* [dst.n]: of the oracle */
};

/* Clears dst, or with in_place copies the source there. */
void kernel_case_prepare(struct kernel_case *c, const struct fmap_kernels *kernels);
void kernel_case_run(const struct kernel_case *c, const struct fmap_kernels *kernels);
bool kernel_case_agrees(const struct kernel_case *c, const char *isa);
void kernel_case_destroy(struct kernel_case *c);

/* Whether every instruction set of this machine agrees with the oracle and has the bits of scalar, and writes
 * nowhere else. Says on stderr which are skipped, once a program, and what went wrong. */
bool kernel_case_holds(struct kernel_case *c);
bool kernel_case_holds_and_destroy(struct kernel_case *c);

/* ---- shapes ------------------------------------------------------------------------------------------ */

/* What the numbers look like. */
enum case_fill {
    CASE_FILL_UNIFORM, /* in [-1, 1) */
    CASE_FILL_SPECIAL  /* the same with NaN, infinities, zeros and denormals in between */
};

/* `pixels` pixels of vectors * 16 output channels, by calls of the register tile of pixels x vectors, or the
 * nearest that the instruction set has. */
struct tile_shape {
    int pixels, vectors;
    int n_blocks, first_lane, last_lanes;
    int n_positions, kernel_size; /* positions take the weights of kernel_size - 1, kernel_size - 2, ... */
    ptrdiff_t src_pixel_stride;
    ptrdiff_t dst_pixel_stride; /* FMAP_BLOCK or more */
    bool ranged;                /* positions take part of the pixels, some none */
    bool adds;                  /* a residual */
    int repeats; /* 0: the tile; else the pointwise tile, so often (1 position, 1 kernel, first lane 0) */
    bool far;    /* the pointwise tile for weights that are far */
    struct fmap_activate_job activate;
    enum case_fill fill;
};
struct kernel_case *tile_case(const struct tile_shape *shape);

/* `pixels` * `repeats` pixels of vectors * 16 outputs, by one call of the planar tile of pixels x vectors or the nearest that the
 * instruction set has for each of its panels. */
struct planar_shape {
    int pixels, vectors, repeats;
    int n_terms;
    bool threes;  /* equally far apart; n_terms is a multiple of three then */
    bool within;  /* the first panel is of one vector: others begin within a block */
    bool stride2; /* every second pixel, where there is such a tile */
    struct fmap_activate_job activate;
};
struct kernel_case *planar_case(const struct planar_shape *shape);

/* A dense layer for one image, by calls of so many streams of so many vectors, or the most that there are. */
struct gemv_shape {
    int streams, vectors;
    int n_outputs; /* a multiple of 16 */
    int n_blocks, n_rests, rest_lanes;
    bool bf16; /* weights of bfloat16 */
    bool far;  /* as if they came from memory */
    struct fmap_activate_job activate;
    enum case_fill fill;
};
struct kernel_case *gemv_case(const struct gemv_shape *shape);

/* The same for several images: a tile of rows x vectors * 16 outputs, by calls of the tile of rows x vectors or the nearest
 * that the instruction set has. */
struct dense_shape {
    int rows, vectors;
    int n_blocks, n_rests, rest_lanes;
    int first_blocks; /* not 0: that many blocks in a call of their own; the next goes on with their sums */
    bool bf16;        /* weights of bfloat16 */
    struct fmap_activate_job activate;
    enum case_fill fill;
};
struct kernel_case *dense_case(const struct dense_shape *shape);

/* n bfloat16, a multiple of 16, as floats. */
struct kernel_case *widen_case(int n);

/* Where a term of a sum lies in an image (or row) of whole blocks and then of rests: lanes beyond a rest's are never read. */
int case_place(int n_blocks, int rest_lanes, int term);

/* Weights as they are packed for such a layer: floats that are bfloat16, as these. */
void case_narrow(const float *floats, int n, void *packed);

/* All rows of one block of 16 channels. */
struct window_shape {
    int in_h, in_w;
    int kernel_h, kernel_w;
    int stride, dilation;
    int pad_before, pad_after; /* of both axes */
    bool ceil_mode, count_padding;
    int rows_per_call;    /* 0: all */
    int multiplier;       /* outputs a channel has; 0: one */
    int multiplied_block; /* which of the channels' `multiplier` blocks of outputs it is */
    struct fmap_activate_job activate;
    enum case_fill fill;
};
bool window_shape_has_output(const struct window_shape *shape);
struct kernel_case *depthwise_case(const struct window_shape *shape);
struct kernel_case *max_pool_case(const struct window_shape *shape);
struct kernel_case *average_pool_case(const struct window_shape *shape);

/* Convolution to one block of outputs, all rows: narrow groups (16 outputs, channels of one block or of one group), or
 * 1 to 4 outputs of one group. */
struct grouped_shape {
    int channels, outputs, groups;
    int in_h, in_w;
    int kernel_h, kernel_w;
    int stride, dilation, pad;
    struct fmap_activate_job activate;
    enum case_fill fill;
};
bool grouped_shape_has_output(const struct grouped_shape *shape);
struct kernel_case *grouped_case(const struct grouped_shape *shape);
struct kernel_case *dot_case(const struct grouped_shape *shape);

struct restack_shape {
    int n_blocks, n_pixels;
    ptrdiff_t src_pixel_stride;
};
struct kernel_case *restack_case(const struct restack_shape *shape);

/* Sums of `taps` of nine inputs `unit` + `gap` floats apart. */
struct resample_shape {
    int taps, n_outputs, unit, gap;
};
struct kernel_case *resample_case(const struct resample_shape *shape);

/* Winograd's transforms of one block of 16 channels: all tiles of an output of out_h x out_w, in calls of up to
 * `per_call` tiles. */
enum winograd_tiles { WINOGRAD_SQUARES, WINOGRAD_ROWS, WINOGRAD_COLUMNS };
struct winograd_shape {
    int output; /* of a tile: 2, 4, 5 or 6; of one line 4 or 6 for kernels of 3 and 5, 3 or 6 for 7 */
    int kernel; /* of squares 5 with tiles of 2; 0: 3 */
    int stride; /* 2 with tiles of 2; 0: 1 */
    enum winograd_tiles line;
    int dilations[2]; /* of rows, of columns; of lines, and of squares with tiles of 2 and 4; 0: 1 */
    int out_h, out_w;
    int pad_top, pad_left, pad_bottom, pad_right;
    int per_call;
    struct fmap_activate_job activate; /* of the output transform */
    bool adds;                         /* a residual, there */
};
struct kernel_case *winograd_input_case(const struct winograd_shape *shape);
struct kernel_case *winograd_output_case(const struct winograd_shape *shape);

/* Those along one row of a stem, of a kernel with `taps` columns in each phase of the stride. */
struct stem_winograd_shape {
    int taps;                          /* 3, 4 or 5 */
    int width;                         /* of the output */
    int stride;                        /* of the input transform */
    struct fmap_activate_job activate; /* of the output transform */
};
struct kernel_case *stem_winograd_input_case(const struct stem_winograd_shape *shape);
struct kernel_case *stem_winograd_output_case(const struct stem_winograd_shape *shape);

struct eltwise_shape {
    int64_t n;
    bool in_place;
    enum fmap_binary_op op;
    bool swapped;
    enum fmap_binary_walk walk;
    struct fmap_activate_job activate;
    enum case_fill fill;
};
struct kernel_case *unary_case(const struct eltwise_shape *shape);
struct kernel_case *binary_case(const struct eltwise_shape *shape);
struct kernel_case *affine_case(const struct eltwise_shape *shape);

struct softmax_shape {
    int64_t n, stride, n_rows;
    bool in_place;
    bool aligned; /* for timing: a masked access that touches the forbidden page behind is right, but slow */
    float range;  /* inputs in [-range, range) */
};
struct kernel_case *softmax_case(const struct softmax_shape *shape);

struct reduce_shape {
    enum fmap_reduce_op op;
    int64_t n, stride, n_rows;
    bool shifted;
    enum case_fill fill;
};
struct kernel_case *reduce_case(const struct reduce_shape *shape);

/* Maps of a block of channels: op is SUM or MAXIMUM. */
struct maps_shape {
    enum fmap_reduce_op op;
    int64_t n, n_maps;
    float divisor;
    enum case_fill fill;
};
struct kernel_case *reduce_maps_case(const struct maps_shape *shape);

/* How far the reduction of n elements may be off whose terms' absolute values add up to `magnitude` (of a product: its
 * own) and whose differences from the shift are at most `range`. */
double case_reduce_bound(enum fmap_reduce_op op, int64_t n, double range, double magnitude);

struct lanes_shape {
    enum fmap_reduce_op op;
    int channels, n_pixels;
    enum case_fill fill;
};
struct kernel_case *reduce_lanes_case(const struct lanes_shape *shape);

struct normalize_shape {
    enum fmap_normalize_walk walk;
    int64_t n;
    bool in_place;
    enum case_fill fill;
};
struct kernel_case *normalize_case(const struct normalize_shape *shape);

/* All blocks of channels. */
struct lrn_shape {
    int channels, n_pixels, size;
    float alpha, beta, bias;
    enum case_fill fill;
};
struct kernel_case *lrn_case(const struct lrn_shape *shape);

struct dropout_shape {
    uint64_t key, step, first;
    int64_t n;
    uint64_t threshold;
};
struct kernel_case *dropout_mask_case(const struct dropout_shape *shape);

struct reorder_shape {
    int64_t n_pixels;
    int n_lanes;
    ptrdiff_t channel_stride, pixel_stride;
};
struct kernel_case *reorder_to_blocked_case(const struct reorder_shape *shape);
struct kernel_case *reorder_to_plain_case(const struct reorder_shape *shape);

struct gather_shape {
    int n;
    ptrdiff_t distance;
};
struct kernel_case *gather_case(const struct gather_shape *shape);
struct kernel_case *gather_pixels_case(const struct gather_shape *shape); /* of 8-bit pixels, to the bit */

struct statistics_shape {
    int64_t n_pixels;
    ptrdiff_t pixel_stride;
    int n_lanes;
    enum case_fill fill;
};
struct kernel_case *statistics_case(const struct statistics_shape *shape);

/* ---- what is worth timing ---------------------------------------------------------------------------- */

struct kernel_case_list {
    const char *kernel;
    int n;
    struct kernel_case *(*create)(int i);
};

extern const struct kernel_case_list kernel_case_lists[];
extern const int n_kernel_case_lists;

/* ---- for the files of this folder --------------------------------------------------------------------- */

/* A case with a dst of n floats and n_jobs zeroed jobs, everything else empty. */
struct kernel_case *case_create(size_t n, int n_jobs, size_t job_bytes);

/* One more source of n floats, its numbers in [-1, 1) always the same. */
float *case_source(struct kernel_case *c, size_t n, size_t alignment, enum case_fill fill);

/* Applies the activation to the oracle's values and widens their bounds by its own error. */
void case_activate(struct kernel_case *c, const struct fmap_activate_job *activate);

const char *case_activation_name(enum fmap_activate kind);

/* How far our function of x may be from the exact value y; test_activate proves it for all floats. */
double case_function_error(enum fmap_activate kind, double x, double y);

/* The kinds that convolutions end with, with several parameters: none is steeper than a few. */
extern const struct fmap_activate_job case_activations[];
extern const int n_case_activations;

/* Every kind of function with parameters that make sense; some jump. */
struct fmap_activate_job case_function(enum fmap_activate kind);

#endif
