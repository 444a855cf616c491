#include "runtime/old_forms.h"

#include "runtime/layer.h"
#include "runtime/model.h"

#include <stdio.h>
#include <string.h>

enum {
    OPSET_NUMPY_BROADCASTING = 7,
    OPSET_UPSAMPLE_SCALES = 7,
    OPSET_NO_CONSUMED_INPUTS = 6,
    MOST_MOVED = 4,
    SLOPES_AXIS = 1
};

static const struct moved {
    const char *op, *attribute;
    int since;
    size_t input;
} table[] = {
#define MOVED(op, attribute, since, input) {#op, #attribute, since, input},
#include "runtime/old_forms.inc"
#undef MOVED
};

static const char *const binary[] = {"Add", "And", "Div", "Equal", "Greater", "Less",
                                     "Mul", "Or",  "Pow", "Sub",   "Xor"};

static bool is_binary(const char *op) {
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) {
        if (strcmp(op, binary[i]) == 0) return true;
    }
    return false;
}

static const struct moved *find_moved(const char *op, const char *attribute, int opset) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct moved *moved = &table[i];
        if (strcmp(op, moved->op) == 0 && strcmp(attribute, moved->attribute) == 0 && opset < moved->since)
            return moved;
    }
    return NULL;
}

static bool is_one_of(const char *name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, names[i]) == 0) return true;
    }
    return false;
}

/* Attributes that said which memory may be overwritten, which of several runs this is, or how to broadcast. */
static bool says_nothing(const char *op, const char *attribute, int opset) {
    static const char *const broadcasts[] = {"broadcast", "axis"};
    static const char *const phases[] = {"is_test", "momentum"};
    if (opset < OPSET_NO_CONSUMED_INPUTS && strcmp(attribute, "consumed_inputs") == 0) return true;
    if (opset >= OPSET_NUMPY_BROADCASTING) return false;
    if (is_binary(op)) return is_one_of(attribute, broadcasts, 2);
    if (strcmp(op, "Gemm") == 0) return is_one_of(attribute, broadcasts, 1);
    return (strcmp(op, "Dropout") == 0 || strcmp(op, "BatchNormalization") == 0) &&
           is_one_of(attribute, phases, 2);
}

/* Upsample's first form had a scale for each of an image's two sides, not a list for all axes. */
static const char *const side_scales[] = {"height_scale", "width_scale"};

static bool has_side_scales(const char *op, int opset) {
    return opset < OPSET_UPSAMPLE_SCALES && strcmp(op, "Upsample") == 0;
}

void fmap_old_forms_mark(struct fmap_parsing *parsing) {
    const char *op = parsing->node->layer->op;
    for (size_t i = 0; i < parsing->n_attributes; i++) {
        const char *name = parsing->attributes[i].name;
        if (find_moved(op, name, parsing->opset) || says_nothing(op, name, parsing->opset) ||
            (has_side_scales(op, parsing->opset) && is_one_of(name, side_scales, 2)))
            parsing->used[i] = true;
    }
}

/* ---- attributes that became inputs ---------------------------------------------------------------------- */

static fmap_status fail(fmap_model *model, const fmap_node_definition *definition, int opset,
                        const char *attribute, const char *why) {
    char sentence[FMAP_ERROR_MESSAGE_BYTES];
    (void)snprintf(sentence, sizeof sentence, "%.120s: node '%.120s' (%.60s): attribute '%s' %s in opset %d",
                   fmap_model_name(model), definition->name ? definition->name : "", definition->op,
                   attribute, why, opset);
    return fmap_model_fail(model, FMAP_ERROR_MODEL, sentence);
}

/* What the attribute says as a constant of the model, called NODE.ATTRIBUTE where that is free. */
static fmap_value constant_of(fmap_model *model, const fmap_node_definition *definition, int opset,
                              const fmap_attribute *attribute) {
    fmap_tensor tensor = {.type = FMAP_INT64};
    switch (attribute->type) {
    case FMAP_ATTRIBUTE_INT: tensor.data = &attribute->i; break;
    case FMAP_ATTRIBUTE_INTS: tensor.data = attribute->ints; break;
    case FMAP_ATTRIBUTE_FLOAT: tensor.data = &attribute->f; break;
    case FMAP_ATTRIBUTE_FLOATS: tensor.data = attribute->floats; break;
    default:
        (void)fail(model, definition, opset, attribute->name, "is neither a number nor a list of numbers");
        return FMAP_NO_VALUE;
    }
    if (attribute->type == FMAP_ATTRIBUTE_FLOAT || attribute->type == FMAP_ATTRIBUTE_FLOATS)
        tensor.type = FMAP_FLOAT32;
    if (attribute->type == FMAP_ATTRIBUTE_INTS || attribute->type == FMAP_ATTRIBUTE_FLOATS)
        tensor.shape = (fmap_shape){.rank = 1, .dims = {(int64_t)attribute->count}};
    char name[512] = "";
    if (definition->name && *definition->name)
        (void)snprintf(name, sizeof name, "%.400s.%s", definition->name, attribute->name);
    return fmap_model_constant(model, fmap_model_find_value(model, name) ? NULL : name, &tensor, FMAP_COPY);
}

