/* Networks with and without passes: what became of their nodes, and whether they still compute the same. */
#ifndef TESTS_NET_PASSES_H
#define TESTS_NET_PASSES_H

#include "runtime/passes/passes.h"
#include "tests/net.h"

/* The graph of a model (whose shapes must all be known) after the passes, but for those in `without`; to be
 * closed. `kept` is the name of a node whose first output is tapped; NULL: none. */
struct net_passes {
    const char *without;
    const char *kept;
    bool training;
    fmap_strips strips;
};
struct fmap_graph net_passes_graph(const fmap_model *model, const struct net_passes *passes);

/* Whether the node is gone after them. */
bool net_passes_remove(const fmap_model *model, const char *node, const struct net_passes *passes);

/* The name of the node that computes what this one put out; NULL: it does so itself, or nobody does. */
const char *net_passes_fused_into(const fmap_model *model, const char *node);

/* All outputs of a network of one input, one behind the other; *n elements, to be freed. */
float *net_passes_outputs(const fmap_model *model, const fmap_plan_options *options, const float *x,
                          size_t *n);

/* Whether all outputs have the same bits with and without passes, on every instruction set, for several
 * threads; of a network of one input of any shape. */
bool net_passes_change_no_bit(const fmap_model *model);

#endif
