/* Building a model: every call checks what it is given, and the first failure sticks. */
#include "runtime/model.h"

#include "runtime/layer.h"
#include "runtime/old_forms.h"

#include <stdio.h>
#include <string.h>

enum { NEWEST_OPSET = 21, OLDEST_OPSET = 1, MAX_OUTPUTS = 64 };

struct fmap_resource {
    struct fmap_resource *next;
    void *memory;
    void (*release)(void *);
};

fmap_status fmap_model_create(const fmap_allocator *allocator, fmap_model **model, fmap_error *error) {
    if (!model) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_model_create: model is NULL");
    *model = NULL;
    fmap_allocator complete = fmap_allocator_or_default(allocator);
    fmap_model *created = complete.allocate(complete.user, sizeof *created, 64);
    if (!created) return fmap_fail_memory(error, sizeof *created);
    *created = (fmap_model){.opset = NEWEST_OPSET};
    created->packed = fmap_packed_create(&complete);
    if (!fmap_graph_open(&created->graph, &complete) || !created->packed) {
        fmap_model_destroy(created);
        return fmap_fail_memory(error, sizeof(struct fmap_graph_value));
    }
    created->graph.name = "model";
    *model = created;
    return FMAP_OK;
}

void fmap_model_destroy(fmap_model *model) {
    if (!model) return;
    for (struct fmap_resource *resource = model->resources; resource; resource = resource->next) {
        resource->release(resource->memory);
    }
    fmap_allocator allocator = model->graph.storage.allocator;
    fmap_packed_destroy(model->packed);
    fmap_graph_close(&model->graph);
    allocator.release(allocator.user, model, sizeof *model);
}

/* Whether building may go on. A model that is NULL or finished has nowhere to keep a failure. */
static bool open_for_building(fmap_model *model) {
    return model && !model->finished && model->failure.status == FMAP_OK;
}

static fmap_status refusal(const fmap_model *model) {
    return model && !model->finished ? model->failure.status : FMAP_ERROR_ARGUMENT;
}

static fmap_status fail_memory(fmap_model *model) {
    return fmap_fail(&model->failure, FMAP_ERROR_MEMORY, "%.120s: out of memory while building the model",
                     model->graph.name);
}

fmap_status fmap_model_fail(fmap_model *model, fmap_status status, const char *sentence) {
    if (open_for_building(model) && status != FMAP_OK) {
        fmap_fail(&model->failure, status, "%s", sentence ? sentence : fmap_status_name(status));
    }
    return status;
}

fmap_status fmap_model_set_name(fmap_model *model, const char *name) {
    if (!open_for_building(model)) return refusal(model);
    const char *copy = fmap_storage_text(&model->graph.storage, name ? name : "model");
    if (!copy) return fail_memory(model);
    model->graph.name = copy;
    return FMAP_OK;
}

fmap_status fmap_model_set_opset(fmap_model *model, int version) {
    if (!open_for_building(model)) return refusal(model);
    if (version < OLDEST_OPSET || version > NEWEST_OPSET) {
        return fmap_fail(&model->failure, FMAP_ERROR_UNSUPPORTED,
                         "%.120s: operator set %d is not supported, expected %d to %d", model->graph.name,
                         version, OLDEST_OPSET, NEWEST_OPSET);
    }
    model->opset = version;
    return FMAP_OK;
}

fmap_status fmap_model_keep(fmap_model *model, void *resource, void (*release)(void *resource)) {
    if (!release) return refusal(model);
    struct fmap_resource *kept = NULL;
    if (open_for_building(model)) kept = fmap_storage_take(&model->graph.storage, 1, sizeof *kept);
    if (!kept) {
        release(resource);
        return open_for_building(model) ? fail_memory(model) : refusal(model);
    }
    *kept = (struct fmap_resource){.next = model->resources, .memory = resource, .release = release};
    model->resources = kept;
    return FMAP_OK;
}

