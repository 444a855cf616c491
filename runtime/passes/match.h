/* What passes that look for several nodes share: is this what is meant, and what becomes of it. */
#ifndef FMAP_PASSES_MATCH_H
#define FMAP_PASSES_MATCH_H

#include "runtime/layer.h"
#include "runtime/layers/activation.h"
#include "runtime/passes/passes.h"

/* The node that computes a value which only one other reads; NULL when there is none. */
struct fmap_graph_node *fmap_inner_producer(const struct fmap_graph *graph, const struct fmap_use *uses,
                                            fmap_value value);

/* Whether the node is this layer of two operands, without a function behind it, and one of them is a number: a constant
 * of one element that makes the other one no larger. *first: whether the number is the first operand. */
bool fmap_match_with_number(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                            const struct fmap_layer *layer, fmap_value *other, float *number, bool *first);

/* Whether y = x * number, by a product or by a quotient; *factor is that number. */
bool fmap_match_multiple(const struct fmap_graph *graph, const struct fmap_graph_node *node, fmap_value *x,
                         double *factor);

/* Whether the node is that function of floats. */
bool fmap_match_function(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         enum fmap_activate kind, struct fmap_activate_job *function);

/* Whether two numbers are one, but for roundings of float32. */
bool fmap_about(double a, double b);

/* The node becomes that function of x, and the inner nodes, NULLs left out, are computed with it. */
fmap_status fmap_become_function(struct fmap_graph *graph, struct fmap_use *uses,
                                 struct fmap_graph_node *node, fmap_value x,
                                 const struct fmap_activate_job *function, struct fmap_graph_node **inner,
                                 size_t n_inner, fmap_error *error);

#endif
