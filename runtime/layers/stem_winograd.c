/* Winograd along the rows of a stem: which layers, their weights, and where the terms of a sum are. With a stride, each phase of
 * the kernel's columns is a filter of its own, and all are summed before the output is transformed back. */
#include "runtime/layers/stem_job.h"
#include "runtime/layers/winograd_matrix.h"

/* In multiply-adds of a vector of outputs: beginning and storing a sum; bringing a product to memory and back and transforming it;
 * and what a point of the input takes, of which one makes as many tiles as a vector has lanes. */
static const double EACH_SUM = 3, EACH_PRODUCT = 10, EACH_POINT = 12;

/* Transforms and what is left over at the end of a row: only where there is clearly something to gain. */
static const double CLEARLY = 0.85;

static const int64_t OUTPUT = FMAP_STEM_WINOGRAD_OUTPUT;

/* Fewer sums side by side, in vectors of 16, wait for their own multiply-adds. */
static const int64_t LEAST_SUMS = 8;

static int64_t tiles_of(const struct fmap_tiles_problem *problem) {
    return (problem->out[1] + OUTPUT - 1) / OUTPUT;
}

/* Of a row of outputs. */
static double direct_cost(const struct fmap_tiles_problem *problem, double vectors) {
    double terms = (double)(problem->channels * problem->kernel[0] * problem->kernel[1]);
    return (double)problem->out[1] * vectors * (terms + EACH_SUM);
}

static double winograd_cost(const struct fmap_tiles_problem *problem, double vectors) {
    double points = (double)(fmap_stem_winograd_taps(problem) + OUTPUT - 1);
    double lines = (double)(problem->channels * problem->strides[1]);
    double sums = vectors * (lines * (double)problem->kernel[0] + EACH_PRODUCT);
    double inputs = lines * (double)problem->strides[0] * EACH_POINT / FMAP_BLOCK;
    return (double)tiles_of(problem) * points * (sums + inputs);
}

bool fmap_stem_winograd_wanted(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm) {
    int64_t taps = fmap_stem_winograd_taps(problem);
    bool free = algorithm == FMAP_ALGORITHM_BEST || algorithm == FMAP_ALGORITHM_FASTEST;
    if (!free || taps < 3 || taps > 5 || problem->dilations[1] != 1) return false;
    if (problem->strides[1] > FMAP_STEM_WINOGRAD_MAX_STRIDE) return false;
    if (tiles_of(problem) * fmap_blocks_of(problem->outputs) < LEAST_SUMS) return false;
    double vectors = (double)fmap_blocks_of(problem->outputs);
    return winograd_cost(problem, vectors) < CLEARLY * direct_cost(problem, vectors);
}

void fmap_stem_winograd_set(const struct fmap_kernels *kernels, const struct fmap_tiles_problem *problem,
                            struct fmap_stem_job *job) {
    int64_t taps = fmap_stem_winograd_taps(problem);
    job->points = taps + OUTPUT - 1;
    job->tiles_per_row = tiles_of(problem);
    job->tiles_width = fmap_blocks_of(job->tiles_per_row) * FMAP_BLOCK;
    switch (taps) {
    case 3:
        job->transform = kernels->stem_winograd3_input;
        job->transform_back = kernels->stem_winograd3_output;
        break;
    case 4:
        job->transform = kernels->stem_winograd4_input;
        job->transform_back = kernels->stem_winograd4_output;
        break;
    default:
        job->transform = kernels->stem_winograd5_input;
        job->transform_back = kernels->stem_winograd5_output;
    }
}

struct stem_winograd_pack {
    struct fmap_tiles_problem problem;
    struct fmap_tiling panels;
    int64_t lanes;
    struct fmap_winograd_matrix matrix;
};

/* The taps of one phase of one output, row and channel; 0 where a phase has fewer. */
static void taps_of(const struct stem_winograd_pack *pack, int64_t output, int64_t row, int64_t channel,
                    int64_t phase, double *taps) {
    const struct fmap_tiles_problem *problem = &pack->problem;
    const int64_t *strides = problem->weight_strides;
    for (int64_t k = 0; k < pack->matrix.kernel; k++) {
        int64_t column = k * problem->strides[1] + phase;
        bool exists = output < problem->outputs && column < problem->kernel[1];
        int64_t at = output * strides[0] + channel * strides[1] + row * strides[2] + column * strides[3];
        taps[k] = exists ? (double)fmap_tiles_weight(problem, output, at) : 0;
    }
}

/* [point][kernel row][channel][phase][output of the panel] */
static void pack_panel(const void *stem_winograd_pack, int64_t panel, float *packed) {
    const struct stem_winograd_pack *pack = stem_winograd_pack;
    const struct fmap_tiles_problem *problem = &pack->problem;
    const struct fmap_winograd_matrix *matrix = &pack->matrix;
    int64_t lines = problem->channels * problem->strides[1], n = problem->kernel[0] * lines;
    int64_t first = fmap_piece_begin(pack->panels.n_vectors, pack->panels.n_panels, panel) * pack->lanes;
    int64_t width = fmap_piece_length(pack->panels.n_vectors, pack->panels.n_panels, panel) * pack->lanes;
    packed += first * n * matrix->patch;
    for (int64_t i = 0; i < n * width; i++) {
        int64_t term = i / width, line = term % lines;
        double taps[FMAP_WINOGRAD_MAX_KERNEL];
        taps_of(pack, first + i % width, term / lines, line / problem->strides[1], line % problem->strides[1],
                taps);
        for (int64_t p = 0; p < matrix->patch; p++) {
            double sum = 0;
            for (int64_t k = 0; k < matrix->kernel; k++) sum += matrix->rows[p][k] * taps[k];
            packed[p * n * width + i] = (float)sum;
        }
    }
}

fmap_status fmap_stem_winograd_pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                                    const struct fmap_stem_job *job, int32_t *terms,
                                    struct fmap_operand *weights) {
    int64_t lines = job->channels * job->strides[1], n = fmap_stem_n_terms(job);
    for (int64_t t = 0; t < n; t++) {
        terms[t] = (int32_t)(t / lines * job->dilations[0] * fmap_stem_row_floats(job) +
                             t % lines * job->points * job->tiles_width);
    }
    struct stem_winograd_pack pack = {.problem = *problem,
                                      .panels = job->tiling,
                                      .lanes = planning->kernels->lanes,
                                      .matrix = fmap_winograd_matrix_of(OUTPUT, job->points - OUTPUT + 1, 1)};
    struct fmap_packer packer = fmap_tiles_packer(problem, "stem_winograd");
    fmap_packer_add(&packer, job->strides[1]);
    fmap_packer_add(&packer, job->tiling.n_vectors);
    fmap_packer_add(&packer, job->tiling.n_panels);
    packer.n_floats = job->points * n * job->tiling.n_vectors * pack.lanes;
    packer.parts = job->tiling.n_panels;
    packer.part = pack_panel;
    packer.job = &pack;
    packer.job_bytes = sizeof pack;
    return fmap_planning_pack(planning, &packer, weights);
}
