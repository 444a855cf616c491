/* InstanceNormalization and GroupNormalization: (x - mean) / sqrt(variance + epsilon) * scale + bias, mean and variance
 * those of a channel's map, or of all maps of a group. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"

#include <math.h>

enum { COST = 8, OPSET_SCALE_OF_CHANNELS = 21 };

struct normalization_parameters {
    float epsilon;
    int64_t groups; /* 0: each channel is one */
    bool of_groups; /* one scale and bias for each group, and not for each channel */
};

static fmap_status parse_instance(struct fmap_parsing *parsing) {
    struct normalization_parameters parameters = {.groups = 0};
    TRY(fmap_attribute_float(parsing, "epsilon", 1e-5f, &parameters.epsilon));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status parse_group(struct fmap_parsing *parsing) {
    struct normalization_parameters parameters = {.of_groups = parsing->opset < OPSET_SCALE_OF_CHANNELS};
    TRY(fmap_attribute_float(parsing, "epsilon", 1e-5f, &parameters.epsilon));
    TRY(fmap_attribute_int(parsing, "num_groups", 0, &parameters.groups));
    fmap_attribute_ignore(parsing, "stash_type"); /* float32, or more precise than asked for */
    if (parameters.groups < 1) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute 'num_groups' is %lld, expected 1 or more",
                              (long long)parameters.groups);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct normalization_parameters *parameters = node->parameters;
    for (size_t i = 0; i < 3; i++) TRY(fmap_expect_floats(graph, node, i, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    if (in->rank < 3) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected rank 3 or more",
                              fmap_input_text(graph, node, 0).text);
    }
    int64_t channels = in->dims[1];
    if (parameters->groups && channels >= 0 && channels % parameters->groups != 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s, expected a multiple of %lld channels",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->groups);
    }
    int64_t wanted = parameters->of_groups ? parameters->groups : channels;
    for (size_t i = 1; i < 3; i++) {
        const fmap_shape *each = &fmap_input_value(graph, node, i)->shape;
        if (each->rank != 1 || (wanted >= 0 && each->dims[0] >= 0 && each->dims[0] != wanted)) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected the shape %lld",
                                  fmap_input_text(graph, node, i).text, (long long)wanted);
        }
    }
    return fmap_set_output(graph, node, in);
}

struct normalization_job {
    struct fmap_geometry geometry;
    float epsilon;
    int64_t groups, channels; /* of a group */
    bool blocked;
    bool of_groups;
    struct fmap_cut cut; /* of groups of all images; of blocks where channels are groups */
};

/* From sums to what an element is scaled by. */
static float inverse_deviation(float sum_of_squares, float n, float epsilon) {
    return 1.0f / sqrtf(sum_of_squares / n + epsilon);
}

/* Scale and bias of 16 channels from `first` on, 0 for those that do not exist. */
static void read_affine(const struct fmap_run *run, const struct fmap_step *step, int64_t first, float *gamma,
                        float *beta) {
    const struct normalization_job *job = step->job;
    const float *scale = fmap_at(run, &step->operands[1]), *bias = fmap_at(run, &step->operands[2]);
    for (int64_t i = 0; i < FMAP_BLOCK; i++) {
        int64_t channel = first + i, index = job->of_groups ? channel / job->channels : channel;
        bool exists = channel < job->geometry.c;
        gamma[i] = exists ? scale[index] : 0.0f;
        beta[i] = exists ? bias[index] : 0.0f;
    }
}

/* Every lane of a block is a group. */
static void instance_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct normalization_job *job = step->job;
    const struct fmap_geometry *geometry = &job->geometry;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    int64_t pixels = geometry->h * geometry->w;
    for (int64_t block = range.first; block < range.end; block++) {
        float mean[FMAP_BLOCK], scale[FMAP_BLOCK], gamma[FMAP_BLOCK], beta[FMAP_BLOCK];
        const float *src = fmap_at(run, &step->operands[0]) + block * geometry->block_stride;
        struct fmap_reduce reduce = {.src = src,
                                     .dst = mean,
                                     .n = pixels,
                                     .stride = FMAP_BLOCK,
                                     .n_rows = FMAP_BLOCK,
                                     .op = FMAP_REDUCE_SUM};
        run->kernels->reduce(&reduce);
        for (int i = 0; i < FMAP_BLOCK; i++) mean[i] /= (float)pixels;
        reduce.dst = scale;
        reduce.shift = mean;
        reduce.op = FMAP_REDUCE_SQUARES;
        run->kernels->reduce(&reduce);
        for (int i = 0; i < FMAP_BLOCK; i++)
            scale[i] = inverse_deviation(scale[i], (float)pixels, job->epsilon);
        read_affine(run, step, block % geometry->blocks * FMAP_BLOCK, gamma, beta);
        run->kernels->normalize(
            &(struct fmap_normalize){.src = src,
                                     .dst = fmap_at(run, &step->operands[3]) + block * geometry->block_stride,
                                     .mean = mean,
                                     .scale = scale,
                                     .gamma = gamma,
                                     .beta = beta,
                                     .n = geometry->block_stride,
                                     .walk = FMAP_NORMALIZE_BLOCK});
    }
}

