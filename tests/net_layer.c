#include "net_layer.h"

#include "check.h"
#include "net_variant.h"
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- running ----------------------------------------------------------------------------------------- */

/* From n, c, h, w to n, h, w, c or back. */
static void reorder(const fmap_shape *shape, bool to_pixels, const float *src, float *dst) {
    int n = (int)shape->dims[0], c = (int)shape->dims[1], pixels = (int)(shape->dims[2] * shape->dims[3]);
    if (to_pixels) {
        oracle_channels_last(src, n, c, pixels, dst);
    } else {
        oracle_channels_last(src, n, pixels, c, dst);
    }
}

static size_t elements_of(const fmap_shape *shape) {
    int64_t n = 0;
    fmap_shape_elements(shape, &n);
    return (size_t)n;
}

/* Room for n elements of a type between fences, which count in floats. */
static struct check_fenced fenced_of(fmap_type type, size_t n) {
    size_t bytes = net_type_bytes(type), alignment = bytes > sizeof(float) ? bytes : sizeof(float);
    return check_fenced_create((n * bytes + sizeof(float) - 1) / sizeof(float), alignment);
}

/* A computed input between fences, in the order that the network is given it; of image `alone`, unless that
 * is -1. */
static struct check_fenced input_of(const struct net_operand *operand, bool pixels, int alone) {
    fmap_shape shape = operand->shape;
    if (alone >= 0) shape.dims[0] = 1;
    fmap_type type = net_operand_type(operand);
    size_t n = elements_of(&shape), bytes = n * net_type_bytes(type);
    struct check_fenced input = fenced_of(type, n);
    const char *elements = (const char *)net_operand_elements(operand) +
                           (alone > 0 ? (size_t)alone * bytes : 0);
    if (pixels && shape.rank == 4 && type == FMAP_FLOAT32) {
        reorder(&shape, true, (const float *)(const void *)elements, input.data);
    } else if (bytes > 0) {
        memcpy(input.data, elements, bytes);
    }
    return input;
}

/* What all runs are compared with. */
struct results {
    const double *expected, *bounds; /* of floats */
    const void *exact;               /* if not NULL: the bits of n elements of the type */
    fmap_type type;
    void *first, *got; /* `first` is what all others are compared with */
    size_t n;
    bool has_first;
};

static bool has_output(const struct net *net, const struct net_layer *layer, const struct results *results,
                       size_t n) {
    size_t found = net_output_elements(net, 0);
    fmap_type type = fmap_plan_output_type(net->plan, 0);
    if (found == n && type == results->type) return true;
    fprintf(stderr, "net: %s: %zu elements of type %d, not %zu of type %d\n", layer->op, found, (int)type, n,
            (int)results->type);
    return false;
}

static bool run_net(const struct net *net, const struct net_variant *variant, int alone,
                    const struct results *results, void *got, size_t n) {
    const struct net_layer *layer = variant->layer;
    struct check_fenced inputs[NET_MAX_OPERANDS], output = fenced_of(results->type, n);
    const void *pointers[NET_MAX_OPERANDS];
    size_t n_inputs = 0;
    fmap_error error = {0};
    fmap_shape shape;
    for (size_t i = 0; i < layer->n_operands; i++) {
        if (layer->operands[i].kind != NET_COMPUTED) continue;
        inputs[n_inputs] = input_of(&layer->operands[i], variant->forms == NET_PIXELS, alone);
        pointers[n_inputs] = inputs[n_inputs].data;
        n_inputs++;
    }
    bool good = has_output(net, layer, results, n) &&
                fmap_plan_output_shape(net->plan, 0, &shape) == FMAP_OK &&
                fmap_context_run(net->context, pointers, (void *[]){output.data}, &error) == FMAP_OK &&
                check_fence_intact(layer->op, &output);
    if (good && variant->forms == NET_PIXELS && shape.rank == 4 && results->type == FMAP_FLOAT32) {
        reorder(&shape, false, output.data, got);
    } else {
        memcpy(got, output.data, n * net_type_bytes(results->type));
    }
    for (size_t i = 0; i < n_inputs; i++) check_fenced_destroy(&inputs[i]);
    check_fenced_destroy(&output);
    return good;
}

struct text {
    char text[200];
};

