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

/* ---- images one by one ----------------------------------------------------------------------------------- */

/* One image through all steps for which it is alone. A profile adds up what each of them takes. */
static void run_chunk(fmap_context *context, struct fmap_run *run, size_t chunk, int thread) {
    const struct fmap_plan *plan = context->plan;
    double begin = plan->profile ? now() : 0;
    run->chunk = chunk;
    for (size_t s = 0; s < plan->n_chunked_steps; s++) {
        const struct fmap_step *step = &plan->steps[s];
        if (thread == 0) fmap_probe_layer_start(step);
        for (int64_t part = 0; part < step->parts; part++) step->part(run, step, part);
        if (thread == 0) fmap_probe_layer_end(step);
        if (!plan->profile) continue;
        fmap_span *span = &context->spans[s * (size_t)plan->threads + (size_t)thread];
        double end = now();
        span->end += end - begin;
        span->parts++;
        begin = end;
    }
    run->chunk = 0;
}

static void forget_spans(fmap_context *context, int thread) {
    const struct fmap_plan *plan = context->plan;
    for (size_t s = 0; s < plan->n_chunked_steps && plan->profile; s++)
        context->spans[s * (size_t)plan->threads + (size_t)thread] = (fmap_span){0};
}

/* A thread's sums, one step behind the other, as if it had taken all of its images through each of them. */
static void lay_out_spans(fmap_context *context) {
    const struct fmap_plan *plan = context->plan;
    for (size_t thread = 0; thread < (size_t)plan->threads; thread++) {
        double end = 0;
        for (size_t s = 0; s < plan->n_chunked_steps; s++) {
            fmap_span *span = &context->spans[s * (size_t)plan->threads + thread];
            double share = span->end / plan->threads;
            context->step_seconds[s] = thread == 0 ? share : context->step_seconds[s] + share;
            span->begin = end;
            end = span->end += end;
        }
    }
}

/* ---- all images together --------------------------------------------------------------------------------- */

static void run_alone(fmap_context *context) {
    const struct fmap_plan *plan = context->plan;
    forget_spans(context, 0);
    for (int64_t i = 0; i < plan->n_chunks; i++) run_chunk(context, &context->run, (size_t)i, 0);
    if (plan->profile) lay_out_spans(context);
    double begin = plan->profile ? now() : 0;
    for (size_t s = plan->n_chunked_steps; s < plan->n_steps; s++) {
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

/* Steps of one part each are the same thread's, as OpenMP promises of loops that are equally long: it needs to wait for
 * nobody between them. A profile measures them apart. */
static bool same_thread_goes_on(const struct fmap_plan *plan, size_t s) {
    return !plan->profile && s + 1 < plan->n_steps && plan->steps[s].parts == 1 &&
           plan->steps[s + 1].parts == 1;
}

/* A barrier orders the steps. A thread takes neighbouring parts, the same share in every step: much of what it reads it
 * has written itself, and it lies in its own cache. */
static void share_steps(fmap_context *context, const struct fmap_run *run, int thread) {
    const struct fmap_plan *plan = context->plan;
    double begin = plan->profile ? now() : 0;
    for (size_t s = plan->n_chunked_steps; s < plan->n_steps; s++) {
        const struct fmap_step *step = &plan->steps[s];
        int64_t parts = 0;
        if (thread == 0) fmap_probe_layer_start(step);
#pragma omp for schedule(static) nowait
        for (int64_t part = 0; part < step->parts; part++) {
            step->part(run, step, part);
            parts++;
        }
        if (plan->profile) record(context, s, thread, begin, parts);
        if (!same_thread_goes_on(plan, s)) {
#pragma omp barrier
        }
        if (thread == 0) fmap_probe_layer_end(step);
        if (plan->profile) {
            double end = now();
            if (thread == 0) context->step_seconds[s] = end - begin;
            begin = end;
        }
    }
}

/* One parallel region for the whole network. Images that go alone are taken by whoever is free. */
static void run_together(fmap_context *context) {
    const struct fmap_plan *plan = context->plan;
#pragma omp parallel num_threads(plan->threads)
    {
        struct fmap_run run = context->run;
        int thread = omp_get_thread_num();
        run.scratch += plan->scratch_bytes * (size_t)thread;
        run.local += plan->local.bytes * (size_t)thread;
        if (plan->n_chunks > 0) {
            forget_spans(context, thread);
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < plan->n_chunks; i++) run_chunk(context, &run, (size_t)i, thread);
            if (plan->profile && thread == 0) lay_out_spans(context);
        }
        share_steps(context, &run, thread);
    }
}

void fmap_context_work(fmap_context *context) {
    if (context->plan->profile) context->begin = now();
    if (context->plan->threads == 1)
        run_alone(context);
    else
        run_together(context);
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
        if (!ports[i] && !graph->values[graph->inputs[i]].data)
            return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_context_run: input %zu is NULL", i);
    }
    for (size_t i = 0; i < graph->n_outputs; i++) {
        ports[graph->n_inputs + i] = outputs[i];
        if (!outputs[i])
            return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_context_run: output %zu is NULL", i);
    }
    fmap_context_work(context);
    context->has_run = true;
    return FMAP_OK;
}
