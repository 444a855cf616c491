#include "network.h"

#include "explain.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static fmap_status find_input(struct network *network, const char *path, fmap_error *error) {
    size_t n_inputs = fmap_model_input_count(network->model);
    if (n_inputs != 1) {
        return fail(error, FMAP_ERROR_UNSUPPORTED, "'%s' has %zu inputs; pictures go into networks with one",
                    path, n_inputs);
    }
    fmap_value_info input;
    TRY(fmap_model_value(network->model, fmap_model_input_value(network->model, 0), &input));
    if (input.type != FMAP_FLOAT32) {
        return fail(error, FMAP_ERROR_UNSUPPORTED, "'%s': the input '%s' does not take float32", path,
                    input.name);
    }
    network->input_name = input.name;
    network->input_shape = input.shape;
    return FMAP_OK;
}

fmap_status network_open(const char *model_path, const struct preprocess_options *flags,
                         const char *labels_path, struct network *network, fmap_error *error) {
    static const struct preprocess_options no_flags;
    *network = (struct network){0};
    fmap_status status = fmap_model_load(model_path, NULL, &network->model, error);
    if (status == FMAP_OK) status = find_input(network, model_path, error);
    if (status == FMAP_OK) status = sidecar_find(model_path, &network->sidecar, error);
    if (status == FMAP_OK && labels_path != NULL) {
        labels_release(&network->sidecar.labels);
        status = labels_read(labels_path, &network->sidecar.labels, error);
    }
    if (status == FMAP_OK) {
        status = preprocess_decide(flags != NULL ? flags : &no_flags, &network->sidecar.image,
                                   &network->input_shape, &network->preprocess, error);
    }
    if (status == FMAP_OK) {
        const struct preprocess *picture = &network->preprocess;
        network->input_elements = (int64_t)picture->width * picture->height * picture->channels;
        network->model_batch = network->input_shape.dims[0];
        network->input_shape.dims[0] = 1;
        preprocess_shape(picture, &network->input_shape);
    } else {
        network_close(network);
    }
    return status;
}

void network_close(struct network *network) {
    sidecar_release(&network->sidecar);
    fmap_model_destroy(network->model);
    *network = (struct network){0};
}

fmap_status network_plan(const struct network *network, int64_t batch, const fmap_plan_options *options,
                         fmap_plan **plan, fmap_error *error) {
    fmap_shape shape = network->input_shape;
    shape.dims[0] = batch;
    /* Our numbers stand in the order of the model's own shape, whatever that means to it. */
    const fmap_port port = {.name = network->input_name, .shape = &shape, .layout = FMAP_NCHW};
    fmap_plan_options all = *options;
    all.batch = batch;
    all.ports = &port;
    all.n_ports = 1;
    TRY(fmap_plan_create(network->model, &all, plan, error));
    return explain_if_asked(*plan, all.max_isa, error);
}

fmap_status network_input(const struct network *network, const struct image *image, float *input,
                          fmap_error *error) {
    return preprocess_input(&network->preprocess, image, input, error);
}

const char *network_label(const struct network *network, size_t class, char number[LABEL_NUMBER_BYTES]) {
    if (class < network->sidecar.labels.count) return network->sidecar.labels.names[class];
    snprintf(number, LABEL_NUMBER_BYTES, "%zu", class);
    return number;
}
