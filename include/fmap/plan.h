/* Plans, contexts, running, feature maps. */
#ifndef FMAP_PLAN_H
#define FMAP_PLAN_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fmap_plan fmap_plan;
typedef struct fmap_context fmap_context;

/* ---- what to plan for ------------------------------------------------------------------------ */

/* Settles the shape, the memory layout, the type, even the elements of one input or output of the network. What is not
 * said is 0 or NULL. */
typedef struct fmap_port {
    const char *name;
    const fmap_shape *shape; /* of an input; NULL: the model's, unknown dimensions filled in with `batch`
                                in front and an error elsewhere. Of an output: must be NULL. */
    fmap_layout layout;      /* of the caller's buffer, for rank 4 */
    const void
        *value; /* of an input: its elements, row-major, which the plan copies and takes for constants, as
                                an operator may need them: the shape of a Reshape, the weights of a Conv. What runs
                                are given for this input does not count and may be NULL. NULL: known in a run only */
    /* Of an input: the type of the caller's elements. 0: the model's own. FMAP_UINT8 where the model takes floats of
     * rank 4: the caller's buffer holds 8-bit pixels, NCHW or NHWC, and the network sees (pixel - mean[c]) * scale[c],
     * computed in float, to the bit what a caller would who computes that first. A convolution of few channels makes it
     * of a few rows at a time, any other layer of a copy. A convolution's padding is 0 behind that, not a pixel. */
    fmap_type type;
    const float *mean;  /* of each channel, the second dimension; finite; copied. NULL: 0 */
    const float *scale; /* the same; NULL: 1 */
    size_t n_channels;  /* numbers in mean and in scale: as many as channels, or 1 for all of them */
} fmap_port;

/* Which feature map of a layer. "Layer" is a node of the model as it was loaded or built; the points
 * name values of that network, whatever the plan fuses or removes. */
typedef enum fmap_tap_point {
    FMAP_TAP_OUTPUT = 0,      /* what the layer itself puts out */
    FMAP_TAP_PRE_ACTIVATION,  /* what goes into the activation that follows the layer (after a
                                 BatchNormalization or Add between them); its output when none follows */
    FMAP_TAP_POST_ACTIVATION, /* what comes out of that activation; the layer's output when none follows */
    FMAP_TAP_POST_POOL,       /* what comes out of the pooling that follows; only layers that have one */
    FMAP_TAP_DROPOUT_MASK     /* the 0/1 mask of a Dropout layer in training; all ones in inference */
} fmap_tap_point;

typedef struct fmap_tap_request {
    const char *layers; /* name of a layer, or a pattern: * is any run of characters, ? any one */
    fmap_tap_point point;
    fmap_layout layout; /* of the caller's buffer, for rank 4 */
    bool values;        /* write the map to the buffer given to fmap_context_set_tap() */
    bool statistics;    /* compute fmap_statistics for it (neither set means values) */
} fmap_tap_request;

/* How convolutions are computed. Algorithms sum in different orders, so they differ by roundings. Winograd's are for 3x3
 * kernels with stride 1, F(2x2) and F(4x4) with any dilation smaller than the map too, F(2x2) for 3x3 ones with stride 2 too,
 * and for 5x5 ones, with the error of F(4x4); all of one group or of groups that are multiples of 16 channels and of 16 outputs;
 * other layers are computed directly whatever is asked for. Errors, of 512 channels (of a group) and relative to the root mean
 * square of the output: direct 1e-6, F(2x2) 1e-6, F(4x4) 2e-6, F(5x5) 4e-6, F(6x6) 8e-6, ten times that at worst. Kernels of
 * one row or one column of 3, 5 or 7, with stride 1, any dilation smaller than the map and such groups, have F(4, 3) with 1e-6,
 * F(4, 5) with 2e-6, F(3, 7) with 3e-6 where F(4x4) is asked for, and F(6, 3) with 2e-6, F(6, 5) with 5e-6, F(6, 7) with 1e-5
 * for F(6x6). Layers of up to 8 channels with larger kernels, such as 7x7 with stride 2, are F(4, n) along their rows in BEST
 * and FASTEST, with 2e-6. */
