/* Add and Mul, with numpy's broadcasting.
 *
 * The frequent cases run over whole buffers in the form at hand: operands of one shape, a number, one number
 * a channel. The others are cut into rows along which each operand either runs or stands still. */
#include "runtime/layers/eltwise.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_eltwise_parameters parameters = {.activate = {.kind = FMAP_ACTIVATE_NONE}};
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* Dimension i, counted from the end, as broadcasting does: 1 beyond the first. */
static int64_t dim_from_end(const fmap_shape *shape, int i) {
    return i < shape->rank ? shape->dims[shape->rank - 1 - i] : 1;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_floats(graph, node, 0, error));
    TRY(fmap_expect_floats(graph, node, 1, error));
    const fmap_shape *a = &fmap_input_value(graph, node, 0)->shape,
                     *b = &fmap_input_value(graph, node, 1)->shape;
    fmap_shape out = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < out.rank; i++) {
        int64_t x = dim_from_end(a, i), y = dim_from_end(b, i);
        if (x != y && x != 1 && y != 1 && x != FMAP_UNKNOWN && y != FMAP_UNKNOWN) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "%s and %s cannot be broadcast together",
                                  fmap_input_text(graph, node, 0).text, fmap_input_text(graph, node, 1).text);
        }
        /* An unknown size beside another one can only be that one, or 1. */
        out.dims[out.rank - 1 - i] = x == 1 || (x == FMAP_UNKNOWN && y != 1) ? y : x;
    }
    return fmap_set_output(graph, node, &out);
}

struct binary_job {
    enum fmap_binary_op op;
    enum fmap_binary_walk walk;
    struct fmap_activate_job activate;
    struct fmap_cut cut; /* of floats, of pixels, or of rows */
    int64_t pixels;      /* of a block */
    int64_t blocks;
    int64_t b_image_stride;
};

/* ---- whole buffers ------------------------------------------------------------------------------------- */

static void linear_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct binary_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    int64_t b_first = job->walk == FMAP_WALK_SAME ? range.first : 0;
    run->kernels->binary(&(struct fmap_binary){.a = fmap_at(run, &step->operands[0]) + range.first,
                                               .b = fmap_at(run, &step->operands[1]) + b_first,
                                               .dst = fmap_at(run, &step->operands[2]) + range.first,
                                               .n = range.end - range.first,
                                               .op = job->op,
                                               .walk = job->walk,
                                               .activate = job->activate});
}

/* Runs of pixels of one block, whose 16 channels have a number each. */
static void channel_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct binary_job *job = step->job;
    const float *a = fmap_at(run, &step->operands[0]), *b = fmap_at(run, &step->operands[1]);
    float *dst = fmap_at(run, &step->operands[2]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t pixel = range.first; pixel < range.end;) {
        int64_t plane = pixel / job->pixels, end = (plane + 1) * job->pixels;
        if (end > range.end) end = range.end;
        int64_t image = plane / job->blocks, block = plane % job->blocks;
        run->kernels->binary(&(struct fmap_binary){.a = a + pixel * FMAP_BLOCK,
                                                   .b = b + image * job->b_image_stride + block * FMAP_BLOCK,
                                                   .dst = dst + pixel * FMAP_BLOCK,
                                                   .n = (end - pixel) * FMAP_BLOCK,
                                                   .op = job->op,
                                                   .walk = FMAP_WALK_BLOCK,
                                                   .activate = job->activate});
        pixel = end;
    }
}

static fmap_status add_step(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            fmap_part *part, const void *job, size_t job_bytes, int64_t parts,
                            const struct fmap_operand *operands, unsigned in_place) {
    const char *name = node->layer == &fmap_layer_add ? "add" : "mul";
    return fmap_planning_step(planning,
                              &(struct fmap_step_definition){.part = part,
                                                             .job = job,
                                                             .job_bytes = job_bytes,
                                                             .operands = operands,
                                                             .n_operands = 3,
                                                             .in_place = in_place,
                                                             .parts = parts,
                                                             .kernel = fmap_kernel_text(planning, name).text,
                                                             .node = node});
}

