#include "bench/problem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What rows of the table have in common. */
#define NAMED(text, goal, fast, c, h, w) \
    .name = text, .target = goal, .quick = fast, .channels = c, .height = h, .width = w
#define CONVOLVED(k, kh, kw, s, ph, pw, d, g) \
    .filters = k, .kernel = {kh, kw}, .stride = s, .pads = {ph, pw}, .dilation = d, .groups = g
#define POOLED(size, step, border) .pool = size, .pool_stride = step, .pool_pad = border

#define CONV(text, goal, fast, c, h, w, ...) \
    {.kind = BENCH_CONV, NAMED(text, goal, fast, c, h, w), CONVOLVED(__VA_ARGS__)},
#define CONV_POOL(text, goal, fast, c, h, w, k, kh, s, p, ...) \
    {.kind = BENCH_CONV_POOL, \
     NAMED(text, goal, fast, c, h, w), \
     CONVOLVED(k, kh, kh, s, p, p, 1, 1), \
     POOLED(__VA_ARGS__)},
#define DENSE(text, goal, fast, inputs, units) \
    {.kind = BENCH_DENSE, NAMED(text, goal, fast, inputs, 1, 1), CONVOLVED(units, 1, 1, 1, 0, 0, 1, 1)},
#define MAX_POOL(text, goal, fast, c, h, w, ...) \
    {.kind = BENCH_MAX_POOL, NAMED(text, goal, fast, c, h, w), POOLED(__VA_ARGS__)},
#define CONV_AVERAGE_POOL(text, goal, fast, c, h, w, k, kh, s, p, ...) \
    {.kind = BENCH_CONV_AVERAGE_POOL, \
     NAMED(text, goal, fast, c, h, w), \
     CONVOLVED(k, kh, kh, s, p, p, 1, 1), \
     POOLED(__VA_ARGS__)},
#define AVERAGE_POOL(text, goal, fast, c, h, w, ...) \
    {.kind = BENCH_AVERAGE_POOL, NAMED(text, goal, fast, c, h, w), POOLED(__VA_ARGS__)},
#define ELEMENTS(text, goal, fast, c, h, w, name) \
    {.kind = BENCH_ELEMENTS, NAMED(text, goal, fast, c, h, w), .op = name},
#define INVERTED(text, goal, fast, c, h, w, e, ...) \
    {.kind = BENCH_INVERTED, NAMED(text, goal, fast, c, h, w), .expanded = e, CONVOLVED(__VA_ARGS__)},
#define GLOBAL_POOL(...) {.kind = BENCH_GLOBAL_POOL, NAMED(__VA_ARGS__)},

const struct bench_layer bench_layers[] = {
#include "bench/layers.inc"
};
const size_t bench_n_layers = sizeof bench_layers / sizeof bench_layers[0];

const char *bench_kind_name(enum bench_kind kind) {
    static const char *const names[] = {[BENCH_CONV] = "conv2d",
                                        [BENCH_CONV_POOL] = "conv2d_pool",
                                        [BENCH_CONV_AVERAGE_POOL] = "conv2d_average_pool",
                                        [BENCH_AVERAGE_POOL] = "average_pool",
                                        [BENCH_ELEMENTS] = "elements",
                                        [BENCH_INVERTED] = "inverted",
                                        [BENCH_DENSE] = "dense",
                                        [BENCH_MAX_POOL] = "max_pool",
                                        [BENCH_GLOBAL_POOL] = "global_pool"};
    return names[kind];
}

static int window_count(int size, int window, int stride, int pad) {
    return (size + 2 * pad - window) / stride + 1;
}

bool bench_convolves(const struct bench_layer *layer) {
    return layer->kind == BENCH_CONV || layer->kind == BENCH_CONV_POOL ||
           layer->kind == BENCH_CONV_AVERAGE_POOL;
}

bool bench_joins(const struct bench_layer *layer) {
    return layer->op && (strcmp(layer->op, "Add") == 0 || strcmp(layer->op, "Concat") == 0);
}

static bool has_weights(const struct bench_layer *layer) {
    return bench_convolves(layer) || layer->kind == BENCH_DENSE || layer->kind == BENCH_INVERTED;
}

/* Weights and operations of all three layers. */
static void describe_inverted(struct bench_problem *problem) {
    const struct bench_layer *layer = problem->layer;
    double in = (double)layer->height * layer->width, e = layer->expanded;
    double out = (double)problem->conv_height * problem->conv_width,
           taps = layer->kernel[0] * layer->kernel[1];
    problem->n_weights = (size_t)(layer->channels + layer->filters) * (size_t)layer->expanded +
                         (size_t)(layer->kernel[0] * layer->kernel[1] * layer->expanded);
    problem->n_bias = (size_t)(2 * layer->expanded + layer->filters);
    problem->flops = 2.0 * problem->batch * e * (in * layer->channels + out * (taps + layer->filters));
}