typedef enum fmap_algorithm {
    FMAP_ALGORITHM_BEST = 0, /* by a rule on the layer's shape: direct, or Winograd's as exact as F(4x4) */
    FMAP_ALGORITHM_DIRECT,   /* the sum as it is defined */
    FMAP_ALGORITHM_WINOGRAD_F2,
    FMAP_ALGORITHM_WINOGRAD_F4,
    FMAP_ALGORITHM_WINOGRAD_F5,
    FMAP_ALGORITHM_WINOGRAD_F6,
    FMAP_ALGORITHM_FASTEST /* as the best, with F(5x5), F(6x6) and F(6, r) where they are faster */
} fmap_algorithm;

/* How weights of dense layers are kept: those of Gemm and MatMul that are constants, for every batch. All arithmetic is that
 * of floats. As bfloat16 they are half of the bytes, so that layers which wait for their weights (one image, or a few)
 * take about half of the time; more than some 16 images are bound by arithmetic and gain little or nothing.
 *
 * A weight (times Gemm's alpha) is rounded to the nearest bfloat16, ties to even, when it is packed: 8 bits of precision, so
 * that it is off by at most 2^-9 of itself, and an output by at most 2^-9 times the sum of its terms' absolute values, beside
 * the usual roundings. Of magnitudes from 2^128 - 2^119 on infinities are made; NaN stays NaN. Biases stay floats. The
 * answers are to the bit those of a model with such weights: the same on all instruction sets, for any number of threads,
 * and for an image alone and in any batch. */
typedef enum fmap_weights {
    FMAP_WEIGHTS_F32 = 0, /* as they are */
    FMAP_WEIGHTS_BF16
} fmap_weights;

/* Whether sizes of tiles and blocks, and how threads share a layer, may be measured where a model would choose. None of
 * them changes a bit of any result. */
typedef enum fmap_tuning {
    FMAP_TUNING_DEFAULT =
        0, /* what the environment variable FMAP_TUNING says: off, cached or measure; without it, off */
    FMAP_TUNING_OFF,    /* the model alone */
    FMAP_TUNING_CACHED, /* what has been measured on this processor before, as far as the file knows it */
    FMAP_TUNING_MEASURE /* and what it does not know is measured now, some tenths of a second a layer, and added */
} fmap_tuning;

/* Whether a depthwise convolution is computed together with the 1x1 convolutions around it, some rows at a time, so that the
 * maps between them stay in a cache. It changes no bit of any result. */
typedef enum fmap_strips {
    FMAP_STRIPS_DEFAULT =
        0, /* what the environment variable FMAP_STRIPS says: auto, never or always; without it, auto */
    FMAP_STRIPS_AUTO, /* where it is estimated to be faster */
    FMAP_STRIPS_NEVER,
    FMAP_STRIPS_ALWAYS /* wherever it can be done: to compare */
} fmap_strips;

typedef struct fmap_plan_options {
    int64_t batch;    /* fills in an unknown first dimension of the inputs; 0 is 1 */
    int threads;      /* 0: what OpenMP would use (OMP_NUM_THREADS or the processors) */
    fmap_isa max_isa; /* the environment variable FMAP_MAX_ISA caps it too */
    const fmap_port *ports;
    size_t n_ports;
    const fmap_tap_request *taps;
    size_t n_taps;
    bool training;            /* Dropout drops */
    uint64_t seed;            /* of Dropout's masks */
    bool profile;             /* measure every layer in every run; costs two clock readings a layer */
    fmap_algorithm algorithm; /* of every convolution */
    /* Run the network as it is written, without graph rewrites: to compare and to debug. Rewrites change no bit of any
     * value, with one exception: what comes behind a convolution that a BatchNormalization was folded into differs by
     * roundings. A tap never changes what any other tap or output gets. */
    bool no_fusion;
    fmap_tuning tuning;
    /* Where measurements are kept. NULL: the file that the environment variable FMAP_TUNING_FILE names, else fmap/tuning in
     * $XDG_CACHE_HOME or ~/.cache. What is damaged, or of another processor or version, is passed over. It is replaced as a
     * whole, so that several processes may use it. */
    const char *tuning_file;
    fmap_weights weights; /* of dense layers */
    fmap_strips strips;
} fmap_plan_options;