/* Adds a value under a name of its own; `name` is copied. */
static fmap_value add_value(fmap_model *model, const char *name, const struct fmap_graph_value *value) {
    struct fmap_storage *storage = &model->graph.storage;
    if (fmap_names_find(&model->value_names, name)) {
        fmap_fail(&model->failure, FMAP_ERROR_MODEL, "%.120s: there are two tensors of the name '%.200s'",
                  model->graph.name, name);
        return FMAP_NO_VALUE;
    }
    struct fmap_graph_value named = *value;
    named.name = fmap_storage_text(storage, name);
    fmap_value added = named.name ? fmap_graph_add_value(&model->graph, &named) : FMAP_NO_VALUE;
    if (!added || !fmap_names_add(&model->value_names, storage, named.name, added)) {
        fail_memory(model);
        return FMAP_NO_VALUE;
    }
    return added;
}

/* A name that nobody has, made from `stem`: "stem", "stem_2", "stem_3", ... */
static const char *free_name(const struct fmap_names *names, const char *stem, char *room,
                             size_t room_bytes) {
    snprintf(room, room_bytes, "%s", stem);
    for (unsigned long number = names->n_used + 1; fmap_names_find(names, room); number++) {
        snprintf(room, room_bytes, "%.400s_%lu", stem, number);
    }
    return room;
}

static bool check_shape(fmap_model *model, const char *name, fmap_type type, const fmap_shape *shape,
                        int least_rank) {
    if (!shape || shape->rank < least_rank || shape->rank > FMAP_MAX_RANK) {
        fmap_fail(&model->failure, FMAP_ERROR_LIMIT, "%.120s: tensor '%.120s' has rank %d, expected 0 to %d",
                  model->graph.name, name, shape ? shape->rank : -1, FMAP_MAX_RANK);
        return false;
    }
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < FMAP_UNKNOWN) {
            fmap_fail(&model->failure, FMAP_ERROR_MODEL,
                      "%.120s: tensor '%.120s' has a negative dimension in %s", model->graph.name, name,
                      fmap_shape_text(shape).text);
            return false;
        }
    }
    if (fmap_type_bytes(type) == 0) {
        fmap_fail(&model->failure, FMAP_ERROR_UNSUPPORTED, "%.120s: tensor '%.120s' has an unknown type %d",
                  model->graph.name, name, (int)type);
        return false;
    }
    return true;
}

fmap_value fmap_model_input(fmap_model *model, const char *name, fmap_type type, const fmap_shape *shape) {
    if (!open_for_building(model)) return FMAP_NO_VALUE;
    char room[512];
    const char *chosen = name && *name ? name : free_name(&model->value_names, "input", room, sizeof room);
    if (!check_shape(model, chosen, type, shape, FMAP_UNKNOWN)) return FMAP_NO_VALUE;
    struct fmap_graph_value value = {.type = type, .shape = *shape, .producer = -1};
    fmap_value added = add_value(model, chosen, &value);
    if (added && !fmap_graph_add_input(&model->graph, added)) {
        fail_memory(model);
        return FMAP_NO_VALUE;
    }
    return added;
}

fmap_value fmap_model_constant(fmap_model *model, const char *name, const fmap_tensor *tensor,
                               fmap_ownership ownership) {
    if (!open_for_building(model)) return FMAP_NO_VALUE;
    char room[512];
    const char *chosen = name && *name ? name : free_name(&model->value_names, "constant", room, sizeof room);
    if (!tensor || !check_shape(model, chosen, tensor->type, &tensor->shape, 0)) {
        if (!tensor)
            fmap_fail(&model->failure, FMAP_ERROR_ARGUMENT, "constant '%.120s' has no tensor", chosen);
        return FMAP_NO_VALUE;
    }
    int64_t elements;
    size_t bytes;
    if (!fmap_shape_elements(&tensor->shape, &elements) ||
        __builtin_mul_overflow((uint64_t)elements, fmap_type_bytes(tensor->type), &bytes)) {
        fmap_fail(&model->failure, FMAP_ERROR_LIMIT, "%.120s: constant '%.120s' of shape %s is too large",
                  model->graph.name, chosen, fmap_shape_text(&tensor->shape).text);
        return FMAP_NO_VALUE;
    }
    if (!tensor->data && elements > 0) {
        fmap_fail(&model->failure, FMAP_ERROR_ARGUMENT, "%.120s: constant '%.120s' has no data",
                  model->graph.name, chosen);
        return FMAP_NO_VALUE;
    }
    struct fmap_graph_value value = {.type = tensor->type, .shape = tensor->shape, .producer = -1};
    /* An empty constant has an address too: that is how a constant is told from everything else. */
    value.data = ownership == FMAP_BORROW && tensor->data
                     ? tensor->data
                     : fmap_storage_copy(&model->graph.storage, tensor->data, bytes, 1);
    if (!value.data) {
        fail_memory(model);
        return FMAP_NO_VALUE;
    }
    return add_value(model, chosen, &value);
}

