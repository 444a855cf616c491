/* Winograd's transforms: matrices multiplied in double. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "winograd_matrices.h"

enum {
    MAX_OUTPUT = CASE_WINOGRAD_MAX_OUTPUT,
    MAX_PATCH = CASE_WINOGRAD_MAX_PATCH,
    MAX_SIZE = 64 /* of a map */
};

/* Element y, x of M d M^T, with an M of rows and one of columns, and the sum of the absolute values of its terms. */
static double transformed(const int patch[2], const double *row_y, const double *row_x,
                          double d[MAX_PATCH][MAX_PATCH], double *magnitude) {
    double sum = 0;
    *magnitude = 0;
    for (int i = 0; i < patch[0]; i++) {
        for (int j = 0; j < patch[1]; j++) {
            sum += row_y[i] * row_x[j] * d[i][j];
            *magnitude += fabs(row_y[i] * row_x[j] * d[i][j]);
        }
    }
    return sum;
}

struct winograd_plan {
    struct winograd_shape shape;
    const float *src, *bias, *residual;
    float *dst;
    int output[2], patch[2], points; /* of a tile; rows, columns */
    int stride, dilations[2];
    int in_h, in_w, tiles_per_row, n_tiles;
    int tops[MAX_SIZE], lefts[MAX_SIZE]; /* of each row of tiles, of each column */
    ptrdiff_t point_stride;
};

/* Where tiles begin along an axis: phase by phase, dealt out in turns. Returns how many. */
static int lay_tiles(int size, int output, int dilation, int begins[MAX_SIZE]) {
    int n = 0;
    for (int round = 0; round < size; round++) {
        for (int phase = 0; phase < dilation; phase++) {
            int begin = phase + round * output * dilation;
            if (begin < size) begins[n++] = begin;
        }
    }
    return n;
}

/* The input's size that gives an output's. */
static int in_size(int out, int kernel, int stride, int dilation, int pads) {
    return (out - 1) * stride + (kernel - 1) * dilation + 1 - pads;
}

static struct winograd_plan plan_of(const struct winograd_shape *shape) {
    int size = shape->kernel ? shape->kernel : 3, stride = shape->stride ? shape->stride : 1;
    int kernel[2] = {shape->line == WINOGRAD_ROWS ? 1 : size, shape->line == WINOGRAD_COLUMNS ? 1 : size};
    struct winograd_plan plan = {.shape = *shape, .stride = stride};
    for (int i = 0; i < 2; i++) {
        plan.dilations[i] = shape->dilations[i] ? shape->dilations[i] : 1;
        plan.output[i] = kernel[i] == 1 ? 1 : shape->output;
        plan.patch[i] = (plan.output[i] - 1) * stride + kernel[i];
    }
    plan.points = plan.patch[0] * plan.patch[1];
    plan.in_h = in_size(shape->out_h, kernel[0], stride, plan.dilations[0],
                        shape->pad_top + shape->pad_bottom);
    plan.in_w = in_size(shape->out_w, kernel[1], stride, plan.dilations[1],
                        shape->pad_left + shape->pad_right);
    plan.tiles_per_row = lay_tiles(shape->out_w, plan.output[1], plan.dilations[1], plan.lefts);
    plan.n_tiles = plan.tiles_per_row * lay_tiles(shape->out_h, plan.output[0], plan.dilations[0], plan.tops);
    plan.point_stride = (ptrdiff_t)(plan.n_tiles + 1) * FMAP_BLOCK;
    return plan;
}

static struct kernel_case *create(const char *kernel, const struct winograd_plan *plan, size_t n_dst) {
    const struct winograd_shape *shape = &plan->shape;
    struct kernel_case *c = case_create(n_dst, 1, sizeof *plan);
    snprintf(c->name, sizeof c->name,
             "winograd%dx%d_of_%dx%d_stride%d_dilations%d,%d_%s/%dx%d/pads:%d,%d,%d,%d/%s", plan->output[0],
             plan->output[1], plan->patch[0], plan->patch[1], plan->stride, plan->dilations[0],
             plan->dilations[1], kernel, shape->out_h, shape->out_w, shape->pad_top, shape->pad_left,
             shape->pad_bottom, shape->pad_right, case_activation_name(shape->activate.kind));
    c->bytes = (double)(plan->n_tiles * (plan->points + plan->output[0] * plan->output[1]) * FMAP_BLOCK) *
               sizeof(float);
    for (size_t i = 0; i < n_dst; i++) c->expected[i] = (double)NAN; /* what must not be written */
    return c;
}

static int calls(const struct winograd_plan *plan, int first) {
    int left = plan->n_tiles - first;
    return left < plan->shape.per_call ? left : plan->shape.per_call;
}

