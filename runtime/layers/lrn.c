/* LRN: x / (bias + alpha / size * sum of x^2 over `size` channels around)^beta, in blocked form. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"

struct lrn_parameters {
    int64_t size;
    float alpha, beta, bias;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct lrn_parameters parameters;
    TRY(fmap_attribute_int(parsing, "size", 0, &parameters.size));
    TRY(fmap_attribute_float(parsing, "alpha", 1e-4f, &parameters.alpha));
    TRY(fmap_attribute_float(parsing, "beta", 0.75f, &parameters.beta));
    TRY(fmap_attribute_float(parsing, "bias", 1.0f, &parameters.bias));
    if (parameters.size < 1 || parameters.size > FMAP_LRN_MAX_SIZE) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                              "attribute 'size' is %lld, expected 1 to %d", (long long)parameters.size,
                              FMAP_LRN_MAX_SIZE);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_floats(graph, node, 0, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    if (in->rank < 2) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected rank 2 or more",
                              fmap_input_text(graph, node, 0).text);
    }
    return fmap_set_output(graph, node, in);
}

struct lrn_job {
    struct fmap_geometry geometry;
    struct fmap_lrn kernel; /* without the places */
    struct fmap_cut cut;    /* of the pixels of all blocks of all images */
};

static void lrn_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct lrn_job *job = step->job;
    int64_t pixels = job->geometry.h * job->geometry.w, blocks = job->geometry.blocks;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t at = range.first; at < range.end;) {
        int64_t plane = at / pixels, first = at % pixels, image = plane / blocks;
        struct fmap_lrn lrn = job->kernel;
        lrn.block = plane % blocks;
        lrn.n_pixels = pixels - first < range.end - at ? pixels - first : range.end - at;
        lrn.src = src + image * job->geometry.image_stride + first * FMAP_BLOCK;
        lrn.dst = dst + at * FMAP_BLOCK;
        run->kernels->lrn(&lrn);
        at += lrn.n_pixels;
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct lrn_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    struct lrn_job job = {.geometry = fmap_geometry_of(&planning->graph->values[in].shape)};
    const struct fmap_geometry *geometry = &job.geometry;
    int size = (int)parameters->size;
    job.kernel = (struct fmap_lrn){.n_blocks = geometry->blocks,
                                   .last_lanes = (int)(geometry->c - (geometry->blocks - 1) * FMAP_BLOCK),
                                   .block_stride = geometry->block_stride,
                                   .before = (size - 1) / 2,
                                   .after = size / 2,
                                   .alpha = parameters->alpha / (float)size,
                                   .beta = parameters->beta,
                                   .bias = parameters->bias};
    job.cut = fmap_cut_of(planning, geometry->n * geometry->blocks * geometry->h * geometry->w,
                          (int64_t)FMAP_BLOCK * (size + 4), 1);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_BLOCKED, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_BLOCKED, &operands[1]));
    return fmap_planning_step(planning,
                              &(struct fmap_step_definition){.part = lrn_part,
                                                             .job = &job,
                                                             .job_bytes = sizeof job,
                                                             .operands = operands,
                                                             .n_operands = 2,
                                                             .parts = job.cut.parts,
                                                             .kernel = fmap_kernel_text(planning, "lrn").text,
                                                             .node = node});
}

const struct fmap_layer fmap_layer_lrn = {.op = "LRN",
                                          .min_inputs = 1,
                                          .max_inputs = 1,
                                          .max_outputs = 1,
                                          .parse = parse,
                                          .shape = shape,
                                          .plan = plan,
                                          .by_image = true};
