/* BatchNormalization in inference: one multiply-add with two numbers a channel, made from four while
 * planning. */
#include "runtime/layers/batch_normalization.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

#include <math.h>
#include <string.h>

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_batch_normalization_parameters parameters = {.activate = {.kind = FMAP_ACTIVATE_NONE}};
    int64_t training, spatial;
    TRY(fmap_attribute_float(parsing, "epsilon", 1e-5f, &parameters.epsilon));
    TRY(fmap_attribute_int(parsing, "training_mode", 0, &training));
    TRY(fmap_attribute_int(parsing, "spatial", 1, &spatial));
    fmap_attribute_ignore(parsing, "momentum"); /* of the running mean, in training */
    if (training != 0 || spatial != 1) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                              "attribute '%s' is %lld, expected %d", training ? "training_mode" : "spatial",
                              (long long)(training ? training : spatial), training ? 0 : 1);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    for (size_t i = 0; i < 5; i++) TRY(fmap_expect_floats(graph, node, i, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    if (in->rank < 2) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected rank 2 or more",
                              fmap_input_text(graph, node, 0).text);
    }
    fmap_shape out = *in;
    for (size_t i = 1; i < 5; i++) {
        const struct fmap_graph_value *value = fmap_input_value(graph, node, i);
        if (value->shape.rank != 1 || (out.dims[1] != FMAP_UNKNOWN && value->shape.dims[0] != out.dims[1])) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "%s, expected one number for each channel of %s",
                                  fmap_input_text(graph, node, i).text, fmap_input_text(graph, node, 0).text);
        }
        if (!value->data && !fmap_input_pending(graph, node, i)) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED,
                                  "%s is computed, expected a constant",
                                  fmap_input_text(graph, node, i).text);
        }
        out.dims[1] = value->shape.dims[0];
    }
    return fmap_set_output(graph, node, &out);
}

static double element(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t input,
                      int64_t i) {
    return (double)fmap_float_at(fmap_input_value(graph, node, input)->data, i);
}

void fmap_batch_normalization_affine(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                     int64_t n_channels, double *scale, double *shift) {
    const struct fmap_batch_normalization_parameters *parameters = node->parameters;
    for (int64_t c = 0; c < n_channels; c++) {
        double variance = element(graph, node, 4, c), mean = element(graph, node, 3, c);
        scale[c] = element(graph, node, 1, c) / sqrt(variance + (double)parameters->epsilon);
        shift[c] = element(graph, node, 2, c) - mean * scale[c];
    }
}

struct affine_job {
    struct fmap_activate_job activate;
    struct fmap_cut cut; /* of the pixels of all blocks of all images */
    int64_t pixels;      /* of a block */
    int64_t blocks;
};

static void affine_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct affine_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    const float *scale = fmap_at(run, &step->operands[1]), *shift = fmap_at(run, &step->operands[2]);
    float *dst = fmap_at(run, &step->operands[3]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t pixel = range.first; pixel < range.end;) {
        int64_t plane = pixel / job->pixels, end = (plane + 1) * job->pixels;
        if (end > range.end) end = range.end;
        int64_t channel = plane % job->blocks * FMAP_BLOCK;
        run->kernels->affine(&(struct fmap_affine){.src = src + pixel * FMAP_BLOCK,
                                                   .dst = dst + pixel * FMAP_BLOCK,
                                                   .scale = scale + channel,
                                                   .shift = shift + channel,
                                                   .n = (end - pixel) * FMAP_BLOCK,
                                                   .activate = job->activate});
        pixel = end;
    }
}

/* Computed in double, rounded once; lanes beyond the last channel are 0. */
static fmap_status pack(struct fmap_planning *planning, const struct fmap_graph_node *node,
                        int64_t n_channels, struct fmap_operand *scale, struct fmap_operand *shift) {
    size_t n = (size_t)fmap_blocks_of(n_channels) * FMAP_BLOCK;
    double *exact = fmap_storage_take(&planning->storage, 2 * n, sizeof *exact);
    float *rounded[2];
    if (!exact) return fmap_planning_out_of_memory(planning);
    fmap_batch_normalization_affine(planning->graph, node, n_channels, exact, exact + n);
    for (size_t k = 0; k < 2; k++) {
        TRY(fmap_planning_weights(planning, n, &rounded[k]));
        for (size_t c = 0; c < n; c++) rounded[k][c] = (float)exact[k * n + c];
    }
    *scale = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = rounded[0]};
    *shift = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = rounded[1]};
    return FMAP_OK;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_batch_normalization_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    struct fmap_geometry geometry = fmap_geometry_of(&planning->graph->values[in].shape);
    struct affine_job job = {
        .activate = parameters->activate, .pixels = geometry.h * geometry.w, .blocks = geometry.blocks};
    job.cut = fmap_cut_of(planning, geometry.n * geometry.blocks * job.pixels, 16 * FMAP_BLOCK, 1);
    struct fmap_operand operands[4];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_BLOCKED, &operands[0]));
    TRY(pack(planning, node, geometry.c, &operands[1], &operands[2]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_BLOCKED, &operands[3]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){
                                            .part = affine_part,
                                            .job = &job,
                                            .job_bytes = sizeof job,
                                            .operands = operands,
                                            .n_operands = 4,
                                            .in_place = 1,
                                            .parts = job.cut.parts,
                                            .kernel = fmap_kernel_text(planning, "batch_normalization").text,
                                            .node = node});
}

const struct fmap_layer fmap_layer_batch_normalization = {.op = "BatchNormalization",
                                                          .min_inputs = 5,
                                                          .max_inputs = 5,
                                                          .max_outputs = 1,
                                                          .parse = parse,
                                                          .shape = shape,
                                                          .plan = plan,
                                                          .by_image = true};
