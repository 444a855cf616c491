/* Weights of a dense layer in the order in which they are read. */
#include "runtime/layers/gemv.h"

#include <string.h>

struct fmap_terms fmap_dense_terms(const struct fmap_dense_problem *problem) {
    int64_t channels = problem->depth, positions = 1;
    if (problem->map[0] > 0) {
        channels = problem->map[0];
        positions = problem->map[1] * problem->map[2];
    }
    int rest = (int)(channels % FMAP_BLOCK);
    return (struct fmap_terms){
        .n_blocks = channels / FMAP_BLOCK * positions, .n_rests = rest ? positions : 0, .rest_lanes = rest};
}

/* Some outputs of one block of channels: where they come from and where they go. */
struct block {
    const void *weights;
    char *packed;
    bool bf16;
    int64_t width; /* of a row of the panel */
    int64_t first_output, n_outputs, output_stride;
    int64_t first_channel, lanes, channel_stride;
    int64_t positions, position_stride;
    float scale;
};

/* The nearest bfloat16, ties to even: what carries beyond the largest becomes infinity by itself. NaN keeps its sign and
 * what it says in its upper half. */
static uint16_t bf16_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) return (uint16_t)(bits >> 16 | 0x0040);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void pack_row(const struct block *block, int64_t o, int64_t o_end, int64_t position, int64_t lane) {
    int64_t to = (position * block->lanes + lane) * block->width;
    int64_t from = (block->first_channel + lane) * block->channel_stride + position * block->position_stride;
    from += block->first_output * block->output_stride;
    float *floats = (float *)(void *)block->packed + to;
    uint16_t *halves = (uint16_t *)(void *)block->packed + to;
    for (; o < o_end; o++) {
        float weight = fmap_float_at(block->weights, from + o * block->output_stride) * block->scale;
        if (block->bf16)
            halves[o] = bf16_of(weight);
        else
            floats[o] = weight;
    }
}

/* Outputs are innermost where they lie side by side, outermost where a whole sum's weights do. */
static void pack_block(const struct block *block) {
    int64_t step = block->output_stride == 1 ? block->n_outputs : 1;
    for (int64_t o = 0; o < block->n_outputs; o += step) {
        for (int64_t position = 0; position < block->positions; position++) {
            for (int64_t lane = 0; lane < block->lanes; lane++) pack_row(block, o, o + step, position, lane);
        }
    }
}

struct dense_pack {
    struct fmap_dense_problem problem;
    struct fmap_dense_panels panels;
};

static void pack_panel(const void *dense_pack, int64_t panel, float *all) {
    const struct dense_pack *pack = dense_pack;
    const struct fmap_dense_problem *problem = &pack->problem;
    const struct fmap_dense_panels *panels = &pack->panels;
    int64_t bytes = fmap_weight_bytes(panels);
    char *packed = (char *)all + panel * panels->panel_vectors * panels->lanes * panels->n_terms * bytes;
    int64_t channels = problem->depth, positions = 1, of_depth = problem->transposed ? 1 : problem->columns;
    if (problem->map[0] > 0) {
        channels = problem->map[0];
        positions = problem->map[1] * problem->map[2];
    }
    struct block block = {.weights = problem->weights,
                          .packed = packed,
                          .bf16 = panels->bf16,
                          .width = fmap_panel_vectors(panels, panel) * panels->lanes,
                          .first_output = panel * panels->panel_vectors * panels->lanes,
                          .output_stride = problem->transposed ? problem->depth : 1,
                          .channel_stride = of_depth * (problem->map_pixels ? 1 : positions),
                          .positions = positions,
                          .position_stride = of_depth * (problem->map_pixels ? channels : 1),
                          .scale = problem->weight_scale};
    int64_t rest = problem->columns - block.first_output;
    block.n_outputs = rest < block.width ? rest : block.width;
    for (int64_t i = 0; block.n_outputs < block.width && i < panels->n_terms; i++) {
        memset(packed + (i * block.width + block.n_outputs) * bytes, 0,
               (size_t)((block.width - block.n_outputs) * bytes));
    }
    for (; block.first_channel < channels; block.first_channel += FMAP_BLOCK) {
        int64_t left = channels - block.first_channel;
        block.lanes = left < FMAP_BLOCK ? left : FMAP_BLOCK;
        pack_block(&block);
        block.packed += positions * block.lanes * block.width * bytes;
    }
    if (panel == panels->n_panels - 1) { /* half of the last float */
        int64_t n = panels->n_vectors * panels->lanes * panels->n_terms;
        memset((char *)all + n * bytes, 0, (size_t)(n * bytes % (int64_t)sizeof *all));
    }
}

fmap_status fmap_dense_pack(struct fmap_planning *planning, const struct fmap_dense_problem *problem,
                            const struct fmap_dense_panels *panels, struct fmap_operand *weights,
                            const float **bias) {
    float *packed_bias;
    int64_t n_outputs = panels->n_vectors * panels->lanes;
    TRY(fmap_planning_weights(planning, (size_t)n_outputs, &packed_bias));
    for (int64_t o = 0; problem->bias && o < problem->columns; o++) {
        packed_bias[o] = fmap_float_at(problem->bias, o) * problem->bias_scale;
    }
    *bias = packed_bias;
    struct dense_pack pack = {.problem = *problem, .panels = *panels};
    struct fmap_packer packer = {
        .kind = panels->bf16 ? "dense_bf16" : "dense",
        .source = {.floats = problem->weights, .n = problem->depth * problem->columns},
        .numbers = {problem->depth, problem->columns, problem->transposed, problem->map[0], problem->map[1],
                    problem->map[2], problem->map_pixels, panels->n_vectors, panels->panel_vectors},
        .n_numbers = 9,
        .factor = problem->weight_scale,
        .n_floats = (n_outputs * panels->n_terms * fmap_weight_bytes(panels) + 3) / 4,
        .parts = panels->n_panels,
        .part = pack_panel,
        .job = &pack,
        .job_bytes = sizeof pack};
    return fmap_planning_pack(planning, &packer, weights);
}