static fmap_status plan_linear(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value a, fmap_value b, struct binary_job *job) {
    const struct fmap_graph_value *second = &planning->graph->values[b];
    const fmap_shape *dims = &planning->graph->values[a].shape;
    bool same = job->walk == FMAP_WALK_SAME;
    enum fmap_form form = same && !second->data ? fmap_common_form(planning, a, b)
                                                : fmap_form_at_hand(planning, a);
    if (same && second->data && form == FMAP_FORM_PIXELS) form = FMAP_FORM_PLAIN;
    struct fmap_operand operands[3];
    TRY(fmap_planning_read(planning, a, form, &operands[0]));
    if (same && second->data && form == FMAP_FORM_BLOCKED) {
        TRY(fmap_pack_blocked(planning, b, dims, &operands[1]));
    } else {
        TRY(fmap_planning_read(planning, b, same ? form : FMAP_FORM_PLAIN, &operands[1]));
    }
    TRY(fmap_planning_write(planning, node->outputs[0], form, &operands[2]));
    job->cut = fmap_cut_of(planning, fmap_form_elements(dims, form), 16, FMAP_BLOCK);
    return add_step(planning, node, linear_part, job, sizeof *job, job->cut.parts, operands, same ? 3 : 1);
}

/* Whether b is one number a channel for a in blocked form: [c, 1, 1] or [1 or n, c, 1, 1]. */
static bool fits_channels(const struct fmap_planning *planning, fmap_value a, fmap_value b) {
    const fmap_shape *x = &planning->graph->values[a].shape;
    const struct fmap_graph_value *second = &planning->graph->values[b];
    if (!fmap_planning_has(planning, a, FMAP_FORM_BLOCKED)) return false;
    if (!second->data && second->shape.rank != x->rank) return false;
    for (int i = 0; i < x->rank; i++) {
        int64_t size = dim_from_end(&second->shape, x->rank - 1 - i);
        if (i == 1 ? size != x->dims[1] : size != 1 && (i != 0 || second->data)) return false;
    }
    return second->shape.rank <= x->rank;
}

static fmap_status plan_channels(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 fmap_value a, fmap_value b, struct binary_job *job) {
    const struct fmap_graph_value *second = &planning->graph->values[b];
    struct fmap_geometry geometry = fmap_geometry_of(&planning->graph->values[a].shape);
    struct fmap_operand operands[3];
    TRY(fmap_planning_read(planning, a, FMAP_FORM_BLOCKED, &operands[0]));
    if (second->data) {
        fmap_shape channels = {.rank = 2, .dims = {1, geometry.c}};
        TRY(fmap_pack_blocked(planning, b, &channels, &operands[1]));
    } else {
        TRY(fmap_planning_read(planning, b, FMAP_FORM_BLOCKED, &operands[1]));
        if (second->shape.dims[0] > 1) job->b_image_stride = geometry.blocks * FMAP_BLOCK;
    }
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_BLOCKED, &operands[2]));
    job->pixels = geometry.h * geometry.w;
    job->blocks = geometry.blocks;
    job->cut = fmap_cut_of(planning, geometry.n * geometry.blocks * job->pixels, 16 * FMAP_BLOCK, 1);
    return add_step(planning, node, channel_part, job, sizeof *job, job->cut.parts, operands, 1);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

struct broadcast_job {
    struct binary_job binary; /* its cut is of rows */
    int rank;                 /* of the rows; the last of dims is their length */
    int64_t dims[FMAP_MAX_RANK + 1];
    int64_t a_strides[FMAP_MAX_RANK + 1];
    int64_t b_strides[FMAP_MAX_RANK + 1];
};

static void broadcast_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct broadcast_job *job = step->job;
    const float *a = fmap_at(run, &step->operands[0]), *b = fmap_at(run, &step->operands[1]);
    float *dst = fmap_at(run, &step->operands[2]);
    int64_t length = job->dims[job->rank];
    /* Both operations commute: the one that stands still is the second. */
    bool swap = job->a_strides[job->rank] == 0;
    struct fmap_range range = fmap_cut_range(&job->binary.cut, part);
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t rest = row, a_from = 0, b_from = 0;
        for (int i = job->rank - 1; i >= 0; i--) {
            int64_t index = rest % job->dims[i];
            rest /= job->dims[i];
            a_from += index * job->a_strides[i];
            b_from += index * job->b_strides[i];
        }
        run->kernels->binary(&(struct fmap_binary){.a = swap ? b + b_from : a + a_from,
                                                   .b = swap ? a + a_from : b + b_from,
                                                   .dst = dst + row * length,
                                                   .n = length,
                                                   .op = job->binary.op,
                                                   .walk = job->binary.walk,
                                                   .activate = job->binary.activate});
    }
}

