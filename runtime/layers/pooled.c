#include "runtime/layers/pooled.h"

#include "runtime/layers/pool.h"
#include "runtime/layers/row_ring.h"

/* Beyond these rows a ring should stay in the first cache. */
enum { LEAST_AT_ONCE = 4, NEAREST_BYTES = 16 * 1024 };

bool fmap_pooled_is_small(const struct fmap_pooled *pooled) {
    const struct fmap_window_size *window = &pooled->window;
    if (fmap_pooled_is_whole(pooled)) return window->in[0] <= 65536 && window->in[1] <= 65536;
    for (int i = 0; i < 2; i++) {
        if (window->kernel[i] > 16 || window->strides[i] > 16 || window->dilations[i] > 16) return false;
        if (window->pads[i] > 256 || window->pads[i + 2] > 256 || window->in[i] > 65536) return false;
    }
    return true;
}

static int64_t ring_rows(const struct fmap_pooled *pooled, int64_t at_once) {
    return (at_once - 1) * pooled->window.strides[0] + fmap_pooled_reach(pooled);
}

int64_t fmap_pooled_rows_at_once(const struct fmap_pooled *pooled, const int64_t *out, int64_t n_blocks,
                                 int64_t most_bytes) {
    int64_t line = n_blocks * out[1] * FMAP_BLOCK * (int64_t)sizeof(float), at_once = LEAST_AT_ONCE;
    if (fmap_pooled_is_whole(pooled)) return out[0] * line <= most_bytes;
    while (ring_rows(pooled, 2 * at_once) * line <= NEAREST_BYTES && at_once < pooled->window.out[0])
        at_once *= 2;
    while (at_once > 0 && ring_rows(pooled, at_once) * line > most_bytes) at_once--;
    return at_once;
}

fmap_status fmap_pooled_plan(struct fmap_planning *planning, const struct fmap_pooled *pooled,
                             const int64_t *out, int64_t at_once, struct fmap_pooled_rows *rows) {
    *rows = (struct fmap_pooled_rows){
        .pooled = *pooled, .out = {out[0], out[1]}, .at_once = at_once, .ring_rows = out[0]};
    if (fmap_pooled_is_whole(pooled)) return FMAP_OK;
    rows->ring_rows = ring_rows(pooled, at_once);
    if (pooled->kind != FMAP_POOLED_AVERAGE) return FMAP_OK;
    TRY(fmap_pool_counts(planning, &pooled->window, 0, pooled->count_padding, &rows->row_counts));
    return fmap_pool_counts(planning, &pooled->window, 1, pooled->count_padding, &rows->column_counts);
}

static struct fmap_row_window row_window(const struct fmap_pooled_rows *rows) {
    const struct fmap_window_size *window = &rows->pooled.window;
    return (struct fmap_row_window){.stride = window->strides[0],
                                    .pad = window->pads[0],
                                    .reach = fmap_pooled_reach(&rows->pooled),
                                    .height = rows->out[0]};
}

int64_t fmap_pooled_first_under(const struct fmap_pooled_rows *rows, int64_t first) {
    struct fmap_row_window window = row_window(rows);
    return fmap_pooled_is_whole(&rows->pooled) ? 0 : fmap_row_first_under(&window, first);
}

int64_t fmap_pooled_end_under(const struct fmap_pooled_rows *rows, int64_t end) {
    struct fmap_row_window window = row_window(rows);
    return fmap_pooled_is_whole(&rows->pooled) ? rows->out[0] : fmap_row_end_under(&window, end);
}

/* The ring holds the maps, one behind the other. */
static void take_whole(const struct fmap_pooled_rows *rows, const struct fmap_pooled_work *work) {
    bool average = rows->pooled.kind == FMAP_POOLED_WHOLE_AVERAGE;
    int64_t n = rows->out[0] * rows->out[1];
    work->kernels->reduce_maps(
        &(struct fmap_reduce_maps){.src = work->ring,
                                   .dst = work->dst,
                                   .n = n,
                                   .n_maps = work->n_blocks,
                                   .divisor = average ? (float)n : 1.0f,
                                   .op = average ? FMAP_REDUCE_SUM : FMAP_REDUCE_MAXIMUM});
}

/* Pooled rows [y, y + n) from the ring, whose first row is output row `first`. */
static void take_rows(const struct fmap_pooled_rows *rows, const struct fmap_pooled_work *work, int64_t first,
                      int64_t n_rows, int64_t y, int64_t n) {
    const struct fmap_window_size *size = &rows->pooled.window;
    struct fmap_window window = {.n_rows = n,
                                 .src_size = {n_rows, rows->out[1]},
                                 .dst_width = size->out[1],
                                 .kernel = {size->kernel[0], size->kernel[1]},
                                 .strides = {size->strides[0], size->strides[1]},
                                 .dilations = {size->dilations[0], size->dilations[1]},
                                 .pads = {first - (y * size->strides[0] - size->pads[0]), size->pads[1]}};
    for (int64_t block = 0; block < work->n_blocks; block++) {
        window.src = work->ring + block * fmap_pooled_block_floats(rows);
        window.dst = work->dst + (block * size->out[0] + y) * size->out[1] * FMAP_BLOCK;
        if (rows->pooled.kind == FMAP_POOLED_MAX)
            work->kernels->max_pool(&(struct fmap_max_pool){.window = window});
        else
            work->kernels->average_pool(&(struct fmap_average_pool){
                .window = window, .row_counts = rows->row_counts + y, .column_counts = rows->column_counts});
    }
}

void fmap_pooled_run(const struct fmap_pooled_rows *rows, const struct fmap_pooled_work *work, int64_t y,
                     int64_t end) {
    if (fmap_pooled_is_whole(&rows->pooled)) {
        work->compute(work->user, 0, rows->out[0], work->ring);
        take_whole(rows, work);
        return;
    }
    int64_t first = fmap_pooled_first_under(rows, y), done = first;
    for (; y < end; y += rows->at_once) {
        int64_t n = y + rows->at_once < end ? rows->at_once : end - y;
        int64_t from = fmap_pooled_first_under(rows, y), to = fmap_pooled_end_under(rows, y + n);
        if (to < from) to = from;
        if (done < from) done = from;
        fmap_row_ring_keep(work->ring, work->n_blocks, fmap_pooled_block_floats(rows),
                           rows->out[1] * FMAP_BLOCK, first, from, done);
        first = from;
        if (done < to)
            work->compute(work->user, done, to - done,
                          work->ring + (done - first) * rows->out[1] * FMAP_BLOCK);
        if (done < to) done = to;
        take_rows(rows, work, first, to - first, y, n);
    }
}