typedef void input_function(const struct fmap_winograd_input *job);
typedef void output_function(const struct fmap_winograd_output *job);

static input_function *line_input(const struct fmap_kernels *kernels, const struct winograd_plan *plan) {
    switch (plan->points) {
    case 6: return kernels->winograd_line6_input;
    case 8: return kernels->winograd_line8_input;
    case 9: return kernels->winograd_line9_input;
    case 10: return kernels->winograd_line10_input;
    default: return kernels->winograd_line12_input;
    }
}

static output_function *line_output(const struct fmap_kernels *kernels, const struct winograd_plan *plan) {
    bool large = plan->shape.output == 6;
    switch (plan->shape.kernel) {
    case 7: return large ? kernels->winograd_line6_7_output : kernels->winograd_line3_7_output;
    case 5: return large ? kernels->winograd_line6_5_output : kernels->winograd_line4_5_output;
    default: return large ? kernels->winograd_line6_3_output : kernels->winograd_line4_3_output;
    }
}

static input_function *input_transform(const struct fmap_kernels *kernels, const struct winograd_plan *plan) {
    int output = plan->shape.output;
    if (plan->shape.line) return line_input(kernels, plan);
    if (plan->shape.dilations[0])
        return output == 2 ? kernels->winograd2_dilated_input : kernels->winograd4_dilated_input;
    return plan->shape.kernel == 5 ? kernels->winograd4_input
           : plan->stride == 2     ? kernels->winograd2_stride2_input
           : output == 2           ? kernels->winograd2_input
           : output == 4           ? kernels->winograd4_input
           : output == 5           ? kernels->winograd5_input
                                   : kernels->winograd6_input;
}

static output_function *output_transform(const struct fmap_kernels *kernels,
                                         const struct winograd_plan *plan) {
    int output = plan->shape.output;
    if (plan->shape.line) return line_output(kernels, plan);
    if (plan->shape.dilations[0])
        return output == 2 ? kernels->winograd2_dilated_output : kernels->winograd4_dilated_output;
    return plan->shape.kernel == 5 ? kernels->winograd2_5x5_output
           : plan->stride == 2     ? kernels->winograd2_stride2_output
           : output == 2           ? kernels->winograd2_output
           : output == 4           ? kernels->winograd4_output
           : output == 5           ? kernels->winograd5_output
                                   : kernels->winograd6_output;
}

static void input_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct winograd_plan *plan = c->jobs;
    for (int first = 0; first < plan->n_tiles; first += plan->shape.per_call) {
        struct fmap_winograd_input job = {.src = plan->src,
                                          .dst = plan->dst + first * FMAP_BLOCK,
                                          .point_stride = plan->point_stride,
                                          .n_tiles = calls(plan, first),
                                          .first_tile = first,
                                          .tiles_per_row = plan->tiles_per_row,
                                          .tile_step = plan->shape.output * plan->stride,
                                          .height = plan->in_h,
                                          .width = plan->in_w,
                                          .pad_top = plan->shape.pad_top,
                                          .pad_left = plan->shape.pad_left,
                                          .down = plan->shape.line == WINOGRAD_COLUMNS,
                                          .dilations = {plan->dilations[0], plan->dilations[1]}};
        input_transform(kernels, plan)(&job);
    }
}

static void read_patch(const struct winograd_plan *plan, int tile, int lane, double d[MAX_PATCH][MAX_PATCH]) {
    int top = plan->tops[tile / plan->tiles_per_row] * plan->stride - plan->shape.pad_top;
    int left = plan->lefts[tile % plan->tiles_per_row] * plan->stride - plan->shape.pad_left;
    for (int i = 0; i < plan->patch[0]; i++) {
        for (int j = 0; j < plan->patch[1]; j++) {
            int y = top + i * plan->dilations[0], x = left + j * plan->dilations[1];
            bool inside = y >= 0 && y < plan->in_h && x >= 0 && x < plan->in_w;
            d[i][j] = inside ? (double)plan->src[((ptrdiff_t)y * plan->in_w + x) * FMAP_BLOCK + lane] : 0;
        }
    }
}

