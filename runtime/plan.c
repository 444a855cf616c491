/* Making a plan: shapes, taps, passes, then steps (steps.c). */
#include "runtime/plan.h"

#include "runtime/caches.h"
#include "runtime/layer.h"
#include "runtime/passes/passes.h"
#include "runtime/planning.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 1024 };

/* More elements than this in one tensor cannot be in memory; sums of a few such products do not overflow. */
static const int64_t MOST_ELEMENTS = (int64_t)1 << 40;

static const fmap_port *find_port(const fmap_plan_options *options, const char *name) {
    for (size_t i = 0; i < options->n_ports; i++) {
        if (options->ports[i].name && strcmp(options->ports[i].name, name) == 0) return &options->ports[i];
    }
    return NULL;
}

static fmap_status check_ports(const struct fmap_graph *graph, const fmap_plan_options *options,
                               fmap_error *error) {
    for (size_t i = 0; i < options->n_ports; i++) {
        const fmap_port *port = &options->ports[i];
        bool found = false;
        for (size_t k = 0; k < graph->n_inputs && !found; k++) {
            found = port->name && strcmp(graph->values[graph->inputs[k]].name, port->name) == 0;
        }
        bool input = found;
        for (size_t k = 0; k < graph->n_outputs && !found; k++) {
            found = port->name && strcmp(graph->values[graph->outputs[k]].name, port->name) == 0;
        }
        if (!found) {
            return fmap_fail(error, FMAP_ERROR_ARGUMENT, "%.120s: there is no input or output '%.120s'",
                             graph->name, port->name ? port->name : "(NULL)");
        }
        if (!input && (port->shape || port->value || port->type || port->mean || port->scale)) {
            return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                             "%.120s: '%.120s' is an output: its %s cannot be chosen", graph->name,
                             port->name,
                             port->shape   ? "shape"
                             : port->value ? "value"
                             : port->type  ? "type"
                                           : "mean or scale");
        }
        if ((unsigned)port->layout > FMAP_BLOCKED) {
            return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                             "%.120s: '%.120s' has the layout %d, expected NCHW, NHWC or blocked",
                             graph->name, port->name, (int)port->layout);
        }
    }
    return FMAP_OK;
}

static fmap_status check_size(const struct fmap_graph *graph, const struct fmap_graph_value *value,
                              fmap_error *error) {
    int64_t elements = 1;
    for (int i = 0; i < value->shape.rank; i++) {
        elements = value->shape.dims[i] > INT32_MAX ? FMAP_UNKNOWN
                                                    : fmap_dim_product(elements, value->shape.dims[i]);
    }
    if (elements < 0 || elements > MOST_ELEMENTS) {
        return fmap_fail(error, FMAP_ERROR_LIMIT, "%.120s: tensor '%.120s' of shape %s is too large",
                         graph->name, value->name, fmap_shape_text(&value->shape).text);
    }
    return FMAP_OK;
}

static bool fits(const fmap_shape *chosen, const fmap_shape *known) {
    if (chosen->rank < 0 || chosen->rank > FMAP_MAX_RANK) return false;
    if (known->rank >= 0 && chosen->rank != known->rank) return false;
    for (int i = 0; i < chosen->rank; i++) {
        if (chosen->dims[i] < 0) return false;
        if (known->rank >= 0 && known->dims[i] >= 0 && known->dims[i] != chosen->dims[i]) return false;
    }
    return true;
}

/* The shape of an input: the port's where it has one, else the model's with the batch filled in. */
static fmap_status settle_shape(const struct fmap_graph *graph, struct fmap_graph_value *input,
                                const fmap_port *port, int64_t batch, fmap_error *error) {
    fmap_shape known = input->shape;
    if (port && port->shape) {
        if (!fits(port->shape, &known)) {
            return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                             "%.120s: input '%.120s' cannot have the shape %s, expected %s", graph->name,
                             input->name, fmap_shape_text(port->shape).text, fmap_shape_text(&known).text);
        }
        input->shape = *port->shape;
    } else if (known.rank > 0 && known.dims[0] < 0) {
        input->shape.dims[0] = batch ? batch : 1;
    }
    if (input->shape.rank < 0) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "%.120s: the shape of input '%.120s' must be chosen",
                         graph->name, input->name);
    }
    bool may_be_empty = port && port->value;
    for (int i = 0; i < input->shape.rank; i++) {
        if (input->shape.dims[i] < 0 || (input->shape.dims[i] == 0 && known.dims[i] != 0 && !may_be_empty)) {
            return fmap_fail(
                error, FMAP_ERROR_ARGUMENT,
                "%.120s: input '%.120s' has the shape %s: dimension %d must be chosen, 1 or more",
                graph->name, input->name, fmap_shape_text(&input->shape).text, i);
        }
    }
    return check_size(graph, input, error);
}

