/* Depthwise convolution: every channel has kernels of its own. */
#ifndef FMAP_LAYERS_DEPTHWISE_H
#define FMAP_LAYERS_DEPTHWISE_H

#include "runtime/layers/tiles.h"

/* groups == channels; outputs is a multiple of them. */
fmap_status fmap_planning_depthwise(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                    const struct fmap_tiles_problem *problem);

/* What it takes to compute rows of a block of its output. */
struct fmap_depthwise_blocks {
    struct fmap_window window; /* without the places and the rows */
    int64_t n;                 /* of the output */
    int64_t outputs_per_channel;
    const float *weights; /* [block][kernel height][kernel width][16] */
    const float *bias;    /* [block][16] */
    const int32_t *lanes; /* [outputs_per_channel][16]; NULL: there is one output of each channel */
    struct fmap_activate_job activate;
};

/* Packs the weights. */
fmap_status fmap_depthwise_prepare(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                                   struct fmap_depthwise_blocks *blocks);

/* The kernel's work for a block of the output, made from block / outputs_per_channel of the source. */
static inline struct fmap_depthwise fmap_depthwise_of_block(const struct fmap_depthwise_blocks *blocks,
                                                            int64_t block) {
    const struct fmap_window *window = &blocks->window;
    struct fmap_depthwise work = {.window = *window,
                                  .weights = blocks->weights +
                                             block * window->kernel[0] * window->kernel[1] * FMAP_BLOCK,
                                  .bias = blocks->bias + block * FMAP_BLOCK,
                                  .activate = blocks->activate};
    if (blocks->lanes) work.lanes = blocks->lanes + block % blocks->outputs_per_channel * FMAP_BLOCK;
    return work;
}

#endif