/* A list of at least n inputs that may be written to. */
static fmap_value *own_inputs(fmap_model *model, const fmap_value *inputs, size_t n_inputs, size_t n) {
    fmap_value *own = fmap_storage_take(&model->graph.storage, n, sizeof *own);
    if (own && n_inputs > 0) memcpy(own, inputs, n_inputs * sizeof *own);
    if (!own) (void)fmap_model_fail(model, FMAP_ERROR_MEMORY, "out of memory while building the model");
    return own;
}

/* Refuses a node of an older opset that is written as a newer one wants it, or that lacks what it must say. */
static fmap_status check_form(fmap_model *model, int opset, const struct fmap_layer *layer,
                              const fmap_node_definition *definition) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct moved *moved = &table[i];
        if (opset >= moved->since || strcmp(definition->op, moved->op) != 0) continue;
        bool said = false; /* by this attribute, or by another that became the same input */
        for (size_t k = 0; k < definition->n_attributes; k++) {
            const char *name = definition->attributes[k].name;
            const struct moved *other = name ? find_moved(definition->op, name, opset) : NULL;
            said |= other && other->input == moved->input;
        }
        if (moved->input < definition->n_inputs && definition->inputs[moved->input])
            return fail(model, definition, opset, moved->attribute, "is no input yet");
        if (!said && moved->input < layer->min_inputs)
            return fail(model, definition, opset, moved->attribute, "is missing");
    }
    return FMAP_OK;
}

static fmap_status move_attributes(fmap_model *model, int opset, const fmap_node_definition *definition,
                                   const fmap_value **inputs, size_t *n_inputs) {
    fmap_value *own = NULL;
    for (size_t i = 0; i < definition->n_attributes; i++) {
        const fmap_attribute *attribute = &definition->attributes[i];
        const struct moved *moved = attribute->name ? find_moved(definition->op, attribute->name, opset)
                                                    : NULL;
        if (!moved) continue;
        if (!own) own = own_inputs(model, *inputs, *n_inputs, *n_inputs + MOST_MOVED);
        if (!own) return FMAP_ERROR_MEMORY;
        own[moved->input] = constant_of(model, definition, opset, attribute);
        if (!own[moved->input]) return model->failure.status;
        *inputs = own;
        if (*n_inputs <= moved->input) *n_inputs = moved->input + 1;
    }
    return FMAP_OK;
}

/* The scales of Upsample's two attributes, as the second input that they became. Neither said: as the next form says it. */
static fmap_status join_side_scales(fmap_model *model, int opset, const fmap_node_definition *definition,
                                    const fmap_value **inputs, size_t *n_inputs) {
    float scales[4] = {1, 1, 0, 0};
    int said = 0;
    for (size_t i = 0; i < definition->n_attributes; i++) {
        const fmap_attribute *attribute = &definition->attributes[i];
        for (int side = 0; side < 2; side++) {
            if (!attribute->name || strcmp(attribute->name, side_scales[side]) != 0) continue;
            if (attribute->type != FMAP_ATTRIBUTE_FLOAT)
                return fail(model, definition, opset, side_scales[side], "is no float32");
            scales[2 + side] = attribute->f;
            said |= 1 << side;
        }
    }
    if (said == 0 || definition->n_inputs != 1) return FMAP_OK;
    if (said != 3) return fail(model, definition, opset, side_scales[said == 1], "is missing");
    fmap_tensor tensor = {.type = FMAP_FLOAT32, .shape = {.rank = 1, .dims = {4}}, .data = scales};
    fmap_value *own = own_inputs(model, *inputs, *n_inputs, 2);
    if (!own) return FMAP_ERROR_MEMORY;
    own[1] = fmap_model_constant(model, NULL, &tensor, FMAP_COPY);
    *inputs = own;
    *n_inputs = 2;
    return own[1] ? FMAP_OK : model->failure.status;
}

