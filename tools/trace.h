/* A trace of runs for Perfetto (ui.perfetto.dev) and chrome://tracing: the JSON object format of the Trace Event
 * Format. */
#ifndef FMAP_TOOLS_TRACE_H
#define FMAP_TOOLS_TRACE_H

#include <stdio.h>

#include "trial.h"

struct trace {
    FILE *stream; /* a growing text in memory */
    char *text;
    size_t n_bytes;
    int n_processes; /* each trial is one */
    double started;  /* the time 0 of the trace */
    bool any;
};

fmap_status trace_begin(struct trace *trace, fmap_error *error);

/* Runs a trial, which must be profiled, a few times more and adds what each thread did when. */
fmap_status trace_add(struct trace *trace, const fmap_model *model, const struct trial *trial,
                      fmap_error *error);

/* Writes the file. */
fmap_status trace_write(struct trace *trace, const char *path, fmap_error *error);
void trace_release(struct trace *trace);

#endif
