/* Ours: a model of one layer, planned and run through the public interface, from and to blocks of channels, as layers find
 * and leave their maps in a network: no rival is timed with its reorders, either. First layers read the caller's image. Where
 * there are no blocks, as of rows of features, steps at the edges that only reorder are taken out for timing. */
#include "bench/blocked.h"
#include "bench/engine.h"
#include "bench/model.h"

#include "runtime/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_prepared {
    fmap_model *model;
    fmap_plan *plan;
    fmap_context *context;
    const struct bench_problem *problem;
    bool pixels;
    float *inputs[2]; /* in blocks; NULL: the problem's own */
    float *output;
    bool blocked;            /* the output is images */
    struct fmap_step *steps; /* all of the plan's */
    size_t n_steps;
    char kernels[128];
};

static void *allocate(void *user, size_t bytes, size_t alignment) {
    (void)user;
    return bench_allocate(bytes, alignment);
}

static void release_memory(void *user, void *memory, size_t bytes) {
    (void)user;
    (void)bytes;
    free(memory);
}

static const fmap_allocator allocator = {.allocate = allocate, .release = release_memory};

static bool accepts(const struct bench_engine *engine, const struct bench_layer *layer) {
    bool convolves = bench_convolves(layer);
    if (engine->weights != FMAP_WEIGHTS_F32) return layer->kind == BENCH_DENSE;
    if (engine->strips != FMAP_STRIPS_DEFAULT) return layer->kind == BENCH_INVERTED;
    if (engine->pixels) return bench_takes_pixels(layer);
    if (engine->algorithm == FMAP_ALGORITHM_BEST) return true;
    if (engine->algorithm == FMAP_ALGORITHM_DIRECT) return convolves;
    return convolves && layer->kernel[0] == 3 && layer->kernel[1] == 3 && layer->stride == 1 &&
           layer->dilation == 1 && layer->groups < layer->channels;
}

/* The plan is whole again. */
static void restore_edges(bench_prepared *prepared) {
    prepared->plan->steps = prepared->steps;
    prepared->plan->n_steps = prepared->n_steps;
}

static bool only_moves(const struct fmap_plan *plan, size_t step) {
    char reorder[32];
    snprintf(reorder, sizeof reorder, "reorder_%s", fmap_isa_name(plan->isa));
    return strcmp(plan->steps[step].kernel, reorder) == 0;
}

static void cut_edges(bench_prepared *prepared) {
    struct fmap_plan *plan = prepared->plan;
    while (plan->n_steps > 1 && only_moves(plan, 0)) {
        plan->steps++;
        plan->n_steps--;
    }
    while (plan->n_steps > 1 && only_moves(plan, plan->n_steps - 1)) plan->n_steps--;
}

/* "winograd4x4_avx512 + max_pool_avx512" */
static void name_kernels(bench_prepared *prepared) {
    const struct fmap_plan *plan = prepared->plan;
    size_t used = 0, room = sizeof prepared->kernels;
    for (size_t s = 0; s < plan->n_steps && used < room; s++) {
        const char *name = plan->steps[s].kernel;
        if (strstr(prepared->kernels, name)) continue;
        used += (size_t)snprintf(prepared->kernels + used, room - used, "%s%s", used ? " + " : "", name);
    }
}

static void release(bench_prepared *prepared) {
    if (prepared->steps) restore_edges(prepared);
    fmap_context_destroy(prepared->context);
    fmap_plan_destroy(prepared->plan);
    fmap_model_destroy(prepared->model);
    free(prepared->output);
    free(prepared->inputs[0]);
    free(prepared->inputs[1]);
    free(prepared);
}

static void run_all(bench_prepared *prepared) {
    const struct bench_problem *problem = prepared->problem;
    const void *inputs[2] = {problem->input, problem->weights};
    for (int i = 0; i < 2; i++)
        if (prepared->inputs[i]) inputs[i] = prepared->inputs[i];
    if (prepared->pixels) inputs[0] = problem->pixels;
    fmap_context_run(prepared->context, inputs, (void *[]){prepared->output}, NULL);
}

/* A first layer, of few channels, reads the caller's image, and a dense one rows of features. */
static bool reads_plain(const struct bench_layer *layer) {
    return layer->kind == BENCH_DENSE ||
           (bench_convolves(layer) && layer->groups == 1 && layer->channels <= 8);
}

/* The layouts of the layer's edges; how many ports that is. */
static size_t describe_ports(bench_prepared *prepared, fmap_port ports[3]) {
    static const float mean = BENCH_MEAN, scale = BENCH_SCALE;
    size_t n = 0;
    if (prepared->pixels)
        ports[n++] = (fmap_port){
            .name = "image", .type = FMAP_UINT8, .mean = &mean, .scale = &scale, .n_channels = 1};
    if (prepared->inputs[0]) ports[n++] = (fmap_port){.name = "image", .layout = FMAP_BLOCKED};
    if (prepared->inputs[1]) ports[n++] = (fmap_port){.name = "other", .layout = FMAP_BLOCKED};
    fmap_value_info output;
    fmap_model_value(prepared->model, fmap_model_output_value(prepared->model, 0), &output);
    prepared->blocked = output.shape.rank == 4;
    if (prepared->blocked) ports[n++] = (fmap_port){.name = output.name, .layout = FMAP_BLOCKED};
    return n;
}

static size_t out_pixels(const struct bench_problem *problem) {
    return (size_t)problem->out_height * (size_t)problem->out_width;
}

