/* Output pixels whose positions leave the same remainder by the stride, a phase, are made of the same elements of the
 * kernel: each phase is an ordinary convolution with stride 1, whose output pixels lie `strides` apart. */
#include "runtime/layers/conv_transpose_phases.h"

#include "runtime/layer.h"

#include <string.h>

/* Each phase is a step. */
static const int64_t MOST_PHASES = 4096;

/* The outputs phase, phase + stride, ... of one axis as a convolution with stride 1: tap j is element first + j * step of
 * the kernel (step is negative, sources ascend), and output t reads source t - pad + j * dilation. */
struct phase {
    int64_t n_outputs, n_taps, first, step, dilation, pad;
};

static int64_t common_divisor(int64_t a, int64_t b) { return b == 0 ? a : common_divisor(b, a % b); }

static struct phase phase_of(const struct fmap_window_size *size, int axis, int64_t number) {
    int64_t stride = size->strides[axis], dilation = size->dilations[axis], kernel = size->kernel[axis];
    int64_t common = common_divisor(stride, dilation), step = stride / common,
            position = number + size->pads[axis];
    struct phase phase = {.n_outputs = (size->out[axis] - number + stride - 1) / stride,
                          .step = -step,
                          .dilation = dilation / common};
    for (int64_t first = 0; first < step && first < kernel; first++) {
        if ((position - first * dilation) % stride != 0) continue;
        phase.n_taps = (kernel - first + step - 1) / step;
        phase.first = first + step * (phase.n_taps - 1);
        phase.pad = phase.dilation * (phase.n_taps - 1) - (position - first * dilation) / stride;
    }
    return phase;
}

/* The phase's part of the kernel as the weights of a convolution, [o][c / group][rows][columns]. */
static fmap_status phase_weights(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const struct phase *rows, const struct phase *columns,
                                 struct fmap_tiles_problem *problem) {
    const struct fmap_graph_value *weights = fmap_input_value(planning->graph, node, 1);
    const fmap_shape *w = &weights->shape;
    int64_t width = w->dims[w->rank - 1], height = w->rank == 4 ? w->dims[2] : 1;
    int64_t channels = problem->channels / problem->groups, outputs = problem->outputs / problem->groups;
    int64_t taps = rows->n_taps * columns->n_taps;
    float *to = fmap_storage_take(&planning->storage, (size_t)(problem->outputs * channels * taps),
                                  sizeof *to);
    if (!to) return fmap_planning_out_of_memory(planning);
    problem->weights = to;
    for (int64_t o = 0; o < problem->outputs; o++) {
        for (int64_t i = 0; i < channels; i++) {
            int64_t from = ((o / outputs * channels + i) * outputs + o % outputs) * height * width;
            for (int64_t tap = 0; tap < taps; tap++) {
                int64_t ky = rows->first + tap / columns->n_taps * rows->step,
                        kx = columns->first + tap % columns->n_taps * columns->step;
                *to++ = fmap_float_at(weights->data, from + ky * width + kx);
            }
        }
    }
    return FMAP_OK;
}

/* One phase of both axes. */
static fmap_status plan_phase(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_window_size *size, const int64_t *number,
                              struct fmap_tiles_problem problem) {
    struct phase phases[2];
    for (int axis = 0; axis < 2; axis++) {
        phases[axis] = phase_of(size, axis, number[axis]);
        if (phases[axis].n_outputs < 1) return FMAP_OK;
    }
    /* Outputs that nothing is added to are the bias: a kernel of one element beside the image. */
    if (phases[0].n_taps * phases[1].n_taps == 0) {
        phases[0] = (struct phase){
            .n_outputs = phases[0].n_outputs, .n_taps = 1, .dilation = 1, .pad = phases[0].n_outputs};
        phases[1] = (struct phase){.n_outputs = phases[1].n_outputs, .n_taps = 1, .dilation = 1};
    }
    TRY(phase_weights(planning, node, &phases[0], &phases[1], &problem));
    int64_t taps = phases[0].n_taps * phases[1].n_taps, channels = problem.channels / problem.groups;
    int64_t strides[4] = {channels * taps, taps, phases[1].n_taps, 1};
    memcpy(problem.weight_strides, strides, sizeof strides);
    for (int axis = 0; axis < 2; axis++) {
        problem.out[axis] = phases[axis].n_outputs;
        problem.kernel[axis] = phases[axis].n_taps;
        problem.dilations[axis] = phases[axis].dilation;
    }
    problem.pad_top = phases[0].pad;
    problem.pad_left = phases[1].pad;
    fmap_operand_advance(&problem.dst, (number[0] * size->out[1] + number[1]) * FMAP_BLOCK);
    return fmap_planning_tiles(planning, node, &problem);
}

