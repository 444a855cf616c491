#include "runtime/layers/tiles_lines.h"

#include <string.h>

struct fmap_tiles_lines fmap_tiles_lines_of(const struct fmap_tiles_problem *problem) {
    struct fmap_tiles_lines lines = {.n = problem->out[0], .pads = {problem->pad_top, problem->pad_left}};
    memcpy(lines.kernel, problem->kernel, sizeof lines.kernel);
    memcpy(lines.strides, problem->strides, sizeof lines.strides);
    memcpy(lines.dilations, problem->dilations, sizeof lines.dilations);
    memcpy(lines.in, problem->in, sizeof lines.in);
    if (fmap_tiles_one_line(problem)) {
        lines.n = lines.in[0] = 1;
        lines.in[1] = problem->in[0] * problem->in[1];
    }
    return lines;
}

static int64_t ceil_divide(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

/* Pixels p of [0, n) with 0 <= (first + p) * stride + offset < size. */
static void pixels_inside(int64_t first, int64_t n, int64_t stride, int64_t offset, int64_t size,
                          int64_t *begin, int64_t *end) {
    int64_t from = ceil_divide(-offset, stride) - first, to = ceil_divide(size - offset, stride) - first;
    *begin = from < 0 ? 0 : from > n ? n : from;
    *end = to < 0 ? 0 : to > n ? n : to;
}

fmap_status fmap_tiles_find_columns(struct fmap_planning *planning, const struct fmap_tiling *tiling,
                                    struct fmap_tiles_lines *lines) {
    int64_t n_pieces = tiling->n_tiles, width = lines->kernel[1];
    struct fmap_storage *storage = &planning->plan->storage;
    struct fmap_tiles_column *columns = fmap_storage_take(storage, (size_t)n_pieces,
                                                          (size_t)width * sizeof *columns);
    int64_t *n_columns = fmap_storage_take(storage, (size_t)n_pieces, sizeof *n_columns);
    if (!columns || !n_columns) return fmap_planning_out_of_memory(planning);
    for (int64_t piece = 0; piece < n_pieces; piece++) {
        int64_t x = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, piece);
        int64_t n = fmap_piece_length(tiling->n_pixels, tiling->n_tiles, piece), begin, end;
        for (int64_t kx = 0; kx < width; kx++) {
            int64_t offset = kx * lines->dilations[1] - lines->pads[1];
            pixels_inside(x, n, lines->strides[1], offset, lines->in[1], &begin, &end);
            if (begin >= end) continue;
            columns[piece * width + n_columns[piece]++] = (struct fmap_tiles_column){
                .offset = (x * lines->strides[1] + offset) * FMAP_BLOCK,
                .index = (int32_t)kx,
                .first = (int16_t)begin,
                .last = (int16_t)end};
        }
    }
    lines->columns = columns;
    lines->n_columns = n_columns;
    return FMAP_OK;
}

/* Kernel rows [*first, *end) that fall into the image for output row y. */
static void rows_inside(const struct fmap_tiles_lines *lines, int64_t y, int64_t *first, int64_t *end) {
    int64_t top = y * lines->strides[0] - lines->pads[0], dilation = lines->dilations[0];
    *first = top < 0 ? ceil_divide(-top, dilation) : 0;
    *end = top < lines->in[0] ? ceil_divide(lines->in[0] - top, dilation) : 0;
    if (*end > lines->kernel[0]) *end = lines->kernel[0];
}

int fmap_tiles_find_positions(const struct fmap_tiles_lines *lines, int64_t y, int64_t piece,
                              struct fmap_tile_position *positions) {
    const struct fmap_tiles_column *columns = lines->columns + piece * lines->kernel[1];
    int64_t n_columns = lines->n_columns[piece], first, end;
    int count = 0;
    rows_inside(lines, y, &first, &end);
    for (int64_t ky = first; ky < end; ky++) {
        int64_t row = (y * lines->strides[0] - lines->pads[0] + ky * lines->dilations[0]) * lines->in[1] *
                      FMAP_BLOCK;
        for (int64_t i = 0; i < n_columns; i++) {
            positions[count++] = (struct fmap_tile_position){.src_offset = row + columns[i].offset,
                                                             .index = (int32_t)(ky * lines->kernel[1]) +
                                                                      columns[i].index,
                                                             .first = columns[i].first,
                                                             .last = columns[i].last};
        }
    }
    return count;
}
