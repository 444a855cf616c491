/* A dense layer for several images. All rows pass over a piece of the weights while it is in the second cache: from
 * memory every weight comes once. */
#include "runtime/layers/gemv.h"

/* Of a piece: blocks of 16 terms. A panel's piece takes 64 KB, that of a hundred rows 200. */
enum { PIECE_BLOCKS = 32 };

/* Rows that pass over a piece of weights before the next: as many as the second cache holds beside it. */
enum { MOST_ROWS = 128 };

enum { LINE_BYTES = 64 };

/* Tiles that would each widen the weights anew: from so many on it is done once for all of them. */
enum { LEAST_WIDENING_TILES = 2 };

struct rows_job {
    struct fmap_dense_panels panels;
    struct fmap_terms terms;
    const float *bias;
    int64_t rows, row_blocks; /* of all; into how many blocks they are cut */
    int64_t most_tile_rows;
    int64_t src_stride, dst_stride;
    int64_t panel_parts;
    bool widens; /* weights of bfloat16, once for all tiles of a piece */
    struct fmap_activate_job activate;
};

/* What the loops of a part agree on. */
struct walk {
    const struct rows_job *job;
    const struct fmap_kernels *kernels;
    const float *src;
    const char *weights;
    float *dst;
    float *widened; /* bfloat16 as floats, a panel's piece; NULL: every tile reads the weights as they are */
    int64_t row, row_end, panel, panel_end;
};

/* Blocks [block, end) of the terms, and how many terms come before them. */
static struct fmap_terms piece_of(const struct fmap_terms *terms, int64_t block, int64_t end,
                                  int64_t *before) {
    int64_t whole = fmap_least(block, terms->n_blocks), whole_end = fmap_least(end, terms->n_blocks);
    *before = whole * FMAP_BLOCK + (block - whole) * terms->rest_lanes;
    return (struct fmap_terms){.n_blocks = whole_end - whole,
                               .n_rests = end - whole_end - (block - whole),
                               .rest_lanes = terms->rest_lanes};
}

/* One panel's piece for all rows of the part, tile by tile. Meanwhile each tile fetches its share of the next piece. */
static void run_piece(const struct walk *walk, int64_t panel, int64_t block, int64_t end, const char *next) {
    const struct rows_job *job = walk->job;
    int64_t before, rows = walk->row_end - walk->row, width = job->panels.panel_vectors * job->panels.lanes;
    int64_t vectors = fmap_panel_vectors(&job->panels, panel);
    int64_t n_tiles = (rows + job->most_tile_rows - 1) / job->most_tile_rows;
    bool last = end == job->terms.n_blocks + job->terms.n_rests;
    struct fmap_dense_tile tile = {.src_row_stride = job->src_stride,
                                   .terms = piece_of(&job->terms, block, end, &before),
                                   .bias = block == 0 ? job->bias + panel * width : NULL,
                                   .dst_row_stride = job->dst_stride};
    if (last) tile.activate = job->activate;
    int64_t n_terms = tile.terms.n_blocks * FMAP_BLOCK, bytes = fmap_weight_bytes(&job->panels);
    const char *weights = walk->weights +
                          (panel * width * job->panels.n_terms + before * vectors * job->panels.lanes) *
                              bytes;
    tile.weights = weights;
    if (walk->widened) {
        int64_t n = (n_terms + tile.terms.n_rests * tile.terms.rest_lanes) * vectors * job->panels.lanes;
        walk->kernels->widen(
            &(struct fmap_widen){.src = (const void *)weights, .dst = walk->widened, .n = n});
        tile.weights = walk->widened;
    }
    fmap_dense_function *const *kernels = job->panels.bf16 && !walk->widened
                                              ? walk->kernels->dense_bf16[vectors]
                                              : walk->kernels->dense[vectors];
    for (int64_t i = 0; i < n_tiles; i++) {
        int64_t row = walk->row + fmap_piece_begin(rows, n_tiles, i);
        int64_t share = i * n_terms * LINE_BYTES; /* four lines with every four terms */
        bool fetch = next && share < n_terms * vectors * job->panels.lanes * bytes;
        tile.prefetch = fetch ? (const void *)(next + share) : tile.weights;
        tile.prefetch_step = fetch ? 4 * FMAP_BLOCK : 0;
        tile.src = walk->src + block * FMAP_BLOCK + row * job->src_stride;
        tile.dst = walk->dst + row * job->dst_stride + panel * width;
        kernels[fmap_piece_length(rows, n_tiles, i)](&tile);
    }
}

