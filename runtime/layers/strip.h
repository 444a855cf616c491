/* A depthwise convolution together with the 1x1 convolution before it, the one behind it, or both: what fuse_depthwise makes
 * of them. Strip by strip of a few rows: what lies between them is never in memory as a whole. */
#ifndef FMAP_LAYERS_STRIP_H
#define FMAP_LAYERS_STRIP_H

#include "runtime/layer.h"
#include "runtime/layers/tiles.h"

/* Convolutions as they were; those without a layer are not there. */
struct fmap_strip_parameters {
    struct fmap_graph_node expand, depthwise, project;
    const char *why; /* for people: what the pass thought */
};

/* Inputs of the node: then weights and biases, which are no batch. */
enum { FMAP_STRIP_SOURCE, FMAP_STRIP_RESIDUAL, FMAP_STRIP_WEIGHTS };

/* No operator of ONNX: in no list. */
extern const struct fmap_layer fmap_layer_strip;

/* The same as problems, but for the places in memory. */
struct fmap_strip_problem {
    bool expands, projects;
    struct fmap_tiles_problem expand, depthwise, project;
};

/* False where a node is no such convolution. */
bool fmap_strip_describe(const struct fmap_graph *graph, const struct fmap_strip_parameters *parameters,
                         fmap_algorithm algorithm, struct fmap_strip_problem *problem);

/* ---- how it is cut, and whether it pays (strip_choose.c) ----------------------------------------------- */

/* Most rows of the output at a time; 1 where not even one fits the second cache. */
int64_t fmap_strip_rows(const struct fmap_strip_problem *problem, size_t near_bytes);

/* Rows of the depthwise convolution's source that so many rows of its output need. */
int64_t fmap_strip_source_rows(const struct fmap_tiles_problem *depthwise, int64_t rows);

/* Floats of a block's plane in a buffer of so many rows: neighbouring planes do not meet in the same sets of a cache. */
int64_t fmap_strip_plane(int64_t rows, int64_t width);

/* Multiply-adds of an image, without what neighbouring bands compute twice. */
double fmap_strip_work(const struct fmap_strip_problem *problem);

/* Images, then bands of rows of each: about `wanted` parts in all, or so many that the threads share them evenly. */
struct fmap_share fmap_strip_cut(const struct fmap_strip_problem *problem, int64_t images, int64_t wanted,
                                 int threads);

/* What of the machine and the plan the gain depends on. */
struct fmap_strip_room {
    size_t near_bytes; /* of the second cache */
    int lanes;         /* of a vector */
    int threads;
};

/* About the cycles that it saves, 0 and less: none. The sentence says why. */
struct fmap_strip_gain {
    double cycles;
    char why[200];
};
struct fmap_strip_gain fmap_strip_gain(const struct fmap_strip_problem *problem,
                                       const struct fmap_strip_room *room);

#endif
