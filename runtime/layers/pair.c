/* The frequent cases run over whole buffers in the form at hand: operands of one shape, a number, one number
 * a channel. The others are cut into rows along which each operand either runs or stands still. */
#include "runtime/layers/pair.h"

#include "runtime/layer.h"
#include "runtime/layers/broadcast.h"
#include "runtime/layers/elements.h"

struct binary_job {
    struct fmap_binary
        binary;          /* what is the same in all calls; the kernel's second operand is never longer */
    struct fmap_cut cut; /* of floats, of pixels, or of rows */
    int64_t pixels;      /* of a block */
    int64_t blocks;
    int64_t b_image_stride;
};

/* ---- whole buffers ------------------------------------------------------------------------------------- */

static void linear_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct binary_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    struct fmap_binary binary = job->binary;
    binary.a = fmap_at(run, &step->operands[0]) + range.first;
    binary.b = fmap_at(run, &step->operands[1]) + (binary.walk == FMAP_WALK_SAME ? range.first : 0);
    binary.dst = fmap_at(run, &step->operands[2]) + range.first;
    binary.n = range.end - range.first;
    run->kernels->binary(&binary);
}

/* Runs of pixels of one block, whose 16 channels have a number each. */
static void channel_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct binary_job *job = step->job;
    const float *a = fmap_at(run, &step->operands[0]), *b = fmap_at(run, &step->operands[1]);
    float *dst = fmap_at(run, &step->operands[2]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    struct fmap_binary binary = job->binary;
    for (int64_t pixel = range.first; pixel < range.end;) {
        int64_t plane = pixel / job->pixels, end = (plane + 1) * job->pixels;
        if (end > range.end) end = range.end;
        int64_t image = plane / job->blocks, block = plane % job->blocks;
        binary.a = a + pixel * FMAP_BLOCK;
        binary.b = b + image * job->b_image_stride + block * FMAP_BLOCK;
        binary.dst = dst + pixel * FMAP_BLOCK;
        binary.n = (end - pixel) * FMAP_BLOCK;
        run->kernels->binary(&binary);
        pixel = end;
    }
}

