/* The rows of the image that a part needs are copied into planes of single floats with zeros for padding, sorted by column
 * modulo the stride, called phase: pixels that are neighbours in the output are neighbours there, whatever the stride and
 * the caller's layout. Where a tile takes every second pixel they are not sorted: then a row is one phase. For Winograd the
 * points of a row are made from a copy of it. */
#include "runtime/layers/stem_job.h"

#include <string.h>

enum { LINE_BYTES = 64 };

/* The columns of one phase that are inside of the image: the first one's place in its row, and in the copy. */
struct columns {
    int64_t column, first, n;
};

static struct columns columns_of(const struct fmap_stem_job *job, int64_t phase) {
    int64_t stride = job->n_phases, before = job->pads[1] - phase;
    int64_t first = before > 0 ? (before + stride - 1) / stride : 0;
    int64_t inside = job->in[1] + before, end = inside > 0 ? (inside + stride - 1) / stride : 0;
    if (end > job->phase_width) end = job->phase_width;
    if (first > end) first = end;
    return (struct columns){.column = first * stride - before, .first = first, .n = end - first};
}

/* Those of them in [begin, end); an empty range is within. */
static struct columns cut_columns(const struct columns *columns, int64_t stride, int64_t begin, int64_t end) {
    int64_t first = columns->first, behind = first + columns->n;
    if (first < begin) first = begin;
    if (behind > end) behind = end;
    if (first > end) first = end;
    if (behind < first) behind = first;
    return (struct columns){
        .column = columns->column + (first - columns->first) * stride, .first = first, .n = behind - first};
}

void fmap_stem_copy(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                    int64_t channel, int64_t at, int64_t n, int64_t distance, float *dst) {
    if (job->pixels) {
        kernels->gather_pixels(&(struct fmap_gather_pixels){.src = (const uint8_t *)src + at,
                                                            .dst = dst,
                                                            .n = (int)n,
                                                            .distance = distance,
                                                            .mean = job->pixels->mean[channel],
                                                            .scale = job->pixels->scale[channel]});
    } else {
        kernels->gather(&(struct fmap_gather){
            .src = (const float *)src + at, .dst = dst, .n = (int)n, .distance = distance});
    }
}

/* A row of one channel: it begins at `at`, or in `line` if it has been copied. */
struct row {
    const void *src;
    int64_t channel, at;
    const float *line;
};

/* Columns [begin, end) of the copy of one phase of it: zeros around those inside of the image. */
static void copy_columns(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                         const struct row *row, const struct columns *inside, int64_t begin, int64_t end,
                         float *dst) {
    const struct columns columns = cut_columns(inside, job->n_phases, begin, end);
    int64_t behind = columns.first + columns.n, stride = job->n_phases;
    if (columns.first > begin) memset(dst + begin, 0, (size_t)(columns.first - begin) * sizeof *dst);
    if (behind < end) memset(dst + behind, 0, (size_t)(end - behind) * sizeof *dst);
    if (columns.n == 0) return;
    dst += columns.first;
    if (row->line) {
        kernels->gather(&(struct fmap_gather){
            .src = row->line + columns.column, .dst = dst, .n = (int)columns.n, .distance = stride});
    } else {
        fmap_stem_copy(job, kernels, row->src, row->channel, row->at + columns.column * job->src_pixel_stride,
                       columns.n, stride * job->src_pixel_stride, dst);
    }
}

/* Columns of a copy that no tile reads. */
struct gap {
    int64_t begin, end;
};

/* One row that begins at `at`: [channel][phase][column]. */
static void copy_row(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                     int64_t at, const struct columns *columns, struct gap gap, float *line, float *dst) {
    int64_t width = job->phase_width;
    struct row row = {.src = src, .at = at, .line = fmap_stem_line_floats(job) == 0 ? NULL : line};
    for (; row.channel < job->channels; row.channel++, row.at += job->src_channel_stride) {
        if (row.line)
            fmap_stem_copy(job, kernels, src, row.channel, row.at, job->in[1], job->src_pixel_stride, line);
        for (int64_t phase = 0; phase < job->n_phases; phase++, dst += width) {
            if (gap.begin > 0) copy_columns(job, kernels, &row, &columns[phase], 0, gap.begin, dst);
            if (gap.end < width) copy_columns(job, kernels, &row, &columns[phase], gap.end, width, dst);
        }
    }
}

void fmap_stem_copy_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                         int64_t image, int64_t first, int64_t n, float *line, float *rows) {
    struct columns columns[FMAP_STEM_MOST_STRIDE];
    int64_t row_floats = fmap_stem_row_floats(job);
    for (int64_t phase = 0; phase < job->n_phases; phase++) columns[phase] = columns_of(job, phase);
    bool inside = job->inside.row_end > 0;
    const struct gap none = {0, 0},
                     gap = {inside ? fmap_stem_left_width(job) : 0, inside ? fmap_stem_right_begin(job) : 0};
    if (job->points) memset(line, 0, (size_t)fmap_stem_line_floats(job) * sizeof *line);
    for (int64_t row = first; row < first + n; row++, rows += row_floats) {
        int64_t at = image * job->src_image_stride + row * job->in[1] * job->src_pixel_stride;
        if (row < 0 || row >= job->in[0])
            memset(rows, 0, (size_t)row_floats * sizeof *rows);
        else if (job->points)
            fmap_stem_winograd_row(job, kernels, src, at, line, rows);
        else
            copy_row(job, kernels, src, at, columns, inside && !fmap_stem_row_is_whole(job, row) ? gap : none,
                     line, rows);
    }
}

struct fmap_stem_ahead fmap_stem_look_ahead(const struct fmap_stem_job *job, const void *src, int64_t image,
                                            int64_t y, int64_t n, int64_t n_tiles) {
    int64_t element = job->pixels ? sizeof(uint8_t) : sizeof(float);
    int64_t first = y * job->strides[0] - job->pads[0], end = first + fmap_stem_rows_under(job, n);
    if (first < 0) first = 0;
    if (end > job->in[0]) end = job->in[0];
    if (first >= end) return (struct fmap_stem_ahead){0};
    int64_t row = job->in[1] * job->src_pixel_stride;
    struct fmap_stem_ahead ahead = {
        .chunk = (uintptr_t)src + (uintptr_t)(element * (image * job->src_image_stride + first * row)),
        .chunk_bytes = (uintptr_t)(element * (end - first) * row),
        .chunk_distance = (uintptr_t)(element * job->src_channel_stride),
        .n_chunks = job->src_pixel_stride == 1 ? job->channels : 1};
    int64_t all = ahead.n_chunks * (int64_t)(ahead.chunk_bytes / LINE_BYTES + 1);
    ahead.line = ahead.chunk;
    ahead.n_lines = (int)((all + n_tiles - 1) / n_tiles);
    return ahead;
}

void fmap_stem_fetch(struct fmap_stem_ahead *ahead, int64_t n, struct fmap_tile *tile) {
    tile->fetch = (const float *)ahead->line; /* perhaps beyond the image: nothing is read from there */
    tile->n_fetched = ahead->n_lines;
    ahead->line += (uintptr_t)(n * ahead->n_lines * LINE_BYTES);
    if (ahead->line - ahead->chunk < ahead->chunk_bytes) return;
    ahead->chunk += ahead->chunk_distance;
    ahead->line = --ahead->n_chunks > 0 ? ahead->chunk : 0;
}
