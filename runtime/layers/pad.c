/* Pad: a constant, the nearest element, the image's reflection or the image again around it; negative pads crop. */
#include "runtime/layers/pad.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

#include <string.h>

struct pad_parameters {
    enum fmap_pad_mode mode;
};

static fmap_status parse_mode(struct fmap_parsing *parsing, enum fmap_pad_mode *mode) {
    static const char *const names[] = {"constant", "edge", "reflect", "wrap"};
    const char *text;
    TRY(fmap_attribute_string(parsing, "mode", names[0], &text));
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *mode = (enum fmap_pad_mode)i;
            return FMAP_OK;
        }
    }
    return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                          "attribute 'mode' is '%.40s', expected constant, edge, reflect or wrap", text);
}

static fmap_status parse(struct fmap_parsing *parsing) {
    struct pad_parameters parameters = {.mode = FMAP_PAD_CONSTANT};
    TRY(parse_mode(parsing, &parameters.mode));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* The axes that the pads are for: all, unless input 3 names them. */
static fmap_status find_axes(const struct fmap_graph *graph, const struct fmap_graph_node *node, int rank,
                             int *axes, size_t *n_axes, fmap_error *error) {
    int64_t named[FMAP_MAX_RANK];
    bool seen[FMAP_MAX_RANK] = {false};
    TRY(fmap_constant_ints(graph, node, 3, named, FMAP_MAX_RANK, n_axes, error));
    if (!fmap_input_value(graph, node, 3)) {
        *n_axes = (size_t)rank;
        for (int i = 0; i < rank; i++) named[i] = i;
    }
    for (size_t i = 0; i < *n_axes; i++) {
        axes[i] = fmap_axis_of(named[i], rank);
        if (axes[i] < 0 || seen[axes[i]]) {
            return fmap_fail_node(
                graph, node, error, FMAP_ERROR_MODEL,
                "axis %lld is out of range or named twice, expected axes of a tensor of rank %d",
                (long long)named[i], rank);
        }
        seen[axes[i]] = true;
    }
    return FMAP_OK;
}

/* The constant around the image, of the type of the image itself. */
static fmap_status read_value(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                              uint8_t *value, fmap_error *error) {
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0),
                                  *constant = fmap_input_value(graph, node, 2);
    if (!constant) return FMAP_OK;
    if (in->type == FMAP_FLOAT32) {
        float number;
        TRY(fmap_constant_float(graph, node, 2, 0.0f, &number, error));
        memcpy(value, &number, sizeof number);
        return FMAP_OK;
    }
    if (!constant->data || constant->type != in->type ||
        fmap_shape_product(&constant->shape, 0, constant->shape.rank) != 1) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED,
                              "%s, expected one constant element of the type %d",
                              fmap_input_text(graph, node, 2).text, (int)in->type);
    }
    memcpy(value, constant->data, fmap_type_bytes(in->type));
    return FMAP_OK;
}

bool fmap_pads_with_zero(const struct fmap_pads *pads) { return fmap_float_at(pads->value, 0) == 0.0f; }

fmap_status fmap_pads_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         struct fmap_pads *pads, fmap_error *error) {
    const struct pad_parameters *parameters = node->parameters;
    int64_t ends[2 * FMAP_MAX_RANK];
    size_t n_ends, n_axes;
    int axes[FMAP_MAX_RANK];
    *pads = (struct fmap_pads){.mode = parameters->mode};
    TRY(fmap_constant_ints(graph, node, 1, ends, 2 * FMAP_MAX_RANK, &n_ends, error));
    TRY(read_value(graph, node, pads->value, error));
    TRY(find_axes(graph, node, fmap_input_value(graph, node, 0)->shape.rank, axes, &n_axes, error));
    if (n_ends != 2 * n_axes) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "has %zu pads for %s, expected %zu",
                              n_ends, fmap_input_text(graph, node, 0).text, 2 * n_axes);
    }
    for (size_t i = 0; i < n_ends; i++) {
        if (ends[i] < -INT32_MAX || ends[i] > INT32_MAX) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT,
                                  "pad %zu is %lld, expected at most %d", i, (long long)ends[i], INT32_MAX);
        }
        (i < n_axes ? pads->before : pads->after)[axes[i % n_axes]] = ends[i];
    }
    return FMAP_OK;
}

