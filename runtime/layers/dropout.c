/* Dropout: nothing in inference; in training (in * mask) * (1 / (1 - rate)), each product rounded, where the
 * mask is 0 with probability `rate` and 1 else. (Inverted dropout: Srivastava et al., JMLR 15, 2014.) An
 * infinite element that is dropped becomes NaN, as in the formula. */
#include "runtime/layers/dropout.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

enum { COST_OF_MASK = 100, COST_OF_PRODUCTS = 32, ELEMENTS_AT_ONCE = 4096 };

static fmap_status parse(struct fmap_parsing *parsing) {
    fmap_attribute_ignore(parsing, "seed"); /* the plan has one for the whole network */
    return FMAP_OK;
}

/* The third input, training_mode, is not asked: the plan says whether it is for training. */
static fmap_status rate_of(const struct fmap_graph *graph, const struct fmap_graph_node *node, float *rate,
                           fmap_error *error) {
    TRY(fmap_constant_float(graph, node, 1, 0.5f, rate, error));
    if (!(*rate >= 0.0f && *rate < 1.0f)) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "the ratio is %g, expected 0 or more, less than 1", (double)*rate);
    }
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    float rate;
    TRY(fmap_expect_floats(graph, node, 0, error));
    if (!fmap_input_pending(graph, node, 1)) TRY(rate_of(graph, node, &rate, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    if (node->n_outputs >
        1) { /* ONNX calls the mask a bool; here it is a float like everything that is computed */
        struct fmap_graph_value *mask = fmap_output_value(graph, node, 1);
        mask->type = FMAP_FLOAT32;
        mask->shape = in->shape;
    }
    return fmap_set_output(graph, node, &in->shape);
}

/* ---- the mask ------------------------------------------------------------------------------------------ */

struct mask_job {
    uint64_t key;
    uint64_t threshold;
    struct fmap_cut cut;
};

static void mask_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct mask_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    run->kernels->dropout_mask(
        &(struct fmap_dropout_mask){.mask = fmap_at(run, &step->operands[0]) + range.first,
                                    .key = job->key,
                                    .step = run->dropout_step,
                                    .first = (uint64_t)range.first,
                                    .n = range.end - range.first,
                                    .threshold = job->threshold});
}

/* The finisher of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): every bit of the key depends on both
 * numbers. */
static uint64_t key_of(uint64_t seed, int64_t layer) {
    uint64_t key = seed + 0x9E3779B97F4A7C15u * ((uint64_t)layer + 1);
    key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9u;
    key = (key ^ (key >> 27)) * 0x94D049BB133111EBu;
    return key ^ (key >> 31);
}

fmap_status fmap_dropout_mask_step(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   struct fmap_operand *mask) {
    const fmap_shape *dims = &fmap_input_value(planning->graph, node, 0)->shape;
    fmap_value output = node->n_outputs > 1 ? node->outputs[1] : FMAP_NO_VALUE;
    int64_t n = fmap_form_elements(dims, FMAP_FORM_PLAIN);
    float rate;
    if (output && fmap_planning_has(planning, output, FMAP_FORM_PLAIN)) {
        return fmap_planning_read(planning, output, FMAP_FORM_PLAIN, mask);
    }
    TRY(rate_of(planning->graph, node, &rate, planning->error));
    if (output)
        TRY(fmap_planning_write(planning, output, FMAP_FORM_PLAIN, mask));
    else
        TRY(fmap_planning_temporary(planning, (size_t)n * sizeof(float), mask));
    struct mask_job job = {.key = key_of(planning->seed, node->origin),
                           .threshold = planning->training ? (uint64_t)((double)rate * 4294967296.0) : 0,
                           .cut = fmap_cut_of(planning, n, COST_OF_MASK, FMAP_BLOCK)};
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = mask_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = mask,
                                                 .n_operands = 1,
                                                 .parts = job.cut.parts,
                                                 .kernel = fmap_kernel_text(planning, "dropout_mask").text,
                                                 .node = node});
}

/* ---- what is done with it ------------------------------------------------------------------------------ */

struct dropout_job {
    float scale;
    struct fmap_cut cut;
};

static void dropout_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct dropout_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]), *mask = fmap_at(run, &step->operands[1]);
    float *dst = fmap_at(run, &step->operands[2]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    /* A little at a time, so that the first product is still in the cache for the second. */
    for (int64_t i = range.first; i < range.end; i += ELEMENTS_AT_ONCE) {
        struct fmap_binary product = {.a = src + i,
                                      .b = mask + i,
                                      .dst = dst + i,
                                      .n = range.end - i < ELEMENTS_AT_ONCE ? range.end - i
                                                                            : ELEMENTS_AT_ONCE,
                                      .op = FMAP_BINARY_MUL,
                                      .walk = FMAP_WALK_SAME};
        run->kernels->binary(&product);
        product.a = product.dst;
        product.b = &job->scale;
        product.walk = FMAP_WALK_SCALAR;
        run->kernels->binary(&product);
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    struct fmap_operand operands[3];
    if (planning->training || node->n_outputs > 1) TRY(fmap_dropout_mask_step(planning, node, &operands[1]));
    if (!planning->training) {
        fmap_plan_same_elements(planning, out, in);
        return FMAP_OK;
    }
    float rate;
    TRY(rate_of(planning->graph, node, &rate, planning->error));
    int64_t n = fmap_form_elements(&planning->graph->values[in].shape, FMAP_FORM_PLAIN);
    struct dropout_job job = {.scale = (float)(1.0 / (1.0 - (double)rate)),
                              .cut = fmap_cut_of(planning, n, COST_OF_PRODUCTS, FMAP_BLOCK)};
    TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_write(planning, out, FMAP_FORM_PLAIN, &operands[2]));
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = dropout_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = operands,
                                                 .n_operands = 3,
                                                 .parts = job.cut.parts,
                                                 .kernel = fmap_kernel_text(planning, "dropout").text,
                                                 .node = node});
}

const struct fmap_layer fmap_layer_dropout = {.op = "Dropout",
                                              .min_inputs = 1,
                                              .max_inputs = 3,
                                              .max_outputs = 2,
                                              .parse = parse,
                                              .shape = shape,
                                              .plan = plan,
                                              .never_fold = true};
