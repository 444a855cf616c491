#include "runtime/layers/moves.h"

int fmap_memory_dims(const fmap_shape *shape, enum fmap_form form, int64_t *dims) {
    for (int i = 0; i < shape->rank; i++) dims[i] = shape->dims[i];
    if (form != FMAP_FORM_BLOCKED) return shape->rank;
    dims[1] = fmap_geometry_of(shape).blocks;
    dims[shape->rank] = FMAP_BLOCK;
    return shape->rank + 1;
}

void fmap_memory_strides(int rank, const int64_t *dims, int64_t *strides) {
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
}

fmap_status fmap_plan_move(struct fmap_planning *planning, const struct fmap_graph_node *node, fmap_value in,
                           fmap_value out, enum fmap_form form, const struct fmap_strided *strided) {
    struct fmap_strided typed = *strided;
    struct fmap_operand src, dst;
    typed.element_bytes = fmap_type_bytes(planning->graph->values[in].type);
    TRY(fmap_planning_read(planning, in, form, &src));
    TRY(fmap_planning_write(planning, out, form, &dst));
    return fmap_planning_copy(planning, node, &src, &dst, &typed);
}

bool fmap_can_view(const struct fmap_planning *planning, fmap_value out) {
    return planning->n_chunks <= 1 || !planning->values[out].crosses;
}

fmap_status fmap_plan_part(struct fmap_planning *planning, fmap_value in, fmap_value out, enum fmap_form form,
                           int64_t first) {
    struct fmap_planned_value *planned = &planning->values[out];
    TRY(fmap_planning_read(planning, in, form, &planned->places[form]));
    fmap_operand_advance_elements(&planned->places[form], planning->graph->values[in].type, first);
    planned->placed[form] = true;
    if (form == FMAP_FORM_BLOCKED)
        planned->image_stride = fmap_geometry_of(&planning->graph->values[out].shape).image_stride;
    return FMAP_OK;
}