/* Joins neighbouring axes along which both operands go on in the same way, so that rows become long. */
static void join_axes(struct broadcast_job *job, const fmap_shape *a, const fmap_shape *b,
                      const fmap_shape *out) {
    int64_t a_strides[FMAP_MAX_RANK], b_strides[FMAP_MAX_RANK];
    fmap_strides_of(a, a_strides);
    fmap_strides_of(b, b_strides);
    int rank = -1; /* of the last axis so far */
    for (int i = 0; i < out->rank; i++) {
        int64_t n = out->dims[i];
        int from_end = out->rank - 1 - i;
        int64_t x = dim_from_end(a, from_end) > 1 ? a_strides[a->rank - 1 - from_end] : 0;
        int64_t y = dim_from_end(b, from_end) > 1 ? b_strides[b->rank - 1 - from_end] : 0;
        if (n == 1) continue;
        if (rank < 0 || job->a_strides[rank] != n * x || job->b_strides[rank] != n * y) {
            rank++;
            job->dims[rank] = 1;
        }
        job->dims[rank] *= n;
        job->a_strides[rank] = x;
        job->b_strides[rank] = y;
    }
    if (rank < 0) {
        rank = 0;
        job->dims[0] = job->a_strides[0] = job->b_strides[0] = 1;
    }
    job->rank = rank;
}

static fmap_status plan_broadcast(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                  fmap_value a, fmap_value b, const struct binary_job *binary) {
    const struct fmap_graph_value *values = planning->graph->values;
    struct broadcast_job job = {.binary = *binary};
    join_axes(&job, &values[a].shape, &values[b].shape, &values[node->outputs[0]].shape);
    bool both = job.a_strides[job.rank] != 0 && job.b_strides[job.rank] != 0;
    job.binary.walk = both ? FMAP_WALK_SAME : FMAP_WALK_SCALAR;
    int64_t rows = 1;
    for (int i = 0; i < job.rank; i++) rows *= job.dims[i];
    job.binary.cut = fmap_cut_of(planning, rows, fmap_dim_product(16, job.dims[job.rank]), 1);
    struct fmap_operand operands[3];
    TRY(fmap_planning_read(planning, a, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_read(planning, b, FMAP_FORM_PLAIN, &operands[1]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[2]));
    return add_step(planning, node, broadcast_part, &job, sizeof job, job.binary.cut.parts, operands, 0);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_graph_value *values = planning->graph->values;
    const struct fmap_eltwise_parameters *parameters = node->parameters;
    struct binary_job job = {.op = node->layer == &fmap_layer_add ? FMAP_BINARY_ADD : FMAP_BINARY_MUL,
                             .walk = FMAP_WALK_SAME,
                             .activate = parameters->activate};
    fmap_value a = fmap_node_input(planning->graph, node, 0), b = fmap_node_input(planning->graph, node, 1);
    const fmap_shape *out = &values[node->outputs[0]].shape;
    /* Both operations commute: the second operand is the smaller one, or the constant. */
    if (!fmap_shape_equal(&values[a].shape, out) ||
        (values[a].data && fmap_shape_equal(&values[b].shape, out))) {
        fmap_value other = a;
        a = b;
        b = other;
    }
    if (fmap_shape_equal(&values[a].shape, out)) {
        if (fmap_shape_equal(&values[b].shape, out)) return plan_linear(planning, node, a, b, &job);
        if (fmap_shape_product(&values[b].shape, 0, values[b].shape.rank) == 1) {
            job.walk = FMAP_WALK_SCALAR;
            return plan_linear(planning, node, a, b, &job);
        }
        if (fits_channels(planning, a, b)) return plan_channels(planning, node, a, b, &job);
    }
    return plan_broadcast(planning, node, a, b, &job);
}

const struct fmap_layer fmap_layer_add = {.op = "Add",
                                          .min_inputs = 2,
                                          .max_inputs = 2,
                                          .max_outputs = 1,
                                          .parse = parse,
                                          .shape = shape,
                                          .plan = plan,
                                          .by_image = true};

const struct fmap_layer fmap_layer_mul = {.op = "Mul",
                                          .min_inputs = 2,
                                          .max_inputs = 2,
                                          .max_outputs = 1,
                                          .parse = parse,
                                          .shape = shape,
                                          .plan = plan,
                                          .by_image = true};
