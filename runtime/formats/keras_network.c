/* Networks of Keras: Sequential and Functional ones, and networks inside of them that stand where layers could. */
#include <stdio.h>
#include <string.h>

#include "keras_graph.h"

const json_t *fmap_saved_layers_of(const json_t *config) {
    return json_is_array(config) ? config
                                 : json_object_get(config, "layers"); /* A list: the oldest Sequential. */
}

static bool is_sequential(const char *class_name) { return strcmp(class_name, "Sequential") == 0; }

bool fmap_saved_is_network(const char *class_name) {
    return is_sequential(class_name) || strcmp(class_name, "Functional") == 0 ||
           strcmp(class_name, "Model") == 0;
}

/* ---- inputs ------------------------------------------------------------------------------------------ */

static const json_t *shape_of(const json_t *config) {
    static const char *const keys[] = {"batch_input_shape", "batch_shape"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *shape = json_object_get(config, keys[i]);
        if (json_is_array(shape)) return shape;
    }
    return NULL;
}

static bool add_input(struct fmap_saved_loader *loader, const char *name, const json_t *sizes,
                      const char *type, struct fmap_saved_tensor *tensor) {
    fmap_shape shape = {.rank = (int)json_array_size(sizes)};
    bool good = json_array_size(sizes) >= 1 && json_array_size(sizes) <= FMAP_MAX_RANK;
    bool moved = good && shape.rank == 4 && !loader->channels_first;
    for (int i = 0; i < shape.rank && good; i++) {
        const json_t *size = json_array_get(sizes, (size_t)i);
        good = json_is_null(size) || (json_is_integer(size) && json_integer_value(size) >= 1);
        shape.dims[moved ? fmap_saved_moved_axis(i, 4) : i] = json_is_null(size) ? FMAP_UNKNOWN
                                                                                 : json_integer_value(size);
    }
    if (!good)
        return fmap_saved_fail(loader, FMAP_ERROR_FORMAT,
                               "input '%s' has the shape %s, expected 1 to %d sizes",
                               fmap_saved_show(name).text, fmap_saved_show_json(sizes).text, FMAP_MAX_RANK);
    if (type && strstr(type, "float") == NULL)
        return fmap_saved_fail(loader, FMAP_ERROR_UNSUPPORTED, "input '%s' is of type '%s', expected float32",
                               fmap_saved_show(name).text, fmap_saved_show(type).text);
    fmap_value value = fmap_model_input(loader->model, name, FMAP_FLOAT32, &shape);
    *tensor = moved ? (struct fmap_saved_tensor){.moved = value} : (struct fmap_saved_tensor){.plain = value};
    return value != FMAP_NO_VALUE;
}

bool fmap_saved_add_input_layer(struct fmap_saved_loader *loader, const struct fmap_saved_layer *layer,
                                struct fmap_saved_tensor *tensor) {
    return add_input(loader, layer->path, shape_of(layer->config),
                     json_string_value(json_object_get(layer->config, "dtype")), tensor);
}

/* ---- layers ------------------------------------------------------------------------------------------ */

/* How Keras 3 writes a class in a path: Conv2DTranspose is conv2d_transpose. */
static const char *snake_case(struct fmap_saved_loader *loader, const char *name) {
    char *text = fmap_scratch_array(&loader->scratch, 2 * strlen(name) + 1, 1), *end = text;
    if (!text) return NULL;
    for (const char *c = name; *c; c++) {
        bool upper = *c >= 'A' && *c <= 'Z', after_lower = c > name && c[-1] >= 'a' && c[-1] <= 'z';
        if (upper && c > name && (after_lower || (c[1] >= 'a' && c[1] <= 'z'))) *end++ = '_';
        *end++ = (char)(upper ? *c - 'A' + 'a' : *c);
    }
    *end = 0;
    return text;
}

/* The layers of a class are counted: conv2d, conv2d_1, conv2d_2, ... */
static bool place_weights(struct fmap_saved_network *network, struct fmap_saved_layer *layer,
                          json_t *numbers) {
    struct fmap_saved_loader *loader = network->loader;
    char number[32] = "";
    const char *name = layer->class_name ? snake_case(loader, layer->class_name) : "";
    if (!name) return fmap_saved_out_of_memory(loader);
    json_int_t n = json_integer_value(json_object_get(numbers, name));
    if (n > 0) (void)snprintf(number, sizeof number, "_%lld", (long long)n);
    if (json_object_set_new(numbers, name, json_integer(n + 1)) != 0) return fmap_saved_out_of_memory(loader);
    const char *around = fmap_saved_join(loader, network->stored_around, "layers/", name);
    layer->stored = around ? fmap_saved_join(loader, around, "", number) : NULL;
    return layer->stored != NULL;
}

