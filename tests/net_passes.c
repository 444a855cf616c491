#include "net_passes.h"

#include "check.h"
#include "runtime/layer.h"
#include "runtime/model.h"
#include "runtime/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t find(const fmap_model *model, const char *node) {
    for (size_t i = 0; i < model->graph.n_nodes; i++) {
        if (strcmp(model->graph.nodes[i].name, node) == 0) return i;
    }
    fprintf(stderr, "net: there is no node '%s'\n", node);
    abort();
}

struct fmap_graph net_passes_graph(const fmap_model *model, const struct net_passes *passes) {
    struct fmap_pass_options options = {
        .training = passes->training, .without = passes->without, .strips = passes->strips};
    struct fmap_plan plan = {.storage.allocator = fmap_allocator_or_default(NULL)};
    if (!fmap_graph_copy(&plan.graph, &model->graph, NULL)) abort();
    fmap_isa isa;
    if (fmap_host_kernels(FMAP_ISA_BEST, &plan.kernels, &isa, NULL) != FMAP_OK) abort();
    plan.graph.settled = true;
    if (fmap_infer_shapes(&plan, NULL) != FMAP_OK) abort();
    struct fmap_graph graph = plan.graph;
    if (passes->kept) graph.values[graph.nodes[find(model, passes->kept)].outputs[0]].kept = true;
    if (fmap_run_passes(&graph, &options, NULL) != FMAP_OK) abort();
    return graph;
}

bool net_passes_remove(const fmap_model *model, const char *node, const struct net_passes *passes) {
    struct net_passes all = {.without = NULL};
    struct fmap_graph graph = net_passes_graph(model, passes ? passes : &all);
    size_t origin = find(model, node), i = 0; /* a pass may have put nodes between others */
    while (graph.nodes[i].origin != (int64_t)origin) i++;
    bool dead = graph.nodes[i].dead;
    fmap_graph_close(&graph);
    return dead;
}

const char *net_passes_fused_into(const fmap_model *model, const char *node) {
    fmap_plan *plan;
    fmap_layer_info info = {.fused_into = -1};
    if (fmap_plan_create(model, NULL, &plan, NULL) != FMAP_OK) abort();
    fmap_plan_layer(plan, find(model, node), &info);
    fmap_plan_destroy(plan);
    return info.fused_into < 0 ? NULL : model->graph.nodes[info.fused_into].name;
}

float *net_passes_outputs(const fmap_model *model, const fmap_plan_options *options, const float *x,
                          size_t *n) {
    enum { MOST = 8 };
    struct net net;
    void *outputs[MOST];
    size_t n_outputs = fmap_model_output_count(model);
    if (n_outputs > MOST || !net_open(&net, model, options)) abort();
    *n = 0;
    for (size_t i = 0; i < n_outputs; i++) *n += net_output_elements(&net, i);
    float *all = net_random(*n, 1), *next = all;
    for (size_t i = 0; i < n_outputs; i++) {
        outputs[i] = next;
        next += net_output_elements(&net, i);
    }
    if (fmap_context_run(net.context, (const void *[]){x}, outputs, NULL) != FMAP_OK) abort();
    net_close(&net);
    return all;
}

bool net_passes_change_no_bit(const fmap_model *model) {
    static const int threads[] = {1, 3};
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    struct net net;
    if (!net_open(&net, model, NULL)) return false;
    float *x = net_random(net_input_elements(&net, 0), 1);
    net_close(&net);
    bool good = true;
    for (int i = 0; i < 2 * n_isas && good; i++) {
        fmap_plan_options options = {.max_isa = isas[i / 2], .threads = threads[i % 2]};
        size_t n;
        float *with = net_passes_outputs(model, &options, x, &n);
        options.no_fusion = true;
        float *without = net_passes_outputs(model, &options, x, &n);
        good = check_same_bits(fmap_isa_name(options.max_isa), with, without, n);
        free(with);
        free(without);
    }
    free(x);
    return good;
}
