/* NonMaxSuppression: of boxes that overlap the best ones, as rows [image, class, box]. How many rows there are, only a run
 * tells: the value's shape is what there may be at most, and rows beyond are -1. */
#include "runtime/layer.h"
#include "runtime/layers/candidates.h"
#include "runtime/layers/elements.h"

#include <string.h>

enum { BOXES, SCORES, MOST, OVERLAP, LEAST_SCORE, INPUTS, COST = 64 };

struct suppression_parameters {
    bool centres; /* boxes are x, y of their centre, width, height, and not two corners y, x, y, x */
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct suppression_parameters parameters;
    int64_t format;
    TRY(fmap_attribute_int(parsing, "center_point_box", 0, &format));
    if (format != 0 && format != 1) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute 'center_point_box' is %lld, expected 0 or 1", (long long)format);
    }
    parameters.centres = format == 1;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static bool has(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i) {
    return i < node->n_inputs && fmap_node_input(graph, node, i);
}

/* An input of one number. */
static fmap_status check_number(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                fmap_type type, fmap_error *error) {
    if (!has(graph, node, i)) return FMAP_OK;
    TRY(fmap_expect_type(graph, node, i, FMAP_TYPES(type), error));
    const fmap_shape *shape = &fmap_input_value(graph, node, i)->shape;
    int64_t n = fmap_shape_product(shape, 0, shape->rank);
    if (n == 1 || n == FMAP_UNKNOWN) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected one number",
                          fmap_input_text(graph, node, i).text);
}

/* Most boxes of a class that may be kept: what the constant says, or all of them. */
static fmap_status most_of_class(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                 int64_t n_boxes, int64_t *most, fmap_error *error) {
    *most = 0;
    if (!has(graph, node, MOST)) return FMAP_OK;
    const struct fmap_graph_value *value = fmap_input_value(graph, node, MOST);
    *most = fmap_input_pending(graph, node, MOST) ? FMAP_UNKNOWN : n_boxes;
    if (!value->data) return FMAP_OK;
    size_t n;
    TRY(fmap_constant_ints(graph, node, MOST, most, 1, &n, error));
    if (*most < 0) *most = 0;
    if (n_boxes >= 0 && *most > n_boxes) *most = n_boxes;
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_type(graph, node, BOXES, FMAP_TYPES(FMAP_FLOAT32), error));
    TRY(fmap_expect_type(graph, node, SCORES, FMAP_TYPES(FMAP_FLOAT32), error));
    TRY(check_number(graph, node, MOST, FMAP_INT64, error));
    TRY(check_number(graph, node, OVERLAP, FMAP_FLOAT32, error));
    TRY(check_number(graph, node, LEAST_SCORE, FMAP_FLOAT32, error));
    const fmap_shape *boxes = &fmap_input_value(graph, node, BOXES)->shape,
                     *scores = &fmap_input_value(graph, node, SCORES)->shape;
    bool fits = boxes->rank == 3 && scores->rank == 3 && (boxes->dims[2] == 4 || boxes->dims[2] < 0);
    for (int i = 0; i < 2 && fits; i++) {
        int64_t a = boxes->dims[i], b = scores->dims[2 * i];
        fits = a < 0 || b < 0 || a == b;
    }
    if (!fits) {
        return fmap_fail_node(
            graph, node, error, FMAP_ERROR_MODEL, "%s and %s, expected n x boxes x 4 and n x classes x boxes",
            fmap_input_text(graph, node, BOXES).text, fmap_input_text(graph, node, SCORES).text);
    }
    int64_t most;
    TRY(most_of_class(graph, node, boxes->dims[1], &most, error));
    int64_t rows = fmap_dim_product(fmap_dim_product(scores->dims[0], scores->dims[1]), most);
    return fmap_set_output_type(graph, node, 0, FMAP_INT64, &(fmap_shape){.rank = 2, .dims = {rows, 3}});
}

/* ---- running --------------------------------------------------------------------------------------------------- */

/* Operands of the first step: inputs, then the boxes kept of each class, [class of image][most], -1 behind them. */
struct suppression_job {
    int64_t classes, boxes, most; /* of an image; of a class */
    bool centres, given[INPUTS];
};

struct box {
    float low[2], high[2];
};

static struct box box_at(const float *numbers, bool centres) {
    struct box box;
    for (int i = 0; i < 2; i++) {
        float a = numbers[i], b = numbers[i + 2];
        box.low[i] = centres ? a - b / 2 : a < b ? a : b;
        box.high[i] = centres ? a + b / 2 : a < b ? b : a;
    }
    return box;
}

static float area_of(const struct box *box) {
    return (box->high[0] - box->low[0]) * (box->high[1] - box->low[1]);
}

/* Whether the intersection of two boxes is more than that part of their union. */
static bool overlap(const struct box *a, const struct box *b, float most) {
    struct box both;
    for (int i = 0; i < 2; i++) {
        both.low[i] = a->low[i] > b->low[i] ? a->low[i] : b->low[i];
        both.high[i] = a->high[i] < b->high[i] ? a->high[i] : b->high[i];
        if (!(both.high[i] > both.low[i])) return false;
    }
    float area = area_of(&both), whole = area_of(a) + area_of(b) - area;
    return whole > 0 && area / whole > most;
}

static float number_at(const struct fmap_run *run, const struct fmap_step *step, size_t i, float fallback) {
    const struct suppression_job *job = step->job;
    return job->given[i] ? *fmap_at(run, &step->operands[i]) : fallback;
}