static fmap_status check_counts(fmap_model *model, const struct fmap_graph_node *node) {
    const struct fmap_layer *layer = node->layer;
    size_t n_inputs = node->n_inputs;
    while (n_inputs > 0 && node->inputs[n_inputs - 1] == FMAP_NO_VALUE) n_inputs--;
    if (n_inputs < layer->min_inputs || n_inputs > layer->max_inputs) {
        return fmap_fail_node(&model->graph, node, &model->failure, FMAP_ERROR_MODEL,
                              "has %zu inputs, expected %zu to %zu", n_inputs, layer->min_inputs,
                              layer->max_inputs);
    }
    for (size_t i = 0; i < node->n_inputs; i++) {
        fmap_value input = node->inputs[i];
        if (input < 0 || (size_t)input >= model->graph.n_values) {
            return fmap_fail_node(&model->graph, node, &model->failure, FMAP_ERROR_ARGUMENT,
                                  "input %zu is not a value of this model", i);
        }
        if (input == FMAP_NO_VALUE && i < layer->min_inputs) {
            return fmap_fail_node(&model->graph, node, &model->failure, FMAP_ERROR_MODEL,
                                  "input %zu is left out, but it is not optional", i);
        }
    }
    if (node->n_outputs < 1 || node->n_outputs > layer->max_outputs) {
        return fmap_fail_node(&model->graph, node, &model->failure, FMAP_ERROR_UNSUPPORTED,
                              "has %zu outputs, expected 1 to %zu", node->n_outputs, layer->max_outputs);
    }
    return FMAP_OK;
}

static fmap_status parse_attributes(fmap_model *model, struct fmap_graph_node *node,
                                    const fmap_node_definition *definition) {
    struct fmap_parsing parsing = {.graph = &model->graph,
                                   .node = node,
                                   .attributes = definition->attributes,
                                   .n_attributes = definition->n_attributes,
                                   .opset = model->opset,
                                   .error = &model->failure};
    parsing.used = fmap_storage_take(&model->graph.storage, definition->n_attributes, sizeof *parsing.used);
    if (!parsing.used) return fail_memory(model);
    for (size_t i = 0; i < definition->n_attributes; i++) {
        if (!definition->attributes[i].name) {
            return fmap_fail_node(&model->graph, node, &model->failure, FMAP_ERROR_ARGUMENT,
                                  "attribute %zu has no name", i);
        }
    }
    fmap_old_forms_mark(&parsing);
    if (node->layer->parse) TRY(node->layer->parse(&parsing));
    return fmap_attributes_all_used(&parsing);
}

static fmap_status add_outputs(fmap_model *model, struct fmap_graph_node *node,
                               const fmap_node_definition *definition) {
    for (size_t i = 0; i < node->n_outputs; i++) {
        const char *name = definition->output_names ? definition->output_names[i] : NULL;
        char stem[512], room[512];
        if (!name || !*name) {
            snprintf(stem, sizeof stem, i == 0 ? "%.400s" : "%.400s:%zu", node->name, i);
            name = free_name(&model->value_names, stem, room, sizeof room);
        }
        struct fmap_graph_value value = {.type = FMAP_FLOAT32, .producer = (int64_t)model->graph.n_nodes};
        node->outputs[i] = add_value(model, name, &value);
        if (!node->outputs[i]) return model->failure.status;
    }
    return FMAP_OK;
}

