/* fuse_depthwise: a depthwise convolution is computed strip by strip with the 1x1 convolution before it, the one behind it,
 * or both, where the maps between them would leave the second cache (layers/strip.h). The same kernels, and so the same
 * operations in the same order: the bits do not change. */
#include "runtime/caches.h"
#include "runtime/layers/conv.h"
#include "runtime/layers/strip.h"
#include "runtime/passes/match.h"

/* A way to put a depthwise convolution into a strip: slots of nodes, -1 for those that are not there. */
struct candidate {
    int64_t expand, depthwise, project;
    struct fmap_strip_gain gain;
    bool possible;
};

enum { WAYS = 3 };

struct search {
    struct fmap_graph *graph;
    const struct fmap_pass_options *options;
    const struct fmap_use *uses;
    struct candidate *candidates;
    size_t n;
};

static bool is_pointwise(const struct search *search, const struct fmap_graph_node *node) {
    struct fmap_tiles_problem problem;
    return node && !node->dead &&
           fmap_conv_describe(search->graph, node, search->options->algorithm, &problem) ==
               FMAP_CONV_POINTWISE;
}

static int64_t slot_of(const struct search *search, const struct fmap_graph_node *node) {
    return node - search->graph->nodes;
}

/* The 1x1 convolution that computes the source for nobody else; -1: none. */
static int64_t find_expand(const struct search *search, const struct fmap_graph_node *depthwise) {
    struct fmap_graph_node *node = fmap_inner_producer(search->graph, search->uses,
                                                       fmap_node_input(search->graph, depthwise, 0));
    bool fits = is_pointwise(search, node) && !fmap_node_input(search->graph, node, FMAP_CONV_RESIDUAL);
    return fits ? slot_of(search, node) : -1;
}

/* The one that alone reads the output; -1: none. */
static int64_t find_project(const struct search *search, const struct fmap_graph_node *depthwise) {
    struct fmap_graph_node *node = fmap_only_reader(search->graph, search->uses, depthwise->outputs[0]);
    bool fits = is_pointwise(search, node) &&
                fmap_node_input(search->graph, node, 0) == depthwise->outputs[0];
    return fits ? slot_of(search, node) : -1;
}

static struct fmap_strip_parameters parameters_of(const struct search *search,
                                                  const struct candidate *candidate) {
    const struct fmap_graph_node *nodes = search->graph->nodes;
    struct fmap_strip_parameters parameters = {.depthwise = nodes[candidate->depthwise]};
    if (candidate->expand >= 0) parameters.expand = nodes[candidate->expand];
    if (candidate->project >= 0) parameters.project = nodes[candidate->project];
    return parameters;
}

static void add_candidate(struct search *search, int64_t expand, int64_t depthwise, int64_t project) {
    struct candidate *candidate = &search->candidates[search->n++];
    *candidate = (struct candidate){.expand = expand, .depthwise = depthwise, .project = project};
    struct fmap_strip_parameters parameters = parameters_of(search, candidate);
    struct fmap_strip_problem problem;
    candidate->possible = fmap_strip_describe(search->graph, &parameters, search->options->algorithm,
                                              &problem);
    if (!candidate->possible) return;
    const struct fmap_pass_options *options = search->options;
    struct fmap_strip_room room = {.near_bytes = options->near_bytes ? options->near_bytes
                                                                     : fmap_near_cache_bytes(),
                                   .lanes = options->lanes ? options->lanes : 1,
                                   .threads = options->threads ? options->threads : 1};
    candidate->gain = fmap_strip_gain(&problem, &room);
}

static fmap_status find_candidates(struct search *search, fmap_error *error) {
    struct fmap_graph *graph = search->graph;
    size_t room = WAYS * graph->n_nodes;
    search->candidates = fmap_storage_take(&graph->storage, room, sizeof *search->candidates);
    if (!search->candidates) return fmap_fail_memory(error, room * sizeof *search->candidates);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        struct fmap_tiles_problem problem;
        if (node->dead ||
            fmap_conv_describe(graph, node, search->options->algorithm, &problem) != FMAP_CONV_DEPTHWISE)
            continue;
        int64_t expand = find_expand(search, node), project = find_project(search, node);
        if (expand >= 0 && project >= 0) add_candidate(search, expand, (int64_t)i, project);
        if (project >= 0) add_candidate(search, -1, (int64_t)i, project);
        if (expand >= 0) add_candidate(search, expand, (int64_t)i, -1);
    }
    return FMAP_OK;
}

