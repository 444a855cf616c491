#include "runtime/layers/tiles_job.h"

/* Weights up to this size stay in the second cache while every tile of pixels runs through all of them. */
static const int64_t RESIDENT_WEIGHTS_BYTES = 512 * 1024;

/* Panels of every group, one after the other; returns the floats that their weights take. */
static int64_t lay_out_panels(const struct fmap_tiles_problem *problem, const struct fmap_tiling *tiling,
                              int lanes, struct fmap_tiles_panel *panels) {
    int64_t group_outputs = problem->outputs / problem->groups,
            group_channels = problem->channels / problem->groups;
    int64_t per_output = problem->kernel[0] * problem->kernel[1] * group_channels;
    int64_t weights = 0, bias = 0;
    for (int64_t group = 0; group < problem->groups; group++) {
        for (int64_t i = 0; i < tiling->n_panels; i++) {
            int64_t first = fmap_piece_begin(tiling->n_vectors, tiling->n_panels, i) * lanes;
            int64_t vectors = fmap_piece_length(tiling->n_vectors, tiling->n_panels, i);
            *panels++ = (struct fmap_tiles_panel){
                .weights = weights,
                .bias = bias,
                .first_output = group * group_outputs + first,
                .n_outputs = (int32_t)fmap_least(vectors * lanes, group_outputs - first),
                .n_vectors = (int32_t)vectors,
                .group = group};
            weights += per_output * vectors * lanes;
            bias += vectors * lanes;
        }
    }
    return weights;
}

/* [block][position][lane][output], as the tile reads it: blocks are those of the source, so a group that begins
 * inside a block has a shorter first one. */
static void pack_panel(const struct fmap_tiles_problem *problem, const void *weights,
                       const struct fmap_tiles_panel *panel, int lanes, float *packed) {
    const int64_t *strides = problem->weight_strides;
    int64_t group_channels = problem->channels / problem->groups, row = (int64_t)panel->n_vectors * lanes;
    int64_t begin = panel->group * group_channels, end = begin + group_channels;
    for (int64_t channel = begin; channel < end;) {
        int64_t block_end = fmap_least(end, (channel / FMAP_BLOCK + 1) * FMAP_BLOCK);
        for (int64_t ky = 0; ky < problem->kernel[0]; ky++) {
            for (int64_t kx = 0; kx < problem->kernel[1]; kx++) {
                for (int64_t i = channel; i < block_end; i++, packed += row) {
                    int64_t from = panel->first_output * strides[0] + (i - begin) * strides[1] +
                                   ky * strides[2] + kx * strides[3];
                    for (int32_t o = 0; o < panel->n_outputs; o++) {
                        packed[o] = fmap_float_at(weights, from + o * strides[0]) * problem->weight_scale;
                    }
                }
            }
        }
        channel = block_end;
    }
}

static fmap_status pack_bias(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                             struct fmap_tiles_panels *panels) {
    float *bias;
    int64_t n_floats = problem->groups * panels->tiling.n_vectors * planning->kernels->lanes;
    TRY(fmap_planning_weights(planning, (size_t)n_floats, &bias));
    for (int64_t i = 0; problem->bias && i < panels->n_panels; i++) {
        const struct fmap_tiles_panel *panel = &panels->panels[i];
        for (int32_t o = 0; o < panel->n_outputs; o++) {
            bias[panel->bias + o] = fmap_float_at(problem->bias, panel->first_output + o) *
                                    problem->bias_scale;
        }
    }
    panels->bias = bias;
    return FMAP_OK;
}

fmap_status fmap_tiles_bias(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                            int64_t n, const float **bias) {
    float *scaled;
    TRY(fmap_planning_weights(planning, (size_t)n, &scaled));
    for (int64_t o = 0; problem->bias && o < problem->outputs; o++) {
        scaled[o] = fmap_float_at(problem->bias, o) * problem->bias_scale;
    }
    *bias = scaled;
    return FMAP_OK;
}

struct pack_job {
    struct fmap_tiles_problem problem;
    const struct fmap_tiles_panel *panels;
};

static void pack_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pack_job *job = step->job;
    const float *weights = fmap_at(run, &step->operands[0]);
    float *packed = fmap_at(run, &step->operands[1]);
    const struct fmap_tiles_panel *panel = &job->panels[part];
    pack_panel(&job->problem, weights, panel, run->kernels->lanes, packed + panel->weights);
}

/* Weights that another layer computes are packed by a step of their own. */
static fmap_status pack_in_run(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_tiles_problem *problem,
                               const struct fmap_tiles_panels *panels, int64_t n_weights,
                               struct fmap_operand *weights) {
    TRY(fmap_planning_temporary(planning, (size_t)n_weights * sizeof(float), weights));
    struct pack_job pack = {.problem = *problem, .panels = panels->panels};
    struct fmap_operand operands[] = {problem->computed_weights, *weights};
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = pack_part,
                                                                       .job = &pack,
                                                                       .job_bytes = sizeof pack,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = panels->n_panels,
                                                                       .kernel = "reorder_weights",
                                                                       .node = node});
}

fmap_status fmap_tiles_pack(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            const struct fmap_tiles_problem *problem, struct fmap_tiles_panels *panels,
                            struct fmap_operand *weights) {
    int lanes = planning->kernels->lanes;
    panels->n_panels = problem->groups * panels->tiling.n_panels;
    struct fmap_tiles_panel *each = fmap_storage_take(&planning->plan->storage, (size_t)panels->n_panels,
                                                      sizeof *each);
    if (!each) return fmap_planning_out_of_memory(planning);
    int64_t n_weights = lay_out_panels(problem, &panels->tiling, lanes, each);
    panels->panels = each;
    panels->large = n_weights * (int64_t)sizeof(float) > RESIDENT_WEIGHTS_BYTES;
    panels->far = fmap_weights_are_far(n_weights * (int64_t)sizeof(float));
    TRY(pack_bias(planning, problem, panels));
    if (!problem->weights) return pack_in_run(planning, node, problem, panels, n_weights, weights);
    float *packed;
    TRY(fmap_planning_weights(planning, (size_t)n_weights, &packed));
    for (int64_t i = 0; i < panels->n_panels; i++) {
        pack_panel(problem, problem->weights, &each[i], lanes, packed + each[i].weights);
    }
    *weights = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = packed};
    return FMAP_OK;
}