static void rows_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct rows_job *job = step->job;
    const struct fmap_dense_panels *panels = &job->panels;
    int64_t row_block = part / job->panel_parts, panel_part = part % job->panel_parts;
    struct walk walk = {.job = job,
                        .kernels = run->kernels,
                        .src = fmap_at(run, &step->operands[0]),
                        .dst = fmap_at(run, &step->operands[1]),
                        .weights = fmap_elements_at(run, &step->operands[2]),
                        .widened = job->widens ? (float *)(void *)run->scratch : NULL,
                        .row = fmap_piece_begin(job->rows, job->row_blocks, row_block),
                        .panel = fmap_piece_begin(panels->n_panels, job->panel_parts, panel_part)};
    walk.row_end = walk.row + fmap_piece_length(job->rows, job->row_blocks, row_block);
    walk.panel_end = walk.panel + fmap_piece_length(panels->n_panels, job->panel_parts, panel_part);
    int64_t n_blocks = job->terms.n_blocks + job->terms.n_rests;
    int64_t bytes = panels->lanes * fmap_weight_bytes(panels); /* of a vector */
    int64_t stride = panels->panel_vectors * panels->n_terms * bytes;
    for (int64_t block = 0; block < n_blocks; block += PIECE_BLOCKS) {
        int64_t end = fmap_least(n_blocks, block + PIECE_BLOCKS), before;
        (void)piece_of(&job->terms, block, end, &before);
        for (int64_t panel = walk.panel; panel < walk.panel_end; panel++) {
            const char *next = NULL;
            if (panel + 1 < walk.panel_end) {
                next = walk.weights + (panel + 1) * stride +
                       before * fmap_panel_vectors(panels, panel + 1) * bytes;
            }
            run_piece(&walk, panel, block, end, next);
        }
    }
}

/* ---- planning -------------------------------------------------------------------------------------- */

/* Cycles of a tile per multiply-add, about: fewer than 12 accumulators do not hide its latency, and what is loaded for
 * them competes. */
static double cost_of(int64_t rows, int64_t vectors) {
    double products = (double)(rows * vectors), loads = (double)(rows + vectors);
    return (products < 12 ? 12 / products : 1) * (1 + 0.2 * loads / products);
}

/* The panels, and the tiles that their width allows, of which the thread that has most is ready first. */
static struct fmap_dense_panels choose_panels(const struct fmap_kernels *kernels, int64_t n_vectors,
                                              int64_t rows, int64_t threads) {
    struct fmap_dense_panels best = {0};
    double best_cost = 0;
    for (int64_t vectors = fmap_least(FMAP_TILE_MAX_VECTORS, n_vectors); vectors > 0; vectors--) {
        int64_t most = kernels->tile_pixels[vectors];
        if (most == 0) continue;
        int64_t n_panels = (n_vectors + vectors - 1) / vectors, n_tiles = (rows + most - 1) / most;
        int64_t share = fmap_least(n_vectors, (n_panels + threads - 1) / threads * vectors);
        double cost = (double)share * cost_of(rows / n_tiles, vectors);
        if (best.n_panels > 0 && cost >= best_cost) continue;
        best = (struct fmap_dense_panels){
            .n_vectors = n_vectors, .panel_vectors = vectors, .n_panels = n_panels, .lanes = kernels->lanes};
        best_cost = cost;
    }
    return best;
}

fmap_status fmap_planning_dense_rows(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                     const struct fmap_dense_problem *problem) {
    int64_t lanes = planning->kernels->lanes;
    int64_t threads = fmap_least(
        planning->plan->threads,
        fmap_planning_parts(planning, problem->rows * problem->depth * problem->columns));
    struct rows_job job = {.terms = fmap_dense_terms(problem),
                           .rows = problem->rows,
                           .src_stride = problem->src_stride,
                           .dst_stride = problem->dst_stride,
                           .activate = problem->activate};
    job.panels = choose_panels(planning->kernels, (problem->columns + lanes - 1) / lanes, problem->rows,
                               threads);
    job.panels.n_terms = problem->depth;
    job.panels.bf16 = planning->plan->weights == FMAP_WEIGHTS_BF16;
    job.most_tile_rows = planning->kernels->tile_pixels[job.panels.panel_vectors];
    job.panel_parts = fmap_least(job.panels.n_panels, threads);
    int64_t n_tiles = (problem->rows + job.most_tile_rows - 1) / job.most_tile_rows;
    job.row_blocks = fmap_least(n_tiles, (threads + job.panel_parts - 1) / job.panel_parts);
    int64_t fewest = (problem->rows + MOST_ROWS - 1) / MOST_ROWS;
    if (job.row_blocks < fewest) job.row_blocks = fewest;
    job.widens = job.panels.bf16 && n_tiles / job.row_blocks >= LEAST_WIDENING_TILES;
    int64_t piece = job.panels.panel_vectors * job.panels.lanes * PIECE_BLOCKS * FMAP_BLOCK;
    struct fmap_operand operands[3] = {problem->src, problem->dst};
    TRY(fmap_dense_pack(planning, problem, &job.panels, &operands[2], &job.bias));
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){
                      .part = rows_part,
                      .job = &job,
                      .job_bytes = sizeof job,
                      .operands = operands,
                      .n_operands = 3,
                      .parts = job.row_blocks * job.panel_parts,
                      .scratch_bytes = job.widens ? (size_t)piece * sizeof(float) : 0,
                      .kernel = fmap_kernel_text(planning, job.panels.bf16 ? "dense_bf16" : "dense").text,
                      .why = "several rows: a product of matrices",
                      .tile = {(int)job.most_tile_rows, (int)job.panels.panel_vectors},
                      .share = {{{.total = n_tiles, .pieces = job.row_blocks},
                                 {.total = job.panels.n_panels, .pieces = job.panel_parts}}},
                      .node = node});
}
