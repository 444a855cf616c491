/* Registers every layer with every engine, and times one against the other. */
#include "bench/bench.h"
#include "bench/engine.h"
#include "bench/gbench.h"
#include "bench/roofs.h"
#include "bench/settle.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CASES = 32 };

/* One benchmark. */
struct layer_case {
    const struct bench_layer *layer;
    const struct bench_engine *engine;
    int batch, threads;
    struct layer_case *next;
};

/* Benchmarks point to them until the program ends. */
static struct layer_case *cases;

/* Random interleaving and repetitions come back to the same few engines of one layer: they stay prepared until another
 * layer's turn, so that memory holds one layer's problem at a time. */
static struct {
    struct bench_problem problem;
    int threads;
    float *expected;
    size_t n_engines;
    struct {
        const struct bench_engine *engine;
        bench_prepared *prepared; /* NULL: it failed, and this is why */
        char reason[BENCH_REASON_BYTES];
    } engines[MAX_CASES];
} current;

static int n_wrong;

static void forget(void) {
    for (size_t i = 0; i < current.n_engines; i++)
        if (current.engines[i].prepared) current.engines[i].engine->release(current.engines[i].prepared);
    bench_problem_clear(&current.problem);
    free(current.expected);
    memset(&current, 0, sizeof current);
}

/* The layer's data, and what it has to give. */
static bool open_problem(const struct layer_case *test, char reason[BENCH_REASON_BYTES]) {
    bool open = current.problem.layer == test->layer && current.problem.batch == test->batch;
    if (open && current.threads == test->threads) return true;
    forget();
    const struct bench_engine *reference = bench_reference();
    bench_problem_describe(&current.problem, test->layer, test->batch);
    current.threads = test->threads;
    current.expected = bench_floats(current.problem.n_output);
    snprintf(reason, BENCH_REASON_BYTES, "out of memory");
    if (current.expected && bench_problem_fill(&current.problem)) {
        bench_prepared *prepared = reference->prepare(reference, &current.problem, test->threads, reason);
        if (prepared) {
            reference->run(prepared);
            reference->read(prepared, current.expected);
            reference->release(prepared);
            return true;
        }
    }
    forget();
    return false;
}

/* Runs once; false, with the reason, when the answer is not ours. */
static bool check(const struct bench_engine *engine, bench_prepared *prepared,
                  char reason[BENCH_REASON_BYTES]) {
    size_t n = current.problem.n_output;
    float *output = bench_floats(n);
    double squares = 0, worst = 0;
    snprintf(reason, BENCH_REASON_BYTES, "out of memory");
    if (!output) return false;
    for (size_t i = 0; i < n; i++) output[i] = NAN;
    engine->run(prepared);
    engine->read(prepared, output);
    for (size_t i = 0; i < n; i++) {
        double expected = (double)current.expected[i], distance = fabs((double)output[i] - expected);
        squares += expected * expected;
        if (!(distance <= worst)) worst = distance; /* NaN too */
    }
    free(output);
    worst /= sqrt(squares / (double)n);
    if (worst <= engine->tolerance) return true;
    snprintf(reason, BENCH_REASON_BYTES,
             "wrong: differs from the reference by %.2g of its root mean square, more than %.2g", worst,
             engine->tolerance);
    return false;
}

/* This engine, prepared for the current problem and found right. */
static bench_prepared *open_engine(const struct layer_case *test, const char **reason) {
    size_t i = 0;
    while (i < current.n_engines && current.engines[i].engine != test->engine) i++;
    *reason = current.engines[i].reason;
    if (i < current.n_engines) return current.engines[i].prepared;
    current.n_engines++;
    current.engines[i].engine = test->engine;
    bench_prepared *prepared = test->engine->prepare(test->engine, &current.problem, test->threads,
                                                     current.engines[i].reason);
    if (prepared && !check(test->engine, prepared, current.engines[i].reason)) {
        test->engine->release(prepared);
        prepared = NULL;
        n_wrong++;
    }
    return current.engines[i].prepared = prepared;
}

