/* What a layer of a functional network reads: references to outputs of other layers, in the forms that versions of Keras
 * have written them in. */
#include <string.h>

#include "keras_graph.h"

enum { MOST_NESTING = 16 };

static bool refuse(struct fmap_saved_network *network, const json_t *what) {
    return fmap_saved_fail(network->loader, FMAP_ERROR_FORMAT,
                           "%s is no reference to an output of a layer: expected [layer, call, output]",
                           fmap_saved_show_json(what).text);
}

static bool add(struct fmap_saved_network *network, struct fmap_saved_references *references,
                const struct fmap_saved_reference *reference) {
    if (references->count == references->capacity) {
        struct fmap_saved_reference *items = fmap_scratch_grow(&network->loader->scratch, references->items,
                                                               &references->capacity, references->count + 1,
                                                               sizeof *items);
        if (!items) return fmap_saved_out_of_memory(network->loader);
        references->items = items;
    }
    references->items[references->count++] = *reference;
    return true;
}

static bool is_reference(const json_t *json) {
    size_t n = json_array_size(json);
    return (n == 3 || n == 4) && json_is_string(json_array_get(json, 0)) &&
           json_is_integer(json_array_get(json, 1));
}

/* [layer, call, output] or [layer, call, output, {arguments}]; a number is ["_CONSTANT_VALUE", -1, number, ...]. */
static bool read_reference(struct fmap_saved_network *network, const json_t *json,
                           struct fmap_saved_references *references) {
    const char *name = json_string_value(json_array_get(json, 0));
    const json_t *call = json_array_get(json, 1), *output = json_array_get(json, 2);
    struct fmap_saved_reference reference = {.arguments = json_array_get(json, 3)};
    if (strcmp(name, "_CONSTANT_VALUE") == 0 && json_is_number(output)) {
        reference.is_number = true;
        reference.number = json_number_value(output);
        return add(network, references, &reference);
    }
    const json_t *layer = json_object_get(network->by_name, name);
    if (!layer)
        return fmap_saved_fail(network->loader, FMAP_ERROR_FORMAT,
                               "a layer reads '%s', but there is no such layer", fmap_saved_show(name).text);
    if (!json_is_integer(output) || json_integer_value(call) < 0 || json_integer_value(output) < 0)
        return refuse(network, json);
    reference.layer = (size_t)json_integer_value(layer);
    reference.call = (size_t)json_integer_value(call);
    reference.output = (size_t)json_integer_value(output);
    return add(network, references, &reference);
}

/* The members of a list or an object, as far as they are references: arguments of other kinds are passed over. */
static bool read_members(struct fmap_saved_network *network, const json_t *json, int depth,
                         struct fmap_saved_references *references) {
    const char *key;
    json_t *member;
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (!fmap_saved_read_references(network, json_array_get(json, i), depth + 1, references))
            return false;
    }
    json_object_foreach((json_t *)(uintptr_t)json, key, member) {
        if (!fmap_saved_read_references(network, member, depth + 1, references)) return false;
    }
    return true;
}

bool fmap_saved_read_references(struct fmap_saved_network *network, const json_t *json, int depth,
                                struct fmap_saved_references *references) {
    if (depth > MOST_NESTING)
        return fmap_saved_fail(network->loader, FMAP_ERROR_LIMIT,
                               "the inputs of a layer are nested too deeply");
    if (is_reference(json)) {
        /* Arguments may refer to other outputs, which are read too. */
        return read_reference(network, json, references) &&
               read_members(network, json_array_get(json, 3), depth, references);
    }
    const json_t *history = json_object_get(json_object_get(json, "config"), "keras_history");
    if (history)
        return is_reference(history) ? read_reference(network, history, references) : refuse(network, json);
    return read_members(network, json, depth, references);
}