static bool take_buffers(bench_prepared *prepared) {
    const struct bench_problem *problem = prepared->problem;
    const struct bench_layer *l = problem->layer;
    size_t pixels = (size_t)l->height * (size_t)l->width;
    bool joins = bench_joins(l);
    if (!reads_plain(l)) {
        prepared->inputs[0] = bench_to_blocked(problem->input, problem->batch, l->channels, pixels);
        if (joins)
            prepared->inputs[1] = bench_to_blocked(problem->weights, problem->batch, l->channels, pixels);
        if (!prepared->inputs[0] || (joins && !prepared->inputs[1])) return false;
    }
    prepared->output = bench_floats(
        bench_blocked_floats(problem->batch, problem->out_channels, out_pixels(problem)));
    return prepared->output;
}

static bench_prepared *prepare(const struct bench_engine *engine, const struct bench_problem *problem,
                               int threads, char reason[BENCH_REASON_BYTES]) {
    bench_prepared *prepared = calloc(1, sizeof *prepared);
    fmap_error error = {.message = "out of memory"};
    fmap_plan_options options = {.batch = problem->batch,
                                 .threads = threads,
                                 .max_isa = engine->isa,
                                 .algorithm = engine->algorithm,
                                 .weights = engine->weights,
                                 .strips = engine->strips};
    fmap_port ports[3];
    if (!prepared) goto fail;
    prepared->problem = problem;
    prepared->pixels = engine->pixels;
    if (!take_buffers(prepared) || fmap_model_create(&allocator, &prepared->model, &error) != FMAP_OK)
        goto fail;
    fmap_model_output(prepared->model, bench_model_add(prepared->model, problem));
    if (fmap_model_finish(prepared->model, &error) != FMAP_OK) goto fail;
    options.ports = ports;
    options.n_ports = describe_ports(prepared, ports);
    if (fmap_plan_create(prepared->model, &options, &prepared->plan, &error) != FMAP_OK ||
        fmap_context_create(prepared->plan, &prepared->context, &error) != FMAP_OK)
        goto fail;
    prepared->steps = prepared->plan->steps;
    prepared->n_steps = prepared->plan->n_steps;
    run_all(prepared);
    cut_edges(prepared);
    name_kernels(prepared);
    return prepared;
fail:
    snprintf(reason, BENCH_REASON_BYTES, "%s", error.message);
    if (prepared) release(prepared);
    return NULL;
}

static double run(bench_prepared *prepared) {
    double begin = bench_seconds();
    run_all(prepared);
    return bench_seconds() - begin;
}

static void read_output(bench_prepared *prepared, float *output) {
    const struct bench_problem *problem = prepared->problem;
    restore_edges(prepared);
    run_all(prepared);
    cut_edges(prepared);
    if (prepared->blocked)
        bench_to_plain(prepared->output, problem->batch, problem->out_channels, out_pixels(problem), output);
    else
        memcpy(output, prepared->output, problem->n_output * sizeof *output);
}

static const char *kernel(const bench_prepared *prepared) { return prepared->kernels; }

/* Rounded weights move an output by about 2^-9 / sqrt(3) of what random terms add up to; the farthest of many outputs by some
 * times that. */
#define BF16_TOLERANCE 1e-2

#define OURS(engine_name, isa_name, bound, which_algorithm, which_weights, which_isa) \
    { \
        .name = engine_name "_" isa_name, .accepts = accepts, .prepare = prepare, .run = run, \
        .read = read_output, .kernel = kernel, .release = release, .tolerance = bound, \
        .isa = FMAP_ISA_##which_isa, .algorithm = FMAP_ALGORITHM_##which_algorithm, \
        .weights = FMAP_WEIGHTS_##which_weights \
    }
#define FLOATS(algorithm_name, isa_name, which_algorithm, which_isa) \
    OURS(algorithm_name, isa_name, 1e-3, which_algorithm, F32, which_isa)
#define PIXELS(engine_name, isa_name, which_isa) \
    { \
        .name = engine_name "_" isa_name, .accepts = accepts, .prepare = prepare, .run = run, \
        .read = read_output, .kernel = kernel, .release = release, .tolerance = 1e-3, \
        .isa = FMAP_ISA_##which_isa, .pixels = true \
    }
#define STRIPS(engine_name, isa_name, which_strips, which_isa) \
    { \
        .name = engine_name "_" isa_name, .accepts = accepts, .prepare = prepare, .run = run, \
        .read = read_output, .kernel = kernel, .release = release, .tolerance = 1e-3, \
        .isa = FMAP_ISA_##which_isa, .strips = FMAP_STRIPS_##which_strips \
    }
#define ALGORITHMS(isa_name, which_isa) \
    FLOATS("best", isa_name, BEST, which_isa), FLOATS("direct", isa_name, DIRECT, which_isa), \
        FLOATS("winograd2x2", isa_name, WINOGRAD_F2, which_isa), \
        FLOATS("winograd4x4", isa_name, WINOGRAD_F4, which_isa), \
        FLOATS("winograd5x5", isa_name, WINOGRAD_F5, which_isa), \
        FLOATS("winograd6x6", isa_name, WINOGRAD_F6, which_isa), \
        FLOATS("fastest", isa_name, FASTEST, which_isa), \
        OURS("bf16", isa_name, BF16_TOLERANCE, BEST, BF16, which_isa), \
        STRIPS("apart", isa_name, NEVER, which_isa), STRIPS("strip", isa_name, ALWAYS, which_isa), \
        PIXELS("u8", isa_name, which_isa)

/* Best instruction set first. */
const struct bench_engine bench_fmap[] = {ALGORITHMS("avx512", AVX512),
                                          ALGORITHMS("avx2", AVX2),
                                          ALGORITHMS("neon", NEON),
                                          ALGORITHMS("scalar", SCALAR),
                                          {0}};

static const struct bench_engine reference = FLOATS("reference", "best", DIRECT, BEST);

const struct bench_engine *bench_reference(void) { return &reference; }
