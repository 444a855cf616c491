/* Two operands of any types, element by element, in the plain form: what is no arithmetic of floats. */
#ifndef FMAP_LAYERS_TYPED_H
#define FMAP_LAYERS_TYPED_H

#include "runtime/planning.h"

/* dst[i] is made of a[i * a_step] and b[i * b_step], i < n; steps are 0 or 1, in elements. */
typedef void fmap_typed_loop(const void *a, int64_t a_step, const void *b, int64_t b_step, void *dst,
                             int64_t n);

/* Adds the step that computes output 0 of the node from two values. `a` may be that output: what a step before has put
 * there. For a function of one operand b is a. */
fmap_status fmap_plan_typed(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            fmap_typed_loop *loop, fmap_value a, fmap_value b);

/* A loop of the given name for `expression` of x, whose type is `first`, and y, whose type is `second`. */
#define FMAP_MIXED_LOOP(name, first, second, result, expression) \
    static void name(const void *a, int64_t a_step, const void *b, int64_t b_step, void *dst, int64_t n) { \
        const first *xs = a; \
        const second *ys = b; \
        result *to = dst; \
        for (int64_t i = 0; i < n; i++) { \
            const first x = xs[i * a_step]; \
            const second y = ys[i * b_step]; \
            (void)y; \
            to[i] = (result)(expression); \
        } \
    }
#define FMAP_TYPED_LOOP(name, type, result, expression) FMAP_MIXED_LOOP(name, type, type, result, expression)

/* Loops by type. */
#define FMAP_TYPES_END (FMAP_BOOL + 1)

#endif
