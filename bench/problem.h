/* A layer to be timed: its shape, and data that every engine is given the same of. */
#ifndef FMAP_BENCH_PROBLEM_H
#define FMAP_BENCH_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bench_kind {
    BENCH_CONV,      /* convolution, bias, ReLU */
    BENCH_CONV_POOL, /* the same and a max pool behind it */
    BENCH_CONV_AVERAGE_POOL,
    BENCH_DENSE,    /* bias and ReLU too */
    BENCH_MAX_POOL, /* on its own */
    BENCH_AVERAGE_POOL,
    BENCH_GLOBAL_POOL, /* average of each map */
    BENCH_ELEMENTS,    /* one operator of one input or two */
    BENCH_INVERTED     /* an inverted residual: 1x1, depthwise, 1x1, each with a ReLU */
};

/* Widths of things in y and x come as pairs. Pads are symmetric. */
struct bench_layer {
    enum bench_kind kind;
    const char *name;   /* "vgg16.conv3_2" */
    const char *target; /* which goal it has: a key of the table in bench/targets.py */
    int quick;          /* threads up to which a quick round times it; 0: not at all */
    int channels, height, width, filters;
    int kernel[2], stride, pads[2], dilation, groups;
    int pool, pool_stride, pool_pad;
    const char *op; /* of BENCH_ELEMENTS */
    int expanded;   /* channels of the depthwise layer of BENCH_INVERTED */
};

/* All layers, in the order of layers.inc. */
extern const struct bench_layer bench_layers[];
extern const size_t bench_n_layers;

/* "conv2d", "conv2d_pool", "conv2d_average_pool", "dense", "max_pool", "average_pool", "global_pool", "elements",
 * "inverted". */
const char *bench_kind_name(enum bench_kind kind);

/* Whether a convolution comes first. */
bool bench_convolves(const struct bench_layer *layer);

/* Whether the layer has a second input, as large as the first one: the problem's weights. */
bool bench_joins(const struct bench_layer *layer);

/* Of 8-bit pixels: numbers around zero. */
#define BENCH_MEAN  127.5f
#define BENCH_SCALE 0x1p-7f
enum { BENCH_MOST_COLORS = 4 };
bool bench_takes_pixels(const struct bench_layer *layer);

struct bench_problem {
    const struct bench_layer *layer;
    int batch;
    int conv_height, conv_width;             /* behind the convolution */
    int out_channels, out_height, out_width; /* behind everything */
    size_t n_input, n_weights, n_bias, n_output;
    double
        flops; /* two for each multiply-add of the direct algorithm; one for each element of a pool's window */
    double bytes; /* input, weights and output, once each */
    float *input; /* [batch][channels][height][width] */
    uint8_t *
        pixels; /* a picture that the input is (pixel - BENCH_MEAN) * BENCH_SCALE of, where a convolution has few
                        channels; NULL: there is none */
    float *
        weights; /* as Keras has them: [kernel height][kernel width][channels / groups][filters], [inputs][units];
                    of several layers one behind the other, as the bias */
    float *bias; /* [filters] */
};

/* Fills in everything but the data. */
void bench_problem_describe(struct bench_problem *problem, const struct bench_layer *layer, int batch);

/* Draws the data, the same in every run. False: out of memory. */
bool bench_problem_fill(struct bench_problem *problem);
void bench_problem_clear(struct bench_problem *problem);

/* Memory on huge pages where there are any, so that no engine pays for a page at a time; given back by free().
 * NULL: out of memory. */
void *bench_allocate(size_t bytes, size_t alignment);

/* The same for floats, aligned to a line of the cache. */
float *bench_floats(size_t n);

/* [batch][channels][pixels] to [batch][pixels][channels] and back. */
void bench_to_nhwc(float *nhwc, const float *nchw, size_t batch, size_t channels, size_t pixels);
void bench_to_nchw(float *nchw, const float *nhwc, size_t batch, size_t channels, size_t pixels);

#endif
