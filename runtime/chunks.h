/* Depth first: how far into the network a batch goes image by image. */
#ifndef FMAP_RUNTIME_CHUNKS_H
#define FMAP_RUNTIME_CHUNKS_H

#include "runtime/planning.h"

/* Layers [0, n_nodes) take one image of the batch after the other; from there on every layer takes them all. */
struct fmap_chunks {
    size_t n_nodes; /* 0: every layer takes all images */
    int64_t images; /* of the batch */
};

/* Cuts the network where the weights that every image would have to read again begin to outweigh the maps that all
 * images of a batch would have to carry through memory. No bit depends on it. */
struct fmap_chunks fmap_chunks_choose(const struct fmap_graph *graph, int threads);

/* From now on values are planned as of one image; marks those that layers beyond the cut or the caller read. */
void fmap_chunks_begin(struct fmap_planning *planning, const struct fmap_chunks *chunks);

/* And now of all images again. */
void fmap_chunks_end(struct fmap_planning *planning, const struct fmap_chunks *chunks);

#endif
