/* The register tile. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "tests/oracle.h"

/* `jobs` of a tile's case: one of these. Weights are kept plain, [block][kernel_size][16][outputs], and packed
 * anew for every instruction set. */
struct tile_call {
    struct fmap_tile job;
    fmap_tile_function *function;
};

struct tile_plan {
    struct tile_shape shape;
    struct fmap_tile_position *positions; /* [n_positions], then [n_positions] for each call */
    struct tile_call *calls;
    int n_calls;
};

enum { SOURCE_INPUT, SOURCE_WEIGHTS, SOURCE_BIAS, SOURCE_PACKED, SOURCE_RESIDUAL };

/* Positions reach as far as this before pixel 0. */
enum { REACH = 2 * FMAP_BLOCK };

static int outputs_of(const struct tile_shape *shape) { return shape->vectors * FMAP_BLOCK; }
static int first_lane_of(const struct tile_shape *shape, int block) {
    return block == 0 ? shape->first_lane : 0;
}
static int last_lane_of(const struct tile_shape *shape, int block) {
    return block == shape->n_blocks - 1 ? shape->last_lanes : FMAP_BLOCK;
}

static ptrdiff_t block_stride_of(const struct tile_shape *shape) {
    return REACH + (FMAP_TILE_MAX_PIXELS + 7) * (shape->src_pixel_stride + FMAP_BLOCK);
}

static ptrdiff_t input_at(const struct tile_shape *shape, int block,
                          const struct fmap_tile_position *position, int p, int lane) {
    return REACH + block * block_stride_of(shape) + position->src_offset + p * shape->src_pixel_stride + lane;
}

static ptrdiff_t weight_at(const struct tile_shape *shape, int block, int index, int lane) {
    return (((ptrdiff_t)block * shape->kernel_size + index) * FMAP_BLOCK + lane) * outputs_of(shape);
}

/* ---- packing and cutting into calls ------------------------------------------------------------------------ */

static float *pack(float *packed, const struct tile_shape *shape, const float *weights, int output,
                   int n_outputs) {
    for (int block = 0; block < shape->n_blocks; block++) {
        for (int index = 0; index < shape->kernel_size; index++) {
            for (int lane = first_lane_of(shape, block); lane < last_lane_of(shape, block); lane++) {
                const float *from = weights + weight_at(shape, block, index, lane) + output;
                memcpy(packed, from, (size_t)n_outputs * sizeof *packed);
                packed += n_outputs;
            }
        }
    }
    return packed;
}

/* A position's range of pixels, seen from pixel `pixel` on. */
static struct fmap_tile_position cut(struct fmap_tile_position position, int pixel, int n_pixels) {
    int first = position.first - pixel, last = position.last - pixel;
    first = first < 0 ? 0 : first > n_pixels ? n_pixels : first;
    last = last < first ? first : last > n_pixels ? n_pixels : last;
    position.first = (int16_t)first;
    position.last = (int16_t)last;
    return position;
}

static void add_call(struct kernel_case *c, const struct fmap_kernels *kernels, const float *packed,
                     int output, int vectors, int pixel, int n_pixels) {
    struct tile_plan *plan = c->jobs;
    const struct tile_shape *shape = &plan->shape;
    struct tile_call *call = &plan->calls[plan->n_calls++];
    struct fmap_tile_position *positions = plan->positions + shape->n_positions * plan->n_calls;
    for (int i = 0; i < shape->n_positions; i++) positions[i] = cut(plan->positions[i], pixel, n_pixels);
    call->job = (struct fmap_tile){
        .src = c->sources[SOURCE_INPUT].data + REACH + pixel * shape->src_pixel_stride,
        .weights = packed,
        .bias = c->sources[SOURCE_BIAS].data + output,
        .dst = c->dst.data + pixel * shape->dst_pixel_stride,
        .residual = shape->adds ? c->sources[SOURCE_RESIDUAL].data + pixel * shape->dst_pixel_stride : NULL,
        .positions = positions,
        .n_positions = shape->n_positions,
        .kernel_size = shape->kernel_size,
        .n_blocks = shape->n_blocks,
        .first_lane = shape->first_lane,
        .last_lanes = shape->last_lanes,
        .src_block_stride = block_stride_of(shape),
        .src_pixel_stride = shape->src_pixel_stride,
        .dst_pixel_stride = shape->dst_pixel_stride,
        .activate = shape->activate,
    };
    for (int v = 0; v < vectors; v++) {
        int o = output + v * kernels->lanes;
        call->job.dst_offsets[v] = o / FMAP_BLOCK * shape->pixels * shape->dst_pixel_stride + o % FMAP_BLOCK;
    }
    ptrdiff_t distance = shape->src_pixel_stride % FMAP_BLOCK == 0 ? shape->src_pixel_stride / FMAP_BLOCK : 0;
    call->function = kernels->tile[distance <= 2 ? distance : 0][vectors][n_pixels];
}