static fmap_status plan_phases(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_window_size *size,
                               const struct fmap_tiles_problem *problem) {
    int64_t rows = fmap_least(size->strides[0], size->out[0]),
            columns = fmap_least(size->strides[1], size->out[1]);
    if (rows > MOST_PHASES || columns > MOST_PHASES || rows * columns > MOST_PHASES) {
        return fmap_fail_node(planning->graph, node, planning->error, FMAP_ERROR_UNSUPPORTED,
                              "strides of %lld x %lld, expected a product of at most %lld",
                              (long long)size->strides[0], (long long)size->strides[1],
                              (long long)MOST_PHASES);
    }
    for (int64_t phase = 0; phase < rows * columns; phase++) {
        int64_t number[2] = {phase / columns, phase % columns};
        TRY(plan_phase(planning, node, size, number, *problem));
    }
    return FMAP_OK;
}

/* Whether input pixels do not share outputs, so that all phases read the same ones. */
static bool is_apart(const struct fmap_window_size *size, const struct fmap_tiles_problem *problem) {
    bool apart = problem->groups == 1 && problem->in[0] * problem->in[1] > 1;
    for (int axis = 0; axis < 2; axis++) {
        apart = apart && size->kernel[axis] == size->strides[axis] && size->dilations[axis] == 1 &&
                size->pads[axis] == 0 && size->out[axis] == size->in[axis] * size->strides[axis];
    }
    return apart;
}

/* All phases in one step: a 1x1 convolution whose outputs are the phases', each filled up to whole blocks. */
static fmap_status plan_apart(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_window_size *size, struct fmap_tiles_problem problem) {
    const void *kernel = fmap_input_value(planning->graph, node, 1)->data;
    int64_t phases = size->kernel[0] * size->kernel[1], outputs = problem.outputs,
            channels = problem.channels;
    problem.phase_outputs = fmap_blocks_of(outputs) * FMAP_BLOCK;
    problem.phase_columns = size->kernel[1];
    problem.phase_row_stride = size->out[1] * FMAP_BLOCK;
    problem.outputs = phases * problem.phase_outputs;
    float *weights = fmap_storage_take(&planning->storage, (size_t)(problem.outputs * channels),
                                       sizeof *weights);
    float *bias = fmap_storage_take(&planning->storage, (size_t)problem.outputs, sizeof *bias);
    if (!weights || !bias) return fmap_planning_out_of_memory(planning);
    for (int64_t i = 0; i < phases * outputs; i++) {
        int64_t phase = i / outputs, o = i % outputs, to = phase * problem.phase_outputs + o;
        if (problem.bias) bias[to] = fmap_float_at(problem.bias, o);
        for (int64_t c = 0; c < channels; c++)
            weights[to * channels + c] = fmap_float_at(kernel, (c * outputs + o) * phases + phase);
    }
    problem.weights = weights;
    problem.bias = bias;
    int64_t strides[4] = {channels, 1, 1, 1};
    memcpy(problem.weight_strides, strides, sizeof strides);
    for (int axis = 0; axis < 2; axis++) {
        problem.out[axis] = problem.in[axis];
        problem.kernel[axis] = problem.dilations[axis] = 1;
    }
    return fmap_planning_tiles(planning, node, &problem);
}

fmap_status fmap_plan_transposed_phases(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                        const struct fmap_window_size *size,
                                        const struct fmap_tiles_problem *problem) {
    return is_apart(size, problem) ? plan_apart(planning, node, size, *problem)
                                   : plan_phases(planning, node, size, problem);
}
