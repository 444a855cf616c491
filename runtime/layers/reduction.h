/* Reductions over some axes of a value, in whichever form it lies: what the reducing operators share. */
#ifndef FMAP_LAYERS_REDUCTION_H
#define FMAP_LAYERS_REDUCTION_H

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

enum fmap_reduction {
    FMAP_REDUCTION_SUM,
    FMAP_REDUCTION_MEAN,
    FMAP_REDUCTION_MAXIMUM,
    FMAP_REDUCTION_MINIMUM,
    FMAP_REDUCTION_PRODUCT,
    FMAP_REDUCTION_L1,
    FMAP_REDUCTION_L2,
    FMAP_REDUCTION_SQUARES,
    FMAP_REDUCTION_LOG_SUM,
    FMAP_REDUCTION_LOG_SUM_EXP
};

/* A value as [outer][n][inner], of which n is reduced, and how it lies like that. */
struct fmap_rows {
    int64_t outer, n, inner;
    enum fmap_form form; /* to read; the blocked one with `lanes`: over the channels of each pixel */
    bool lanes;
    bool moved; /* axes do not lie like that: they have to be brought together first */
};

/* The way to see `value` with the axes that are set in `axes` (bit i: axis i) reduced, without a conversion if there is
 * one. */
struct fmap_rows fmap_rows_of(const struct fmap_planning *planning, fmap_value value, unsigned axes);

/* The same of plain memory alone. False: the axes have to be brought together first. */
bool fmap_rows_plain(const fmap_shape *shape, unsigned axes, struct fmap_rows *rows);

/* The plain memory of `value` with its reduced axes brought behind the others: [outer][n][1]; *way, unless NULL, is how it
 * was copied. */
fmap_status fmap_rows_move(struct fmap_planning *planning, const struct fmap_graph_node *node,
                           fmap_value value, unsigned axes, struct fmap_rows *rows,
                           struct fmap_operand *place, struct fmap_strided *way);

/* dst = fma((src - mean) * scale, gamma, beta) for n_rows rows from their first element on, each with numbers of its
 * own. */
struct fmap_row_numbers {
    const float *mean, *scale, *gamma, *beta;
};
void fmap_rows_normalize(const struct fmap_run *run, const struct fmap_rows *rows, const float *src,
                         float *dst, int64_t n_rows, const struct fmap_row_numbers *numbers);

/* The rows [row, end) that lie one beside the other from `row` on: all of them where inner is 1. Returns how many, and
 * in *offset where they begin. */
int64_t fmap_rows_next(const struct fmap_rows *rows, int64_t row, int64_t end, int64_t *offset);

/* Adds the steps that reduce input 0 of a node to its output 0. */
fmap_status fmap_plan_reduction(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                enum fmap_reduction reduction, unsigned axes);

/* The same for integers: plain loops over plain memory, in 64 bits. */
fmap_status fmap_plan_integer_reduction(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                        enum fmap_reduction reduction, unsigned axes);

/* The shape of `in` without the axes, or with 1 in their place. */
fmap_shape fmap_reduced_shape(const fmap_shape *in, unsigned axes, bool keep);

#endif
