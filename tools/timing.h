/* How long a network takes: many runs, and what their times have to say. */
#ifndef FMAP_TOOLS_TIMING_H
#define FMAP_TOOLS_TIMING_H

#include "buffers.h"
#include "progress.h"

/* Seconds of single runs, sorted; percentiles are the nearest rank. */
struct timing {
    size_t n_runs;
    double minimum;
    double median;
    double p99;
    double mean;
    double maximum;
};

/* Seconds since some moment, never set back. */
double clock_seconds(void);

/* What to do: runs for at least `warmup`, then at least `seconds` and three times. */
struct timing_options {
    double warmup;
    double seconds;
    struct progress *progress; /* one unit of it is one percent of one measurement */
};

/* Runs a context over and over; the progress goes on by 100. `layer_seconds`, of `n_layers` elements,
 * receives each layer's mean when the plan was made with `profile`; NULL: not wanted. */
fmap_status timing_measure(fmap_context *context, const struct buffers *buffers,
                           const struct timing_options *options, struct timing *timing, double *layer_seconds,
                           size_t n_layers, fmap_error *error);

/* Sorts the times and fills *timing. n > 0. */
void timing_of(double *seconds, size_t n, struct timing *timing);

#endif
