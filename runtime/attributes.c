#include "runtime/attributes.h"

#include "runtime/layer.h"

#include <string.h>

static fmap_status find(struct fmap_parsing *parsing, const char *name, fmap_attribute_type type,
                        const fmap_attribute **attribute) {
    *attribute = NULL;
    for (size_t i = 0; i < parsing->n_attributes; i++) {
        if (strcmp(parsing->attributes[i].name, name) != 0) continue;
        parsing->used[i] = true;
        if (parsing->attributes[i].type != type) {
            return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                                  "attribute '%s' is of type %d, expected %d", name,
                                  (int)parsing->attributes[i].type, (int)type);
        }
        *attribute = &parsing->attributes[i];
        return FMAP_OK;
    }
    return FMAP_OK;
}

fmap_status fmap_attribute_int(struct fmap_parsing *parsing, const char *name, int64_t fallback,
                               int64_t *value) {
    const fmap_attribute *attribute;
    TRY(find(parsing, name, FMAP_ATTRIBUTE_INT, &attribute));
    *value = attribute ? attribute->i : fallback;
    return FMAP_OK;
}

fmap_status fmap_attribute_float(struct fmap_parsing *parsing, const char *name, float fallback,
                                 float *value) {
    const fmap_attribute *attribute;
    TRY(find(parsing, name, FMAP_ATTRIBUTE_FLOAT, &attribute));
    *value = attribute ? attribute->f : fallback;
    return FMAP_OK;
}

fmap_status fmap_attribute_string(struct fmap_parsing *parsing, const char *name, const char *fallback,
                                  const char **value) {
    const fmap_attribute *attribute;
    TRY(find(parsing, name, FMAP_ATTRIBUTE_STRING, &attribute));
    *value = attribute ? attribute->s : fallback;
    return FMAP_OK;
}

fmap_status fmap_attribute_ints(struct fmap_parsing *parsing, const char *name, int64_t *values,
                                size_t capacity, size_t *n) {
    const fmap_attribute *attribute;
    *n = 0;
    TRY(find(parsing, name, FMAP_ATTRIBUTE_INTS, &attribute));
    if (!attribute) return FMAP_OK;
    if (attribute->count > capacity) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute '%s' has %zu elements, expected at most %zu", name, attribute->count,
                              capacity);
    }
    *n = attribute->count;
    if (*n > 0) memcpy(values, attribute->ints, *n * sizeof *values);
    return FMAP_OK;
}

fmap_status fmap_attribute_element(struct fmap_parsing *parsing, const char *name,
                                   const fmap_tensor **tensor) {
    const fmap_attribute *attribute;
    int64_t n;
    TRY(find(parsing, name, FMAP_ATTRIBUTE_TENSOR, &attribute));
    *tensor = attribute ? &attribute->tensor : NULL;
    if (!attribute || (fmap_shape_elements(&attribute->tensor.shape, &n) && n == 1)) return FMAP_OK;
    return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                          "attribute '%s' has the shape %s, expected 1 element", name,
                          fmap_shape_text(&attribute->tensor.shape).text);
}

bool fmap_attribute_present(const struct fmap_parsing *parsing, const char *name) {
    for (size_t i = 0; i < parsing->n_attributes; i++) {
        if (strcmp(parsing->attributes[i].name, name) == 0) return true;
    }
    return false;
}

void fmap_attribute_ignore(struct fmap_parsing *parsing, const char *name) {
    for (size_t i = 0; i < parsing->n_attributes; i++) {
        if (strcmp(parsing->attributes[i].name, name) == 0) parsing->used[i] = true;
    }
}

fmap_status fmap_attributes_all_used(struct fmap_parsing *parsing) {
    for (size_t i = 0; i < parsing->n_attributes; i++) {
        if (!parsing->used[i]) {
            return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                                  "attribute '%.80s' is not known in opset %d", parsing->attributes[i].name,
                                  parsing->opset);
        }
    }
    return FMAP_OK;
}