static bool is_free(const struct search *search, int64_t slot) {
    if (slot < 0) return true;
    const struct fmap_graph_node *node = &search->graph->nodes[slot];
    return !node->dead && node->layer == &fmap_layer_conv;
}

static int count_layers(const struct candidate *candidate) {
    return 1 + (candidate->expand >= 0) + (candidate->project >= 0);
}

/* Of what is left the way that saves most or, where strips are asked for whatever they save, the longest; NULL: none. */
static struct candidate *best_candidate(const struct search *search) {
    struct candidate *best = NULL;
    bool always = search->options->strips == FMAP_STRIPS_ALWAYS;
    for (size_t i = 0; i < search->n; i++) {
        struct candidate *candidate = &search->candidates[i];
        if (!candidate->possible || (!always && candidate->gain.cycles <= 0)) continue;
        if (!is_free(search, candidate->expand) || !is_free(search, candidate->depthwise) ||
            !is_free(search, candidate->project))
            continue;
        int longer = best && always ? count_layers(candidate) - count_layers(best) : 0;
        if (!best || longer > 0 || (longer == 0 && candidate->gain.cycles > best->gain.cycles))
            best = candidate;
    }
    return best;
}

static void add_weights(struct fmap_graph_node *strip, const struct fmap_graph *graph,
                        const struct fmap_graph_node *conv) {
    for (size_t i = 1; i <= 2 && conv->layer; i++)
        strip->inputs[strip->n_inputs++] = fmap_node_input(graph, conv, i);
}

/* The last of the nodes becomes the strip. */
static fmap_status fuse(struct search *search, const struct candidate *candidate, fmap_error *error) {
    struct fmap_graph *graph = search->graph;
    struct fmap_strip_parameters parameters = parameters_of(search, candidate);
    const struct fmap_graph_node *first = parameters.expand.layer ? &parameters.expand
                                                                  : &parameters.depthwise;
    bool projects = parameters.project.layer != NULL;
    struct fmap_graph_node *last = &graph->nodes[projects ? candidate->project : candidate->depthwise];
    const size_t room = FMAP_STRIP_WEIGHTS + 6;
    fmap_value *inputs = fmap_storage_take(&graph->storage, room, sizeof *inputs);
    parameters.why = fmap_storage_text(&graph->storage, candidate->gain.why);
    if (!inputs || !parameters.why) return fmap_fail_memory(error, room * sizeof *inputs);
    inputs[FMAP_STRIP_SOURCE] = fmap_node_input(graph, first, 0);
    inputs[FMAP_STRIP_RESIDUAL] = projects ? fmap_node_input(graph, last, FMAP_CONV_RESIDUAL) : FMAP_NO_VALUE;
    TRY(fmap_replace_parameters(graph, last, &parameters, sizeof parameters, error));
    last->layer = &fmap_layer_strip;
    last->inputs = inputs;
    last->n_inputs = FMAP_STRIP_WEIGHTS;
    add_weights(last, graph, &parameters.expand);
    add_weights(last, graph, &parameters.depthwise);
    add_weights(last, graph, &parameters.project);
    if (projects) fmap_take_over(graph, last, &graph->nodes[candidate->depthwise]);
    if (candidate->expand >= 0) fmap_take_over(graph, last, &graph->nodes[candidate->expand]);
    return FMAP_OK;
}

/* A depthwise convolution that is left alone says why. */
static fmap_status note(struct search *search, const struct candidate *candidate, fmap_error *error) {
    struct fmap_graph *graph = search->graph;
    struct fmap_graph_node *node = &graph->nodes[candidate->depthwise];
    if (!is_free(search, candidate->depthwise) || !candidate->possible) return FMAP_OK;
    struct fmap_conv_parameters parameters = *(const struct fmap_conv_parameters *)node->parameters;
    if (parameters.note) return FMAP_OK;
    parameters.note = fmap_storage_text(&graph->storage, candidate->gain.why);
    if (!parameters.note) return fmap_fail_memory(error, sizeof candidate->gain.why);
    return fmap_replace_parameters(graph, node, &parameters, sizeof parameters, error);
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    if (options->strips == FMAP_STRIPS_NEVER) return FMAP_OK;
    struct search search = {.graph = graph, .options = options, .uses = fmap_graph_uses(graph)};
    if (!search.uses) return fmap_fail_memory(error, graph->n_values * sizeof *search.uses);
    TRY(find_candidates(&search, error));
    for (const struct candidate *best; (best = best_candidate(&search));) TRY(fuse(&search, best, error));
    for (size_t i = 0; i < search.n; i++) TRY(note(&search, &search.candidates[i], error));
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fuse_depthwise = {"fuse_depthwise", apply};