static fmap_status settle_input(struct fmap_graph *graph, struct fmap_graph_value *input,
                                const fmap_plan_options *options, fmap_error *error) {
    const fmap_port *port = find_port(options, input->name);
    TRY(settle_shape(graph, input, port, options->batch, error));
    if (!port || !port->value) return FMAP_OK;
    int64_t elements = fmap_shape_product(&input->shape, 0, input->shape.rank);
    size_t bytes = fmap_type_bytes(input->type);
    input->data = fmap_storage_copy(&graph->storage, port->value, (size_t)elements, bytes);
    return input->data ? FMAP_OK : fmap_fail_memory(error, (size_t)elements * bytes);
}

static fmap_status settle_inputs(struct fmap_plan *plan, const fmap_plan_options *options,
                                 fmap_error *error) {
    struct fmap_graph *graph = &plan->graph;
    graph->settled = true;
    for (size_t i = 0; i < graph->n_inputs; i++) {
        TRY(settle_input(graph, &graph->values[graph->inputs[i]], options, error));
    }
    return FMAP_OK;
}

/* Shapes in the order of the nodes. What is known with them, such as another shape computed from them, becomes a
 * constant at once, because the next node's shape may depend on its elements. */
static fmap_status infer_nodes(struct fmap_plan *plan, struct fmap_planned_value *values, fmap_error *error) {
    struct fmap_graph *graph = &plan->graph;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        TRY(fmap_infer_outputs(graph, node, error));
        for (size_t k = 0; k < node->n_outputs; k++) {
            if (node->outputs[k]) TRY(check_size(graph, fmap_output_value(graph, node, k), error));
        }
        TRY(fmap_fold_node(plan, graph, node, values, error));
    }
    return FMAP_OK;
}

fmap_status fmap_infer_shapes(struct fmap_plan *plan, fmap_error *error) {
    struct fmap_storage storage = {.allocator = plan->storage.allocator};
    struct fmap_planned_value *values = fmap_storage_take(&storage, plan->graph.n_values, sizeof *values);
    fmap_status status = values ? infer_nodes(plan, values, error)
                                : fmap_fail_memory(error, plan->graph.n_values * sizeof *values);
    fmap_storage_release(&storage);
    return status;
}

/* What people ask of a layer, before the passes rewrite the graph. */
static fmap_status describe_layers(struct fmap_plan *plan, fmap_error *error) {
    const struct fmap_graph *graph = &plan->graph;
    plan->layers = fmap_storage_take(&plan->storage, graph->n_nodes, sizeof *plan->layers);
    if (!plan->layers) return fmap_fail_memory(error, graph->n_nodes * sizeof *plan->layers);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        struct fmap_plan_layer_state *layer = &plan->layers[i];
        *layer = (struct fmap_plan_layer_state){.kernel = "", .fused_into = -1};
        layer->shape = fmap_output_value(graph, node, 0)->shape;
        layer->macs = node->layer->macs ? node->layer->macs(graph, node) : 0;
        for (size_t k = 0; k < node->n_inputs; k++) {
            const struct fmap_graph_value *input = fmap_input_value(graph, node, k);
            int64_t elements;
            /* A scalar is a setting, such as a Dropout's rate. */
            if (input && input->data && input->type == FMAP_FLOAT32 && input->shape.rank > 0 &&
                fmap_shape_elements(&input->shape, &elements)) {
                layer->parameters += elements;
            }
        }
    }
    return FMAP_OK;
}

static fmap_status settle_layouts(struct fmap_plan *plan, const fmap_plan_options *options,
                                  fmap_error *error) {
    const struct fmap_graph *graph = &plan->graph;
    size_t n_ports = graph->n_inputs + graph->n_outputs;
    plan->port_layouts = fmap_storage_take(&plan->storage, n_ports, sizeof *plan->port_layouts);
    plan->pixels = fmap_storage_take(&plan->storage, graph->n_inputs, sizeof *plan->pixels);
    if (!plan->port_layouts || !plan->pixels)
        return fmap_fail_memory(error, n_ports * sizeof *plan->port_layouts);
    for (size_t i = 0; i < n_ports; i++) {
        fmap_value value = i < graph->n_inputs ? graph->inputs[i] : graph->outputs[i - graph->n_inputs];
        const fmap_port *port = find_port(options, graph->values[value].name);
        plan->port_layouts[i] = port ? port->layout : FMAP_NCHW;
        if (i < graph->n_inputs) TRY(fmap_settle_pixels(plan, i, port, error));
    }
    return FMAP_OK;
}

