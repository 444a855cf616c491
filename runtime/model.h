/* The model behind the public handle. */
#ifndef FMAP_RUNTIME_MODEL_H
#define FMAP_RUNTIME_MODEL_H

#include "runtime/graph.h"
#include "runtime/names.h"
#include "runtime/packed.h"

struct fmap_resource;

struct fmap_model {
    struct fmap_graph graph;
    struct fmap_names value_names;
    struct fmap_names node_names;
    struct fmap_resource *resources; /* memory that constants are borrowed from */
    struct fmap_packed *packed;      /* weights as plans pack them */
    const void *source;              /* the file; NULL: it was built by calls */
    size_t source_bytes;
    int opset;
    bool finished;
    fmap_error failure; /* the first one while building; status FMAP_OK: none */
};

#endif
