/* The register tile of few channels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "tests/oracle.h"

/* `jobs` of its case: one. Weights are kept plain, [term][outputs], and packed anew for every instruction set. */
struct planar_plan {
    struct planar_shape shape;
    int32_t *terms;
};

enum { SOURCE_INPUT, SOURCE_WEIGHTS, SOURCE_BIAS, SOURCE_PACKED };

enum { APART = 11, BEYOND = 3 /* that a tile may read */ };

static int outputs_of(const struct planar_shape *shape) { return shape->vectors * FMAP_BLOCK; }
static int pixels_of(const struct planar_shape *shape) { return shape->pixels * shape->repeats; }
static int distance_of(const struct planar_shape *shape) { return shape->stride2 ? 2 : 1; }

static int32_t term_of(const struct planar_shape *shape, int i) {
    return shape->threes ? i / 3 * 7 % 23 + i % 3 * APART : i * 5 % 29;
}

static int vectors_of(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    int vectors = ((const struct planar_plan *)c->jobs)->shape.vectors;
    while (kernels->planar_pixels[vectors] == 0) vectors--;
    return vectors;
}

/* Vectors of the panel that begins at this one, of n. */
static int panel_of(const struct planar_shape *shape, int most, int at, int n) {
    if (shape->within && at == 0) return 1;
    return n - at < most ? n - at : most;
}

static void planar_prepare(struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct planar_shape *shape = &((const struct planar_plan *)c->jobs)->shape;
    int n_outputs = outputs_of(shape), vectors = vectors_of(c, kernels), n = 0;
    check_fenced_destroy(&c->sources[SOURCE_PACKED]);
    c->sources[SOURCE_PACKED] = check_fenced_create(c->sources[SOURCE_WEIGHTS].n, 64);
    float *packed = c->sources[SOURCE_PACKED].data;
    for (int output = 0; output < n_outputs; output += n) {
        n = panel_of(shape, vectors, output / kernels->lanes, n_outputs / kernels->lanes) * kernels->lanes;
        for (int t = 0; t < shape->n_terms; t++, packed += n)
            memcpy(packed, c->sources[SOURCE_WEIGHTS].data + t * n_outputs + output,
                   (size_t)n * sizeof *packed);
    }
}

/* Tiles of fewer pixels, where there is none so long, are as many more; of one, where none takes every second. */
static void run_panel(const struct kernel_case *c, const struct fmap_kernels *kernels, int output,
                      int n_vectors) {
    const struct planar_plan *plan = c->jobs;
    const struct planar_shape *shape = &plan->shape;
    int n_pixels = shape->pixels;
    bool stride2 = shape->stride2 && kernels->planar_stride2[n_vectors][1];
    if (shape->stride2 && !stride2) n_pixels = 1;
    while (n_pixels > kernels->planar_pixels[n_vectors] || pixels_of(shape) % n_pixels != 0) n_pixels--;
    struct fmap_tile job = {.src = c->sources[SOURCE_INPUT].data,
                            .weights = c->sources[SOURCE_PACKED].data + output * shape->n_terms,
                            .bias = c->sources[SOURCE_BIAS].data + output,
                            .dst = c->dst.data,
                            .dst_pixel_stride = FMAP_BLOCK,
                            .activate = shape->activate,
                            .n_repeats = pixels_of(shape) / n_pixels,
                            .src_step = n_pixels * distance_of(shape),
                            .dst_step = n_pixels * FMAP_BLOCK,
                            .terms = plan->terms,
                            .n_terms = shape->n_terms,
                            .threes = shape->threes ? APART : 0};
    for (int v = 0; v < n_vectors; v++) {
        int o = output + v * kernels->lanes;
        job.dst_offsets[v] = o / FMAP_BLOCK * pixels_of(shape) * FMAP_BLOCK + o % FMAP_BLOCK;
    }
    (stride2 ? kernels->planar_stride2 : kernels->planar)[n_vectors][n_pixels](&job);
}

static void planar_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct planar_shape *shape = &((const struct planar_plan *)c->jobs)->shape;
    int vectors = vectors_of(c, kernels), n = outputs_of(shape) / kernels->lanes;
    for (int v = 0; v < n; v += panel_of(shape, vectors, v, n))
        run_panel(c, kernels, v * kernels->lanes, panel_of(shape, vectors, v, n));
}

static void planar_destroy(struct kernel_case *c) { free(((struct planar_plan *)c->jobs)->terms); }

/* A pixel is one row of a dense layer whose features are the terms of the sum. */
static void expect(struct kernel_case *c) {
    const struct planar_plan *plan = c->jobs;
    const struct planar_shape *shape = &plan->shape;
    int n_outputs = outputs_of(shape), n_pixels = pixels_of(shape);
    float *values = calloc((size_t)shape->n_terms, sizeof *values);
    double *results = calloc(2 * (size_t)n_outputs, sizeof *results);
    for (int p = 0; p < n_pixels; p++) {
        for (int t = 0; t < shape->n_terms; t++)
            values[t] = c->sources[SOURCE_INPUT].data[p * distance_of(shape) + plan->terms[t]];
        oracle_dense(&(struct oracle_dense){.n = 1,
                                            .features = shape->n_terms,
                                            .units = n_outputs,
                                            .unit_stride = 1,
                                            .feature_stride = n_outputs,
                                            .src = values,
                                            .weights = c->sources[SOURCE_WEIGHTS].data,
                                            .bias = c->sources[SOURCE_BIAS].data},
                     results, results + n_outputs);
        for (int o = 0; o < n_outputs; o++) {
            int at = (o / FMAP_BLOCK * n_pixels + p) * FMAP_BLOCK + o % FMAP_BLOCK;
            c->expected[at] = results[o];
            c->bounds[at] = check_bound(shape->n_terms, results[n_outputs + o]);
        }
    }
    case_activate(c, &shape->activate);
    free(results);
    free(values);
}

struct kernel_case *planar_case(const struct planar_shape *shape) {
    size_t n_outputs = (size_t)outputs_of(shape), n_terms = (size_t)shape->n_terms;
    struct kernel_case *c = case_create((size_t)pixels_of(shape) * n_outputs, 1, sizeof(struct planar_plan));
    snprintf(c->name, sizeof c->name, "planar/%dx%d/terms:%d%s%s%s/repeats:%d/%s", shape->pixels,
             shape->vectors, shape->n_terms, shape->threes ? "/threes" : "", shape->within ? "/within" : "",
             shape->stride2 ? "/stride2" : "", shape->repeats, case_activation_name(shape->activate.kind));
    struct planar_plan *plan = c->jobs;
    *plan = (struct planar_plan){*shape, calloc(n_terms, sizeof *plan->terms)};
    int32_t furthest = 0;
    for (int t = 0; t < shape->n_terms; t++) {
        plan->terms[t] = term_of(shape, t);
        if (plan->terms[t] > furthest) furthest = plan->terms[t];
    }
    (void)case_source(c, (size_t)(pixels_of(shape) * distance_of(shape) + furthest + BEYOND), 64,
                      CASE_FILL_UNIFORM);
    (void)case_source(c, n_terms * n_outputs, 64, CASE_FILL_UNIFORM);
    (void)case_source(c, n_outputs, 64, CASE_FILL_UNIFORM);
    (void)case_source(c, 1, 64, CASE_FILL_UNIFORM); /* planar_prepare replaces it. */
    c->prepare = planar_prepare;
    c->run = planar_run;
    c->destroy = planar_destroy;
    expect(c);
    return c;
}
