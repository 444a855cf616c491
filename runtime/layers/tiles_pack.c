#include "runtime/layers/tiles_job.h"

#include <string.h>

/* Panels of every group, one after the other; returns the floats that their weights take. Wider and narrower ones take
 * turns, so that threads get equally many vectors with equally many panels. */
static int64_t lay_out_panels(const struct fmap_tiles_problem *problem, const struct fmap_tiling *tiling,
                              int lanes, struct fmap_tiles_panel *panels) {
    int64_t group_outputs = problem->outputs / problem->groups,
            group_channels = problem->channels / problem->groups;
    int64_t per_output = problem->kernel[0] * problem->kernel[1] * group_channels;
    int64_t weights = 0, bias = 0;
    for (int64_t group = 0; group < problem->groups; group++) {
        for (int64_t i = 0; i < tiling->n_panels; i++) {
            int64_t before = tiling->n_vectors * i / tiling->n_panels, first = before * lanes;
            int64_t vectors = tiling->n_vectors * (i + 1) / tiling->n_panels - before;
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

/* Weights of one output at one position: `n` lanes, from place `at` on. */
static void pack_lanes(const struct fmap_tiles_problem *problem, int64_t output, int64_t at, int64_t n,
                       int64_t row, float *packed) {
    int64_t stride = problem->weight_strides[1];
    float factor = problem->weight_scale;
    const char *from = (const char *)problem->weights + at * (int64_t)sizeof(float);
    if (problem->output_scale) {
        double scale = problem->output_scale[output];
        for (int64_t i = 0; i < n; i++)
            packed[i * row] = (float)(scale * (double)fmap_float_at(from, i * stride)) * factor;
    } else {
        for (int64_t i = 0; i < n; i++) packed[i * row] = fmap_float_at(from, i * stride) * factor;
    }
}

/* [block][position][lane][output], as the tile reads it: blocks are those of the source, so a group that begins
 * inside a block has a shorter first one. */
static void pack_panel(const struct fmap_tiles_problem *problem, const struct fmap_tiles_panel *panel,
                       int lanes, float *packed) {
    const int64_t *strides = problem->weight_strides, *kernel = problem->kernel;
    int64_t group_channels = problem->channels / problem->groups, row = (int64_t)panel->n_vectors * lanes;
    int64_t begin = panel->group * group_channels, end = begin + group_channels;
    for (int64_t channel = begin; channel < end;) {
        int64_t n_lanes = fmap_least(end, (channel / FMAP_BLOCK + 1) * FMAP_BLOCK) - channel;
        int64_t rows = kernel[0] * kernel[1] * n_lanes;
        /* Output by output, as the weights mostly lie; the block that they are written to stays in a cache. */
        for (int64_t o = 0; o < panel->n_outputs; o++) {
            int64_t output = panel->first_output + o;
            int64_t from = output * strides[0] + (channel - begin) * strides[1];
            float *to = packed + o;
            for (int64_t ky = 0; ky < kernel[0]; ky++) {
                for (int64_t kx = 0; kx < kernel[1]; kx++, to += n_lanes * row)
                    pack_lanes(problem, output, from + ky * strides[2] + kx * strides[3], n_lanes, row, to);
            }
        }
        for (int64_t k = 0; k < rows && panel->n_outputs < row; k++) {
            memset(packed + k * row + panel->n_outputs, 0, (size_t)(row - panel->n_outputs) * sizeof *packed);
        }
        packed += rows * row;
        channel += n_lanes;
    }
}

struct fmap_packer fmap_tiles_packer(const struct fmap_tiles_problem *problem, const char *kind) {
    struct fmap_packer packer = {.kind = kind, .factor = problem->weight_scale, .parts = 1};
    packer.source = (struct fmap_packing_source){.floats = problem->weights,
                                                 .n = problem->outputs *
                                                      (problem->channels / problem->groups) *
                                                      problem->kernel[0] * problem->kernel[1],
                                                 .scale = problem->output_scale,
                                                 .n_scales = problem->outputs};
    fmap_packer_add(&packer, problem->outputs);
    fmap_packer_add(&packer, problem->channels);
    fmap_packer_add(&packer, problem->groups);
    for (int i = 0; i < 2; i++) fmap_packer_add(&packer, problem->kernel[i]);
    for (int i = 0; i < 4; i++) fmap_packer_add(&packer, problem->weight_strides[i]);
    return packer;
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

_Alignas(64) const float fmap_tiles_no_bias[FMAP_TILE_MAX_VECTORS * FMAP_BLOCK];

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

struct constant_job {
    struct fmap_tiles_problem problem;
    const struct fmap_tiles_panel *panels;
    int lanes;
};

static void pack_constant(const void *constant_job, int64_t part, float *packed) {
    const struct constant_job *job = constant_job;
    pack_panel(&job->problem, &job->panels[part], job->lanes, packed + job->panels[part].weights);
}

static void pack_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pack_job *job = step->job;
    struct fmap_tiles_problem problem = job->problem;
    problem.weights = fmap_at(run, &step->operands[0]);
    float *packed = fmap_at(run, &step->operands[1]);
    const struct fmap_tiles_panel *panel = &job->panels[part];
    pack_panel(&problem, panel, run->kernels->lanes, packed + panel->weights);
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
    TRY(pack_bias(planning, problem, panels));
    if (!problem->weights) return pack_in_run(planning, node, problem, panels, n_weights, weights);
    struct constant_job job = {.problem = *problem, .panels = each, .lanes = lanes};
    struct fmap_packer packer = fmap_tiles_packer(problem, "tiles");
    fmap_packer_add(&packer, panels->tiling.n_vectors);
    fmap_packer_add(&packer, panels->tiling.n_panels);
    packer.n_floats = n_weights;
    packer.parts = panels->n_panels;
    packer.part = pack_constant;
    packer.job = &job;
    packer.job_bytes = sizeof job;
    return fmap_planning_pack(planning, &packer, weights);
}
