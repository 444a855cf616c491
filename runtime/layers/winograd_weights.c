#include "runtime/layers/winograd.h"
#include "runtime/layers/winograd_matrix.h"

#include <string.h>

/* A kernel's values, which are a square or a line; and points likewise. */
enum { MOST_VALUES = 25, MOST_POINTS = FMAP_WINOGRAD_MAX_PATCH * FMAP_WINOGRAD_MAX_PATCH };

/* Outputs whose kernels are transformed side by side: the loops over them become vectors. */
enum { SIDE = 8 };

/* The sum over k of g[k] * values[k], from the first on; values are `step` apart. */
static void combine(const double *g, double (*values)[SIDE], int64_t step, int64_t n, double *sums) {
    for (int o = 0; o < SIDE; o++) sums[o] = g[0] * values[0][o];
    for (int64_t k = 1; k < n; k++) {
        for (int o = 0; o < SIDE; o++) sums[o] += g[k] * values[k * step][o];
    }
}

/* G g G^T in double, with a G of each axis, rounded once: point p of the kernels [height][width][SIDE] at
 * points[p][SIDE]. */
static void transform(const struct fmap_winograd_matrix matrices[2], double (*kernels)[SIDE],
                      float (*points)[SIDE]) {
    const struct fmap_winograd_matrix *down = &matrices[0], *across = &matrices[1];
    for (int64_t i = 0; i < down->patch; i++) {
        double half[FMAP_WINOGRAD_MAX_KERNEL][SIDE], sums[SIDE];
        for (int64_t x = 0; x < across->kernel; x++)
            combine(down->rows[i], kernels + x, across->kernel, down->kernel, half[x]);
        for (int64_t j = 0; j < across->patch; j++, points++) {
            combine(across->rows[j], half, 1, across->kernel, sums);
            for (int o = 0; o < SIDE; o++) (*points)[o] = (float)sums[o];
        }
    }
}

/* The kernels of channel i and of SIDE outputs; zeros for those that there are not. */
static void gather(const struct fmap_tiles_problem *problem, int64_t i, int64_t first, int64_t n,
                   double (*kernels)[SIDE]) {
    const int64_t *strides = problem->weight_strides, width = problem->kernel[1];
    for (int64_t o = 0; o < SIDE; o++) {
        for (int64_t k = 0; k < problem->kernel[0] * width; k++) {
            int64_t at = (first + o) * strides[0] + i * strides[1] + k / width * strides[2] +
                         k % width * strides[3];
            kernels[k][o] = o < n ? (double)fmap_tiles_weight(problem, first + o, at) : 0;
        }
    }
}

/* [point][channel][output] of the outputs of a group from `first` on, before `end`; the rest of `row` are zeros. */
static void pack_panel(const struct fmap_tiles_problem *problem,
                       const struct fmap_winograd_matrix matrices[2], int64_t first, int64_t end, int64_t row,
                       float *packed) {
    int64_t group_channels = problem->channels / problem->groups;
    int64_t n_points = matrices[0].patch * matrices[1].patch, point_stride = group_channels * row;
    for (int64_t i = 0; i < group_channels; i++) {
        for (int64_t o = 0; o < row; o += SIDE) {
            double kernels[MOST_VALUES][SIDE];
            float points[MOST_POINTS][SIDE];
            gather(problem, i, first + o, fmap_least(end - first - o, SIDE), kernels);
            transform(matrices, kernels, points);
            float *to = packed + i * row + o;
            size_t bytes = (size_t)fmap_least(row - o, SIDE) * sizeof *to;
            for (int64_t p = 0; p < n_points; p++) memcpy(to + p * point_stride, points[p], bytes);
        }
    }
}

struct winograd_pack {
    struct fmap_tiles_problem problem;
    struct fmap_tiling panels;
    int64_t lanes;
    struct fmap_winograd_matrix matrices[2]; /* of rows, of columns */
};

static void pack_part(const void *winograd_pack, int64_t part, float *packed) {
    const struct winograd_pack *pack = winograd_pack;
    const struct fmap_tiles_problem *problem = &pack->problem;
    const struct fmap_tiling *panels = &pack->panels;
    int64_t group = part / panels->n_panels, panel = part % panels->n_panels;
    int64_t channels = problem->channels / problem->groups, outputs = problem->outputs / problem->groups;
    int64_t first = fmap_piece_begin(panels->n_vectors, panels->n_panels, panel) * pack->lanes;
    int64_t row = fmap_piece_length(panels->n_vectors, panels->n_panels, panel) * pack->lanes;
    int64_t points = pack->matrices[0].patch * pack->matrices[1].patch;
    int64_t before = group * panels->n_vectors * pack->lanes + first; /* outputs, whole vectors of them */
    pack_panel(problem, pack->matrices, group * outputs + first, (group + 1) * outputs, row,
               packed + points * channels * before);
}

fmap_status fmap_winograd_pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                               int64_t output, const struct fmap_tiling *panels,
                               struct fmap_operand *weights) {
    struct winograd_pack pack = {.problem = *problem, .panels = *panels, .lanes = planning->kernels->lanes};
    for (int axis = 0; axis < 2; axis++)
        pack.matrices[axis] = fmap_winograd_matrix_of(fmap_winograd_side(problem, output, axis),
                                                      problem->kernel[axis], problem->strides[axis]);
    struct fmap_packer packer = fmap_tiles_packer(problem, "winograd");
    fmap_packer_add(&packer, output);
    fmap_packer_add(&packer, problem->strides[0]);
    fmap_packer_add(&packer, panels->n_vectors);
    fmap_packer_add(&packer, panels->n_panels);
    packer.n_floats = fmap_winograd_points(problem, output) * problem->channels * panels->n_vectors *
                      pack.lanes;
    packer.parts = problem->groups * panels->n_panels;
    packer.part = pack_part;
    packer.job = &pack;
    packer.job_bytes = sizeof pack;
    return fmap_planning_pack(planning, &packer, weights);
}