/* ---- broadcasting along an axis -------------------------------------------------------------------------- */

/* The value with `n` dimensions of one element behind its own. */
static fmap_value add_ones(fmap_model *model, fmap_value value, int n) {
    const struct fmap_graph_value *known = &model->graph.values[value];
    int rank = known->shape.rank;
    if (known->data) {
        fmap_tensor tensor = {.type = known->type, .shape = known->shape, .data = known->data};
        for (int i = 0; i < n; i++) tensor.shape.dims[tensor.shape.rank++] = 1;
        return fmap_model_constant(model, NULL, &tensor, FMAP_BORROW);
    }
    int64_t sizes[FMAP_MAX_RANK] = {0}; /* 0: as it is */
    for (int i = rank; i < rank + n; i++) sizes[i] = 1;
    fmap_tensor tensor = {.type = FMAP_INT64, .shape = {.rank = 1, .dims = {rank + n}}, .data = sizes};
    fmap_value inputs[2] = {value, fmap_model_constant(model, NULL, &tensor, FMAP_COPY)}, output;
    fmap_node_definition reshape = {.op = "Reshape", .inputs = inputs, .n_inputs = 2, .n_outputs = 1};
    int opset = model->opset;
    model->opset = OPSET_NUMPY_BROADCASTING;
    bool good = fmap_model_node(model, &reshape, &output) == FMAP_OK;
    model->opset = opset;
    return good ? output : FMAP_NO_VALUE;
}

/* The axis of the first operand that the second one's first dimension lies along; -1: they end together. */
static fmap_status find_axis(fmap_model *model, int opset, const fmap_node_definition *definition, int rank,
                             int *axis) {
    *axis = -1;
    if (strcmp(definition->op, "PRelu") == 0) *axis = SLOPES_AXIS;
    for (size_t i = 0; i < definition->n_attributes; i++) {
        const fmap_attribute *attribute = &definition->attributes[i];
        if (!attribute->name || strcmp(attribute->name, "axis") != 0 || !is_binary(definition->op)) continue;
        *axis = attribute->type == FMAP_ATTRIBUTE_INT ? fmap_axis_of(attribute->i, rank) : -1;
        if (*axis < 0) return fail(model, definition, opset, "axis", "is no axis of the first input");
    }
    return FMAP_OK;
}

static fmap_status align_second(fmap_model *model, int opset, const fmap_node_definition *definition,
                                const fmap_value **inputs) {
    const fmap_value *given = definition->inputs;
    for (size_t i = 0; i < 2; i++) {
        if (given[i] <= 0 || (size_t)given[i] >= model->graph.n_values) return FMAP_OK; /* told later */
    }
    int rank = model->graph.values[given[0]].shape.rank, axis;
    const fmap_shape *second = &model->graph.values[given[1]].shape;
    TRY(find_axis(model, opset, definition, rank, &axis));
    if (axis < 0 || rank < 0 || second->rank < 0) return FMAP_OK;
    if (strcmp(definition->op, "PRelu") == 0 && (second->rank != 1 || rank < 2)) return FMAP_OK;
    int missing = rank - axis - second->rank;
    if (missing < 0 && fmap_shape_product(second, 0, second->rank) != 1)
        return fail(model, definition, opset, "axis", "leaves no room for the second input's dimensions");
    if (missing <= 0) return FMAP_OK;
    fmap_value *own = own_inputs(model, given, definition->n_inputs, definition->n_inputs);
    if (!own) return FMAP_ERROR_MEMORY;
    own[1] = add_ones(model, given[1], missing);
    *inputs = own;
    return own[1] ? FMAP_OK : model->failure.status;
}

fmap_status fmap_old_forms_inputs(fmap_model *model, const struct fmap_layer *layer,
                                  const fmap_node_definition *definition, const fmap_value **inputs,
                                  size_t *n_inputs) {
    int opset = model->opset;
    *inputs = definition->inputs;
    *n_inputs = definition->n_inputs;
    bool aligned = is_binary(definition->op) || strcmp(definition->op, "PRelu") == 0;
    if (opset < OPSET_NUMPY_BROADCASTING && aligned && definition->n_inputs == 2)
        TRY(align_second(model, opset, definition, inputs));
    if (has_side_scales(definition->op, opset)) {
        TRY(join_side_scales(model, opset, definition, inputs, n_inputs));
        if (*n_inputs > definition->n_inputs) return FMAP_OK;
    }
    TRY(check_form(model, opset, layer, definition));
    return move_attributes(model, opset, definition, inputs, n_inputs);
}
