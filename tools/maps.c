#include "maps.h"

#include <stdlib.h>
#include <string.h>

#include "maps_run.h"

/* ---- names ------------------------------------------------------------------------------------- */

static bool is_harmless(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

char *maps_file_name(size_t number, size_t n_layers, const char *name) {
    enum { NAME_BYTES = 80 };
    int digits = 2;
    for (size_t n = n_layers; n > 100; n = (n + 9) / 10) digits++;
    char *file = malloc(NAME_BYTES + 32);
    if (file == NULL) return NULL;
    int used = snprintf(file, 32, "%0*zu-", digits, number);
    char *at = file + used;
    for (size_t i = 0; i < NAME_BYTES && name[i] != '\0'; i++) *at++ = is_harmless(name[i]) ? name[i] : '_';
    *at = '\0';
    return file;
}

/* ---- what the model says ----------------------------------------------------------------------- */

/* Which layer makes each value: makers[value], for values below n_values; 0 for the network's input,
 * NOT_A_LAYER for a constant. */
struct makers {
    size_t *layer_of;
    size_t n_values;
};
#define NOT_A_LAYER SIZE_MAX

static size_t maker_of(const struct makers *makers, fmap_value value) {
    return value > 0 && (size_t)value < makers->n_values ? makers->layer_of[value] : NOT_A_LAYER;
}

static fmap_status find_makers(const fmap_model *model, struct makers *makers, fmap_error *error) {
    fmap_value last = fmap_model_input_value(model, 0);
    fmap_node_info node;
    size_t n_nodes = fmap_model_node_count(model);
    for (size_t i = 0; i < n_nodes && fmap_model_node_at(model, i, &node) == FMAP_OK; i++) {
        for (size_t k = 0; k < node.n_outputs; k++) last = node.outputs[k] > last ? node.outputs[k] : last;
    }
    makers->n_values = (size_t)last + 1;
    makers->layer_of = malloc(makers->n_values * sizeof *makers->layer_of);
    if (makers->layer_of == NULL) return fail_memory(error, "the layers' names");
    for (size_t i = 0; i < makers->n_values; i++) makers->layer_of[i] = NOT_A_LAYER;
    makers->layer_of[fmap_model_input_value(model, 0)] = 0;
    for (size_t i = 0; i < n_nodes && fmap_model_node_at(model, i, &node) == FMAP_OK; i++) {
        for (size_t k = 0; k < node.n_outputs; k++) {
            if (node.outputs[k] > 0) makers->layer_of[node.outputs[k]] = i + 1;
        }
    }
    return FMAP_OK;
}

static fmap_status set_inputs(const fmap_node_info *node, const struct makers *makers,
                              struct layer_maps *layer, fmap_error *error) {
    layer->inputs = calloc(node->n_inputs + 1, sizeof *layer->inputs);
    if (layer->inputs == NULL) return fail_memory(error, "the layers' names");
    for (size_t i = 0; i < node->n_inputs; i++) {
        size_t maker = maker_of(makers, node->inputs[i]);
        if (maker != NOT_A_LAYER) layer->inputs[layer->n_inputs++] = maker;
    }
    return FMAP_OK;
}

/* The data of a constant of floats; false for anything else. */
static bool constant_floats(const fmap_model *model, const fmap_node_info *node, size_t input,
                            fmap_value_info *info) {
    return input < node->n_inputs && fmap_model_value(model, node->inputs[input], info) == FMAP_OK &&
           info->data != NULL && info->type == FMAP_FLOAT32;
}

static void set_filters(const fmap_model *model, const fmap_node_info *node, struct filters *filters) {
    fmap_value_info weights, bias;
    if (strcmp(node->op, "Conv") != 0 || !constant_floats(model, node, 1, &weights)) return;
    if (weights.shape.rank != 4) return;
    *filters = (struct filters){
        .weights = weights.data,
        .bias = constant_floats(model, node, 2, &bias) ? bias.data : NULL,
        .count = weights.shape.dims[0],
        .depth = weights.shape.dims[1],
        .height = weights.shape.dims[2],
        .width = weights.shape.dims[3],
    };
}

static fmap_status set_layer(const fmap_model *model, size_t i, const struct makers *makers,
                             struct maps *maps, fmap_error *error) {
    struct layer_maps *layer = &maps->layers[i + 1];
    fmap_node_info node;
    TRY(fmap_model_node_at(model, i, &node));
    layer->name = node.name;
    layer->op = node.op;
    layer->file = maps_file_name(i + 1, maps->n_layers, node.name);
    if (layer->file == NULL) return fail_memory(error, "the layers' names");
    set_filters(model, &node, &layer->filters);
    return set_inputs(&node, makers, layer, error);
}

static fmap_status set_layers(const fmap_model *model, struct maps *maps, fmap_error *error) {
    maps->n_layers = fmap_model_node_count(model) + 1;
    maps->layers = calloc(maps->n_layers, sizeof *maps->layers);
    if (maps->layers == NULL) return fail_memory(error, "the layers");
    struct makers makers = {NULL, 0};
    fmap_status status = find_makers(model, &makers, error);
    for (size_t i = 0; status == FMAP_OK && i + 1 < maps->n_layers; i++) {
        status = set_layer(model, i, &makers, maps, error);
    }
    free(makers.layer_of);
    return status;
}

/* ---- the network's input ----------------------------------------------------------------------- */

/* Pixels to planes: `to` is n, c, h, w. */
static void planes_of(const float *pixels, const fmap_shape *to, float *planes) {
    int64_t channels = to->dims[1], plane = to->dims[2] * to->dims[3];
    for (int64_t channel = 0; channel < channels; channel++) {
        for (int64_t i = 0; i < plane; i++) planes[channel * plane + i] = pixels[i * channels + channel];
    }
}

/* The numbers that went in become layer 0; its view always has planes. */
static fmap_status set_input(const struct network *network, const float *input, struct layer_maps *layer,
                             fmap_error *error) {
    const struct preprocess *picture = &network->preprocess;
    layer->name = network->input_name;
    layer->op = "Input";
    layer->shape = (fmap_shape){4, {1, picture->channels, picture->height, picture->width}};
    layer->file = maps_file_name(0, fmap_model_node_count(network->model) + 1, layer->name);
    layer->kernel = strdup("");
    layer->values = malloc((size_t)network->input_elements * sizeof *layer->values);
    if (layer->file == NULL || layer->kernel == NULL || layer->values == NULL) {
        return fail_memory(error, "the network's input");
    }
    if (picture->layout == LAYOUT_NHWC) {
        planes_of(input, &layer->shape, layer->values);
    } else {
        memcpy(layer->values, input, (size_t)network->input_elements * sizeof *layer->values);
    }
    return layer_see(layer, NULL, 0, error);
}

/* ---- all together ------------------------------------------------------------------------------ */

static fmap_status collect(const struct network *network, const struct image *picture,
                           const struct maps_options *options, float *input, struct maps *maps,
                           fmap_error *error) {
    TRY(network_input(network, picture, input, error));
    TRY(set_layers(network->model, maps, error));
    TRY(set_input(network, input, &maps->layers[0], error));
    TRY(maps_time(network, options, input, maps, error));
    return maps_record(network, options, input, maps, error);
}

fmap_status maps_collect(const struct network *network, const struct image *picture,
                         const struct maps_options *options, struct maps *maps, fmap_error *error) {
    *maps = (struct maps){.layers = NULL};
    float *input = malloc((size_t)network->input_elements * sizeof *input);
    fmap_status status = input == NULL ? fail_memory(error, "the network's input")
                                       : collect(network, picture, options, input, maps, error);
    free(input);
    if (status != FMAP_OK) maps_release(maps);
    return status;
}

void maps_release(struct maps *maps) {
    for (size_t i = 0; maps->layers != NULL && i < maps->n_layers; i++) {
        struct layer_maps *layer = &maps->layers[i];
        free(layer->file);
        free(layer->kernel);
        free(layer->inputs);
        free(layer->values);
        free(layer->statistics);
    }
    free(maps->layers);
    free(maps->output);
    *maps = (struct maps){.layers = NULL};
}
