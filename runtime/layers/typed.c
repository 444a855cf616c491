#include "runtime/layers/typed.h"

#include "runtime/layer.h"
#include "runtime/layers/broadcast.h"
#include "runtime/layers/elements.h"

struct typed_job {
    fmap_typed_loop *loop;
    struct fmap_broadcast rows;
    int64_t bytes[FMAP_MOST_OPERANDS]; /* of an element of a, b, the output */
    struct fmap_cut cut;               /* of rows, or of the elements of the only one */
};

static void typed_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct typed_job *job = step->job;
    const char *a = fmap_elements_at(run, &step->operands[0]), *b = fmap_elements_at(run, &step->operands[1]);
    char *dst = fmap_elements_at(run, &step->operands[2]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    int64_t a_step = fmap_broadcast_step(&job->rows, 0), b_step = fmap_broadcast_step(&job->rows, 1);
    if (job->rows.n == 1) {
        job->loop(a + range.first * a_step * job->bytes[0], a_step, b + range.first * b_step * job->bytes[1],
                  b_step, dst + range.first * job->bytes[2], range.end - range.first);
        return;
    }
    int64_t length = fmap_broadcast_length(&job->rows);
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t from[FMAP_MOST_OPERANDS];
        fmap_broadcast_offsets(&job->rows, row, from);
        job->loop(a + from[0] * job->bytes[0], a_step, b + from[1] * job->bytes[1], b_step,
                  dst + row * length * job->bytes[2], length);
    }
}

fmap_status fmap_plan_typed(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            fmap_typed_loop *loop, fmap_value a, fmap_value b) {
    const struct fmap_graph_value *values = planning->graph->values;
    fmap_value out = node->outputs[0];
    const fmap_shape *shapes[2] = {&values[a].shape, &values[b].shape};
    struct typed_job job = {.loop = loop,
                            .rows = fmap_broadcast_of(shapes, 2, &values[out].shape),
                            .bytes = {(int64_t)fmap_type_bytes(values[a].type),
                                      (int64_t)fmap_type_bytes(values[b].type),
                                      (int64_t)fmap_type_bytes(values[out].type)}};
    int64_t length = fmap_broadcast_length(&job.rows);
    job.cut = job.rows.n == 1 ? fmap_cut_of(planning, length, 16, FMAP_BLOCK)
                              : fmap_cut_of(planning, job.rows.n, fmap_dim_product(16, length), 1);
    struct fmap_operand operands[3];
    TRY(fmap_planning_read(planning, a, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_read(planning, b, FMAP_FORM_PLAIN, &operands[1]));
    if (a == out)
        operands[2] = operands[0];
    else
        TRY(fmap_planning_write(planning, out, FMAP_FORM_PLAIN, &operands[2]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = typed_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 3,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = node->layer->op,
                                                                       .node = node});
}
