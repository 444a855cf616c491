/* Winograd's transforms: matrices multiplied in double. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "winograd_matrices.h"

enum { MAX_OUTPUT = CASE_WINOGRAD_MAX_OUTPUT, MAX_PATCH = CASE_WINOGRAD_MAX_PATCH };

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
    int stride;
    int in_h, in_w, tiles_per_row, n_tiles;
    ptrdiff_t point_stride;
};

static struct winograd_plan plan_of(const struct winograd_shape *shape) {
    int size = shape->kernel ? shape->kernel : 3, stride = shape->stride ? shape->stride : 1;
    int kernel[2] = {shape->line == WINOGRAD_ROWS ? 1 : size, shape->line == WINOGRAD_COLUMNS ? 1 : size};
    struct winograd_plan plan = {
        .shape = *shape,
        .stride = stride,
        .in_h = (shape->out_h - 1) * stride + kernel[0] - shape->pad_top - shape->pad_bottom,
        .in_w = (shape->out_w - 1) * stride + kernel[1] - shape->pad_left - shape->pad_right};
    for (int i = 0; i < 2; i++) {
        plan.output[i] = kernel[i] == 1 ? 1 : shape->output;
        plan.patch[i] = (plan.output[i] - 1) * stride + kernel[i];
    }
    plan.points = plan.patch[0] * plan.patch[1];
    plan.tiles_per_row = (shape->out_w + plan.output[1] - 1) / plan.output[1];
    plan.n_tiles = plan.tiles_per_row * ((shape->out_h + plan.output[0] - 1) / plan.output[0]);
    plan.point_stride = (ptrdiff_t)(plan.n_tiles + 1) * FMAP_BLOCK;
    return plan;
}

static struct kernel_case *create(const char *kernel, const struct winograd_plan *plan, size_t n_dst) {
    const struct winograd_shape *shape = &plan->shape;
    struct kernel_case *c = case_create(n_dst, 1, sizeof *plan);
    snprintf(c->name, sizeof c->name, "winograd%dx%d_of_%dx%d_stride%d_%s/%dx%d/pads:%d,%d,%d,%d/%s",
             plan->output[0], plan->output[1], plan->patch[0], plan->patch[1], plan->stride, kernel,
             shape->out_h, shape->out_w, shape->pad_top, shape->pad_left, shape->pad_bottom, shape->pad_right,
             case_activation_name(shape->activate.kind));
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
                                          .down = plan->shape.line == WINOGRAD_COLUMNS};
        input_transform(kernels, plan)(&job);
    }
}

static void read_patch(const struct winograd_plan *plan, int tile, int lane, double d[MAX_PATCH][MAX_PATCH]) {
    int top = tile / plan->tiles_per_row * plan->output[0] * plan->stride - plan->shape.pad_top;
    int left = tile % plan->tiles_per_row * plan->output[1] * plan->stride - plan->shape.pad_left;
    for (int i = 0; i < plan->patch[0]; i++) {
        for (int j = 0; j < plan->patch[1]; j++) {
            int y = top + i, x = left + j;
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
                                               .activate = plan->shape.activate};
            output_transform(kernels, plan)(&job);
        }
    }
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
        int tile = y / plan.output[0] * plan.tiles_per_row + x / plan.output[1];
        for (int p = 0; p < plan.points; p++) {
            m[p / plan.patch[1]][p % plan.patch[1]] =
                (double)plan.src[p * plan.point_stride + tile * FMAP_BLOCK + lane];
        }
        double bias = (double)plan.bias[lane] + (plan.residual ? (double)plan.residual[i] : 0);
        c->expected[i] = transformed(plan.patch, a[0][y % plan.output[0]], a[1][x % plan.output[1]], m,
                                     &magnitude) +
                         bias;
        c->bounds[i] = check_bound(12, magnitude + fabs((double)plan.bias[lane]) +
                                           fabs(bias)); /* five along each axis, and the bias */
    }
    case_activate(c, &shape->activate);
    memcpy(c->jobs, &plan, sizeof plan);
    return c;
}
