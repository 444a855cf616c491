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
    bool has_run;
};

#endif