static fmap_status add_step(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            fmap_part *part, const void *job, size_t job_bytes, int64_t parts,
                            const struct fmap_operand *operands, unsigned in_place) {
    static const char *const names[FMAP_N_BINARY_OPS] = {"add", "mul",   "sub", "div", "min",
                                                         "max", "prelu", "pow", "mod"};
    const char *name = names[((const struct fmap_binary *)job)->op]; /* every job begins with one */
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

/* Where the result goes: over the first operand where that is what is computed. */
static fmap_status write_result(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                fmap_value a, enum fmap_form form, struct fmap_operand *operands) {
    operands[2] = operands[0];
    if (a == node->outputs[0]) return FMAP_OK;
    return fmap_planning_write(planning, node->outputs[0], form, &operands[2]);
}

/* About how many operations an element costs. */
static int64_t cost_of(const struct fmap_binary *binary) {
    static const int64_t costs[] = {
#define FUNCTION(kind, name, cost) cost,
        FMAP_FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    int64_t library = binary->op >= FMAP_BINARY_POW ? 400 : 0;
    return costs[binary->activate.kind] + library;
}

static fmap_status plan_same(struct fmap_planning *planning, const struct fmap_graph_node *node, fmap_value a,
                             fmap_value b, struct binary_job *job) {
    const struct fmap_graph_value *second = &planning->graph->values[b];
    const fmap_shape *dims = &planning->graph->values[a].shape;
    bool fixed = second->data || a == node->outputs[0];
    enum fmap_form form = fixed ? fmap_form_at_hand(planning, a) : fmap_common_form(planning, a, b);
    if (second->data && form == FMAP_FORM_PIXELS) form = FMAP_FORM_PLAIN;
    struct fmap_operand operands[3];
    job->binary.walk = FMAP_WALK_SAME;
    TRY(fmap_planning_read(planning, a, form, &operands[0]));
    if (second->data && form == FMAP_FORM_BLOCKED)
        TRY(fmap_pack_blocked(planning, b, dims, &operands[1]));
    else
        TRY(fmap_planning_read(planning, b, form, &operands[1]));
    TRY(write_result(planning, node, a, form, operands));
    int64_t n = fmap_form_elements(dims, form);
    job->cut = fmap_cut_of(planning, n, cost_of(&job->binary), FMAP_BLOCK);
    return add_step(planning, node, linear_part, job, sizeof *job, job->cut.parts, operands, 3);
}

static fmap_status plan_number(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value a, fmap_value b, const float *number, struct binary_job *job) {
    const fmap_shape *dims = &planning->graph->values[a].shape;
    enum fmap_form form = fmap_form_at_hand(planning, a);
    struct fmap_operand operands[3];
    job->binary.walk = FMAP_WALK_SCALAR;
    TRY(fmap_planning_read(planning, a, form, &operands[0]));
    operands[1] = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = number};
    if (!number) TRY(fmap_planning_read(planning, b, FMAP_FORM_PLAIN, &operands[1]));
    TRY(write_result(planning, node, a, form, operands));
    int64_t n = fmap_form_elements(dims, form);
    job->cut = fmap_cut_of(planning, n, cost_of(&job->binary), FMAP_BLOCK);
    return add_step(planning, node, linear_part, job, sizeof *job, job->cut.parts, operands, 1);
}

/* Whether b is one number a channel for a in blocked form: [c, 1, 1] or [1 or n, c, 1, 1]. */
static bool fits_channels(const struct fmap_planning *planning, fmap_value a, fmap_value b) {
    const fmap_shape *x = &planning->graph->values[a].shape;
    const struct fmap_graph_value *second = &planning->graph->values[b];
    if (!fmap_planning_has(planning, a, FMAP_FORM_BLOCKED)) return false;
    if (!second->data && second->shape.rank != x->rank) return false;
    for (int i = 0; i < x->rank; i++) {
        int64_t size = fmap_dim_from_end(&second->shape, x->rank - 1 - i);
        if (i == 1 ? size != x->dims[1] : size != 1 && (i != 0 || second->data)) return false;
    }
    return second->shape.rank <= x->rank;
}

static fmap_status plan_channels(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 fmap_value a, fmap_value b, struct binary_job *job) {
    const struct fmap_graph_value *second = &planning->graph->values[b];
    struct fmap_geometry geometry = fmap_geometry_of(&planning->graph->values[a].shape);
    struct fmap_operand operands[3];
    job->binary.walk = FMAP_WALK_BLOCK;
    TRY(fmap_planning_read(planning, a, FMAP_FORM_BLOCKED, &operands[0]));
    if (second->data) {
        fmap_shape channels = {.rank = 2, .dims = {1, geometry.c}};
        TRY(fmap_pack_blocked(planning, b, &channels, &operands[1]));
    } else {
        TRY(fmap_planning_read(planning, b, FMAP_FORM_BLOCKED, &operands[1]));
        if (second->shape.dims[0] > 1) job->b_image_stride = geometry.blocks * FMAP_BLOCK;
    }
    TRY(write_result(planning, node, a, FMAP_FORM_BLOCKED, operands));
    job->pixels = geometry.h * geometry.w;
    job->blocks = geometry.blocks;
    job->cut = fmap_cut_of(planning, geometry.n * geometry.blocks * job->pixels,
                           cost_of(&job->binary) * FMAP_BLOCK, 1);
    return add_step(planning, node, channel_part, job, sizeof *job, job->cut.parts, operands, 1);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

struct rows_job {
    struct fmap_binary binary; /* swapped where the first operand stands still */
    struct fmap_broadcast rows;
    struct fmap_cut cut; /* of rows */
    bool exchanged;      /* the kernel's first operand is the second */
    bool both_still;     /* all elements of a row are the same: a third operand makes it long */
};

static void rows_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct rows_job *job = step->job;
    const float *operands[2] = {fmap_at(run, &step->operands[0]), fmap_at(run, &step->operands[1])};
    float *dst = fmap_at(run, &step->operands[2]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    struct fmap_binary binary = job->binary;
    int64_t length = fmap_broadcast_length(&job->rows);
    binary.n = job->both_still ? 1 : length;
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t from[FMAP_MOST_OPERANDS];
        fmap_broadcast_offsets(&job->rows, row, from);
        binary.a = operands[job->exchanged] + from[job->exchanged];
        binary.b = operands[!job->exchanged] + from[!job->exchanged];
        binary.dst = dst + row * length;
        run->kernels->binary(&binary);
        for (int64_t i = binary.n; i < length; i++) binary.dst[i] = *binary.dst;
    }
}

static fmap_status plan_rows(struct fmap_planning *planning, const struct fmap_graph_node *node, fmap_value a,
                             fmap_value b, const struct fmap_binary *binary) {
    const struct fmap_graph_value *values = planning->graph->values;
    const fmap_shape *shapes[2] = {&values[a].shape, &values[b].shape};
    struct rows_job job = {.binary = *binary,
                           .rows = fmap_broadcast_of(shapes, 2, &values[node->outputs[0]].shape)};
    int64_t a_step = fmap_broadcast_step(&job.rows, 0), b_step = fmap_broadcast_step(&job.rows, 1);
    job.both_still = a_step == 0 && b_step == 0;
    job.exchanged = a_step == 0 && b_step != 0;
    job.binary.swapped ^= job.exchanged;
    job.binary.walk = a_step == b_step ? FMAP_WALK_SAME : FMAP_WALK_SCALAR;
    int64_t work = fmap_dim_product(cost_of(binary), fmap_broadcast_length(&job.rows));
    job.cut = fmap_cut_of(planning, job.rows.n, work, 1);
    struct fmap_operand operands[3];
    TRY(fmap_planning_read(planning, a, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_read(planning, b, FMAP_FORM_PLAIN, &operands[1]));
    TRY(write_result(planning, node, a, FMAP_FORM_PLAIN, operands));
    return add_step(planning, node, rows_part, &job, sizeof job, job.cut.parts, operands, 0);
}

fmap_status fmap_plan_pair(struct fmap_planning *planning, const struct fmap_graph_node *node,
                           const struct fmap_pair *pair) {
    const struct fmap_graph_value *values = planning->graph->values;
    struct binary_job job = {.binary = {.op = pair->op, .activate = pair->activate}};
    fmap_value a = pair->a, b = pair->b;
    const fmap_shape *out = &values[node->outputs[0]].shape;
    if (fmap_shape_product(out, 0, out->rank) == 0 || pair->plain)
        return plan_rows(planning, node, a, b, &job.binary);
    if (pair->number) return plan_number(planning, node, a, b, pair->number, &job);
    /* The second operand is the smaller one, or the constant. */
    if (!fmap_shape_equal(&values[a].shape, out) ||
        (values[a].data && fmap_shape_equal(&values[b].shape, out))) {
        a = pair->b;
        b = pair->a;
        job.binary.swapped = true;
    }
    if (fmap_shape_equal(&values[a].shape, out)) {
        if (fmap_shape_equal(&values[b].shape, out)) return plan_same(planning, node, a, b, &job);
        if (fmap_shape_product(&values[b].shape, 0, values[b].shape.rank) == 1)
            return plan_number(planning, node, a, b, NULL, &job);
        if (fits_channels(planning, a, b)) return plan_channels(planning, node, a, b, &job);
    }
    return plan_rows(planning, node, a, b, &job.binary);
}