void bench_problem_describe(struct bench_problem *problem, const struct bench_layer *layer, int batch) {
    *problem = (struct bench_problem){.layer = layer,
                                      .batch = batch,
                                      .conv_height = layer->height,
                                      .conv_width = layer->width,
                                      .out_channels = layer->channels};
    double n = batch;
    if (has_weights(layer)) {
        const int *kernel = layer->kernel, *pads = layer->pads, dilation = layer->dilation;
        problem->conv_height = window_count(layer->height, (kernel[0] - 1) * dilation + 1, layer->stride,
                                            pads[0]);
        problem->conv_width = window_count(layer->width, (kernel[1] - 1) * dilation + 1, layer->stride,
                                           pads[1]);
        problem->out_channels = layer->filters;
        size_t taps = (size_t)kernel[0] * (size_t)kernel[1] * (size_t)(layer->channels / layer->groups);
        problem->n_weights = taps * (size_t)layer->filters;
        problem->n_bias = (size_t)layer->filters;
        problem->flops = 2 * n * (double)problem->n_weights * (double)problem->conv_height *
                         (double)problem->conv_width;
    }
    if (layer->kind == BENCH_INVERTED) describe_inverted(problem);
    problem->out_height = problem->conv_height;
    problem->out_width = problem->conv_width;
    double out_maps = n * problem->out_channels;
    if (layer->pool) {
        problem->out_height = window_count(problem->conv_height, layer->pool, layer->pool_stride,
                                           layer->pool_pad);
        problem->out_width = window_count(problem->conv_width, layer->pool, layer->pool_stride,
                                          layer->pool_pad);
        if (!has_weights(layer))
            problem->flops = out_maps * problem->out_height * problem->out_width * layer->pool * layer->pool;
    }
    if (layer->kind == BENCH_GLOBAL_POOL) {
        problem->flops = out_maps * layer->height * layer->width;
        problem->out_height = problem->out_width = 1;
    }
    problem->n_input = (size_t)batch * (size_t)layer->channels * (size_t)layer->height * (size_t)layer->width;
    if (bench_joins(layer)) problem->n_weights = problem->n_input;
    if (layer->op && strcmp(layer->op, "Concat") == 0) problem->out_channels *= 2;
    problem->n_output = (size_t)batch * (size_t)problem->out_channels * (size_t)problem->out_height *
                        (size_t)problem->out_width;
    if (layer->op) problem->flops = (double)problem->n_output;
    problem->bytes = (double)sizeof(float) *
                     (double)(problem->n_input + problem->n_weights + problem->n_bias + problem->n_output);
}

void *bench_allocate(size_t bytes, size_t alignment) {
    size_t huge = (size_t)1 << 21;
    if (bytes >= huge && alignment < huge) alignment = huge;
    void *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (memory && alignment == huge) madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

float *bench_floats(size_t n) { return bench_allocate((n + 16) * sizeof(float), 64); }

/* Values around zero. */
static float *random_floats(size_t n, uint32_t state) {
    float *floats = bench_floats(n);
    for (size_t i = 0; floats && i < n; i++) {
        state = state * 1664525u + 1013904223u;
        floats[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return floats;
}

bool bench_takes_pixels(const struct bench_layer *layer) {
    return bench_convolves(layer) && layer->channels <= BENCH_MOST_COLORS;
}

/* Makes the input one that 8-bit pixels stand for. */
static bool fill_pixels(struct bench_problem *problem) {
    problem->pixels = bench_allocate(problem->n_input + 64, 64);
    for (size_t i = 0; problem->pixels && i < problem->n_input; i++) {
        problem->pixels[i] = (uint8_t)(problem->input[i] * 127 + 128);
        problem->input[i] = ((float)problem->pixels[i] - BENCH_MEAN) * BENCH_SCALE;
    }
    return problem->pixels;
}

bool bench_problem_fill(struct bench_problem *problem) {
    problem->input = random_floats(problem->n_input, 1);
    if (problem->input && bench_takes_pixels(problem->layer) && !fill_pixels(problem)) return false;
    problem->weights = random_floats(problem->n_weights, 2);
    problem->bias = random_floats(problem->n_bias, 3);
    return problem->input && problem->weights && problem->bias;
}

void bench_problem_clear(struct bench_problem *problem) {
    free(problem->input);
    free(problem->pixels);
    free(problem->weights);
    free(problem->bias);
    problem->input = problem->weights = problem->bias = NULL;
    problem->pixels = NULL;
}

static void transpose(float *out, const float *in, size_t batch, size_t rows, size_t columns) {
    enum { STRIP = 16 }; /* A cache line of the output at a time. */
    for (size_t b = 0; b < batch; b++, in += rows * columns, out += rows * columns) {
        for (size_t first = 0; first < rows; first += STRIP) {
            size_t end = first + STRIP < rows ? first + STRIP : rows;
            for (size_t column = 0; column < columns; column++)
                for (size_t row = first; row < end; row++)
                    out[column * rows + row] = in[row * columns + column];
        }
    }
}

void bench_to_nhwc(float *nhwc, const float *nchw, size_t batch, size_t channels, size_t pixels) {
    transpose(nhwc, nchw, batch, channels, pixels);
}

void bench_to_nchw(float *nchw, const float *nhwc, size_t batch, size_t channels, size_t pixels) {
    transpose(nchw, nhwc, batch, pixels, channels);
}