/* Plans a finished model. `options` NULL means all defaults. The model must outlive the plan.
 * Errors: ARGUMENT, MODEL (a shape that cannot be), UNSUPPORTED, LIMIT, MEMORY; a tap pattern that
 * matches no layer is an ARGUMENT error; IO when measurements cannot be written to a file that was named. The plan is immutable and may be shared between threads. */
FMAP_API fmap_status fmap_plan_create(const fmap_model *model, const fmap_plan_options *options,
                                      fmap_plan **plan, fmap_error *error);
FMAP_API void fmap_plan_destroy(fmap_plan *plan);

/* ---- what came out of it --------------------------------------------------------------------- */

typedef struct fmap_plan_info {
    fmap_isa isa;
    int threads;
    size_t arena_bytes;   /* of each context: maps between layers, and scratch */
    size_t maps_bytes;    /* the maps alone: those that are never needed at the same time share memory */
    size_t least_bytes;   /* of maps that are alive in one step, at most: no sharing could do with less */
    size_t weights_bytes; /* packed for this plan */
    size_t
        shared_bytes; /* of packed weights that were there before: of other plans of the model, or of its file */
    size_t n_layers;      /* nodes of the model */
    size_t n_steps;       /* kernels launched in a run */
    int64_t macs;         /* multiply-accumulates of one run by the direct algorithms */
    int64_t parameters;   /* elements of the weights in the model */
    fmap_weights weights; /* of dense layers */
} fmap_plan_info;

FMAP_API void fmap_plan_describe(const fmap_plan *plan, fmap_plan_info *info);

typedef struct fmap_layer_info {
    const char *name;
    const char *op;
    fmap_shape shape;   /* of the layer's first output */
    int64_t parameters; /* elements of its weights */
    int64_t macs;
    const char *kernel; /* what computes it, such as "direct_avx512"; "" when nothing has to be done */
    int64_t fused_into; /* index of the layer whose kernel computes this one too; -1: none */
    int64_t bytes; /* of its inputs, weights and outputs, with what is fused into it: the least that has to
                           be moved when each is moved once; 0 when nothing has to be done */
    int threads;   /* most that can share its work; 0 when nothing has to be done */
} fmap_layer_info;

/* The i-th layer: the i-th node of the model. Error: ARGUMENT when there are not so many. */
FMAP_API fmap_status fmap_plan_layer(const fmap_plan *plan, size_t i, fmap_layer_info *info);

/* A step: what the threads do together before any of them goes on. A layer takes one or several; a few serve none, such
 * as bringing an output into the caller's layout. */
typedef struct fmap_step_info {
    int64_t layer;      /* for fmap_plan_layer(); -1: none */
    const char *kernel; /* such as "direct_avx512" */
    int64_t parts;      /* that threads can work on independently */
    int threads;        /* of the plan's that get parts */
    double
        balance; /* of the work planned for each of the plan's threads, the average over the most: 0 .. 1 */
    int tile_pixels; /* of the register tile at its largest; 0: the kernel has none */
    int tile_vectors;
    const char
        *why; /* a sentence: what was chosen, by which rule, what else would have cost; "": nothing to say */
} fmap_step_info;

/* The i-th step of a run, in order. Error: ARGUMENT when there are not so many. */
FMAP_API fmap_status fmap_plan_step(const fmap_plan *plan, size_t i, fmap_step_info *info);

/* Shape of the i-th input or output, all dimensions known. Error: ARGUMENT. */
FMAP_API fmap_status fmap_plan_input_shape(const fmap_plan *plan, size_t i, fmap_shape *shape);
FMAP_API fmap_status fmap_plan_output_shape(const fmap_plan *plan, size_t i, fmap_shape *shape);

/* Type of the elements of the caller's buffer: the model may not have known it yet, a port may have chosen another.
 * FMAP_TYPE_UNKNOWN when there are not so many. */
