/* Graph rewrites, one idea a file. */
#ifndef FMAP_PASSES_PASSES_H
#define FMAP_PASSES_PASSES_H

#include "runtime/graph.h"

struct fmap_pass_options {
    bool training; /* Dropout is not the identity */
};

/* Runs every pass, in the order of their table. */
fmap_status fmap_run_passes(struct fmap_graph *graph, const struct fmap_pass_options *options, fmap_error *error);

#endif
