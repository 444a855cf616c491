/* Weights and the layers that they belong to. Keras calls them LAYER/kernel, or puts the names of models and cells around and
 * between the two. */
#include <stdio.h>
#include <string.h>

#include "keras_loader.h"

enum { AMBIGUOUS = -1 };

/* "a/b/layer/cell/kernel" and the like: the part that is `n` from the end, and its length. NULL: there are not so many. */
static const char *part_of(const char *name, size_t n, size_t *bytes) {
    const char *end = name + strlen(name), *begin = end;
    for (;; n--) {
        while (begin > name && begin[-1] != '/') begin--;
        *bytes = (size_t)(end - begin);
        if (n == 0) return begin;
        if (begin == name) return NULL;
        end = --begin;
    }
}

/* Adds an index under a name, or notes that there are several. */
static bool add_index(json_t *names, const char *name, size_t index) {
    const json_t *other = json_object_get(names, name);
    json_int_t number = other && json_integer_value(other) != (json_int_t)index ? AMBIGUOUS
                                                                                : (json_int_t)index;
    return json_object_set_new(names, name, json_integer(number)) == 0;
}

/* Under the n-th part from the end and the last one. */
static bool add_short_name(struct fmap_saved_loader *loader, const char *name, size_t n, size_t index) {
    size_t layer_bytes, last_bytes;
    const char *layer = part_of(name, n, &layer_bytes), *last = part_of(name, 0, &last_bytes);
    if (!layer) return true;
    char *key = fmap_scratch_array(&loader->scratch, layer_bytes + last_bytes + 2, 1);
    if (!key) return false;
    memcpy(key, layer, layer_bytes);
    key[layer_bytes] = '/';
    memcpy(key + layer_bytes + 1, last, last_bytes + 1);
    return add_index(loader->weights.by_layer, key, index);
}

bool fmap_saved_index_weights(struct fmap_saved_loader *loader) {
    struct fmap_saved_weights *weights = &loader->weights;
    weights->by_name = json_object();
    weights->by_layer = json_object();
    for (size_t i = 0; i < weights->n_weights; i++) {
        const char *name = weights->weights[i].name;
        if (json_object_get(weights->by_name, name))
            return fmap_saved_fail(loader, FMAP_ERROR_FORMAT,
                                   "there are two arrays of weights of the name '%s'",
                                   fmap_saved_show(name).text);
        if (!add_index(weights->by_name, name, i) || !add_short_name(loader, name, 1, i) ||
            !add_short_name(loader, name, 2, i))
            return fmap_saved_out_of_memory(loader);
    }
    return true;
}

/* The index under LAYER/what; false when there is none or more than one. */
static bool look_up(struct fmap_saved_loader *loader, const json_t *names, const char *layer,
                    const char *what, size_t *index) {
    const char *key = fmap_saved_join(loader, layer, "/", what);
    const json_t *found = key ? json_object_get(names, key) : NULL;
    if (!found || json_integer_value(found) == AMBIGUOUS) return false;
    *index = (size_t)json_integer_value(found);
    return true;
}

/* Which of the layer's weights that is, in the order in which Keras makes them. */
static int number_of(const struct fmap_saved_call *call, const char *what) {
    bool scale = true, center = true;
    (void)fmap_saved_get_bool(call, "scale", &scale);
    (void)fmap_saved_get_bool(call, "center", &center);
    if (strcmp(what, "bias") == 0) return strcmp(call->layer->class_name, "SeparableConv2D") == 0 ? 2 : 1;
    if (strcmp(what, "beta") == 0) return scale;
    if (strcmp(what, "moving_mean") == 0) return scale + center;
    if (strcmp(what, "moving_variance") == 0) return scale + center + 1;
    return strcmp(what, "pointwise_kernel") == 0 || strcmp(what, "variance") == 0;
}

static struct fmap_saved_weight *find(struct fmap_saved_call *call, const char *what) {
    struct fmap_saved_weights *weights = &call->loader->weights;
    const struct fmap_saved_layer *layer = call->layer;
    size_t index;
    if (call->loader->numbered) {
        char number[32];
        (void)snprintf(number, sizeof number, "vars/%d", number_of(call, what));
        return look_up(call->loader, weights->by_name, layer->stored, number, &index)
                   ? &weights->weights[index]
                   : NULL;
    }
    if (look_up(call->loader, weights->by_name, layer->path, what, &index) ||
        look_up(call->loader, weights->by_name, layer->own_name, what, &index) ||
        look_up(call->loader, weights->by_layer, layer->own_name, what, &index))
        return &weights->weights[index];
    return NULL;
}

/* Sizes as "[3, 3, 16]". */
static struct fmap_text_shown show_shape(const fmap_shape *shape) {
    json_t *sizes = json_array();
    for (int i = 0; i < shape->rank; i++) (void)json_array_append_new(sizes, json_integer(shape->dims[i]));
    struct fmap_text_shown shown = fmap_saved_show_json(sizes);
    json_decref(sizes);
    return shown;
}