/* A heap whose root is the best: keys are turned around, and indices too, so that of equal ones the first comes first. */
static int64_t collect(const struct fmap_run *run, const struct fmap_step *step, const float *scores,
                       struct fmap_candidate *heap) {
    const struct suppression_job *job = step->job;
    float least = number_at(run, step, LEAST_SCORE, 0);
    int64_t n = 0;
    for (int64_t i = 0; i < job->boxes; i++) {
        bool wanted = job->given[LEAST_SCORE] ? scores[i] > least : scores[i] == scores[i];
        if (wanted) heap[n++] = (struct fmap_candidate){~fmap_key_of_float(scores[i]), -i};
    }
    fmap_candidate_heap(heap, n);
    return n;
}

/* One class of one image: the best box that overlaps none of those kept, and so on. */
static void suppress_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct suppression_job *job = step->job;
    const float *boxes = fmap_at(run, &step->operands[BOXES]) + part / job->classes * job->boxes * 4;
    const float *scores = fmap_at(run, &step->operands[SCORES]) + part * job->boxes;
    int64_t *kept = (int64_t *)fmap_elements_at(run, &step->operands[INPUTS]) + part * job->most, n_kept = 0;
    struct fmap_candidate *heap = (struct fmap_candidate *)(void *)run->scratch;
    float most_overlap = number_at(run, step, OVERLAP, 0);
    int64_t most = *(const int64_t *)fmap_elements_at(run, &step->operands[MOST]);
    if (most > job->most) most = job->most;
    int64_t n = collect(run, step, scores, heap);
    while (n > 0 && n_kept < most) {
        int64_t index = -heap[0].index;
        heap[0] = heap[--n];
        if (n > 0) fmap_candidate_sink(heap, n, 0);
        struct box box = box_at(boxes + index * 4, job->centres);
        bool free = true;
        for (int64_t i = 0; i < n_kept && free; i++) {
            struct box other = box_at(boxes + kept[i] * 4, job->centres);
            free = !overlap(&box, &other, most_overlap);
        }
        if (free) kept[n_kept++] = index;
    }
    while (n_kept < job->most) kept[n_kept++] = -1;
}

/* Operands: what was kept of each class, and the rows. */
struct join_job {
    int64_t classes, most; /* of an image; of a class */
    int64_t total;         /* rows at most */
    size_t count;          /* where the run leaves the number of rows */
};

/* What was kept of all classes, one behind the other. */
static void join_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct join_job *job = step->job;
    const int64_t *kept = fmap_elements_at(run, &step->operands[0]);
    int64_t *rows = fmap_elements_at(run, &step->operands[1]), n = 0;
    (void)part;
    for (int64_t i = 0; i < job->total; i++) {
        if (kept[i] < 0) continue;
        rows[3 * n] = i / job->most / job->classes;
        rows[3 * n + 1] = i / job->most % job->classes;
        rows[3 * n + 2] = kept[i];
        n++;
    }
    run->counts[job->count] = n;
    for (int64_t i = 3 * n; i < 3 * job->total; i++) rows[i] = -1;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct suppression_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    const fmap_shape *scores = &fmap_input_value(graph, node, SCORES)->shape;
    struct suppression_job job = {
        .classes = scores->dims[1], .boxes = scores->dims[2], .centres = parameters->centres};
    struct join_job join = {.classes = job.classes};
    TRY(most_of_class(graph, node, job.boxes, &job.most, planning->error));
    join.most = job.most;
    join.total = graph->values[node->outputs[0]].shape.dims[0];
    struct fmap_operand operands[INPUTS + 1], rows;
    TRY(fmap_planning_read(planning, fmap_node_input(graph, node, BOXES), FMAP_FORM_PLAIN, &operands[BOXES]));
    for (size_t i = 1; i < INPUTS; i++) {
        job.given[i] = has(graph, node, i);
        operands[i] = operands[BOXES];
        if (job.given[i])
            TRY(fmap_planning_read(planning, fmap_node_input(graph, node, i), FMAP_FORM_PLAIN, &operands[i]));
    }
    TRY(fmap_planning_temporary(planning, (size_t)join.total * sizeof(int64_t), &operands[INPUTS]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &rows));
    TRY(fmap_planning_count(planning, node->outputs[0], &join.count));
    TRY(fmap_planning_step(planning, &(struct fmap_step_definition){
                                         .part = suppress_part,
                                         .job = &job,
                                         .job_bytes = sizeof job,
                                         .operands = operands,
                                         .n_operands = INPUTS + 1,
                                         .parts = join.total ? scores->dims[0] * job.classes : 0,
                                         .scratch_bytes = (size_t)job.boxes * sizeof(struct fmap_candidate),
                                         .kernel = "suppress",
                                         .node = node}));
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = join_part,
                                                 .job = &join,
                                                 .job_bytes = sizeof join,
                                                 .operands = (struct fmap_operand[]){operands[INPUTS], rows},
                                                 .n_operands = 2,
                                                 .parts = 1,
                                                 .kernel = "suppress_join",
                                                 .node = node});
}

const struct fmap_layer fmap_layer_non_max_suppression = {.op = "NonMaxSuppression",
                                                          .min_inputs = 2,
                                                          .max_inputs = INPUTS,
                                                          .max_outputs = 1,
                                                          .parse = parse,
                                                          .shape = shape,
                                                          .plan = plan,
                                                          .never_fold = true};
