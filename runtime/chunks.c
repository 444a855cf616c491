#include "runtime/chunks.h"

#include "runtime/layer.h"
#include "runtime/layers/strip.h"

/* Fewer images for each thread than this must be equally many for all, or some would wait too long for the last. */
enum { LEAST_ROUNDS = 8 };

static int64_t image_elements(const struct fmap_graph_value *value) {
    return fmap_shape_product(&value->shape, 1, value->shape.rank);
}

/* Weights and bias are for all images, even if there are as many as outputs. */
static bool is_weights(const struct fmap_graph_node *node, size_t i) {
    bool convolves = node->layer == &fmap_layer_conv || node->layer == &fmap_layer_conv_transpose;
    return node->layer == &fmap_layer_strip ? i >= FMAP_STRIP_WEIGHTS : convolves && (i == 1 || i == 2);
}

/* Whether every image of the node's outputs is made of the same image of its inputs. */
static bool takes_images(const struct fmap_graph *graph, const struct fmap_graph_node *node, int64_t images) {
    const fmap_shape *out = &fmap_output_value(graph, node, 0)->shape;
    if (!node->layer->by_image) return false;
    for (size_t i = 0; i < node->n_outputs; i++) {
        const fmap_shape *made = &fmap_output_value(graph, node, i)->shape;
        if (node->outputs[i] && (made->rank < 3 || made->dims[0] != images)) return false;
    }
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct fmap_graph_value *in = fmap_input_value(graph, node, i);
        if (!in) continue;
        bool is_batch = in->shape.rank == out->rank && in->shape.dims[0] == images;
        if (is_weights(node, i)) is_batch = false;
        bool is_shared = in->data && !is_batch;
        if (in->data ? !is_shared : !is_batch) return false;
    }
    return true;
}

/* What one image of a layer moves: maps when all images go through it before the next layer, weights when not. */
static int64_t gain(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    int64_t maps = image_elements(fmap_output_value(graph, node, 0)), weights = 0;
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct fmap_graph_value *in = fmap_input_value(graph, node, i);
        if (in && in->data)
            weights += fmap_shape_product(&in->shape, 0, in->shape.rank);
        else if (in)
            maps += image_elements(in);
    }
    return maps - weights;
}

struct fmap_chunks fmap_chunks_choose(const struct fmap_graph *graph, int threads) {
    struct fmap_chunks chunks = {0};
    size_t first = 0;
    while (first < graph->n_inputs && graph->values[graph->inputs[first]].data) first++;
    if (first == graph->n_inputs) return chunks;
    const fmap_shape *in = &graph->values[graph->inputs[first]].shape;
    int64_t images = in->rank > 2 ? in->dims[0] : 1, sum = 0, best = 0;
    if (images < 2 || (images % threads != 0 && images < LEAST_ROUNDS * (int64_t)threads)) return chunks;
    chunks.images = images;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead) continue;
        if (!takes_images(graph, node, images)) break;
        sum += gain(graph, node);
        if (sum <= best) continue;
        best = sum;
        chunks.n_nodes = i + 1;
    }
    return chunks;
}

static bool is_constant(const struct fmap_graph *graph, fmap_value value) {
    return !value || graph->values[value].data;
}

static void set_images(struct fmap_planning *planning, const struct fmap_chunks *chunks, int64_t images) {
    struct fmap_graph *graph = planning->graph;
    for (size_t i = 0; i < chunks->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead) continue;
        for (size_t k = 0; k < node->n_inputs; k++) {
            fmap_value in = fmap_node_input(graph, node, k);
            if (!is_constant(graph, in)) graph->values[in].shape.dims[0] = images;
        }
        for (size_t k = 0; k < node->n_outputs; k++)
            if (node->outputs[k]) graph->values[node->outputs[k]].shape.dims[0] = images;
    }
}

void fmap_chunks_begin(struct fmap_planning *planning, const struct fmap_chunks *chunks) {
    const struct fmap_graph *graph = planning->graph;
    planning->n_chunks = chunks->images;
    for (size_t i = chunks->n_nodes; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->n_inputs && !node->dead; k++) {
            planning->values[fmap_node_input(graph, node, k)].crosses = true;
        }
    }
    for (size_t i = 0; i < graph->n_outputs; i++) {
        planning->values[fmap_graph_resolve(graph, graph->outputs[i])].crosses = true;
    }
    set_images(planning, chunks, 1);
}

void fmap_chunks_end(struct fmap_planning *planning, const struct fmap_chunks *chunks) {
    struct fmap_plan *plan = planning->plan;
    set_images(planning, chunks, chunks->images);
    plan->n_chunks = chunks->images;
    plan->n_chunked_steps = plan->n_steps;
    planning->n_chunks = 1;
    /* Every chunk takes all of the steps: what outlives them is needed in all. */
    for (size_t i = 0; i < planning->n_buffers; i++) {
        struct fmap_buffer *buffer = &planning->buffers[i];
        if (!buffer->used || buffer->local) continue;
        buffer->first_step = 0;
        buffer->last_step = plan->n_steps;
    }
}