fmap_status fmap_set_parameters(struct fmap_parsing *parsing, const void *parameters, size_t bytes) {
    parsing->node->parameters = fmap_storage_copy(&parsing->graph->storage, parameters, bytes, 1);
    return parsing->node->parameters ? FMAP_OK : fmap_fail_memory(parsing->error, bytes);
}

/* The constant behind input i, of the type, with *n elements; *value is NULL when it was left out. */
static fmap_status find_constant(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                 fmap_type type, const struct fmap_graph_value **value, int64_t *n,
                                 fmap_error *error) {
    *value = fmap_input_value(graph, node, i);
    *n = 0;
    if (!*value) return FMAP_OK;
    if (!(*value)->data) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED,
                              "%s is computed, expected a constant", fmap_input_text(graph, node, i).text);
    }
    if ((*value)->type != type) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has elements of type %d, expected %d",
                              fmap_input_text(graph, node, i).text, (int)(*value)->type, (int)type);
    }
    if (!fmap_shape_elements(&(*value)->shape, n)) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT, "%s is too large",
                              fmap_input_text(graph, node, i).text);
    }
    return FMAP_OK;
}

static fmap_status check_count(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                               int64_t count, size_t capacity, fmap_error *error) {
    if ((uint64_t)count <= capacity) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has %lld elements, expected at most %zu",
                          fmap_input_text(graph, node, i).text, (long long)count, capacity);
}

fmap_status fmap_constant_ints(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                               int64_t *values, size_t capacity, size_t *n, fmap_error *error) {
    const struct fmap_graph_value *value = fmap_input_value(graph, node, i);
    bool narrow = value && value->type == FMAP_INT32;
    int64_t count;
    *n = 0;
    TRY(find_constant(graph, node, i, narrow ? FMAP_INT32 : FMAP_INT64, &value, &count, error));
    if (!value) return FMAP_OK;
    TRY(check_count(graph, node, i, count, capacity, error));
    *n = (size_t)count;
    if (*n > 0 && !narrow) memcpy(values, value->data, *n * sizeof *values);
    for (size_t k = 0; k < *n && narrow; k++) {
        int32_t number;
        memcpy(&number, (const char *)value->data + k * sizeof number, sizeof number);
        values[k] = number;
    }
    return FMAP_OK;
}

fmap_status fmap_constant_axes(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                               int rank, int *axes, size_t *n, fmap_error *error) {
    int64_t named[FMAP_MAX_RANK];
    bool seen[FMAP_MAX_RANK] = {false};
    TRY(fmap_constant_ints(graph, node, i, named, FMAP_MAX_RANK, n, error));
    for (size_t k = 0; k < *n; k++) {
        axes[k] = fmap_axis_of(named[k], rank);
        if (axes[k] < 0 || seen[axes[k]]) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "%s names axis %lld, expected different ones of %d",
                                  fmap_input_text(graph, node, i).text, (long long)named[k], rank);
        }
        seen[axes[k]] = true;
    }
    return FMAP_OK;
}

fmap_status fmap_constant_floats(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                 float *values, size_t capacity, size_t *n, fmap_error *error) {
    const struct fmap_graph_value *value;
    int64_t count;
    *n = 0;
    TRY(find_constant(graph, node, i, FMAP_FLOAT32, &value, &count, error));
    if (!value) return FMAP_OK;
    TRY(check_count(graph, node, i, count, capacity, error));
    *n = (size_t)count;
    if (*n > 0) memcpy(values, value->data, *n * sizeof *values);
    return FMAP_OK;
}

fmap_status fmap_constant_float(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                float fallback, float *result, fmap_error *error) {
    const struct fmap_graph_value *value;
    int64_t count;
    *result = fallback;
    TRY(find_constant(graph, node, i, FMAP_FLOAT32, &value, &count, error));
    if (!value) return FMAP_OK;
    if (count != 1) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has %lld elements, expected 1",
                              fmap_input_text(graph, node, i).text, (long long)count);
    }
    memcpy(result, value->data, sizeof *result);
    return FMAP_OK;
}
