/* Planning packed weights: the key that names a packing, and the packing itself, cut into parts for all threads. */
#ifndef FMAP_RUNTIME_PACKING_H
#define FMAP_RUNTIME_PACKING_H

#include "runtime/planning.h"

/* Counts the orders in which packers have written: whoever changes what one of them writes under the same key adds 1, so
 * that files packed before are not read. */
enum { FMAP_PACKING_REVISION = 2 };

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
    const void *job; /* copied; what it points at stays until all is packed */
    size_t job_bytes;
};

/* The packing as a constant operand: of another plan, of the model's file, or a task for fmap_planning_pack_all(). Counted
 * in the plan's bytes. A plan that is only for folding shares nothing: its packings are .packed == NULL, and it packs at
 * once. */
fmap_status fmap_planning_pack(struct fmap_planning *planning, const struct fmap_packer *packer,
                               struct fmap_operand *packed);

/* Does all tasks, on all threads. To be called once, whether planning succeeded or not: others may wait for the packings. */
void fmap_planning_pack_all(struct fmap_planning *planning);

/* What passes have to know of the weights. */
struct fmap_packing_look {
    struct fmap_packing_source source; /* with a scale */
    bool finite;                       /* every float of it, scaled and rounded, is */
    bool known;                        /* without looking at it again */
};

/* Looks at all of them, on all threads, but for those that a plan of the model, or the packed file, has looked at before.
 * NULL for `packings`: now, and at all. Error: MEMORY. */
fmap_status fmap_packing_look_at(struct fmap_packings *packings, const struct fmap_graph *original,
                                 struct fmap_packing_look *looks, size_t n, fmap_error *error);

#endif
