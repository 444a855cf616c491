#include "runtime/layers/conv.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/volume.h"

#include <string.h>

/* Operands: x, weights, y, bias. */
struct conv_job {
    struct fmap_volume volume;
    int64_t channels, outputs, groups;
    bool bias;
    struct fmap_activate_job activate;
    struct fmap_cut cut; /* of maps of all images */
};

/* One output, in double: products of floats are exact in it. */
static float sum_at(const struct conv_job *job, const float *src, const float *weights, double bias,
                    const int64_t *at) {
    const struct fmap_volume *volume = &job->volume;
    int64_t group_channels = job->channels / job->groups, k[FMAP_WINDOW_DIMS] = {0};
    int64_t kernel_size = fmap_volume_product(volume->kernel, volume->n_dims),
            pixels = fmap_volume_product(volume->in, volume->n_dims);
    double sum = bias;
    for (int64_t position = 0; position < kernel_size; position++) {
        int64_t source = fmap_volume_source(volume, at, k);
        for (int64_t c = 0; c < group_channels && source >= 0; c++)
            sum += (double)src[c * pixels + source] * (double)weights[c * kernel_size + position];
        fmap_volume_next(k, volume->kernel, volume->n_dims);
    }
    return (float)sum;
}

static void conv_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct conv_job *job = step->job;
    const struct fmap_volume *volume = &job->volume;
    const float *x = fmap_at(run, &step->operands[0]), *weights = fmap_at(run, &step->operands[1]);
    const float *bias = job->bias ? fmap_at(run, &step->operands[3]) : NULL;
    int64_t group_channels = job->channels / job->groups, group_outputs = job->outputs / job->groups;
    int64_t pixels = fmap_volume_product(volume->in, volume->n_dims),
            n = fmap_volume_product(volume->out, volume->n_dims),
            kernel_size = fmap_volume_product(volume->kernel, volume->n_dims);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t map = range.first; map < range.end; map++) {
        int64_t o = map % job->outputs, image = map / job->outputs, at[FMAP_WINDOW_DIMS] = {0};
        const float *src = x + (image * job->channels + o / group_outputs * group_channels) * pixels;
        float *dst = fmap_at(run, &step->operands[2]) + map * n;
        for (int64_t i = 0; i < n; i++) {
            dst[i] = sum_at(job, src, weights + o * group_channels * kernel_size,
                            bias ? (double)bias[o] : 0.0, at);
            fmap_volume_next(at, volume->out, volume->n_dims);
        }
        run->kernels->unary(&(struct fmap_unary){.src = dst, .dst = dst, .n = n, .activate = job->activate});
    }
}

/* The weights, with the factors of a normalization that was folded into them. */
static fmap_status read_weights(struct fmap_planning *planning, fmap_value weights, const double *scale,
                                struct fmap_operand *place) {
    if (!scale) return fmap_planning_read(planning, weights, FMAP_FORM_PLAIN, place);
    const struct fmap_graph_value *value = &planning->graph->values[weights];
    int64_t n = fmap_shape_product(&value->shape, 0, value->shape.rank),
            per_output = n / value->shape.dims[0];
    float *scaled;
    TRY(fmap_planning_weights(planning, (size_t)n, &scaled));
    for (int64_t i = 0; i < n; i++)
        scaled[i] = (float)(scale[i / per_output] * (double)fmap_float_at(value->data, i));
    *place = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = scaled};
    return FMAP_OK;
}

fmap_status fmap_planning_volume_conv(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                      const struct fmap_volume *volume,
                                      const struct fmap_conv_parameters *parameters) {
    int64_t groups = parameters->group;
    const struct fmap_graph *graph = planning->graph;
    fmap_value x = fmap_node_input(graph, node, 0), weights = fmap_node_input(graph, node, 1),
               bias = fmap_node_input(graph, node, 2);
    struct conv_job job = {.volume = *volume,
                           .channels = graph->values[x].shape.dims[1],
                           .outputs = graph->values[weights].shape.dims[0],
                           .groups = groups,
                           .bias = bias != FMAP_NO_VALUE,
                           .activate = parameters->activate};
    int64_t work = fmap_dim_product(job.channels / groups,
                                    fmap_volume_product(volume->kernel, volume->n_dims));
    work = fmap_dim_product(work, fmap_volume_product(volume->out, volume->n_dims));
    job.cut = fmap_cut_of(planning, graph->values[x].shape.dims[0] * job.outputs,
                          work < 0 ? INT64_MAX : fmap_dim_product(8, work), 1);
    struct fmap_operand operands[4];
    TRY(fmap_planning_read(planning, x, FMAP_FORM_PLAIN, &operands[0]));
    TRY(read_weights(planning, weights, parameters->scale, &operands[1]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[2]));
    if (bias) TRY(fmap_planning_read(planning, bias, FMAP_FORM_PLAIN, &operands[3]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = conv_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = bias ? 4 : 3,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "conv_plain",
                                                                       .node = node});
}
