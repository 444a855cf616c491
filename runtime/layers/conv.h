/* What passes may know of a convolution. */
#ifndef FMAP_LAYERS_CONV_H
#define FMAP_LAYERS_CONV_H

#include "kernels/kernels.h"
#include "runtime/layers/pooled.h"
#include "runtime/layers/tiles.h"

/* A pass may give a convolution a fourth input, of its output's shape: it is added before the activation. */
enum { FMAP_CONV_RESIDUAL = 3 };

struct fmap_conv_parameters {
    struct fmap_window_parameters window;
    int64_t group;
    const double
        *scale; /* [outputs], of the weights, each product rounded to float; NULL: they are as they are */
    struct fmap_activate_job activate; /* computed with the convolution; none when a node is parsed */
    struct fmap_pooled pool;           /* computed with it, on its own output */
    const char *note;                  /* for people, of a pass that left it as it is; NULL: nothing to say */
};

/* Whether the convolution, as it will be planned, can pool its own output. */
bool fmap_conv_can_pool(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                        const struct fmap_pooled *pool, fmap_algorithm algorithm);

/* Whether it can add to its own output. */
bool fmap_conv_can_add(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                       fmap_algorithm algorithm);

/* What a convolution is, as it will be planned. */
enum fmap_conv_kind {
    FMAP_CONV_OTHER,
    FMAP_CONV_POINTWISE, /* by tiles: output pixel i is made of source pixel i; of constant weights, in one group */
    FMAP_CONV_DEPTHWISE
};

/* And its problem, but for the places in memory, where it is not another one. */
enum fmap_conv_kind fmap_conv_describe(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                       fmap_algorithm algorithm, struct fmap_tiles_problem *problem);

/* Memory for an output to which a residual, or none, is added. */
fmap_status fmap_conv_place_output(struct fmap_planning *planning, fmap_value y, fmap_value residual,
                                   struct fmap_tiles_problem *problem);

#endif