static struct text text_of(const struct net_variant *variant, const fmap_plan_options *options) {
    struct text text;
    snprintf(text.text, sizeof text.text, "%s: forms %d, %s, %d threads%s", variant->layer->op,
             (int)variant->forms, fmap_isa_name(options->max_isa), options->threads,
             options->no_fusion ? ", no passes" : "");
    return text;
}

static fmap_plan_options options_of(const struct net_variant *variant, fmap_plan_options options, int alone) {
    const struct net_operand *first = &variant->layer->operands[0];
    options.batch = alone >= 0 ? 1 : first->shape.rank > 0 ? first->shape.dims[0] : 0;
    return options;
}

/* One plan and one run of it. */
static bool run(const fmap_model *model, const struct net_variant *variant, fmap_plan_options options,
                int alone, const struct results *results, void *got, size_t n) {
    const struct net_layer *layer = variant->layer;
    char names[NET_MAX_OPERANDS][8];
    fmap_value_info output = {.name = NULL};
    fmap_model_value(model, fmap_model_output_value(model, 0), &output);
    fmap_port ports[NET_MAX_OPERANDS + 1] = {{.name = output.name, .layout = FMAP_NHWC}};
    options = options_of(variant, options, alone);
    options.ports = ports;
    options.n_ports = variant->forms == NET_PIXELS && results->type == FMAP_FLOAT32;
    for (size_t i = 0; i < layer->n_operands && variant->forms == NET_PIXELS; i++) {
        const struct net_operand *operand = &layer->operands[i];
        if (operand->kind != NET_COMPUTED || net_operand_type(operand) != FMAP_FLOAT32) continue;
        snprintf(names[i], sizeof names[i], "x%zu", i);
        ports[options.n_ports++] = (fmap_port){.name = names[i], .layout = FMAP_NHWC};
    }
    struct net net;
    if (!net_open(&net, model, &options)) return false;
    bool good = run_net(&net, variant, alone, results, got, n);
    net_close(&net);
    if (!good) fprintf(stderr, "net: %s\n", text_of(variant, &options).text);
    return good;
}

static bool same_elements(const char *what, fmap_type type, const void *got, const void *expected, size_t n) {
    if (type == FMAP_FLOAT32) return check_same_bits(what, got, expected, n);
    size_t bytes = net_type_bytes(type);
    for (size_t i = 0; i < n; i++) {
        int64_t a = 0, b = 0; /* the first bytes count least */
        memcpy(&a, (const char *)got + i * bytes, bytes);
        memcpy(&b, (const char *)expected + i * bytes, bytes);
        if (a == b) continue;
        fprintf(stderr, "%s: element %zu is %llx, expected %llx\n", what, i, (unsigned long long)a,
                (unsigned long long)b);
        return false;
    }
    return true;
}

static bool is_expected(const struct results *results, const char *what, const void *got) {
    if (results->exact) return same_elements(what, results->type, got, results->exact, results->n);
    return check_near(what, got, results->expected, results->bounds, results->n);
}

static bool compare(struct results *results, const fmap_model *model, const struct net_variant *variant,
                    fmap_plan_options options) {
    bool is_first = !results->has_first;
    void *got = is_first ? results->first : results->got;
    if (!run(model, variant, options, -1, results, got, results->n)) return false;
    struct text what = text_of(variant, &options);
    results->has_first = true;
    return is_first ? is_expected(results, what.text, got)
                    : same_elements(what.text, results->type, got, results->first, results->n);
}

static bool images_alone_agree(struct results *results, const fmap_model *model,
                               const struct net_variant *variant) {
    int batch = (int)variant->layer->operands[0].shape.dims[0];
    size_t n = results->n / (size_t)batch, bytes = n * net_type_bytes(results->type);
    fmap_plan_options options = {.threads = 1};
    for (int image = 0; image < batch; image++) {
        if (!run(model, variant, options, image, results, results->got, n)) return false;
        const char *together = (const char *)results->first + (size_t)image * bytes;
        if (!same_elements("an image alone", results->type, results->got, together, n)) return false;
    }
    return true;
}