/* One call that repeats itself: as often as the shape says, or more often where the tile is smaller. */
static void add_pointwise_call(struct kernel_case *c, const struct fmap_kernels *kernels, const float *packed,
                               int output, int vectors) {
    struct tile_plan *plan = c->jobs;
    const struct tile_shape *shape = &plan->shape;
    int n_pixels = shape->pixels / shape->repeats;
    while (n_pixels > kernels->tile_pixels[vectors] || shape->pixels % n_pixels != 0) n_pixels--;
    add_call(c, kernels, packed, output, vectors, 0, n_pixels);
    struct tile_call *call = &plan->calls[plan->n_calls - 1];
    call->function = (shape->far ? kernels->pointwise_far : kernels->pointwise)[vectors][n_pixels];
    call->job.n_repeats = shape->pixels / n_pixels;
    call->job.src_step = n_pixels * shape->src_pixel_stride;
    call->job.dst_step = n_pixels * shape->dst_pixel_stride;
}

static void tile_prepare(struct kernel_case *c, const struct fmap_kernels *kernels) {
    struct tile_plan *plan = c->jobs;
    const struct tile_shape *shape = &plan->shape;
    int n_vectors = outputs_of(shape) / kernels->lanes, vectors = shape->vectors;
    while (kernels->tile_pixels[vectors] == 0) vectors--;
    check_fenced_destroy(&c->sources[SOURCE_PACKED]);
    c->sources[SOURCE_PACKED] = check_fenced_create(c->sources[SOURCE_WEIGHTS].n, 64);
    float *packed = c->sources[SOURCE_PACKED].data;
    plan->n_calls = 0;
    for (int v = 0; v < n_vectors; v += vectors) {
        int n = n_vectors - v < vectors ? n_vectors - v : vectors;
        int most = kernels->tile_pixels[n] < shape->pixels ? kernels->tile_pixels[n] : shape->pixels;
        float *end = pack(packed, shape, c->sources[SOURCE_WEIGHTS].data, v * kernels->lanes,
                          n * kernels->lanes);
        if (shape->repeats > 0) {
            add_pointwise_call(c, kernels, packed, v * kernels->lanes, n);
        } else {
            for (int pixel = 0; pixel < shape->pixels; pixel += most) {
                int rest = shape->pixels - pixel;
                add_call(c, kernels, packed, v * kernels->lanes, n, pixel, rest < most ? rest : most);
            }
        }
        packed = end;
    }
}

static void tile_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    (void)kernels;
    const struct tile_plan *plan = c->jobs;
    for (int i = 0; i < plan->n_calls; i++) plan->calls[i].function(&plan->calls[i].job);
}

static void tile_destroy(struct kernel_case *c) {
    struct tile_plan *plan = c->jobs;
    free(plan->positions);
    free(plan->calls);
}

/* ---- what it should compute ---------------------------------------------------------------------------------- */

static void make_positions(const struct tile_shape *shape, struct fmap_tile_position *positions) {
    for (int i = 0; i < shape->n_positions; i++) {
        int first = shape->ranged ? i * 3 % (shape->pixels + 1) : 0;
        int last = shape->ranged ? first + (i * 5 + 1) % (shape->pixels - first + 1) : shape->pixels;
        positions[i] = (struct fmap_tile_position){
            .src_offset = FMAP_BLOCK * ((i * 5 + 2) % 7 - 2),
            .index = shape->kernel_size - 1 - i % shape->kernel_size,
            .first = (int16_t)first,
            .last = (int16_t)last,
        };
    }
}

/* Makes NaN of every input that no pixel may read. */
static void forbid_the_rest(const struct kernel_case *c, const struct fmap_tile_position *positions) {
    const struct tile_shape *shape = &((const struct tile_plan *)c->jobs)->shape;
    const struct check_fenced *input = &c->sources[SOURCE_INPUT];
    bool *allowed = calloc(input->n, sizeof *allowed);
    for (int block = 0; block < shape->n_blocks; block++) {
        for (int i = 0; i < shape->n_positions; i++) {
            for (int p = positions[i].first; p < positions[i].last; p++) {
                for (int lane = first_lane_of(shape, block); lane < last_lane_of(shape, block); lane++) {
                    allowed[input_at(shape, block, &positions[i], p, lane)] = true;
                }
            }
        }
    }
    for (size_t i = 0; i < input->n; i++) {
        if (!allowed[i]) input->data[i] = NAN;
    }
    free(allowed);
}