struct kernel_case *winograd_input_case(const struct winograd_shape *shape) {
    struct winograd_plan plan = plan_of(shape);
    struct kernel_case *c = create("input", &plan, (size_t)(plan.points * plan.point_stride));
    plan.src = case_source(c, (size_t)(plan.in_h * plan.in_w) * FMAP_BLOCK, 64, CASE_FILL_UNIFORM);
    plan.dst = c->dst.data;
    c->run = input_run;
    double b[2][MAX_PATCH][MAX_PATCH], d[MAX_PATCH][MAX_PATCH], magnitude;
    for (int axis = 0; axis < 2; axis++) case_winograd_input_matrix(plan.patch[axis], b[axis]);
    for (int tile = 0; tile < plan.n_tiles; tile++) {
        for (int lane = 0; lane < FMAP_BLOCK; lane++) {
            read_patch(&plan, tile, lane, d);
            for (int p = 0; p < plan.points; p++) {
                ptrdiff_t at = p * plan.point_stride + tile * FMAP_BLOCK + lane;
                c->expected[at] = transformed(plan.patch, b[0][p / plan.patch[1]], b[1][p % plan.patch[1]], d,
                                              &magnitude);
                c->bounds[at] = check_bound(
                    8, magnitude); /* four roundings along each axis at most, eight along a line */
            }
        }
    }
    memcpy(c->jobs, &plan, sizeof plan);
    return c;
}

static void output_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct winograd_plan *plan = c->jobs;
    for (int lane = 0; lane < FMAP_BLOCK; lane += kernels->lanes) {
        for (int first = 0; first < plan->n_tiles; first += plan->shape.per_call) {
            struct fmap_winograd_output job = {.src = plan->src + first * FMAP_BLOCK + lane,
                                               .dst = plan->dst + lane,
                                               .bias = plan->bias + lane,
                                               .residual = plan->residual ? plan->residual + lane : NULL,
                                               .point_stride = plan->point_stride,
                                               .tile_stride = FMAP_BLOCK,
                                               .n_tiles = calls(plan, first),
                                               .first_tile = first,
                                               .tiles_per_row = plan->tiles_per_row,
                                               .height = plan->shape.out_h,
                                               .width = plan->shape.out_w,
                                               .down = plan->shape.line == WINOGRAD_COLUMNS,
                                               .dilations = {plan->dilations[0], plan->dilations[1]},
                                               .activate = plan->shape.activate};
            output_transform(kernels, plan)(&job);
        }
    }
}

/* Along an axis, the tile that an output belongs to. */
static int find_tile(const int *begins, int at, int output, int dilation) {
    int i = 0;
    while (at < begins[i] || (at - begins[i]) % dilation || (at - begins[i]) / dilation >= output) i++;
    return i;
}

struct kernel_case *winograd_output_case(const struct winograd_shape *shape) {
    struct winograd_plan plan = plan_of(shape);
    struct kernel_case *c = create("output", &plan, (size_t)(shape->out_h * shape->out_w) * FMAP_BLOCK);
    plan.src = case_source(c, (size_t)(plan.points * plan.point_stride), 64, CASE_FILL_UNIFORM);
    plan.bias = case_source(c, FMAP_BLOCK, 64, CASE_FILL_UNIFORM);
    if (shape->adds)
        plan.residual = case_source(c, (size_t)(shape->out_h * shape->out_w) * FMAP_BLOCK, 64,
                                    CASE_FILL_UNIFORM);
    plan.dst = c->dst.data;
    c->run = output_run;
    double a[2][MAX_OUTPUT][MAX_PATCH], m[MAX_PATCH][MAX_PATCH], magnitude;
    for (int axis = 0; axis < 2; axis++)
        case_winograd_output_matrix(plan.output[axis], plan.patch[axis], a[axis]);
    for (int i = 0; i < shape->out_h * shape->out_w * FMAP_BLOCK; i++) {
        int lane = i % FMAP_BLOCK, x = i / FMAP_BLOCK % shape->out_w, y = i / FMAP_BLOCK / shape->out_w;
        int row = find_tile(plan.tops, y, plan.output[0], plan.dilations[0]),
            column = find_tile(plan.lefts, x, plan.output[1], plan.dilations[1]);
        int tile = row * plan.tiles_per_row + column;
        int tile_y = (y - plan.tops[row]) / plan.dilations[0],
            tile_x = (x - plan.lefts[column]) / plan.dilations[1];
        for (int p = 0; p < plan.points; p++) {
            m[p / plan.patch[1]][p % plan.patch[1]] =
                (double)plan.src[p * plan.point_stride + tile * FMAP_BLOCK + lane];
        }
        double bias = (double)plan.bias[lane] + (plan.residual ? (double)plan.residual[i] : 0);
        c->expected[i] = transformed(plan.patch, a[0][tile_y], a[1][tile_x], m, &magnitude) + bias;
        c->bounds[i] = check_bound(12, magnitude + fabs((double)plan.bias[lane]) +
                                           fabs(bias)); /* five along each axis, and the bias */
    }
    case_activate(c, &shape->activate);
    memcpy(c->jobs, &plan, sizeof plan);
    return c;
}
