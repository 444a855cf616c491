/* Cast: the same numbers in another type. */
#include "runtime/layers/cast.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

#include <string.h>

struct cast_parameters {
    fmap_type to;
};

enum { OPSET_TYPES_ARE_NUMBERS = 6 };

/* The number of a type that is named, as the first opsets did; 0 when it is none of ours. */
static int64_t type_of_name(const char *name) {
    static const struct {
        const char *name;
        fmap_type type;
    } types[] = {{"FLOAT", FMAP_FLOAT32}, {"UINT8", FMAP_UINT8}, {"INT8", FMAP_INT8},
                 {"INT32", FMAP_INT32},   {"INT64", FMAP_INT64}, {"BOOL", FMAP_BOOL}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(name, types[i].name) == 0) return types[i].type;
    }
    return 0;
}

static fmap_status parse_type(struct fmap_parsing *parsing, int64_t *to) {
    const char *name;
    if (parsing->opset >= OPSET_TYPES_ARE_NUMBERS) return fmap_attribute_int(parsing, "to", 0, to);
    TRY(fmap_attribute_string(parsing, "to", "", &name));
    *to = type_of_name(name);
    if (*to) return FMAP_OK;
    return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                          "attribute 'to' is '%.40s', expected FLOAT, UINT8, INT8, INT32, INT64 or BOOL",
                          name);
}

static fmap_status parse(struct fmap_parsing *parsing) {
    int64_t to;
    TRY(parse_type(parsing, &to));
    fmap_attribute_ignore(parsing, "saturate"); /* of 8-bit floats only */
    struct cast_parameters parameters = {.to = (fmap_type)to};
    if (to < 1 || to > FMAP_BOOL || fmap_type_bytes(parameters.to) == 0) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                              "attribute 'to' is %lld, expected float32 (1), uint8 (2), int8 (3), int32 (6), "
                              "int64 (7) or bool (9)",
                              (long long)to);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct cast_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    return fmap_set_output_type(graph, node, 0, parameters->to, &fmap_input_value(graph, node, 0)->shape);
}

/* C leaves it open what becomes of a float beyond the integer's range. */
static int64_t to_integer(float x) {
    if (!(x > -9.2e18f)) return x < 0 ? INT64_MIN : 0; /* 0: NaN */
    return x < 9.2e18f ? (int64_t)x : INT64_MAX;
}

#define FROM_FLOAT(x)   to_integer(x)
#define FROM_INTEGER(x) (x)

/* The loops from one type to every other; `read` makes an integer of an element. */
#define CAST_FROM(name, type, read) \
    static void name(const type *src, fmap_type to, void *dst, int64_t n) { \
        switch (to) { \
        case FMAP_TYPE_UNKNOWN: break; \
        case FMAP_FLOAT32: \
            for (int64_t i = 0; i < n; i++) ((float *)dst)[i] = (float)src[i]; \
            break; \
        case FMAP_UINT8: \
            for (int64_t i = 0; i < n; i++) ((uint8_t *)dst)[i] = (uint8_t)read(src[i]); \
            break; \
        case FMAP_INT8: \
            for (int64_t i = 0; i < n; i++) ((int8_t *)dst)[i] = (int8_t)read(src[i]); \
            break; \
        case FMAP_INT32: \
            for (int64_t i = 0; i < n; i++) ((int32_t *)dst)[i] = (int32_t)read(src[i]); \
            break; \
        case FMAP_INT64: \
            for (int64_t i = 0; i < n; i++) ((int64_t *)dst)[i] = (int64_t)read(src[i]); \
            break; \
        case FMAP_BOOL: \
            for (int64_t i = 0; i < n; i++) ((uint8_t *)dst)[i] = src[i] != 0; \
            break; \
        } \
    }
CAST_FROM(cast_from_float, float, FROM_FLOAT)
CAST_FROM(cast_from_uint8, uint8_t, FROM_INTEGER)
CAST_FROM(cast_from_int8, int8_t, FROM_INTEGER)
CAST_FROM(cast_from_int32, int32_t, FROM_INTEGER)
CAST_FROM(cast_from_int64, int64_t, FROM_INTEGER)

void fmap_cast_elements(fmap_type from, const void *src, fmap_type to, void *dst, int64_t n) {
    switch (from) {
    case FMAP_TYPE_UNKNOWN: break;
    case FMAP_FLOAT32: cast_from_float(src, to, dst, n); break;
    case FMAP_UINT8:
    case FMAP_BOOL: cast_from_uint8(src, to, dst, n); break;
    case FMAP_INT8: cast_from_int8(src, to, dst, n); break;
    case FMAP_INT32: cast_from_int32(src, to, dst, n); break;
    case FMAP_INT64: cast_from_int64(src, to, dst, n); break;
    }
}

struct cast_job {
    fmap_type from, to;
    struct fmap_cut cut;
};

static void cast_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct cast_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    const char *src = fmap_elements_at(run, &step->operands[0]);
    char *dst = fmap_elements_at(run, &step->operands[1]);
    fmap_cast_elements(job->from, src + range.first * (int64_t)fmap_type_bytes(job->from), job->to,
                       dst + range.first * (int64_t)fmap_type_bytes(job->to), range.end - range.first);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const struct fmap_graph_value *from = &planning->graph->values[in];
    struct cast_job job = {
        .from = from->type,
        .to = planning->graph->values[node->outputs[0]].type,
        .cut = fmap_cut_of(planning, fmap_form_elements(&from->shape, FMAP_FORM_PLAIN), 16, FMAP_BLOCK)};
    if (job.from == job.to) {
        fmap_plan_same_elements(planning, node->outputs[0], in);
        return FMAP_OK;
    }
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[1]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = cast_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "cast",
                                                                       .node = node});
}

const struct fmap_layer fmap_layer_cast = {.op = "Cast",
                                           .min_inputs = 1,
                                           .max_inputs = 1,
                                           .max_outputs = 1,
                                           .parse = parse,
                                           .shape = shape,
                                           .plan = plan};
