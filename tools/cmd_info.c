/* fmap info: what a network is made of. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "explain.h"
#include "output.h"
#include "ports.h"
#include "table.h"
#include "tool.h"

struct info_options {
    const char *model;
    struct engine_options engine;
    struct port_options ports;
    int64_t batch;
    bool no_fusion;
    bool json;
    bool explain;
};

/* What is told about. */
struct inspected {
    fmap_model *model;
    struct sidecar sidecar;
    fmap_plan *plan;
    fmap_plan_info info;
};

enum { KEY_NO_FUSION = 0x400, KEY_EXPLAIN };

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct info_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->ports;
        state->child_inputs[1] = &options->engine;
        return 0;
    case 'b': options->batch = option_integer(state, "batch", argument, 1, 1 << 20); return 0;
    case 'j': options->json = true; return 0;
    case KEY_EXPLAIN: options->explain = true; return 0;
    case KEY_NO_FUSION: options->no_fusion = true; return 0;
    default: return parse_model(key, argument, state, &options->model);
    }
}

static const struct argp_option options_table[] = {
    {.name = "batch", .key = 'b', .arg = "N", .doc = "Pictures in a run (default: the model's, or 1)"},
    {.name = "no-fusion", .key = KEY_NO_FUSION, .doc = "Run the network as it is written"},
    {.name = "explain",
     .key = KEY_EXPLAIN,
     .doc = "Tell for each step what was chosen and why, and how evenly the threads share it"},
    {.name = "json", .key = 'j', .doc = "Print JSON"},
    {0},
};

static const struct argp info_argp = {
    .options = options_table,
    .parser = parse,
    .args_doc = "MODEL",
    .doc =
        "Lists the layers of a network: the shape of each layer's output, its parameters, its "
        "multiply-accumulates (MACs) in one run, the kernel that computes it or the layer that it is fused "
        "into; then the totals and the memory that a run needs.",
    .children = (const struct argp_child[]){{.argp = &port_argp}, {.argp = &engine_argp}, {0}},
};

/* ---- as text --------------------------------------------------------------------------------- */

static const char *type_name(fmap_type type) {
    switch (type) {
    case FMAP_TYPE_UNKNOWN: break;
    case FMAP_FLOAT32: return "float32";
    case FMAP_UINT8: return "uint8";
    case FMAP_INT8: return "int8";
    case FMAP_INT32: return "int32";
    case FMAP_INT64: return "int64";
    case FMAP_BOOL: return "bool";
    }
    return "unknown";
}

/* The i-th input or output with the shape that the plan settled. */
static fmap_status port_at(const struct inspected *network, bool output, size_t i, fmap_value_info *info,
                           fmap_error *error) {
    fmap_value value = output ? fmap_model_output_value(network->model, i)
                              : fmap_model_input_value(network->model, i);
    fmap_status status = fmap_model_value(network->model, value, info);
    if (status == FMAP_OK) {
        status = output ? fmap_plan_output_shape(network->plan, i, &info->shape)
                        : fmap_plan_input_shape(network->plan, i, &info->shape);
        info->type = output ? fmap_plan_output_type(network->plan, i)
                            : fmap_plan_input_type(network->plan, i);
    }
    return status == FMAP_OK ? status : fail(error, status, "the network has no such input or output");
}

static fmap_status print_ports(const struct inspected *network, bool output, fmap_error *error) {
    size_t n = output ? fmap_model_output_count(network->model) : fmap_model_input_count(network->model);
    for (size_t i = 0; i < n; i++) {
        fmap_value_info info;
        char shape[SHAPE_TEXT_BYTES];
        TRY(port_at(network, output, i, &info, error));
        printf("%-9s %s  %s %s\n", output ? "output" : "input", info.name, type_name(info.type),
               shape_text(&info.shape, shape));
    }
    return FMAP_OK;
}

/* The kernel, or what else becomes of the layer. */
static void kernel_text(const struct inspected *network, const fmap_layer_info *layer, char *text,
                        size_t size) {
    fmap_layer_info into = {0};
    if (layer->fused_into >= 0 &&
        fmap_plan_layer(network->plan, (size_t)layer->fused_into, &into) == FMAP_OK) {
        snprintf(text, size, "in %s", into.name);
    } else {
        snprintf(text, size, "%s", layer->kernel[0] != '\0' ? layer->kernel : "-");
    }
}

static fmap_status print_layers(const struct inspected *network, fmap_error *error) {
    static const char *const titles[] = {"#", "layer", "operator", "output", "parameters", "MACs", "kernel"};
    struct table table;
    table_begin(&table, "><<<>><");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        table_add(&table, titles[i]);
    }
    for (size_t i = 0; i < network->info.n_layers; i++) {
        fmap_layer_info layer;
        char text[QUANTITY_TEXT_BYTES];
        char shape[SHAPE_TEXT_BYTES];
        char kernel[128];
        if (fmap_plan_layer(network->plan, i, &layer) != FMAP_OK) break;
        kernel_text(network, &layer, kernel, sizeof kernel);
        table_addf(&table, "%zu", i + 1);
        table_add(&table, layer.name);
        table_add(&table, layer.op);
        table_add(&table, shape_text(&layer.shape, shape));
        table_addf(&table, "%" PRId64, layer.parameters);
        table_add(&table, count_text((double)layer.macs, text));
        table_add(&table, kernel);
    }
    return table_print(&table, stdout, error);
}

