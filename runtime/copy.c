/* Steps that copy elements between two strided arrays.
 *
 * The axes are sorted by their strides in the destination, joined where they lie one behind the other in both arrays,
 * and the last two are a plane: rows that are copied whole, or a transpose, in tiles that both caches' lines fill. */
#include "runtime/planning.h"

#include <string.h>

enum { TILE = 16, LEAST_ROWS = 8 };

struct copy_job {
    struct fmap_strided strided; /* the last two dimensions are the plane */
    int64_t n_rows;              /* of all planes */
    int64_t rows_per_part;
};

/* Some rows of a plane, strides in bytes. */
struct plane {
    const char *src;
    char *dst;
    int64_t rows, columns;
    int64_t src_row, src_column, dst_row, dst_column;
};

/* A size that the compiler knows makes a move of each memcpy. */
static inline __attribute__((always_inline)) void copy_tiles(const struct plane *plane, size_t bytes) {
    for (int64_t row = 0; row < plane->rows; row += TILE) {
        int64_t end = row + TILE < plane->rows ? row + TILE : plane->rows;
        for (int64_t column = 0; column < plane->columns; column++) {
            const char *src = plane->src + column * plane->src_column;
            char *dst = plane->dst + column * plane->dst_column;
            for (int64_t i = row; i < end; i++)
                memcpy(dst + i * plane->dst_row, src + i * plane->src_row, bytes);
        }
    }
}

static inline __attribute__((always_inline)) void copy_columns(const struct plane *plane, size_t bytes) {
    for (int64_t row = 0; row < plane->rows; row++) {
        const char *src = plane->src + row * plane->src_row;
        char *dst = plane->dst + row * plane->dst_row;
        for (int64_t i = 0; i < plane->columns; i++)
            memcpy(dst + i * plane->dst_column, src + i * plane->src_column, bytes);
    }
}

static inline __attribute__((always_inline)) void copy_elements(const struct plane *plane, size_t bytes) {
    bool short_rows = plane->columns < TILE && plane->rows > plane->columns;
    if (short_rows || plane->src_row == (int64_t)bytes)
        copy_tiles(plane, bytes);
    else
        copy_columns(plane, bytes);
}

/* Rows without gaps. */
static void copy_rows(const struct plane *plane, size_t bytes) {
    const size_t row_bytes = (size_t)plane->columns * bytes, block_bytes = FMAP_BLOCK * sizeof(float);
    for (int64_t row = 0; row < plane->rows; row++) {
        const char *src = plane->src + row * plane->src_row;
        char *dst = plane->dst + row * plane->dst_row;
        if (row_bytes == block_bytes)
            memcpy(dst, src, block_bytes);
        else
            memcpy(dst, src, row_bytes);
    }
}

static void copy_plane(const struct plane *plane, size_t bytes) {
    if (plane->src_column == (int64_t)bytes && plane->dst_column == (int64_t)bytes &&
        (plane->columns >= TILE || plane->rows == 1)) {
        copy_rows(plane, bytes);
        return;
    }
    switch (bytes) {
    case 1: copy_elements(plane, 1); break;
    case 4: copy_elements(plane, 4); break;
    default: copy_elements(plane, 8); break;
    }
}

/* Where the plane of that number begins. */
static void find_plane(const struct fmap_strided *strided, int64_t number, int64_t *from, int64_t *to) {
    *from = strided->src_offset;
    *to = strided->dst_offset;
    for (int i = strided->rank - 3; i >= 0; i--) {
        int64_t index = number % strided->dims[i];
        number /= strided->dims[i];
        *from += index * strided->src_strides[i];
        *to += index * strided->dst_strides[i];
    }
}

static void copy_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct copy_job *job = step->job;
    const struct fmap_strided *strided = &job->strided;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    char *dst = fmap_elements_at(run, &step->operands[1]);
    if (!dst) return; /* a tap that nobody wants */
    int last = strided->rank - 1;
    int64_t bytes = (int64_t)strided->element_bytes, height = strided->dims[last - 1];
    struct plane plane = {.columns = strided->dims[last],
                          .src_row = strided->src_strides[last - 1] * bytes,
                          .src_column = strided->src_strides[last] * bytes,
                          .dst_row = strided->dst_strides[last - 1] * bytes,
                          .dst_column = strided->dst_strides[last] * bytes};
    int64_t row = part * job->rows_per_part;
    int64_t end = row + job->rows_per_part < job->n_rows ? row + job->rows_per_part : job->n_rows;
    while (row < end) {
        int64_t from, to, first = row % height;
        find_plane(strided, row / height, &from, &to);
        plane.rows = height - first < end - row ? height - first : end - row;
        plane.src = src + from * bytes + first * plane.src_row;
        plane.dst = dst + to * bytes + first * plane.dst_row;
        copy_plane(&plane, strided->element_bytes);
        row += plane.rows;
    }
}

