/* Functional networks of Keras: layers are applied to each other's outputs, some of them several times. Keras writes them down
 * in an order of its own, so each is applied as soon as all that it reads is there. */
#include <string.h>

#include "keras_graph.h"

static bool is_input(const struct fmap_saved_layer *layer) {
    return strcmp(layer->class_name, "InputLayer") == 0;
}

/* ---- what there is ----------------------------------------------------------------------------------- */

/* The nodes of a layer: one for each time that it is applied. */
static const json_t *nodes_of(const json_t *layer) { return json_object_get(layer, "inbound_nodes"); }

static bool count_steps(struct fmap_saved_network *network, const json_t *list) {
    size_t n = 0;
    for (size_t i = 0; i < network->n_layers; i++) {
        network->first_steps[i] = n;
        n += is_input(&network->layers[i]) ? 1 : json_array_size(nodes_of(json_array_get(list, i)));
    }
    network->first_steps[network->n_layers] = n;
    network->steps = fmap_scratch_array(&network->loader->scratch, n, sizeof *network->steps);
    return network->steps || fmap_saved_out_of_memory(network->loader);
}

static bool read_steps(struct fmap_saved_network *network, const json_t *list) {
    for (size_t i = 0; i < network->n_layers; i++) {
        size_t first = network->first_steps[i], n = network->first_steps[i + 1] - first;
        const json_t *nodes = nodes_of(json_array_get(list, i));
        for (size_t k = 0; k < n; k++) {
            struct fmap_saved_step *step = &network->steps[first + k];
            *step = (struct fmap_saved_step){.layer = i};
            if (!is_input(&network->layers[i]) &&
                !fmap_saved_read_references(network, json_array_get(nodes, k), 0, &step->reads))
                return false;
        }
    }
    return true;
}

static struct fmap_saved_step *find_step(struct fmap_saved_network *network,
                                         const struct fmap_saved_reference *reference) {
    size_t first = network->first_steps[reference->layer], next = network->first_steps[reference->layer + 1];
    if (reference->call < next - first) return &network->steps[first + reference->call];
    (void)fmap_saved_fail(network->loader, FMAP_ERROR_FORMAT,
                          "call number %zu of layer '%s' is read, but it is applied only %zu times",
                          reference->call, fmap_saved_show(network->layers[reference->layer].path).text,
                          next - first);
    return NULL;
}

static struct fmap_saved_tensor *number_tensor(struct fmap_saved_network *network, double number) {
    const float value = (float)number;
    const fmap_tensor scalar = {.type = FMAP_FLOAT32, .data = &value};
    struct fmap_saved_tensor *tensor = fmap_scratch_array(&network->loader->scratch, 1, sizeof *tensor);
    if (!tensor) {
        (void)fmap_saved_out_of_memory(network->loader);
        return NULL;
    }
    *tensor = (struct fmap_saved_tensor){
        .plain = fmap_model_constant(network->loader->model, NULL, &scalar, FMAP_COPY)};
    return tensor->plain ? tensor : NULL;
}

struct fmap_saved_tensor *fmap_saved_resolve(struct fmap_saved_network *network,
                                             const struct fmap_saved_reference *reference) {
    if (reference->is_number) return number_tensor(network, reference->number);
    const struct fmap_saved_step *step = find_step(network, reference);
    if (!step) return NULL;
    if (step->done && reference->output < step->n_outputs) return &step->outputs[reference->output];
    (void)fmap_saved_fail(network->loader, FMAP_ERROR_FORMAT,
                          "output number %zu of layer '%s' is read, but it has %zu", reference->output,
                          fmap_saved_show(network->layers[reference->layer].path).text, step->n_outputs);
    return NULL;
}

/* ---- in order ---------------------------------------------------------------------------------------- */

static bool apply_step(struct fmap_saved_network *network, struct fmap_saved_step *step) {
    struct fmap_saved_loader *loader = network->loader;
    struct fmap_saved_call call = {.loader = loader, .n_inputs = step->reads.count};
    call.inputs = fmap_scratch_array(&loader->scratch, call.n_inputs, sizeof(struct fmap_saved_tensor *));
    if (!call.inputs) return fmap_saved_out_of_memory(loader);
    for (size_t i = 0; i < call.n_inputs; i++) {
        call.inputs[i] = fmap_saved_resolve(network, &step->reads.items[i]);
        if (!call.inputs[i]) return false;
        if (!call.arguments) call.arguments = step->reads.items[i].arguments;
    }
    return fmap_saved_apply_any(network, &network->layers[step->layer], &call, &step->outputs,
                                &step->n_outputs);
}

