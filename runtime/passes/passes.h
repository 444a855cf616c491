/* Passes: rewrites of a plan's graph that change the work, but not the answer.
 *
 * A pass never touches a value that is kept, except to say that another value is the same (its alias, which
 * is kept from then on). Nodes stay in their slots, because they are planned in that order: what is removed
 * is marked as dead, what is fused lives on in the slot of one of its parts. */
#ifndef FMAP_PASSES_H
#define FMAP_PASSES_H

#include "runtime/graph.h"
#include "runtime/packed.h"

struct fmap_pass_options {
    bool training; /* Dropout drops */
    fmap_algorithm algorithm;
    fmap_strips strips;
    int threads;                       /* 0: 1 */
    int lanes;                         /* of a vector; 0: 1 */
    size_t near_bytes;                 /* of the second cache; 0: this machine's */
    struct fmap_packings *packings;    /* of the plan; NULL: none */
    const struct fmap_graph *original; /* the model's graph, which the constants are of; NULL: unknown */
    const char *without;               /* names of passes to leave out, with spaces between; NULL: none */
};

struct fmap_pass {
    const char *name;
    fmap_status (*apply)(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error);
};

#define PASS(name) extern const struct fmap_pass fmap_pass_##name;
#include "runtime/passes/passes.inc"
#undef PASS

/* Runs them all. All shapes are known. */
fmap_status fmap_run_passes(struct fmap_graph *graph, const struct fmap_pass_options *options,
                            fmap_error *error);

/* ---- what passes share ------------------------------------------------------------------------------ */

/* Who looks at a value. */
struct fmap_use {
    int64_t n_readers; /* inputs of living nodes */
    int64_t reader;    /* index of the last of those nodes; -1: none */
    bool output;       /* of the network */
};

/* One for each value, aliases followed; NULL when there is no memory. Lives as long as the graph. */
struct fmap_use *fmap_graph_uses(struct fmap_graph *graph);

/* Whether something else than the inputs of nodes looks at the value. */
bool fmap_seen_outside(const struct fmap_graph *graph, const struct fmap_use *uses, fmap_value value);

/* The node that is the only one to look at the value, with one input; NULL when there is none. */
struct fmap_graph_node *fmap_only_reader(const struct fmap_graph *graph, const struct fmap_use *uses,
                                         fmap_value value);

/* The living node whose first output is the value; NULL when there is none. */
struct fmap_graph_node *fmap_producer(const struct fmap_graph *graph, fmap_value value);

/* `taker` computes `removed`, whose output it read, and what that one has taken in before. */
void fmap_take_over(struct fmap_graph *graph, const struct fmap_graph_node *taker,
                    struct fmap_graph_node *removed);

/* `producer` computes what `removed`, which reads it, has put out so far. */
void fmap_fuse_nodes(struct fmap_graph *graph, struct fmap_graph_node *producer,
                     struct fmap_graph_node *removed);

/* Puts a node in the slot behind that one; all nodes behind it move on by one. Pointers to nodes are void afterwards. */
fmap_status fmap_insert_node(struct fmap_graph *graph, size_t slot, const struct fmap_graph_node *node,
                             fmap_error *error);

/* Removes nodes of that layer that nobody reads any more, from the last to the first. */
fmap_status fmap_remove_unread(struct fmap_graph *graph, const struct fmap_layer *layer, fmap_error *error);

/* Gives the node its own copy of parameters, changed. */
fmap_status fmap_replace_parameters(struct fmap_graph *graph, struct fmap_graph_node *node,
                                    const void *parameters, size_t bytes, fmap_error *error);

#endif