static fmap_status name_node(fmap_model *model, struct fmap_graph_node *node, const char *name) {
    char stem[512], room[512];
    if (!name || !*name) {
        snprintf(stem, sizeof stem, "%s_%zu", node->layer->op, model->graph.n_nodes + 1);
        for (char *s = stem; *s; s++) *s = (char)(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
        name = free_name(&model->node_names, stem, room, sizeof room);
    } else if (fmap_names_find(&model->node_names, name)) {
        return fmap_fail(&model->failure, FMAP_ERROR_MODEL,
                         "%.120s: there are two nodes of the name '%.200s'", model->graph.name, name);
    }
    node->name = fmap_storage_text(&model->graph.storage, name);
    if (!node->name || !fmap_names_add(&model->node_names, &model->graph.storage, node->name,
                                       (int64_t)model->graph.n_nodes + 1)) {
        return fail_memory(model);
    }
    return FMAP_OK;
}

fmap_status fmap_model_node(fmap_model *model, const fmap_node_definition *definition, fmap_value *outputs) {
    if (!open_for_building(model)) return refusal(model);
    if (!definition || !definition->op || (!definition->inputs && definition->n_inputs > 0) ||
        definition->n_outputs > MAX_OUTPUTS) {
        return fmap_fail(&model->failure, FMAP_ERROR_ARGUMENT,
                         "fmap_model_node: incomplete definition of a node");
    }
    fmap_value made[MAX_OUTPUTS] = {FMAP_NO_VALUE};
    fmap_value no_input = FMAP_NO_VALUE;
    const struct fmap_layer *layer = fmap_layer_find(definition->op);
    if (!layer) {
        return fmap_fail(&model->failure, FMAP_ERROR_UNSUPPORTED,
                         "%.120s: node '%.120s': operator '%.120s' is not supported", model->graph.name,
                         definition->name ? definition->name : "", definition->op);
    }
    const fmap_value *inputs;
    size_t n_inputs;
    TRY(fmap_old_forms_inputs(model, layer, definition, &inputs, &n_inputs));
    struct fmap_graph_node node = {.layer = layer,
                                   .inputs = n_inputs ? (fmap_value *)(uintptr_t)inputs : &no_input,
                                   .n_inputs = n_inputs,
                                   .outputs = made,
                                   .n_outputs = definition->n_outputs,
                                   .origin = (int64_t)model->graph.n_nodes,
                                   .fused_into = -1};
    TRY(name_node(model, &node, definition->name));
    TRY(check_counts(model, &node));
    TRY(parse_attributes(model, &node, definition));
    TRY(add_outputs(model, &node, definition));
    TRY(fmap_infer_outputs(&model->graph, &node, &model->failure));
    if (!fmap_graph_add_node(&model->graph, &node)) return fail_memory(model);
    if (outputs) memcpy(outputs, made, node.n_outputs * sizeof *outputs);
    return FMAP_OK;
}

fmap_status fmap_model_output(fmap_model *model, fmap_value value) {
    if (!open_for_building(model)) return refusal(model);
    if (value <= 0 || (size_t)value >= model->graph.n_values) {
        return fmap_fail(&model->failure, FMAP_ERROR_ARGUMENT,
                         "%.120s: an output is not a value of this model", model->graph.name);
    }
    return fmap_graph_add_output(&model->graph, value) ? FMAP_OK : fail_memory(model);
}

fmap_status fmap_model_finish(fmap_model *model, fmap_error *error) {
    if (!model) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_model_finish: model is NULL");
    if (model->finished) return FMAP_OK;
    if (model->failure.status == FMAP_OK && model->graph.n_outputs == 0) {
        fmap_fail(&model->failure, FMAP_ERROR_MODEL, "%.120s: the network has no output", model->graph.name);
    }
    if (model->failure.status != FMAP_OK) {
        if (error) *error = model->failure;
        return model->failure.status;
    }
    model->finished = true;
    return FMAP_OK;
}
