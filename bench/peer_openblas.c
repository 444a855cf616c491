/* OpenBLAS, for dense layers: one product of matrices, on its own threads. http://www.openmathlib.org/OpenBLAS/ */
#include "bench/engine.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_prepared {
    const struct bench_problem *problem;
    int threads;
    bool by_unit; /* weights as [units][inputs], not [inputs][units]: whichever is faster */
    float *weights_by_unit, *output;
};

static bool accepts(const struct bench_engine *engine, const struct bench_layer *layer) {
    (void)engine;
    return layer->kind == BENCH_DENSE;
}

static void release(bench_prepared *p) {
    free(p->weights_by_unit);
    free(p->output);
    free(p);
}

static double run(bench_prepared *p) {
    const struct bench_problem *problem = p->problem;
    int batch = problem->batch, inputs = problem->layer->channels, units = problem->layer->filters;
    const float *weights = p->by_unit ? p->weights_by_unit : problem->weights;
    openblas_set_num_threads(p->threads);
    double begin = bench_seconds();
    for (int i = 0; i < batch; i++)
        memcpy(p->output + (size_t)i * (size_t)units, problem->bias, (size_t)units * sizeof(float));
    if (batch == 1)
        cblas_sgemv(CblasRowMajor, p->by_unit ? CblasNoTrans : CblasTrans, p->by_unit ? units : inputs,
                    p->by_unit ? inputs : units, 1, weights, p->by_unit ? inputs : units, problem->input, 1,
                    1, p->output, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, p->by_unit ? CblasTrans : CblasNoTrans, batch, units, inputs,
                    1, problem->input, inputs, weights, p->by_unit ? inputs : units, 1, p->output, units);
    for (size_t i = 0; i < problem->n_output; i++)
        if (p->output[i] < 0) p->output[i] = 0;
    return bench_seconds() - begin;
}

static double best_of_three(bench_prepared *p) {
    double best = run(p);
    for (int i = 0; i < 2; i++) {
        double seconds = run(p);
        if (seconds < best) best = seconds;
    }
    return best;
}

static bench_prepared *prepare(const struct bench_engine *engine, const struct bench_problem *problem,
                               int threads, char reason[BENCH_REASON_BYTES]) {
    bench_prepared *p = calloc(1, sizeof *p);
    (void)engine;
    snprintf(reason, BENCH_REASON_BYTES, "out of memory");
    if (!p) return NULL;
    p->problem = problem;
    p->threads = threads;
    p->weights_by_unit = bench_floats(problem->n_weights);
    p->output = bench_floats(problem->n_output);
    if (!p->weights_by_unit || !p->output) {
        release(p);
        return NULL;
    }
    bench_to_nhwc(p->weights_by_unit, problem->weights, 1, (size_t)problem->layer->channels,
                  (size_t)problem->layer->filters);
    double by_input = best_of_three(p);
    p->by_unit = true;
    p->by_unit = best_of_three(p) < by_input;
    return p;
}

static void read_output(bench_prepared *p, float *output) {
    memcpy(output, p->output, p->problem->n_output * sizeof *output);
}

static const char *kernel(const bench_prepared *p) {
    return p->problem->batch == 1 ? p->by_unit ? "sgemv" : "sgemv, transposed"
           : p->by_unit           ? "sgemm, transposed"
                                  : "sgemm";
}

static const struct bench_engine engines[] = {{.name = "openblas",
                                               .accepts = accepts,
                                               .prepare = prepare,
                                               .run = run,
                                               .read = read_output,
                                               .kernel = kernel,
                                               .release = release,
                                               .tolerance = 1e-4},
                                              {0}};

/* Its instruction set was chosen when the program started: see environment.c. */
const struct bench_engine *bench_openblas(fmap_isa cap, const char **version) {
    static char text[128];
    (void)cap;
    const char *name = openblas_get_config();
    if (strncmp(name, "OpenBLAS ", 9) == 0) name += 9;
    snprintf(text, sizeof text, "%.*s %s", (int)strcspn(name, " "), name, openblas_get_corename());
    *version = text;
    return engines;
}
