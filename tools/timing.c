#include "timing.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "tool.h"

enum { FEWEST_RUNS = 3, MOST_RUNS = 10 * 1000 * 1000 };

double clock_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double percentile(const double *sorted, size_t n, double share) {
    size_t rank = (size_t)ceil(share * (double)n);
    return sorted[rank > 0 ? rank - 1 : 0];
}

void timing_of(double *seconds, size_t n, struct timing *timing) {
    double sum = 0;
    qsort(seconds, n, sizeof *seconds, compare);
    for (size_t i = 0; i < n; i++) {
        sum += seconds[i];
    }
    *timing = (struct timing){.n_runs = n,
                              .minimum = seconds[0],
                              .median = percentile(seconds, n, 0.5),
                              .p99 = percentile(seconds, n, 0.99),
                              .mean = sum / (double)n,
                              .maximum = seconds[n - 1]};
}

static fmap_status run_once(fmap_context *context, const struct buffers *buffers, double *seconds,
                            fmap_error *error) {
    double start = clock_seconds();
    TRY(fmap_context_run(context, (const void *const *)buffers->input_data, buffers->output_data, error));
    *seconds = clock_seconds() - start;
    return FMAP_OK;
}

/* The times of as many runs as the options ask for; the caller frees them. */
static fmap_status collect(fmap_context *context, const struct buffers *buffers,
                           const struct timing_options *options, double **times, size_t *n_times,
                           double *layer_seconds, size_t n_layers, fmap_error *error) {
    size_t capacity = 0;
    double started = clock_seconds();
    size_t before = options->progress->done;
    for (size_t n = 0; n < MOST_RUNS && (n < FEWEST_RUNS || clock_seconds() - started < options->seconds);
         n++) {
        if (n == capacity) {
            capacity = capacity == 0 ? 1024 : 2 * capacity;
            double *grown = realloc(*times, capacity * sizeof *grown);
            if (grown == NULL) return fail_memory(error, "the times");
            *times = grown;
        }
        TRY(run_once(context, buffers, &(*times)[n], error));
        for (size_t i = 0; layer_seconds != NULL && i < n_layers; i++) {
            layer_seconds[i] += fmap_context_layer_seconds(context, i);
        }
        *n_times = n + 1;
        double share = (clock_seconds() - started) / (options->seconds > 0 ? options->seconds : 1);
        progress_update(options->progress, before + (size_t)(share < 1 ? 100 * share : 100));
    }
    progress_update(options->progress, before + 100);
    return FMAP_OK;
}

fmap_status timing_measure(fmap_context *context, const struct buffers *buffers,
                           const struct timing_options *options, struct timing *timing, double *layer_seconds,
                           size_t n_layers, fmap_error *error) {
    double *times = NULL;
    size_t n_times = 0;
    double ignored = 0;
    double started = clock_seconds();
    do {
        TRY(run_once(context, buffers, &ignored, error));
    } while (clock_seconds() - started < options->warmup);
    for (size_t i = 0; layer_seconds != NULL && i < n_layers; i++) {
        layer_seconds[i] = 0;
    }
    fmap_status status = collect(context, buffers, options, &times, &n_times, layer_seconds, n_layers, error);
    if (status == FMAP_OK) {
        timing_of(times, n_times, timing);
    }
    for (size_t i = 0; status == FMAP_OK && layer_seconds != NULL && i < n_layers; i++) {
        layer_seconds[i] /= (double)n_times;
    }
    free(times);
    return status;
}
