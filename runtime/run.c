/* Running: a loop over steps, shared by a team of threads. The only OpenMP of the library. */
#include "runtime/context.h"
#include "runtime/probes.h"

#include <omp.h>
#include <time.h>

int fmap_host_threads(void) { return omp_get_max_threads(); }

void fmap_host_together(int threads, fmap_team_work *work, void *argument) {
#pragma omp parallel num_threads(threads)
    work(argument, omp_get_thread_num(), omp_get_num_threads());
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* What a thread did of a step, up to now. */
static void record(fmap_context *context, size_t s, int thread, double begin, int64_t parts) {
    fmap_span *span = &context->spans[s * (size_t)context->plan->threads + (size_t)thread];
    *span = (fmap_span){.begin = begin - context->begin, .end = now() - context->begin, .parts = parts};
}

static void run_alone(fmap_context *context) {
    const struct fmap_plan *plan = context->plan;
    double begin = context->begin;
    for (size_t s = 0; s < plan->n_steps; s++) {
        const struct fmap_step *step = &plan->steps[s];
        fmap_probe_layer_start(step);
        for (int64_t part = 0; part < step->parts; part++) step->part(&context->run, step, part);
        fmap_probe_layer_end(step);
        if (plan->profile) {
            record(context, s, 0, begin, step->parts);
            double end = context->begin + context->spans[s].end;
            context->step_seconds[s] = end - begin;
            begin = end;
        }
    }
}

/* One parallel region for the whole network; a barrier orders the steps. A thread takes neighbouring parts, the
 * same share in every step: much of what it reads it has written itself, and it lies in its own cache. */
static void run_together(fmap_context *context) {
    const struct fmap_plan *plan = context->plan;
#pragma omp parallel num_threads(plan->threads)
    {
        struct fmap_run run = context->run;
        int thread = omp_get_thread_num();
        run.scratch += plan->scratch_bytes * (size_t)thread;
        double begin = context->begin;
        for (size_t s = 0; s < plan->n_steps; s++) {
            const struct fmap_step *step = &plan->steps[s];
            int64_t parts = 0;
            if (thread == 0) fmap_probe_layer_start(step);
#pragma omp for schedule(static) nowait
            for (int64_t part = 0; part < step->parts; part++) {
                step->part(&run, step, part);
                parts++;
            }
            if (plan->profile) record(context, s, thread, begin, parts);
#pragma omp barrier
            if (thread == 0) fmap_probe_layer_end(step);
            if (plan->profile) {
                double end = now();
                if (thread == 0) context->step_seconds[s] = end - begin;
                begin = end;
            }
        }
    }
}

fmap_status fmap_context_run(fmap_context *context, const void *const *inputs, void *const *outputs,
                             fmap_error *error) {
    if (!context || !inputs || !outputs) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_context_run: context, inputs or outputs is NULL");
    }
    const struct fmap_graph *graph = &context->plan->graph;
    void **ports = context->ports;
    for (size_t i = 0; i < graph->n_inputs; i++) {
        ports[i] = (void *)(uintptr_t)inputs[i];
        if (!ports[i]) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_context_run: input %zu is NULL", i);
    }
    for (size_t i = 0; i < graph->n_outputs; i++) {
        ports[graph->n_inputs + i] = outputs[i];
        if (!outputs[i])
            return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_context_run: output %zu is NULL", i);
    }
    if (context->plan->profile) context->begin = now();
    if (context->plan->threads == 1)
        run_alone(context);
    else
        run_together(context);
    context->has_run = true;
    return FMAP_OK;
}
