/* Planning packed weights: the key that names a packing, and the packing itself, cut into parts for all threads. */
#ifndef FMAP_RUNTIME_PACKING_H
#define FMAP_RUNTIME_PACKING_H

#include "runtime/planning.h"

/* Counts the orders in which packers have written: whoever changes what one of them writes under the same key adds 1, so
 * that files packed before are not read. */
enum { FMAP_PACKING_REVISION = 1 };

/* Floats of a constant that a packing is made of: `scale`, where it is not NULL, is a factor for each row of the first
 * dimension. */
struct fmap_packing_source {
    const void *floats; /* perhaps unaligned */
    int64_t n;
    const double *scale;
    int64_t n_scales;
};

enum { FMAP_PACKING_MOST_NUMBERS = 20 };

struct fmap_packer {
    const char *kind; /* its name */
    struct fmap_packing_source source;
    /* All else that the order and the values depend on, but for the instruction set. */
    int64_t numbers[FMAP_PACKING_MOST_NUMBERS];
    int n_numbers;
    float factor; /* that all of the floats are multiplied with */

    int64_t n_floats; /* packed */
    int64_t parts;    /* in any order, on any thread; together they write every float */
    void (*part)(const void *job, int64_t part, float *packed);
    const void *job;
};

/* The packing as a constant operand: of another plan, of the model's file, or made now. Counted in the plan's bytes. A
 * plan that is only for folding shares nothing: its packings are .packed == NULL. */
fmap_status fmap_planning_pack(struct fmap_planning *planning, const struct fmap_packer *packer,
                               struct fmap_operand *packed);

/* Whether every float of the source, scaled and rounded, is finite. Looked at once for all plans of a model; NULL for
 * `packings`: now. */
fmap_status fmap_packing_is_finite(struct fmap_packings *packings, const struct fmap_graph *original,
                                   const struct fmap_packing_source *source, bool *finite, fmap_error *error);

#endif