static bool variant_agrees(struct results *results, const struct net_variant *variant) {
    static const int threads[] = {2, 3, 7};
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    fmap_model *model = net_model(net_variant_build, variant);
    bool good = model != NULL;
    for (int i = 0; i < n_isas && good; i++) {
        good = compare(results, model, variant, (fmap_plan_options){.max_isa = isas[i], .threads = 1});
    }
    for (int i = 0; i < 3 && good; i++) {
        fmap_plan_options options = {.threads = threads[i], .no_fusion = i % 2 == 0};
        good = compare(results, model, variant, options);
    }
    if (good && variant->layer->batch) good = images_alone_agree(results, model, variant);
    fmap_model_destroy(model);
    return good;
}

/* How many computed inputs can lie in different forms: those of floats. */
static size_t count_formed(const struct net_layer *layer) {
    size_t n = 0;
    for (size_t i = 0; i < layer->n_operands; i++) {
        const struct net_operand *operand = &layer->operands[i];
        n += operand->kind == NET_COMPUTED && net_operand_type(operand) == FMAP_FLOAT32;
    }
    return n;
}

static bool all_agree(const struct net_layer *layer, struct results *results) {
    size_t room = (results->n * net_type_bytes(results->type) + sizeof(float) - 1) / sizeof(float);
    float *first = net_random(room, 1), *got = net_random(room, 2);
    size_t n_formed = count_formed(layer);
    int n_forms = n_formed > 1 ? NET_N_FORMS : n_formed == 1 ? NET_FIRST_BLOCKED : NET_PIXELS;
    bool good = true;
    results->first = first;
    results->got = got;
    for (int forms = 0; forms < n_forms && good; forms++) {
        good = variant_agrees(results, &(struct net_variant){.layer = layer, .forms = (enum net_forms)forms});
    }
    free(first);
    free(got);
    return good;
}

bool net_layer_agrees(const struct net_layer *layer, const double *expected, const double *bounds, size_t n) {
    double *zeros = calloc(n ? n : 1, sizeof *zeros);
    if (!zeros) abort();
    struct results results = {
        .expected = expected, .bounds = bounds ? bounds : zeros, .type = FMAP_FLOAT32, .n = n};
    bool good = all_agree(layer, &results);
    free(zeros);
    return good;
}

bool net_layer_moves(const struct net_layer *layer, const float *expected, size_t n) {
    double *exact = calloc(n ? n : 1, sizeof *exact);
    if (!exact) abort();
    for (size_t i = 0; i < n; i++) exact[i] = (double)expected[i];
    bool good = net_layer_agrees(layer, exact, NULL, n);
    free(exact);
    return good;
}

bool net_layer_gives(const struct net_layer *layer, fmap_type type, const void *expected, size_t n) {
    struct results results = {.exact = expected, .type = type, .n = n};
    return all_agree(layer, &results);
}

/* ---- shapes and refusals ------------------------------------------------------------------------------- */

fmap_shape net_layer_shape(const struct net_layer *layer) {
    struct net_variant variant = {.layer = layer};
    fmap_model *model = net_model(net_variant_build, &variant);
    fmap_value_info info = {.shape = {.rank = -1}};
    if (model) fmap_model_value(model, fmap_model_output_value(model, 0), &info);
    fmap_model_destroy(model);
    return info.shape;
}

bool net_layer_has_shape(const struct net_layer *layer, int rank, const int64_t *dims) {
    fmap_shape shape = net_layer_shape(layer);
    bool same = shape.rank == rank;
    for (int i = 0; i < rank && same; i++) same = shape.dims[i] == dims[i];
    if (!same) {
        fprintf(stderr, "net: %s: inferred rank %d:", layer->op, shape.rank);
        for (int i = 0; i < shape.rank; i++) fprintf(stderr, " %lld", (long long)shape.dims[i]);
        fprintf(stderr, "\n");
    }
    return same;
}

bool net_layer_refused(const struct net_layer *layer, fmap_status status, const char *words) {
    struct net_variant variant = {.layer = layer};
    fmap_error error = {0};
    fmap_model *model = NULL;
    fmap_plan *plan = NULL;
    fmap_status found = net_try_model(net_variant_build, &variant, NULL, &model, &error);
    if (found == FMAP_OK) found = fmap_plan_create(model, NULL, &plan, &error);
    bool good = found == status && error.status == status && strstr(error.message, words) &&
                strstr(error.message, "'y'") && strstr(error.message, layer->op);
    if (!good) {
        fprintf(stderr, "net: %s: expected %s with '%s', found %s: %s\n", layer->op, fmap_status_name(status),
                words, fmap_status_name(found), error.message);
    }
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    return good;
}
