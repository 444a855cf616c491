/* The context behind the public handle: the memory of one run at a time. */
#ifndef FMAP_RUNTIME_CONTEXT_H
#define FMAP_RUNTIME_CONTEXT_H

#include "runtime/plan.h"

struct fmap_context {
    struct fmap_storage storage;
    const struct fmap_plan *plan;
    struct fmap_run run;
    void **ports; /* the caller's inputs, outputs and taps */
    double *step_seconds;
    double begin;     /* of the last run; 0 when the plan is not profiled */
    fmap_span *spans; /* [step][thread], when the plan is profiled */
    bool has_run;
};

/* All steps once, with the ports that the context has (run.c). */
void fmap_context_work(fmap_context *context);

#endif