/* The first step that has to be done before; NULL, *good: there is none. */
static struct fmap_saved_step *next_missing(struct fmap_saved_network *network, struct fmap_saved_step *step,
                                            bool *good) {
    for (; step->n_ready < step->reads.count; step->n_ready++) {
        const struct fmap_saved_reference *reference = &step->reads.items[step->n_ready];
        if (reference->is_number) continue;
        struct fmap_saved_step *read = find_step(network, reference);
        if (read && read->done) continue;
        *good = read && !read->begun;
        if (read && read->begun)
            (void)fmap_saved_fail(network->loader, FMAP_ERROR_MODEL,
                                  "layer '%s' reads what is computed from it",
                                  fmap_saved_show(network->layers[read->layer].path).text);
        return *good ? read : NULL;
    }
    *good = true;
    return NULL;
}

/* Does a step, and before it all that it waits for; `waiting` has room for all steps. */
static bool do_step(struct fmap_saved_network *network, struct fmap_saved_step *step,
                    struct fmap_saved_step **waiting) {
    size_t n = 0;
    waiting[n++] = step;
    while (n > 0) {
        struct fmap_saved_step *top = waiting[n - 1];
        bool good = true;
        struct fmap_saved_step *missing = top->done ? NULL : next_missing(network, top, &good);
        if (!good) return false;
        top->begun = true;
        if (missing) {
            waiting[n++] = missing;
            continue;
        }
        if (!top->done && !apply_step(network, top)) return false;
        top->done = true;
        n--;
    }
    return true;
}

/* InputLayers are done before anything else: in the order in which the network names them. */
static bool set_inputs(struct fmap_saved_network *network, const json_t *config) {
    struct fmap_saved_references inputs = {0};
    if (!fmap_saved_read_references(network, json_object_get(config, "input_layers"), 0, &inputs))
        return false;
    if (network->inputs && network->n_inputs != inputs.count)
        return fmap_saved_fail(network->loader, FMAP_ERROR_MODEL,
                               "the model '%s' is given %zu inputs, expected %zu",
                               fmap_saved_show(network->around).text, network->n_inputs, inputs.count);
    for (size_t i = 0; i < inputs.count; i++) {
        struct fmap_saved_step *step = inputs.items[i].is_number ? NULL
                                                                 : find_step(network, &inputs.items[i]);
        struct fmap_saved_layer *layer = step ? &network->layers[step->layer] : NULL;
        if (!layer || !is_input(layer) || step->done)
            return fmap_saved_fail(network->loader, FMAP_ERROR_FORMAT,
                                   "input number %zu is no layer for inputs", i);
        step->outputs = fmap_scratch_array(&network->loader->scratch, 1, sizeof *step->outputs);
        if (!step->outputs) return fmap_saved_out_of_memory(network->loader);
        if (network->inputs)
            *step->outputs = *network->inputs[i];
        else if (!fmap_saved_add_input_layer(network->loader, layer, step->outputs))
            return false;
        step->n_outputs = 1;
        step->done = step->begun = true;
    }
    return true;
}

bool fmap_saved_run_graph(struct fmap_saved_network *network, const json_t *config) {
    const json_t *list = fmap_saved_layers_of(config);
    network->first_steps = fmap_scratch_array(&network->loader->scratch, network->n_layers + 1,
                                              sizeof *network->first_steps);
    if (!network->first_steps) return fmap_saved_out_of_memory(network->loader);
    if (!count_steps(network, list) || !read_steps(network, list) || !set_inputs(network, config))
        return false;
    size_t n = network->first_steps[network->n_layers];
    struct fmap_saved_step **waiting = fmap_scratch_array(&network->loader->scratch, n + 1, sizeof *waiting);
    if (!waiting) return fmap_saved_out_of_memory(network->loader);
    for (size_t i = 0; i < n; i++) {
        if (network->steps[i].done) continue;
        if (is_input(&network->layers[network->steps[i].layer]))
            return fmap_saved_fail(network->loader, FMAP_ERROR_FORMAT,
                                   "layer '%s' (InputLayer) is no input of its model",
                                   fmap_saved_show(network->layers[network->steps[i].layer].path).text);
        if (!do_step(network, &network->steps[i], waiting)) return false;
    }
    return true;
}