static void run_case(gbench_state *state, void *argument) {
    enum { WARM_UPS = 2 }; /* Caches fill, threads wake. */
    const struct layer_case *test = argument;
    const struct bench_engine *engine = test->engine;
    char problem_reason[BENCH_REASON_BYTES];
    const char *reason = problem_reason;
    bench_prepared *prepared = open_problem(test, problem_reason) ? open_engine(test, &reason) : NULL;
    if (!prepared) {
        gbench_skip(state, reason);
        return;
    }
    bench_settle();
    for (int i = 0; i < WARM_UPS; i++) engine->run(prepared);
    double seconds = 0, runs = 0;
    while (gbench_keep_running(state)) {
        double once = engine->run(prepared);
        gbench_iteration(state, once);
        seconds += once;
        runs++;
    }
    const struct bench_problem *problem = &current.problem;
    double flops = problem->flops * runs / seconds, bytes = problem->bytes;
    if (engine->weights == FMAP_WEIGHTS_BF16) bytes -= 2.0 * (double)problem->n_weights;
    if (engine->pixels) bytes -= (double)((sizeof(float) - 1) * problem->n_input);
    gbench_rate(state, "FLOP/s", problem->flops);
    gbench_rate(state, "bytes/s", bytes);
    gbench_value(state, "flop_per_byte", problem->flops / bytes);
    gbench_value(state, "of_roof", flops / bench_roof(engine->isa, test->threads, problem->flops, bytes));
    if (engine->kernel) gbench_label(state, engine->kernel(prepared));
}

static void register_case(const struct layer_case *test, const regex_t *filter) {
    struct layer_case *kept;
    char name[128], full_name[160];
    snprintf(name, sizeof name, "%s/%s/n:%d/t:%d/%s", bench_kind_name(test->layer->kind), test->layer->name,
             test->batch, test->threads, test->engine->name);
    snprintf(full_name, sizeof full_name, "%s/manual_time", name); /* as Google Benchmark calls it */
    if (filter && regexec(filter, full_name, 0, NULL, 0) != 0) return;
    kept = malloc(sizeof *kept);
    if (!kept) abort();
    *kept = *test;
    kept->next = cases;
    cases = kept;
    bench_measure_roofs(test->engine->isa, test->threads);
    gbench_register(name, run_case, kept);
}

static void register_layer(const struct bench_layer *layer, int batch, int threads, const regex_t *filter) {
    for (size_t i = 0; bench_engine_at(i); i++) {
        struct layer_case test = {layer, bench_engine_at(i), batch, threads, NULL};
        if (test.engine->accepts(test.engine, layer)) register_case(&test, filter);
    }
}

bool bench_register_layers(const char *filter, int max_threads) {
    static const int batches[] = {1, 16, 64};
    regex_t expression;
    bool filtered = filter && *filter;
    if (filtered && regcomp(&expression, filter, REG_EXTENDED | REG_NOSUB) != 0) return false;
    for (size_t i = 0; i < bench_n_layers; i++) {
        int n_batches = bench_layers[i].kind == BENCH_DENSE ? 3 : 2;
        for (int b = 0; b < n_batches; b++)
            for (int threads = 1; threads <= max_threads; threads *= 2)
                register_layer(&bench_layers[i], batches[b], threads, filtered ? &expression : NULL);
    }
    if (filtered) regfree(&expression);
    return true;
}

int bench_close_layers(void) {
    forget();
    while (cases) {
        struct layer_case *next = cases->next;
        free(cases);
        cases = next;
    }
    return n_wrong;
}

void bench_print_layers(void) {
    printf("{\"isa\": \"%s\", \"layers\": [", fmap_isa_name(fmap_isa_select(bench_isa_cap())));
    for (size_t i = 0; i < bench_n_layers; i++) {
        const struct bench_layer *layer = &bench_layers[i];
        struct bench_problem problem;
        bench_problem_describe(&problem, layer, 1);
        printf("%s\n{\"name\": \"%s/%s\", \"target\": \"%s\", \"quick\": %d, \"dense\": %s, \"flops\": %.0f, "
               "\"bytes\": %.0f}",
               i ? "," : "", bench_kind_name(layer->kind), layer->name, layer->target, layer->quick,
               layer->kind == BENCH_DENSE ? "true" : "false", problem.flops, problem.bytes);
    }
    printf("]}\n");
}
