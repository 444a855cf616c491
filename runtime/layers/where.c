/* Where: of two values the one that a bool chooses, for every element, with numpy's broadcasting. */
#include "runtime/layer.h"
#include "runtime/layers/broadcast.h"
#include "runtime/layers/elements.h"

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    fmap_shape out;
    TRY(fmap_expect_type(graph, node, 0, FMAP_TYPES(FMAP_BOOL), error));
    TRY(fmap_expect_type(graph, node, 1, FMAP_ANY_TYPE, error));
    fmap_type type = fmap_input_value(graph, node, 1)->type;
    TRY(fmap_expect_type(graph, node, 2, FMAP_TYPES(type), error));
    TRY(fmap_broadcast_shape(graph, node, &out, error));
    return fmap_set_output_type(graph, node, 0, type, &out);
}

struct where_job {
    struct fmap_broadcast rows;
    size_t bytes;
    struct fmap_cut cut; /* of rows */
};

/* Steps are 0 or 1, in elements. */
#define CHOOSE(name, type) \
    static void name(const uint8_t *condition, const void *a, const void *b, const int64_t *steps, \
                     void *dst, int64_t n) { \
        const type *x = a, *y = b; \
        type *to = dst; \
        for (int64_t i = 0; i < n; i++) to[i] = condition[i * steps[0]] ? x[i * steps[1]] : y[i * steps[2]]; \
    }
CHOOSE(choose_1, uint8_t)
CHOOSE(choose_4, uint32_t)
CHOOSE(choose_8, uint64_t)

static void where_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct where_job *job = step->job;
    const uint8_t *condition = fmap_elements_at(run, &step->operands[0]);
    const char *a = fmap_elements_at(run, &step->operands[1]), *b = fmap_elements_at(run, &step->operands[2]);
    char *dst = fmap_elements_at(run, &step->operands[3]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    int64_t length = fmap_broadcast_length(&job->rows), bytes = (int64_t)job->bytes;
    int64_t steps[3] = {fmap_broadcast_step(&job->rows, 0), fmap_broadcast_step(&job->rows, 1),
                        fmap_broadcast_step(&job->rows, 2)};
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t from[FMAP_MOST_OPERANDS];
        fmap_broadcast_offsets(&job->rows, row, from);
        (bytes == 1   ? choose_1
         : bytes == 4 ? choose_4
                      : choose_8)(condition + from[0], a + from[1] * bytes, b + from[2] * bytes, steps,
                                  dst + row * length * bytes, length);
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_graph_value *out = &planning->graph->values[node->outputs[0]];
    const fmap_shape *shapes[3];
    struct fmap_operand operands[4];
    for (size_t i = 0; i < 3; i++) {
        shapes[i] = &fmap_input_value(planning->graph, node, i)->shape;
        TRY(fmap_planning_read(planning, fmap_node_input(planning->graph, node, i), FMAP_FORM_PLAIN,
                               &operands[i]));
    }
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[3]));
    struct where_job job = {.rows = fmap_broadcast_of(shapes, 3, &out->shape),
                            .bytes = fmap_type_bytes(out->type)};
    job.cut = fmap_cut_of(planning, job.rows.n, fmap_dim_product(16, fmap_broadcast_length(&job.rows)), 1);
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = where_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 4,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "where",
                                                                       .node = node});
}

const struct fmap_layer fmap_layer_where = {.op = "Where",
                                            .min_inputs = 3,
                                            .max_inputs = 3,
                                            .max_outputs = 1,
                                            .shape = shape,
                                            .plan = plan,
                                            .by_image = true};
