#include "runtime/layers/elements.h"

struct fmap_cut fmap_cut_of(const struct fmap_planning *planning, int64_t n, int64_t work, int64_t multiple) {
    int64_t total;
    if (__builtin_mul_overflow(n, work, &total)) total = INT64_MAX;
    int64_t parts = fmap_planning_parts(planning, total);
    struct fmap_cut cut = {.n = n, .per_part = (n + parts - 1) / parts};
    cut.per_part = (cut.per_part + multiple - 1) / multiple * multiple;
    if (cut.per_part < multiple) cut.per_part = multiple; /* n may be 0 */
    cut.parts = (n + cut.per_part - 1) / cut.per_part;
    return cut;
}

enum fmap_form fmap_common_form(const struct fmap_planning *planning, fmap_value a, fmap_value b) {
    static const enum fmap_form forms[] = {FMAP_FORM_BLOCKED, FMAP_FORM_PLAIN, FMAP_FORM_PIXELS};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (fmap_planning_has(planning, a, forms[i]) && fmap_planning_has(planning, b, forms[i]))
            return forms[i];
    }
    return fmap_planning_has(planning, a, FMAP_FORM_BLOCKED) ||
                   fmap_planning_has(planning, b, FMAP_FORM_BLOCKED)
               ? FMAP_FORM_BLOCKED
               : FMAP_FORM_PLAIN;
}

enum fmap_form fmap_form_at_hand(const struct fmap_planning *planning, fmap_value value) {
    return fmap_common_form(planning, value, value);
}

int64_t fmap_form_elements(const fmap_shape *shape, enum fmap_form form) {
    if (form != FMAP_FORM_BLOCKED) return fmap_shape_product(shape, 0, shape->rank);
    struct fmap_geometry geometry = fmap_geometry_of(shape);
    return geometry.n * geometry.image_stride;
}

fmap_status fmap_pack_blocked(struct fmap_planning *planning, fmap_value constant, const fmap_shape *shape,
                              struct fmap_operand *place) {
    struct fmap_geometry geometry = fmap_geometry_of(shape);
    int64_t pixels = geometry.h * geometry.w;
    const float *plain;
    float *blocked;
    TRY(fmap_planning_constant(planning, constant, &plain));
    TRY(fmap_planning_weights(planning, (size_t)fmap_form_elements(shape, FMAP_FORM_BLOCKED), &blocked));
    for (int64_t image = 0; image < geometry.n; image++) {
        for (int64_t c = 0; c < geometry.c; c++) {
            float *block = blocked + image * geometry.image_stride + c / FMAP_BLOCK * geometry.block_stride;
            for (int64_t p = 0; p < pixels; p++) {
                block[p * FMAP_BLOCK + c % FMAP_BLOCK] = plain[(image * geometry.c + c) * pixels + p];
            }
        }
    }
    *place = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = blocked};
    return FMAP_OK;
}

bool fmap_always_view(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    (void)graph;
    (void)node;
    return true;
}

static void share(struct fmap_planning *planning, fmap_value out, fmap_value in, enum fmap_form form) {
    const struct fmap_planned_value *source = &planning->values[in];
    planning->values[out].placed[form] = source->placed[form];
    planning->values[out].places[form] = source->places[form];
}

void fmap_plan_same_elements(struct fmap_planning *planning, fmap_value out, fmap_value in) {
    const fmap_shape *to = &planning->graph->values[out].shape, *from = &planning->graph->values[in].shape;
    fmap_planning_view(planning, out, in, FMAP_FORM_PLAIN);
    if (to->rank >= 2 && from->rank >= 2) {
        struct fmap_geometry a = fmap_geometry_of(to), b = fmap_geometry_of(from);
        if (a.n == b.n && a.c == b.c && a.h * a.w == b.h * b.w) share(planning, out, in, FMAP_FORM_BLOCKED);
    }
    if (fmap_shape_equal(to, from)) share(planning, out, in, FMAP_FORM_PIXELS);
}