FMAP_API fmap_type fmap_plan_input_type(const fmap_plan *plan, size_t i);
FMAP_API fmap_type fmap_plan_output_type(const fmap_plan *plan, size_t i);

/* Taps, one for each layer that a request matched: requests in their order, layers in the model's. */
FMAP_API size_t fmap_plan_tap_count(const fmap_plan *plan);

typedef struct fmap_tap_info {
    const char *layer;
    size_t layer_index; /* for fmap_plan_layer() */
    size_t request;     /* which request asked for it */
    fmap_tap_point point;
    fmap_shape shape; /* n, c, h, w for a layer of images; n, features for a dense one */
    fmap_layout layout;
    int64_t n_statistics; /* n * channels, or n for a rank other than 4; 0: not asked for */
} fmap_tap_info;

FMAP_API fmap_status fmap_plan_tap(const fmap_plan *plan, size_t i, fmap_tap_info *info);

/* ---- running --------------------------------------------------------------------------------- */

/* Allocates the memory of one run at a time. The plan must outlive the context. A context belongs to
 * one thread at a time; any number of contexts of one plan may run at once. */
FMAP_API fmap_status fmap_context_create(const fmap_plan *plan, fmap_context **context, fmap_error *error);
FMAP_API void fmap_context_destroy(fmap_context *context);

/* Where the i-th tap's map goes from now on: memory for all elements of its shape, in its layout.
 * NULL: nowhere (as at first). Error: ARGUMENT. */
FMAP_API fmap_status fmap_context_set_tap(fmap_context *context, size_t i, float *map, fmap_error *error);

/* The training step that Dropout's masks of the following runs are made for; 0 at first. */
FMAP_API void fmap_context_set_step(fmap_context *context, uint64_t step);

/* Runs the network: inputs[i] and outputs[i] are the caller's buffers, in the order of the model's
 * inputs and outputs, of the shapes that the plan says and in the layouts that its options chose. They
 * need no more alignment than a float and must not overlap each other. Nothing is allocated. The result
 * is the same, bit for bit, for any number of threads, and for an image alone or inside any batch.
 * Error: ARGUMENT when a pointer is NULL. */
FMAP_API fmap_status fmap_context_run(fmap_context *context, const void *const *inputs, void *const *outputs,
                                      fmap_error *error);

/* Shape of the i-th output of the last run. It is what the plan says, but for outputs of NonMaxSuppression (and a Cast
 * of them): how many rows they have depends on the data, and the plan's first dimension is what there may be at most.
 * Rows beyond hold -1; what a network computes from them in other layers has as many rows as the plan says.
 * Error: ARGUMENT when there are not so many outputs, or before the first run. */
FMAP_API fmap_status fmap_context_output_shape(const fmap_context *context, size_t i, fmap_shape *shape);

/* Of one channel (rank 4), or of all features (other ranks), of one image. */
typedef struct fmap_statistics {
    float minimum;
    float maximum;
    double mean;
    double standard_deviation; /* of the population */
    double zeros;              /* share of elements that are exactly zero, 0 .. 1 */
} fmap_statistics;

/* The i-th tap's statistics of the last run, [n][channel]; NULL when not asked for or never run. NaN
 * elements make mean and deviation NaN and are left out of minimum and maximum. */
FMAP_API const fmap_statistics *fmap_context_tap_statistics(const fmap_context *context, size_t i);

/* Seconds that the i-th layer took in the last run, with what was fused into it; 0 when the plan was
 * not made with `profile`, or for a layer that costs nothing. */
FMAP_API double fmap_context_layer_seconds(const fmap_context *context, size_t i);

/* When a thread worked on a step, in seconds since the run began. */
typedef struct fmap_span {
    double begin;
    double end;
    int64_t parts; /* how many of the step's it did; 0: it found nothing left to do */
} fmap_span;

/* Of the last run: the given step and thread, 0 being the one that called. Error: ARGUMENT when there are not so many,
 * when the plan was not made with `profile`, or before the first run. */
FMAP_API fmap_status fmap_context_step_span(const fmap_context *context, size_t step, int thread,
                                            fmap_span *span);

#ifdef __cplusplus
}
#endif

#endif
