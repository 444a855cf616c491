/* What layers share that treat elements alike: choosing a form, cutting the work, renaming a value. */
#ifndef FMAP_LAYERS_ELEMENTS_H
#define FMAP_LAYERS_ELEMENTS_H

#include "runtime/planning.h"

/* n things in parts of per_part; the last part may be smaller. */
struct fmap_cut {
    int64_t n;
    int64_t per_part;
    int64_t parts;
};

/* Cuts n things of `work` operations each so that every part begins at a multiple of `multiple`. */
struct fmap_cut fmap_cut_of(const struct fmap_planning *planning, int64_t n, int64_t work, int64_t multiple);

/* The things [first, end) of a part. */
struct fmap_range {
    int64_t first, end;
};

static inline struct fmap_range fmap_cut_range(const struct fmap_cut *cut, int64_t part) {
    struct fmap_range range = {.first = part * cut->per_part};
    range.end = cut->n - range.first < cut->per_part ? cut->n : range.first + cut->per_part;
    return range;
}

/* The form in which the value can be read without a conversion, blocked first; plain for a constant. */
enum fmap_form fmap_form_at_hand(const struct fmap_planning *planning, fmap_value value);

/* The form in which two values of one shape can be read with as few conversions as possible. */
enum fmap_form fmap_common_form(const struct fmap_planning *planning, fmap_value a, fmap_value b);

/* Elements that a value has in memory in that form, with the unused lanes of the blocked one. */
int64_t fmap_form_elements(const fmap_shape *shape, enum fmap_form form);

/* A constant of the shape n, c, ... in blocked form, packed while planning; unused lanes are 0. */
fmap_status fmap_pack_blocked(struct fmap_planning *planning, fmap_value constant, const fmap_shape *shape,
                              struct fmap_operand *place);

/* fmap_layer.view of layers that are never anything else. */
bool fmap_always_view(const struct fmap_graph *graph, const struct fmap_graph_node *node);

/* `out` has the elements of `in` in the same order under another shape: nothing has to be done. */
void fmap_plan_same_elements(struct fmap_planning *planning, fmap_value out, fmap_value in);

#endif