/* A pixel is one row of a dense layer whose features are the terms of the sum. */
static int gather(const struct kernel_case *c, int p, float *values, float *weights) {
    const struct tile_plan *plan = c->jobs;
    const struct tile_shape *shape = &plan->shape;
    int n = 0, n_outputs = outputs_of(shape);
    for (int block = 0; block < shape->n_blocks; block++) {
        for (int i = 0; i < shape->n_positions; i++) {
            const struct fmap_tile_position *position = &plan->positions[i];
            if (p < position->first || p >= position->last) continue;
            for (int lane = first_lane_of(shape, block); lane < last_lane_of(shape, block); lane++, n++) {
                values[n] = c->sources[SOURCE_INPUT].data[input_at(shape, block, position, p, lane)];
                memcpy(weights + (ptrdiff_t)n * n_outputs,
                       c->sources[SOURCE_WEIGHTS].data + weight_at(shape, block, position->index, lane),
                       (size_t)n_outputs * sizeof *weights);
            }
        }
    }
    return n;
}

static void expect(struct kernel_case *c) {
    const struct tile_shape *shape = &((const struct tile_plan *)c->jobs)->shape;
    int n_outputs = outputs_of(shape), n_terms = 0;
    size_t most = (size_t)(shape->n_blocks * shape->n_positions * FMAP_BLOCK) + 1;
    float *values = calloc(most, sizeof *values),
          *weights = calloc(most * (size_t)n_outputs, sizeof *weights);
    double *results = calloc(2 * (size_t)n_outputs, sizeof *results);
    for (size_t i = 0; i < c->dst.n; i++) c->expected[i] = (double)NAN; /* Between the pixels: untouched. */
    for (int p = 0; p < shape->pixels; p++) {
        int n = gather(c, p, values, weights);
        n_terms += n;
        oracle_dense(&(struct oracle_dense){.n = 1,
                                            .features = n,
                                            .units = n_outputs,
                                            .unit_stride = 1,
                                            .feature_stride = n_outputs,
                                            .src = values,
                                            .weights = weights,
                                            .bias = c->sources[SOURCE_BIAS].data},
                     results, results + n_outputs);
        for (int o = 0; o < n_outputs; o++) {
            ptrdiff_t at = (o / FMAP_BLOCK * shape->pixels + p) * shape->dst_pixel_stride + o % FMAP_BLOCK;
            c->expected[at] = results[o];
            c->bounds[at] = check_bound(n, results[n_outputs + o]);
            if (!shape->adds) continue;
            double residual = (double)c->sources[SOURCE_RESIDUAL].data[at];
            c->expected[at] += residual;
            c->bounds[at] = check_bound(n + 1, results[n_outputs + o] + fabs(residual));
        }
    }
    case_activate(c, &shape->activate);
    c->flops = 2.0 * n_terms * n_outputs;
    c->bytes = (double)(c->sources[SOURCE_WEIGHTS].n + c->dst.n) * sizeof(float);
    free(results);
    free(weights);
    free(values);
}

struct kernel_case *tile_case(const struct tile_shape *shape) {
    int n_outputs = outputs_of(shape);
    int most_calls = n_outputs * shape->pixels;
    size_t n_dst = (size_t)(((ptrdiff_t)shape->vectors * shape->pixels - 1) * shape->dst_pixel_stride +
                            FMAP_BLOCK);
    struct kernel_case *c = case_create(n_dst, 1, sizeof(struct tile_plan));
    snprintf(c->name, sizeof c->name, "tile/%dx%d/blocks:%d/lanes:%d..%d/positions:%d/step:%d/%s%s%s",
             shape->pixels, shape->vectors, shape->n_blocks, shape->first_lane, shape->last_lanes,
             shape->n_positions, (int)shape->src_pixel_stride, case_activation_name(shape->activate.kind),
             shape->repeats > 0 ? "/pointwise"
             : shape->ranged    ? "/ranged"
                                : "",
             shape->adds ? "/adds" : "");
    struct tile_plan *plan = c->jobs;
    plan->shape = *shape;
    plan->positions = calloc((size_t)(shape->n_positions * (most_calls + 1) + 1), sizeof *plan->positions);
    plan->calls = calloc((size_t)most_calls, sizeof *plan->calls);
    make_positions(shape, plan->positions);
    const struct fmap_tile_position end = {.src_offset = 4 * FMAP_BLOCK};
    size_t n_input = (size_t)input_at(shape, shape->n_blocks - 1, &end, shape->pixels - 1, FMAP_BLOCK);
    (void)case_source(c, n_input, 64, shape->fill);
    (void)case_source(c, (size_t)(shape->n_blocks * shape->kernel_size * FMAP_BLOCK * n_outputs), 64,
                      CASE_FILL_UNIFORM);
    (void)case_source(c, (size_t)n_outputs, 64, CASE_FILL_UNIFORM);
    (void)case_source(c, 1, 64, CASE_FILL_UNIFORM); /* tile_prepare replaces it. */
    if (shape->adds) (void)case_source(c, n_dst, 64, CASE_FILL_UNIFORM);
    c->prepare = tile_prepare;
    c->run = tile_run;
    c->destroy = tile_destroy;
    forbid_the_rest(c, plan->positions);
    expect(c);
    return c;
}