/* The channels of a group, whose mean and scale are known: blocks of them, or one by one. */
static void normalize_group(const struct fmap_run *run, const struct fmap_step *step, int64_t channel,
                            const float *src, float *dst, float mean, float scale) {
    const struct normalization_job *job = step->job;
    int64_t pixels = job->geometry.h * job->geometry.w, at_once = job->blocked ? FMAP_BLOCK : 1;
    float means[FMAP_BLOCK], scales[FMAP_BLOCK], gamma[FMAP_BLOCK], beta[FMAP_BLOCK];
    for (int i = 0; i < FMAP_BLOCK; i++) {
        means[i] = mean;
        scales[i] = scale;
    }
    for (int64_t c = 0; c < job->channels; c += at_once, src += at_once * pixels, dst += at_once * pixels) {
        read_affine(run, step, channel + c, gamma, beta);
        run->kernels->normalize(
            &(struct fmap_normalize){.src = src,
                                     .dst = dst,
                                     .mean = means,
                                     .scale = scales,
                                     .gamma = gamma,
                                     .beta = beta,
                                     .n = at_once * pixels,
                                     .walk = job->blocked ? FMAP_NORMALIZE_BLOCK : FMAP_NORMALIZE_SCALARS});
    }
}

/* A group's elements lie one behind the other, in plain memory and as whole blocks. */
static void group_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct normalization_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    int64_t n = job->channels * job->geometry.h * job->geometry.w;
    for (int64_t group = range.first; group < range.end; group++) {
        const float *src = fmap_at(run, &step->operands[0]) + group * n;
        float mean, scale;
        struct fmap_reduce reduce = {
            .src = src, .dst = &mean, .n = n, .stride = 1, .n_rows = 1, .op = FMAP_REDUCE_SUM};
        run->kernels->reduce(&reduce);
        mean /= (float)n;
        reduce.dst = &scale;
        reduce.shift = &mean;
        reduce.op = FMAP_REDUCE_SQUARES;
        run->kernels->reduce(&reduce);
        normalize_group(run, step, group % job->groups * job->channels, src,
                        fmap_at(run, &step->operands[3]) + group * n, mean,
                        inverse_deviation(scale, (float)n, job->epsilon));
    }
}

/* The form depends on the shape alone, and with it the order of the sums. */
static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct normalization_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    fmap_value in = fmap_node_input(graph, node, 0);
    struct normalization_job job = {.geometry = fmap_geometry_of(&graph->values[in].shape),
                                    .epsilon = parameters->epsilon,
                                    .of_groups = parameters->of_groups,
                                    .groups = parameters->groups};
    const struct fmap_geometry *geometry = &job.geometry;
    bool instance = parameters->groups == 0;
    job.channels = instance ? 1 : geometry->c / parameters->groups;
    job.blocked = instance || job.channels % FMAP_BLOCK == 0;
    int64_t pixels = geometry->h * geometry->w;
    job.cut = instance
                  ? fmap_cut_of(planning, geometry->n * geometry->blocks, COST * geometry->block_stride, 1)
                  : fmap_cut_of(planning, geometry->n * job.groups, COST * job.channels * pixels, 1);
    enum fmap_form form = job.blocked ? FMAP_FORM_BLOCKED : FMAP_FORM_PLAIN;
    struct fmap_operand operands[4];
    TRY(fmap_planning_read(planning, in, form, &operands[0]));
    for (size_t i = 1; i < 3; i++)
        TRY(fmap_planning_read(planning, fmap_node_input(graph, node, i), FMAP_FORM_PLAIN, &operands[i]));
    TRY(fmap_planning_write(planning, node->outputs[0], form, &operands[3]));
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){
                      .part = instance ? instance_part : group_part,
                      .job = &job,
                      .job_bytes = sizeof job,
                      .operands = operands,
                      .n_operands = 4,
                      .parts = job.cut.parts,
                      .kernel = fmap_kernel_text(planning, instance ? "instance_norm" : "group_norm").text,
                      .node = node});
}

const struct fmap_layer fmap_layer_instance_normalization = {.op = "InstanceNormalization",
                                                             .min_inputs = 3,
                                                             .max_inputs = 3,
                                                             .max_outputs = 1,
                                                             .parse = parse_instance,
                                                             .shape = shape,
                                                             .plan = plan};

const struct fmap_layer fmap_layer_group_normalization = {.op = "GroupNormalization",
                                                          .min_inputs = 3,
                                                          .max_inputs = 3,
                                                          .max_outputs = 1,
                                                          .parse = parse_group,
                                                          .shape = shape,
                                                          .plan = plan};
