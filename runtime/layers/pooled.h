/* A pool behind a convolution that is taken from rows that have just been computed. */
#ifndef FMAP_LAYERS_POOLED_H
#define FMAP_LAYERS_POOLED_H

#include "runtime/layers/window.h"
#include "runtime/planning.h"

enum fmap_pooled_kind {
    FMAP_POOLED_NONE,
    FMAP_POOLED_MAX,
    FMAP_POOLED_AVERAGE,
    FMAP_POOLED_WHOLE_MAX, /* of whole maps */
    FMAP_POOLED_WHOLE_AVERAGE
};

/* What is fused. The window is on the convolution's output; that of whole maps is as large as they are. */
struct fmap_pooled {
    enum fmap_pooled_kind kind;
    bool count_padding; /* of an average */
    struct fmap_window_size window;
};

static inline bool fmap_pooled_is_whole(const struct fmap_pooled *pooled) {
    return pooled->kind == FMAP_POOLED_WHOLE_MAX || pooled->kind == FMAP_POOLED_WHOLE_AVERAGE;
}

static inline bool fmap_pooled_is_average(const struct fmap_pooled *pooled) {
    return pooled->kind == FMAP_POOLED_AVERAGE || pooled->kind == FMAP_POOLED_WHOLE_AVERAGE;
}

/* Rows of output under one row of the pool. */
static inline int64_t fmap_pooled_reach(const struct fmap_pooled *pooled) {
    return (pooled->window.kernel[0] - 1) * pooled->window.dilations[0] + 1;
}

/* How it is taken: from a ring of rows of each block of channels, [block][ring_rows][out[1]][16]. */
struct fmap_pooled_rows {
    struct fmap_pooled pooled;
    int64_t out[2];                          /* of the convolution */
    int64_t at_once;                         /* rows of the pool */
    int64_t ring_rows;                       /* of the convolution's output, under so many */
    const float *row_counts, *column_counts; /* of averages */
};

/* Whether sizes are such that all products of rows, columns and these fit; anything larger is no network's. */
bool fmap_pooled_is_small(const struct fmap_pooled *pooled);

/* As many rows at once as keep a ring of so many blocks below the bytes, four of them but for small rings; 0: not even one. */
int64_t fmap_pooled_rows_at_once(const struct fmap_pooled *pooled, const int64_t *out, int64_t n_blocks,
                                 int64_t most_bytes);

/* Everything but at_once is settled by it. */
fmap_status fmap_pooled_plan(struct fmap_planning *planning, const struct fmap_pooled *pooled,
                             const int64_t *out, int64_t at_once, struct fmap_pooled_rows *rows);

static inline int64_t fmap_pooled_block_floats(const struct fmap_pooled_rows *rows) {
    return rows->ring_rows * rows->out[1] * FMAP_BLOCK;
}

/* The first and the end of the rows of output under pooled rows [first, end). */
int64_t fmap_pooled_first_under(const struct fmap_pooled_rows *rows, int64_t first);
int64_t fmap_pooled_end_under(const struct fmap_pooled_rows *rows, int64_t end);

/* Computes output rows [first, first + n) of all blocks; row `first` of block 0 goes to dst. */
typedef void fmap_pooled_compute(void *user, int64_t first, int64_t n, float *dst);

struct fmap_pooled_work {
    const struct fmap_kernels *kernels;
    float *ring, *dst; /* dst: [n_blocks][window.out[0]][window.out[1]][16] */
    int64_t n_blocks;
    fmap_pooled_compute *compute;
    void *user;
};

/* Pooled rows [y, end): some rows of output, then the pooled rows above them, and so on. */
void fmap_pooled_run(const struct fmap_pooled_rows *rows, const struct fmap_pooled_work *work, int64_t y,
                     int64_t end);

#endif