static bool read_layer_list(struct fmap_saved_network *network, const json_t *config, json_t *numbers) {
    struct fmap_saved_loader *loader = network->loader;
    const json_t *list = fmap_saved_layers_of(config);
    network->n_layers = json_array_size(list);
    network->layers = fmap_scratch_array(&loader->scratch, network->n_layers, sizeof *network->layers);
    network->by_name = json_object();
    if (!network->layers || !network->by_name || !numbers) return fmap_saved_out_of_memory(loader);
    for (size_t i = 0; i < network->n_layers; i++) {
        const json_t *json = json_array_get(list, i);
        struct fmap_saved_layer *layer = &network->layers[i];
        *layer = (struct fmap_saved_layer){
            .own_name = fmap_saved_name_of(loader, json),
            .class_name = json_string_value(json_object_get(json, "class_name")),
            .config = json_object_get(json, "config")};
        layer->path = layer->own_name ? fmap_saved_join(loader, network->around, "", layer->own_name) : NULL;
        if (!layer->path || (loader->numbered && !place_weights(network, layer, numbers))) return false;
        if (json_object_set_new(network->by_name, layer->own_name, json_integer((json_int_t)i)) != 0)
            return fmap_saved_out_of_memory(loader);
    }
    return true;
}

static bool read_layers(struct fmap_saved_network *network, const json_t *config) {
    json_t *numbers = json_object();
    bool good = read_layer_list(network, config, numbers);
    json_decref(numbers);
    return good;
}

/* The name of the layer's next call, and whether it was put aside for that. */
static bool name_call(struct fmap_saved_network *network, struct fmap_saved_layer *layer,
                      struct fmap_saved_call *call) {
    struct fmap_saved_loader *loader = network->loader;
    call->layer = layer;
    call->name_is_free = network->names_are_free && layer->n_calls++ == 0;
    call->name = fmap_saved_join(loader, network->node_around, "", layer->own_name);
    if (!call->name) return false;
    if (++loader->n_calls > FMAP_SAVED_MAX_CALLS)
        return fmap_saved_fail(loader, FMAP_ERROR_LIMIT, "more than %d layers are applied",
                               (int)FMAP_SAVED_MAX_CALLS);
    if (call->name_is_free || fmap_saved_is_network(layer->class_name)) return true;
    call->name = fmap_name_set_claim(&loader->names, call->name);
    call->name_is_free = true;
    return call->name || fmap_saved_out_of_memory(loader);
}

static bool build(struct fmap_saved_network *network, const json_t *config, const char *class_name,
                  struct fmap_saved_tensor **outputs, size_t *n_outputs);

static bool apply_network(struct fmap_saved_network *outer, const struct fmap_saved_call *call,
                          struct fmap_saved_tensor **outputs, size_t *n_outputs) {
    struct fmap_saved_loader *loader = outer->loader;
    bool again = !call->name_is_free;
    const char *name = again ? fmap_name_set_claim(&loader->names, call->name) : call->name;
    if (!name) return fmap_saved_out_of_memory(loader);
    struct fmap_saved_network inner = {
        .loader = loader,
        .around = fmap_saved_join(loader, call->layer->path, "/", ""),
        .node_around = fmap_saved_join(loader, name, "/", ""),
        .stored_around = loader->numbered ? fmap_saved_join(loader, call->layer->stored, "/", "") : "",
        .names_are_free = !again,
        .inputs = call->inputs,
        .n_inputs = call->n_inputs,
        .depth = outer->depth + 1};
    return inner.around && inner.node_around && inner.stored_around &&
           build(&inner, call->layer->config, call->layer->class_name, outputs, n_outputs);
}

bool fmap_saved_apply_any(struct fmap_saved_network *network, struct fmap_saved_layer *layer,
                          struct fmap_saved_call *call, struct fmap_saved_tensor **outputs,
                          size_t *n_outputs) {
    if (!name_call(network, layer, call)) return false;
    if (fmap_saved_is_network(layer->class_name)) return apply_network(network, call, outputs, n_outputs);
    struct fmap_saved_tensor *output = fmap_scratch_array(&network->loader->scratch, 1, sizeof *output);
    if (!output) return fmap_saved_out_of_memory(network->loader);
    *output = (struct fmap_saved_tensor){FMAP_NO_VALUE, FMAP_NO_VALUE};
    *outputs = output;
    *n_outputs = 1;
    return fmap_saved_apply(call, output);
}

/* ---- networks ---------------------------------------------------------------------------------------- */

/* The input of a Sequential network: given, that of its InputLayer, or what its first layer says. */
static bool begin_sequence(struct fmap_saved_network *network, const json_t *config,
                           struct fmap_saved_tensor *tensor) {
    if (network->inputs && network->n_inputs == 1) {
        *tensor = *network->inputs[0];
        return true;
    }
    if (network->inputs || network->n_layers == 0)
        return fmap_saved_fail(
            network->loader, FMAP_ERROR_MODEL,
            "a Sequential network has %zu inputs and %zu layers, expected 1 input and some layers",
            network->n_inputs, network->n_layers);
    const struct fmap_saved_layer *first = &network->layers[0];
    if (strcmp(first->class_name, "InputLayer") == 0)
        return fmap_saved_add_input_layer(network->loader, first, tensor);
    const json_t *shape = shape_of(first->config);
    for (const json_t *inner = first->config;
         !shape && fmap_saved_layers_of(inner);) { /* It may be a network too. */
        inner = json_object_get(json_array_get(fmap_saved_layers_of(inner), 0), "config");
        shape = shape_of(inner);
    }
    if (!shape) shape = json_object_get(config, "build_input_shape");
    const char *name = fmap_saved_join(network->loader, first->own_name, "_", "input");
    return name && add_input(network->loader, name, shape, NULL, tensor);
}