static fmap_status choose_strips(const fmap_plan_options *options, fmap_strips *strips, fmap_error *error) {
    static const char *const words[] = {
        [FMAP_STRIPS_AUTO] = "auto", [FMAP_STRIPS_NEVER] = "never", [FMAP_STRIPS_ALWAYS] = "always"};
    const char *text = getenv("FMAP_STRIPS");
    *strips = options->strips;
    if ((unsigned)*strips > FMAP_STRIPS_ALWAYS)
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "strips %d is unknown", (int)*strips);
    if (*strips != FMAP_STRIPS_DEFAULT || !text || !*text) return FMAP_OK;
    for (fmap_strips i = FMAP_STRIPS_AUTO; i <= FMAP_STRIPS_ALWAYS; i++)
        if (strcmp(text, words[i]) == 0) *strips = i;
    if (*strips != FMAP_STRIPS_DEFAULT) return FMAP_OK;
    return fmap_fail(error, FMAP_ERROR_ARGUMENT, "FMAP_STRIPS is '%.40s', expected auto, never or always",
                     text);
}

static fmap_status make(struct fmap_plan *plan, const fmap_plan_options *options, fmap_error *error) {
    if (options->threads < 0 || options->threads > MOST_THREADS || options->batch < 0) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "%d threads or batch %lld is out of range",
                         options->threads, (long long)options->batch);
    }
    if ((unsigned)options->algorithm > FMAP_ALGORITHM_FASTEST) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "algorithm %d is unknown", (int)options->algorithm);
    }
    if ((unsigned)options->weights > FMAP_WEIGHTS_BF16) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "weights of kind %d are unknown", (int)options->weights);
    }
    TRY(fmap_host_kernels(options->max_isa, &plan->kernels, &plan->isa, error));
    plan->threads = options->threads ? options->threads : fmap_host_threads();
    plan->near_bytes = fmap_near_cache_bytes();
    plan->profile = options->profile;
    plan->weights = options->weights;
    plan->packings = (struct fmap_packings){
        .packed = plan->model->packed, .storage = &plan->storage, .threads = plan->threads};
    if (!fmap_graph_copy(&plan->graph, &plan->model->graph, &plan->storage.allocator)) {
        return fmap_fail(error, FMAP_ERROR_MEMORY, "%.120s: out of memory while planning",
                         plan->model->graph.name);
    }
    TRY(check_ports(&plan->graph, options, error));
    TRY(settle_inputs(plan, options, error));
    TRY(fmap_infer_shapes(plan, error));
    TRY(describe_layers(plan, error));
    TRY(settle_layouts(plan, options, error));
    TRY(fmap_plan_taps(plan, options, error));
    if (!options->no_fusion) {
        struct fmap_pass_options pass_options = {.training = options->training,
                                                 .algorithm = options->algorithm,
                                                 .threads = plan->threads,
                                                 .lanes = plan->kernels->lanes,
                                                 .near_bytes = plan->near_bytes,
                                                 .packings = &plan->packings,
                                                 .original = &plan->model->graph};
        TRY(choose_strips(options, &pass_options.strips, error));
        TRY(fmap_run_passes(&plan->graph, &pass_options, error));
    }
    return fmap_plan_steps(plan, options, error);
}

fmap_status fmap_plan_create(const fmap_model *model, const fmap_plan_options *options, fmap_plan **plan,
                             fmap_error *error) {
    if (plan) *plan = NULL;
    if (!model || !plan)
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_plan_create: model or plan is NULL");
    if (!model->finished) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_plan_create: %.120s is not finished",
                         model->graph.name);
    }
    struct fmap_storage storage = {.allocator = model->graph.storage.allocator};
    struct fmap_plan *created = fmap_storage_take(&storage, 1, sizeof *created);
    if (!created) return fmap_fail_memory(error, sizeof *created);
    created->storage = storage;
    created->model = model;
    fmap_plan_options defaults = {0};
    fmap_status status = make(created, options ? options : &defaults, error);
    if (status != FMAP_OK) {
        fmap_plan_destroy(created);
        return status;
    }
    *plan = created;
    return FMAP_OK;
}

void fmap_plan_destroy(fmap_plan *plan) {
    if (!plan) return;
    fmap_packings_release(&plan->packings);
    fmap_graph_close(&plan->graph);
    struct fmap_storage storage = plan->storage; /* the plan lies in its own storage */
    fmap_storage_release(&storage);
}