static fmap_status print_text(const struct inspected *network, fmap_error *error) {
    const fmap_plan_info *info = &network->info;
    char text[QUANTITY_TEXT_BYTES];
    printf("network   %s\n", fmap_model_name(network->model));
    if (network->sidecar.title != NULL) printf("title     %s\n", network->sidecar.title);
    TRY(print_ports(network, false, error));
    TRY(print_ports(network, true, error));
    putchar('\n');
    TRY(print_layers(network, error));
    printf("\n%zu layer%s in %zu step%s, %s, %d thread%s\n", info->n_layers, info->n_layers == 1 ? "" : "s",
           info->n_steps, info->n_steps == 1 ? "" : "s", fmap_isa_name(info->isa), info->threads,
           info->threads == 1 ? "" : "s");
    printf("parameters    %s\n", count_text((double)info->parameters, text));
    printf("MACs          %s a run\n", count_text((double)info->macs, text));
    printf("weights       %s packed", bytes_text(info->weights_bytes, text));
    if (info->shared_bytes > 0) printf(", %s mapped from the file", bytes_text(info->shared_bytes, text));
    printf("%s\n", info->weights == FMAP_WEIGHTS_BF16 ? "; those of dense layers as bfloat16" : "");
    printf("activations   %s for each run at a time: ", bytes_text(info->arena_bytes, text));
    printf("maps %s, ", bytes_text(info->maps_bytes, text));
    printf("of which %s live at once; ", bytes_text(info->least_bytes, text));
    printf("scratch %s\n", bytes_text(info->arena_bytes - info->maps_bytes, text));
    return FMAP_OK;
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static json_t *json_ports(const struct inspected *network, bool output) {
    size_t n = output ? fmap_model_output_count(network->model) : fmap_model_input_count(network->model);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        fmap_value_info info;
        if (port_at(network, output, i, &info, NULL) != FMAP_OK) break;
        json_array_append_new(list, json_pack("{s:o, s:s, s:o}", "name", json_name(info.name), "type",
                                              type_name(info.type), "shape", json_shape(&info.shape)));
    }
    return list;
}

static json_t *json_layers(const struct inspected *network) {
    json_t *list = json_array();
    for (size_t i = 0; i < network->info.n_layers; i++) {
        fmap_layer_info layer;
        fmap_layer_info into = {0};
        if (fmap_plan_layer(network->plan, i, &layer) != FMAP_OK) break;
        bool fused = layer.fused_into >= 0 &&
                     fmap_plan_layer(network->plan, (size_t)layer.fused_into, &into) == FMAP_OK;
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "name", json_name(layer.name),
                                        "operator", json_name(layer.op), "shape", json_shape(&layer.shape),
                                        "parameters", (json_int_t)layer.parameters, "macs",
                                        (json_int_t)layer.macs, "kernel", json_name(layer.kernel),
                                        "fused_into", fused ? json_name(into.name) : json_null()));
    }
    return list;
}

static fmap_status print_json(const struct inspected *network, const struct info_options *options,
                              fmap_error *error) {
    const fmap_plan_info *info = &network->info;
    json_t *root = json_pack(
        "{s:o, s:o, s:o, s:o, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:o}", "network",
        json_name(fmap_model_name(network->model)), "title",
        network->sidecar.title != NULL ? json_name(network->sidecar.title) : json_null(), "inputs",
        json_ports(network, false), "outputs", json_ports(network, true), "isa", fmap_isa_name(info->isa),
        "threads", info->threads, "steps", (json_int_t)info->n_steps, "parameters",
        (json_int_t)info->parameters, "macs", (json_int_t)info->macs, "weights_bytes",
        (json_int_t)info->weights_bytes, "shared_bytes", (json_int_t)info->shared_bytes, "dense_weights",
        info->weights == FMAP_WEIGHTS_BF16 ? "bf16" : "f32", "arena_bytes", (json_int_t)info->arena_bytes,
        "maps_bytes", (json_int_t)info->maps_bytes, "least_bytes", (json_int_t)info->least_bytes, "layers",
        json_layers(network));
    if (options->explain) {
        json_object_set_new(root, "isa_why",
                            json_string(explain_isa(network->plan, options->engine.max_isa)));
        json_object_set_new(root, "plan", explain_json(network->plan));
    }
    return output_json(root, error);
}

/* ---- the command ----------------------------------------------------------------------------- */

static fmap_status inspect(const struct info_options *options, struct inspected *network, fmap_error *error) {
    struct ports ports;
    TRY(fmap_model_load(options->model, NULL, &network->model, error));
    TRY(sidecar_find(options->model, &network->sidecar, error));
    TRY(ports_settle(&options->ports, network->model, &network->sidecar, options->batch, &ports, error));
    const fmap_plan_options plan_options = {.batch = options->batch,
                                            .threads = options->engine.threads,
                                            .max_isa = options->engine.max_isa,
                                            .ports = ports.ports,
                                            .n_ports = ports.count,
                                            .no_fusion = options->no_fusion,
                                            .weights = options->engine.weights};
    TRY(fmap_plan_create(network->model, &plan_options, &network->plan, error));
    TRY(explain_if_asked(network->plan, options->engine.max_isa, error));
    fmap_plan_describe(network->plan, &network->info);
    if (options->json) return print_json(network, options, error);
    return options->explain ? explain_print(network->plan, options->engine.max_isa, stdout, error)
                            : print_text(network, error);
}

int cmd_info(int argc, char **argv) {
    struct info_options options = {0};
    parse_options(&info_argp, argc, argv, &options);
    struct inspected network = {0};
    fmap_error error;
    fmap_status status = inspect(&options, &network, &error);
    fmap_plan_destroy(network.plan);
    sidecar_release(&network.sidecar);
    fmap_model_destroy(network.model);
    return status == FMAP_OK ? TOOL_OK : complain(&error);
}