static bool run_sequence(struct fmap_saved_network *network, const json_t *config,
                         struct fmap_saved_tensor **outputs, size_t *n_outputs) {
    struct fmap_saved_tensor *now = fmap_scratch_array(&network->loader->scratch, 1, sizeof *now);
    if (!now) return fmap_saved_out_of_memory(network->loader);
    if (!begin_sequence(network, config, now)) return false;
    *n_outputs = 1;
    for (size_t i = 0; i < network->n_layers; i++) {
        if (strcmp(network->layers[i].class_name, "InputLayer") == 0) continue;
        struct fmap_saved_tensor *inputs[1] = {now};
        struct fmap_saved_call call = {.loader = network->loader, .inputs = inputs, .n_inputs = 1};
        if (!fmap_saved_apply_any(network, &network->layers[i], &call, &now, n_outputs)) return false;
        if (*n_outputs != 1)
            return fmap_saved_fail(network->loader, FMAP_ERROR_MODEL,
                                   "layer '%s' has %zu outputs, expected 1",
                                   fmap_saved_show(network->layers[i].path).text, *n_outputs);
    }
    *outputs = now;
    return true;
}

static bool collect_outputs(struct fmap_saved_network *network, const json_t *config,
                            struct fmap_saved_tensor **outputs, size_t *n_outputs) {
    struct fmap_saved_references references = {0};
    if (!fmap_saved_read_references(network, json_object_get(config, "output_layers"), 0, &references))
        return false;
    *n_outputs = references.count;
    *outputs = fmap_scratch_array(&network->loader->scratch, references.count, sizeof **outputs);
    if (!*outputs) return fmap_saved_out_of_memory(network->loader);
    for (size_t i = 0; i < references.count; i++) {
        const struct fmap_saved_tensor *tensor = fmap_saved_resolve(network, &references.items[i]);
        if (!tensor) return false;
        (*outputs)[i] = *tensor;
    }
    return true;
}

static bool build(struct fmap_saved_network *network, const json_t *config, const char *class_name,
                  struct fmap_saved_tensor **outputs, size_t *n_outputs) {
    bool good = read_layers(network, config) &&
                (is_sequential(class_name) ? run_sequence(network, config, outputs, n_outputs)
                                           : fmap_saved_run_graph(network, config) &&
                                                 collect_outputs(network, config, outputs, n_outputs));
    json_decref(network->by_name);
    return good;
}

/* Images go out as they come in: in the order of the model. All else goes out as Keras has it. */
static bool add_output(struct fmap_saved_loader *loader, struct fmap_saved_tensor *tensor) {
    static const struct fmap_saved_layer output = {
        .path = "output", .own_name = "output", .class_name = "output"};
    struct fmap_saved_call call = {.loader = loader, .layer = &output, .name = "output"};
    fmap_shape shape = {0};
    fmap_value value;
    if (!fmap_saved_shape(&call, tensor, &shape)) return false;
    bool image = shape.rank == 4 && !loader->channels_first;
    return (image ? fmap_saved_moved : fmap_saved_plain)(&call, tensor, &value) &&
           fmap_model_output(loader->model, value) == FMAP_OK;
}

bool fmap_saved_build_model(struct fmap_saved_loader *loader, const json_t *json) {
    const char *class_name = json_string_value(json_object_get(json, "class_name"));
    const json_t *config = json_object_get(json, "config");
    struct fmap_saved_network network = {
        .loader = loader, .around = "", .node_around = "", .stored_around = "", .names_are_free = true};
    struct fmap_saved_tensor *outputs = NULL;
    size_t n_outputs = 0;
    if (!class_name)
        return fmap_saved_fail(loader, FMAP_ERROR_FORMAT,
                               "the JSON holds no Keras network: there is no model_config with a class_name");
    if (!fmap_saved_is_network(class_name))
        return fmap_saved_fail(
            loader, FMAP_ERROR_UNSUPPORTED,
            "the network is of class '%s', expected Sequential or Functional: of a subclass of Model "
            "no file says what it computes",
            fmap_saved_show(class_name).text);
    if (!fmap_saved_look_through(loader, config) ||
        !build(&network, config, class_name, &outputs, &n_outputs))
        return false;
    for (size_t i = 0; i < n_outputs; i++) {
        if (!add_output(loader, &outputs[i])) return false;
    }
    return true;
}