bool fmap_pad_is_identity(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    struct fmap_pads pads;
    bool same = fmap_pads_of(graph, node, &pads, NULL) == FMAP_OK;
    for (int i = 0; i < fmap_input_value(graph, node, 0)->shape.rank && same; i++)
        same = pads.before[i] == 0 && pads.after[i] == 0;
    return same;
}

/* The size of an axis after padding; below 1 when it cannot be. */
static int64_t padded_size(const struct fmap_pads *pads, int axis, int64_t in) {
    int64_t before = pads->before[axis], after = pads->after[axis], out;
    if (before == 0 && after == 0) return in;
    if (pads->mode != FMAP_PAD_CONSTANT && (before < 0 || after < 0)) return -2;
    if (in == FMAP_UNKNOWN) return FMAP_UNKNOWN;
    if (pads->mode == FMAP_PAD_REFLECT && (before >= in || after >= in)) return -2;
    if (__builtin_add_overflow(in, before + after, &out) || out < 1) return -2;
    return out;
}

/* Only the rank is known before the pads are. */
static fmap_status pending_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    fmap_shape out = fmap_input_value(graph, node, 0)->shape;
    for (int i = 0; i < out.rank; i++) out.dims[i] = FMAP_UNKNOWN;
    return fmap_set_output_type(graph, node, 0, fmap_input_value(graph, node, 0)->type, &out);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    struct fmap_pads pads;
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    if (in && in->type == FMAP_FLOAT32)
        TRY(fmap_expect_floats(graph, node, 0, error));
    else
        TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    for (size_t i = 1; i < node->n_inputs; i++) {
        if (fmap_input_pending(graph, node, i)) return pending_shape(graph, node);
    }
    TRY(fmap_pads_of(graph, node, &pads, error));
    fmap_shape out = fmap_input_value(graph, node, 0)->shape;
    for (int i = 0; i < out.rank; i++) {
        int64_t size = padded_size(&pads, i, out.dims[i]);
        if (size < FMAP_UNKNOWN) {
            return fmap_fail_node(
                graph, node, error, FMAP_ERROR_MODEL, "axis %d of %s cannot be padded by %lld and %lld%s", i,
                fmap_input_text(graph, node, 0).text, (long long)pads.before[i], (long long)pads.after[i],
                pads.mode == FMAP_PAD_CONSTANT  ? ", expected at least 1 element to be left"
                : pads.mode == FMAP_PAD_REFLECT ? ", expected 0 to its size - 1"
                                                : ", expected 0 or more");
        }
        out.dims[i] = size;
    }
    return fmap_set_output_type(graph, node, 0, fmap_input_value(graph, node, 0)->type, &out);
}

/* Rows of the last axis, whose elements are `unit` bytes: one in plain form, 16 of them in blocked form. */
struct pad_job {
    enum fmap_pad_mode mode;
    uint8_t value[sizeof(int64_t)];
    int64_t value_bytes;
    int rank;
    int64_t in[FMAP_MAX_RANK];
    int64_t out[FMAP_MAX_RANK];
    int64_t before[FMAP_MAX_RANK];
    int64_t unit;
    struct fmap_cut cut; /* of output rows */
};

/* The element of an axis of n that an element of the padded axis comes from; -1: it is the constant. */
static int64_t source_of(enum fmap_pad_mode mode, int64_t i, int64_t n) {
    if (i >= 0 && i < n) return i;
    if (mode == FMAP_PAD_CONSTANT) return -1;
    if (mode == FMAP_PAD_EDGE) return i < 0 ? 0 : n - 1;
    if (mode == FMAP_PAD_WRAP) return (i % n + n) % n;
    return i < 0 ? -i : 2 * (n - 1) - i;
}

/* A size that the compiler knows makes vectors of the loop. */
static void fill(const struct pad_job *job, char *dst, int64_t bytes) {
    if (job->value_bytes == sizeof(float)) {
        for (int64_t i = 0; i < bytes; i += (int64_t)sizeof(float))
            memcpy(dst + i, job->value, sizeof(float));
        return;
    }
    for (int64_t i = 0; i < bytes; i += job->value_bytes)
        memcpy(dst + i, job->value, (size_t)job->value_bytes);
}

