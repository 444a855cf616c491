#include "buffers.h"

#include <stdlib.h>
#include <string.h>

#include "tool.h"

static fmap_status describe(const fmap_model *model, const fmap_plan *plan, bool output, size_t i,
                            struct buffer *buffer, fmap_error *error) {
    fmap_value_info info = {.name = ""};
    fmap_value value = output ? fmap_model_output_value(model, i) : fmap_model_input_value(model, i);
    bool good = fmap_model_value(model, value, &info) == FMAP_OK;
    fmap_shape shape = {0};
    good = good && (output ? fmap_plan_output_shape(plan, i, &shape)
                           : fmap_plan_input_shape(plan, i, &shape)) == FMAP_OK;
    fmap_type type = output ? fmap_plan_output_type(plan, i) : fmap_plan_input_type(plan, i);
    *buffer = (struct buffer){.type = type, .shape = shape, .name = info.name};
    if (!good || !fmap_shape_elements(&shape, &buffer->elements) || fmap_type_bytes(type) == 0) {
        return fail(error, FMAP_ERROR_MODEL, "the network has an input or output without a size");
    }
    if ((uint64_t)buffer->elements > SIZE_MAX / 8) {
        return fail(error, FMAP_ERROR_LIMIT, "the %s '%s' is too large", output ? "output" : "input",
                    info.name);
    }
    return FMAP_OK;
}

static fmap_status allocate(const fmap_model *model, const fmap_plan *plan, bool output, size_t n,
                            struct buffer **descriptions, void ***data, fmap_error *error) {
    *descriptions = calloc(n + 1, sizeof **descriptions);
    *data = calloc(n + 1, sizeof **data);
    if (*descriptions == NULL || *data == NULL) return fail_memory(error, "inputs and outputs");
    for (size_t i = 0; i < n; i++) {
        struct buffer *buffer = &(*descriptions)[i];
        TRY(describe(model, plan, output, i, buffer, error));
        (*data)[i] = calloc((size_t)buffer->elements + 1, fmap_type_bytes(buffer->type));
        if ((*data)[i] == NULL) return fail_memory(error, buffer->name);
    }
    return FMAP_OK;
}

fmap_status buffers_create(const fmap_model *model, const fmap_plan *plan, struct buffers *buffers,
                           fmap_error *error) {
    *buffers = (struct buffers){.n_inputs = fmap_model_input_count(model),
                                .n_outputs = fmap_model_output_count(model)};
    fmap_status status = allocate(model, plan, false, buffers->n_inputs, &buffers->inputs,
                                  &buffers->input_data, error);
    if (status == FMAP_OK) {
        status = allocate(model, plan, true, buffers->n_outputs, &buffers->outputs, &buffers->output_data,
                          error);
    }
    if (status != FMAP_OK) buffers_release(buffers);
    return status;
}

static void release_all(void **data, size_t n) {
    for (size_t i = 0; data != NULL && i < n; i++) {
        free(data[i]);
    }
    free(data);
}

void buffers_release(struct buffers *buffers) {
    release_all(buffers->input_data, buffers->n_inputs);
    release_all(buffers->output_data, buffers->n_outputs);
    free(buffers->inputs);
    free(buffers->outputs);
    *buffers = (struct buffers){0};
}

void buffers_fill(const struct buffers *buffers) {
    uint32_t state = 1;
    for (size_t i = 0; i < buffers->n_inputs; i++) {
        const struct buffer *input = &buffers->inputs[i];
        for (int64_t j = 0; j < input->elements; j++) {
            state = state * 1664525u + 1013904223u; /* Numerical Recipes' generator: good enough */
            if (input->type == FMAP_FLOAT32) {
                ((float *)buffers->input_data[i])[j] = (float)(state >> 8) * 0x1p-24f;
            } else if (input->type == FMAP_UINT8) {
                ((uint8_t *)buffers->input_data[i])[j] = (uint8_t)(state >> 24);
            }
        }
    }
}

double buffer_element(fmap_type type, const void *data, int64_t i) {
    switch (type) {
    case FMAP_TYPE_UNKNOWN: break;
    case FMAP_FLOAT32: return (double)((const float *)data)[i];
    case FMAP_UINT8:
    case FMAP_BOOL: return ((const uint8_t *)data)[i];
    case FMAP_INT8: return ((const int8_t *)data)[i];
    case FMAP_INT32: return ((const int32_t *)data)[i];
    case FMAP_INT64: return (double)((const int64_t *)data)[i];
    }
    return 0;
}