static void move_axis(struct fmap_strided *strided, int from, int to) {
    int64_t size = strided->dims[from], src = strided->src_strides[from], dst = strided->dst_strides[from];
    int step = from < to ? 1 : -1;
    for (int i = from; i != to; i += step) {
        strided->dims[i] = strided->dims[i + step];
        strided->src_strides[i] = strided->src_strides[i + step];
        strided->dst_strides[i] = strided->dst_strides[i + step];
    }
    strided->dims[to] = size;
    strided->src_strides[to] = src;
    strided->dst_strides[to] = dst;
}

/* Axes in the order of the destination, so that it is written from its beginning to its end. */
static void sort(struct fmap_strided *strided) {
    for (int i = 1; i < strided->rank; i++) {
        int place = i;
        while (place > 0 && strided->dst_strides[place - 1] < strided->dst_strides[i]) place--;
        move_axis(strided, i, place);
    }
}

/* Drops dimensions of 1 and joins neighbours that lie one behind the other in both arrays. */
static void simplify(struct fmap_strided *strided) {
    int rank = 0;
    for (int i = 0; i < strided->rank; i++) {
        if (strided->dims[i] == 1) continue;
        if (rank > 0 && strided->src_strides[rank - 1] == strided->dims[i] * strided->src_strides[i] &&
            strided->dst_strides[rank - 1] == strided->dims[i] * strided->dst_strides[i]) {
            rank--;
            strided->dims[rank] *= strided->dims[i];
        } else {
            strided->dims[rank] = strided->dims[i];
        }
        strided->src_strides[rank] = strided->src_strides[i];
        strided->dst_strides[rank] = strided->dst_strides[i];
        rank++;
    }
    strided->rank = rank;
}

/* Gives it the two axes of a plane: rows, or what is side by side in the source against what is in the destination.
 * An array of few short rows is cut inside of them. */
static void find_plane_axes(struct fmap_strided *strided) {
    while (strided->rank < 2) {
        int last = strided->rank++;
        strided->dims[last] = strided->src_strides[last] = strided->dst_strides[last] = 1;
        if (last > 0) move_axis(strided, last, 0);
    }
    int last = strided->rank - 1, rows = last - 1;
    bool has_rows = strided->src_strides[last] == 1 && strided->dims[last] >= TILE;
    for (int i = 0; i < last && !has_rows; i++) {
        if (strided->src_strides[i] != 1 || strided->dims[i] == 1) continue;
        move_axis(strided, i, last - 1);
        return;
    }
    for (int i = 0; i < last; i++) /* a plane has to be worth finding its place */
        if (strided->dims[rows] < LEAST_ROWS && strided->dims[i] > strided->dims[rows]) rows = i;
    move_axis(strided, rows, last - 1);
}

/* One row without gaps in pieces, for several threads. */
static void cut_row(struct fmap_strided *strided, int64_t parts) {
    int64_t n = strided->dims[1], piece = n;
    if (strided->rank != 2 || strided->dims[0] != 1) return;
    for (int64_t pieces = parts; pieces < 2 * parts && piece == n; pieces++)
        if (n % pieces == 0) piece = n / pieces;
    strided->dims[0] = n / piece;
    strided->dims[1] = piece;
    strided->src_strides[0] = piece * strided->src_strides[1];
    strided->dst_strides[0] = piece * strided->dst_strides[1];
}

fmap_status fmap_planning_copy(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_operand *src, const struct fmap_operand *dst,
                               const struct fmap_strided *strided) {
    struct copy_job job = {.strided = *strided, .n_rows = 1};
    if (job.strided.element_bytes == 0) job.strided.element_bytes = sizeof(float);
    for (int i = 0; i < strided->rank; i++)
        if (strided->dims[i] == 0) return FMAP_OK; /* nothing to copy */
    sort(&job.strided);
    simplify(&job.strided);
    find_plane_axes(&job.strided);
    int64_t elements = 1;
    for (int i = 0; i < job.strided.rank; i++) elements *= job.strided.dims[i];
    int64_t parts = fmap_planning_parts(planning, 16 * elements);
    if (parts > 1) cut_row(&job.strided, parts);
    job.n_rows = elements / job.strided.dims[job.strided.rank - 1];
    job.rows_per_part = (job.n_rows + parts - 1) / parts;
    struct fmap_operand operands[] = {*src, *dst};
    return fmap_planning_step(planning, &(struct fmap_step_definition){
                                            .part = copy_part,
                                            .job = &job,
                                            .job_bytes = sizeof job,
                                            .operands = operands,
                                            .n_operands = 2,
                                            .parts = (job.n_rows + job.rows_per_part - 1) / job.rows_per_part,
                                            .kernel = "copy",
                                            .node = node});
}
