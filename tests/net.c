#include "net.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- building ---------------------------------------------------------------------------------------- */

fmap_status net_try_model(net_build *build, const void *what, const fmap_allocator *allocator,
                          fmap_model **model, fmap_error *error) {
    fmap_status status = fmap_model_create(allocator, model, error);
    if (status != FMAP_OK) return status;
    build(*model, what);
    status = fmap_model_finish(*model, error);
    if (status == FMAP_OK) return FMAP_OK;
    fmap_model_destroy(*model);
    *model = NULL;
    return status;
}

fmap_model *net_model(net_build *build, const void *what) {
    fmap_error error = {0};
    fmap_model *model = NULL;
    if (net_try_model(build, what, NULL, &model, &error) != FMAP_OK) {
        fprintf(stderr, "net: %s: %s\n", fmap_status_name(error.status), error.message);
    }
    return model;
}

static fmap_shape shape_of(int rank, const int64_t *dims) {
    fmap_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++) shape.dims[i] = dims[i];
    return shape;
}

fmap_value net_input(fmap_model *model, const char *name, int rank, const int64_t *dims) {
    return net_input_of(model, name, FMAP_FLOAT32, rank, dims);
}

fmap_value net_input_of(fmap_model *model, const char *name, fmap_type type, int rank, const int64_t *dims) {
    fmap_shape shape = shape_of(rank, dims);
    return fmap_model_input(model, name, type, &shape);
}

fmap_value net_floats(fmap_model *model, const float *data, int rank, const int64_t *dims) {
    return net_elements(model, FMAP_FLOAT32, data, rank, dims);
}

fmap_value net_ints(fmap_model *model, const int64_t *data, int64_t n) {
    return net_elements(model, FMAP_INT64, data, 1, &n);
}

fmap_value net_elements(fmap_model *model, fmap_type type, const void *data, int rank, const int64_t *dims) {
    fmap_tensor tensor = {.type = type, .shape = shape_of(rank, dims), .data = data};
    return fmap_model_constant(model, NULL, &tensor, FMAP_COPY);
}

fmap_attribute net_int(const char *name, int64_t i) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_INT, .i = i};
}

fmap_attribute net_float(const char *name, float f) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_FLOAT, .f = f};
}

fmap_attribute net_string(const char *name, const char *s) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_STRING, .s = s};
}

fmap_attribute net_list(const char *name, const int64_t *ints, size_t n) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_INTS, .ints = ints, .count = n};
}

fmap_attribute net_float_list(const char *name, const float *floats, size_t n) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_FLOATS, .floats = floats, .count = n};
}

fmap_value net_node(fmap_model *model, const char *op, const char *name, const fmap_value *inputs,
                    size_t n_inputs, const fmap_attribute *attributes, size_t n_attributes) {
    fmap_value output = FMAP_NO_VALUE;
    fmap_model_node(model,
                    &(fmap_node_definition){.op = op,
                                            .name = name,
                                            .inputs = inputs,
                                            .n_inputs = n_inputs,
                                            .n_outputs = 1,
                                            .attributes = attributes,
                                            .n_attributes = n_attributes},
                    &output);
    return output;
}

size_t net_type_bytes(fmap_type type) {
    switch (type) {
    case FMAP_TYPE_UNKNOWN: break;
    case FMAP_UINT8:
    case FMAP_INT8:
    case FMAP_BOOL: return 1;
    case FMAP_FLOAT32:
    case FMAP_INT32: return 4;
    case FMAP_INT64: return 8;
    }
    abort();
}

/* ---- running ----------------------------------------------------------------------------------------- */

bool net_open(struct net *net, const fmap_model *model, const fmap_plan_options *options) {
    fmap_error error = {0};
    *net = (struct net){NULL, NULL};
    if (fmap_plan_create(model, options, &net->plan, &error) == FMAP_OK &&
        fmap_context_create(net->plan, &net->context, &error) == FMAP_OK) {
        return true;
    }
    fprintf(stderr, "net: %s: %s\n", fmap_status_name(error.status), error.message);
    net_close(net);
    return false;
}

void net_close(struct net *net) {
    fmap_context_destroy(net->context);
    fmap_plan_destroy(net->plan);
    *net = (struct net){NULL, NULL};
}

bool net_run(const struct net *net, const float *input, float *output) {
    fmap_error error = {0};
    if (fmap_context_run(net->context, (const void *[]){input}, (void *[]){output}, &error) == FMAP_OK)
        return true;
    fprintf(stderr, "net: %s: %s\n", fmap_status_name(error.status), error.message);
    return false;
}

bool net_once(const fmap_model *model, const fmap_plan_options *options, const float *input, float *output) {
    struct net net;
    if (!net_open(&net, model, options)) return false;
    bool ran = net_run(&net, input, output);
    net_close(&net);
    return ran;
}

bool net_agrees(const fmap_model *model, const fmap_plan_options *options, const float *input,
                const double *expected, const double *bounds, size_t n) {
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    float *first = net_random(n, 1), *got = net_random(n, 2);
    bool good = true;
    for (int i = 0; i < n_isas && good; i++) {
        fmap_plan_options one = *options;
        one.max_isa = isas[i];
        good = net_once(model, &one, input, i ? got : first) &&
               (i ? check_same_bits(fmap_isa_name(isas[i]), got, first, n)
                  : check_near("against the oracle", first, expected, bounds, n));
    }
    free(first);
    free(got);
    return good;
}

static size_t elements_of(fmap_status status, const fmap_shape *shape) {
    int64_t elements = 0;
    return status == FMAP_OK && fmap_shape_elements(shape, &elements) ? (size_t)elements : 0;
}

size_t net_output_elements(const struct net *net, size_t i) {
    fmap_shape shape;
    return elements_of(fmap_plan_output_shape(net->plan, i, &shape), &shape);
}

size_t net_input_elements(const struct net *net, size_t i) {
    fmap_shape shape;
    return elements_of(fmap_plan_input_shape(net->plan, i, &shape), &shape);
}

int net_isas(fmap_isa *isas) {
    int n = 0;
    for (int isa = FMAP_ISA_SCALAR; isa <= FMAP_ISA_AVX512; isa++) {
        if (fmap_isa_select((fmap_isa)isa) == (fmap_isa)isa) isas[n++] = (fmap_isa)isa;
    }
    return n;
}

float *net_random(size_t n, uint64_t seed) {
    float *floats = malloc((n ? n : 1) * sizeof *floats);
    if (!floats) abort();
    check_fill(floats, n, -1.0f, 1.0f, seed);
    return floats;
}