static bool same_shape(const fmap_shape *a, const fmap_shape *b) {
    bool same = a->rank == b->rank;
    for (int i = 0; i < a->rank && same; i++) same = a->dims[i] == b->dims[i];
    return same;
}

bool fmap_saved_has_weight(struct fmap_saved_call *call, const char *what) {
    return find(call, what) != NULL;
}

struct fmap_saved_weight *fmap_saved_find(struct fmap_saved_call *call, const char *what,
                                          const fmap_shape *shape) {
    struct fmap_saved_weight *weight = find(call, what);
    if (!weight) {
        (void)fmap_saved_refuse(call, FMAP_ERROR_FORMAT,
                                "its weights '%s' are not in the list of weights, or several times", what);
        return NULL;
    }
    if (same_shape(&weight->shape, shape)) return weight;
    (void)fmap_saved_refuse(call, FMAP_ERROR_MODEL, "its weights '%s' have the shape %s, expected %s",
                            fmap_saved_show(weight->name).text, show_shape(&weight->shape).text,
                            show_shape(shape).text);
    return NULL;
}

float *fmap_saved_keep(struct fmap_saved_loader *loader, const fmap_shape *shape) {
    int64_t elements;
    if (!fmap_shape_elements(shape, &elements) || (uint64_t)elements > SIZE_MAX / sizeof(float)) {
        (void)fmap_saved_fail(loader, FMAP_ERROR_LIMIT, "an array of weights is too large");
        return NULL;
    }
    if (!loader->kept) return NULL; /* The model has failed by then. */
    float *floats = fmap_scratch_array(loader->kept, (size_t)elements, sizeof *floats);
    if (!floats) (void)fmap_saved_out_of_memory(loader);
    return floats;
}

/* Under the name of the file, unless something has that already. */
static bool add_constant(struct fmap_saved_call *call, const struct fmap_saved_weight *weight,
                         const fmap_shape *shape, const float *floats, fmap_value *value) {
    fmap_model *model = call->loader->model;
    const char *name = fmap_text_fault((const uint8_t *)weight->name, strlen(weight->name)) ||
                               fmap_model_find_value(model, weight->name)
                           ? NULL
                           : weight->name;
    const fmap_tensor tensor = {.type = FMAP_FLOAT32, .shape = *shape, .data = floats};
    *value = fmap_model_constant(model, name, &tensor, FMAP_BORROW);
    return *value != FMAP_NO_VALUE;
}

bool fmap_saved_constant(struct fmap_saved_call *call, const char *what, const fmap_shape *shape,
                         fmap_value *value) {
    struct fmap_saved_weight *weight = fmap_saved_find(call, what, shape);
    const float *floats = weight ? fmap_saved_floats(call->loader, weight) : NULL;
    if (!floats) return false;
    if (!weight->as_it_is && !add_constant(call, weight, shape, floats, &weight->as_it_is)) return false;
    *value = weight->as_it_is;
    return true;
}

/* dst's axis i is src's axis order[i]. */
static void reorder(const float *src, const fmap_shape *shape, const int *order, float *dst) {
    int64_t strides[FMAP_MAX_RANK], sizes[FMAP_MAX_RANK], at[FMAP_MAX_RANK] = {0}, stride = 1, n = 1;
    int64_t src_strides[FMAP_MAX_RANK];
    for (int i = shape->rank - 1; i >= 0; i--) {
        src_strides[i] = stride;
        stride *= shape->dims[i];
    }
    for (int i = 0; i < shape->rank; i++) {
        strides[i] = src_strides[order[i]];
        sizes[i] = shape->dims[order[i]];
        n *= sizes[i];
    }
    for (int64_t offset = 0; n > 0; n--) {
        *dst++ = src[offset];
        for (int i = shape->rank - 1; i >= 0; i--) {
            offset += strides[i];
            if (++at[i] < sizes[i]) break;
            offset -= strides[i] * sizes[i];
            at[i] = 0;
        }
    }
}

bool fmap_saved_reordered(struct fmap_saved_call *call, const char *what, const fmap_shape *shape,
                          const int *order, const fmap_shape *becomes, fmap_value *value) {
    struct fmap_saved_weight *weight = fmap_saved_find(call, what, shape);
    if (!weight) return false;
    fmap_value_info info;
    if (weight->reordered && fmap_model_value(call->loader->model, weight->reordered, &info) == FMAP_OK &&
        same_shape(&info.shape, becomes)) { /* The layer has been called before. */
        *value = weight->reordered;
        return true;
    }
    const float *floats = fmap_saved_floats(call->loader, weight);
    float *moved = floats ? fmap_saved_keep(call->loader, shape) : NULL;
    if (!moved) return false;
    reorder(floats, shape, order, moved);
    if (!add_constant(call, weight, becomes, moved, &weight->reordered)) return false;
    *value = weight->reordered;
    return true;
}