/* Elements [first, end) of a padded row, none of which is an element of the row itself. */
static void pad_ends(const struct pad_job *job, const char *src, char *dst, int64_t first, int64_t end) {
    int last = job->rank - 1;
    if (job->mode == FMAP_PAD_CONSTANT) {
        fill(job, dst + first * job->unit, (end - first) * job->unit);
        return;
    }
    for (int64_t i = first; i < end; i++) {
        int64_t from = source_of(job->mode, i - job->before[last], job->in[last]);
        memcpy(dst + i * job->unit, src + from * job->unit, (size_t)job->unit);
    }
}

static void pad_row(const struct pad_job *job, const char *src, char *dst) {
    int last = job->rank - 1;
    int64_t before = job->before[last], in = job->in[last], out = job->out[last];
    int64_t first = before > 0 ? before : 0;
    int64_t end = before + in < out ? before + in : out;
    if (first > out) first = out;
    if (end < first) end = first;
    pad_ends(job, src, dst, 0, first);
    if (end > first) {
        memcpy(dst + first * job->unit, src + (first - before) * job->unit,
               (size_t)((end - first) * job->unit));
    }
    pad_ends(job, src, dst, end, out);
}

static void pad_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pad_job *job = step->job;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    char *dst = fmap_elements_at(run, &step->operands[1]);
    int last = job->rank - 1;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t rest = row, from = 0, stride = job->in[last] * job->unit;
        bool inside = true;
        for (int i = last - 1; i >= 0; i--) {
            int64_t source = source_of(job->mode, rest % job->out[i] - job->before[i], job->in[i]);
            inside &= source >= 0;
            from += source * stride;
            stride *= job->in[i];
            rest /= job->out[i];
        }
        char *to = dst + row * job->out[last] * job->unit;
        if (inside)
            pad_row(job, src + from, to);
        else
            fill(job, to, job->out[last] * job->unit);
    }
}

static struct pad_job job_of(const struct fmap_pads *pads, const struct fmap_graph_value *padded,
                             const fmap_shape *out, enum fmap_form form) {
    const fmap_shape *in = &padded->shape;
    struct pad_job job = {.mode = pads->mode, .rank = in->rank};
    job.unit = job.value_bytes = (int64_t)fmap_type_bytes(padded->type);
    memcpy(job.value, pads->value, sizeof job.value);
    for (int i = 0; i < in->rank; i++) {
        job.in[i] = in->dims[i];
        job.out[i] = out->dims[i];
        job.before[i] = pads->before[i];
    }
    if (form == FMAP_FORM_BLOCKED) {
        job.unit *= FMAP_BLOCK;
        job.in[1] = job.out[1] = fmap_geometry_of(in).blocks;
    }
    if (job.rank == 0) {
        job.rank = 1;
        job.in[0] = job.out[0] = 1;
    }
    return job;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    struct fmap_pads pads;
    TRY(fmap_pads_of(planning->graph, node, &pads, planning->error));
    enum fmap_form form = fmap_form_at_hand(planning, in);
    /* Channels are padded in plain form: their blocks would not fit. */
    if (form != FMAP_FORM_BLOCKED || pads.before[1] != 0 || pads.after[1] != 0) form = FMAP_FORM_PLAIN;
    struct pad_job job = job_of(&pads, &planning->graph->values[in], &planning->graph->values[out].shape,
                                form);
    int64_t row = job.out[job.rank - 1] * job.unit / job.value_bytes, rows = 1;
    for (int i = 0; i < job.rank - 1; i++) rows *= job.out[i];
    job.cut = fmap_cut_of(planning, rows, fmap_dim_product(16, row), 1);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, form, &operands[0]));
    TRY(fmap_planning_write(planning, out, form, &operands[1]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = pad_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "pad",
                                                                       .node = node});
}

const struct fmap_layer fmap_layer_pad = {.op = "Pad",
                                          .min_inputs = 2,
                                          .max_inputs = 4,
                                          .max_outputs = 1,
                                          .parse = parse,
                                          .shape = shape,
                                          .plan = plan};
