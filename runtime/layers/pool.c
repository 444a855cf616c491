/* MaxPool, AveragePool: a window over the image; GlobalAveragePool: the whole image. In blocked form. */
#include "runtime/layers/pool.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

static fmap_status parse_max(struct fmap_parsing *parsing) {
    struct fmap_pool_parameters parameters = {.count_padding = false};
    int64_t storage_order;
    TRY(fmap_window_parse(parsing, &parameters.window));
    TRY(fmap_attribute_int(parsing, "storage_order", 0, &storage_order));
    if (storage_order != 0) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                              "attribute 'storage_order' is %lld, expected 0", (long long)storage_order);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status parse_average(struct fmap_parsing *parsing) {
    struct fmap_pool_parameters parameters;
    int64_t count_padding;
    TRY(fmap_window_parse(parsing, &parameters.window));
    TRY(fmap_attribute_int(parsing, "count_include_pad", 0, &count_padding));
    parameters.count_padding = count_padding != 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct fmap_pool_parameters *parameters = node->parameters;
    TRY(fmap_expect_floats(graph, node, 0, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    struct fmap_window_size size;
    TRY(fmap_window_resolve(graph, node, &parameters->window, in, NULL, &size, error));
    fmap_shape out = fmap_window_output(&size, in, in->dims[1]);
    return fmap_set_output(graph, node, &out);
}

struct pool_job {
    struct fmap_geometry in, out;
    struct fmap_window_size size;
    struct fmap_cut cut; /* of output rows: images * blocks * height of them */
    bool count_padding;
};

/* How many of the positions start, start + step, ... (n of them) lie in [low, high). */
static int64_t count_inside(int64_t start, int64_t step, int64_t n, int64_t low, int64_t high) {
    int64_t first = start < low ? (low - start + step - 1) / step : 0;
    int64_t end = start < high ? (high - start + step - 1) / step : 0;
    if (end > n) end = n;
    return end > first ? end - first : 0;
}

/* The window over output row `row` of all blocks of all images, cut to the rows inside of the image. */
static struct fmap_window window_of(const struct pool_job *job, const float *src, float *dst, int64_t row) {
    const struct fmap_window_size *size = &job->size;
    int64_t plane = row / job->out.h, start = row % job->out.h * size->strides[0] - size->pads[0];
    int64_t step = size->dilations[0];
    int64_t n_rows = count_inside(start, step, size->kernel[0], 0, job->in.h);
    if (start < 0) start += (step - start - 1) / step * step;
    if (n_rows == 0) start = 0; /* nothing is read */
    int64_t src_row = job->in.w * FMAP_BLOCK;
    return (struct fmap_window){.src = src + plane * job->in.block_stride + start * src_row,
                                .dst = dst + row * job->out.w * FMAP_BLOCK,
                                .n_pixels = (int)job->out.w,
                                .src_width = (int)job->in.w,
                                .n_rows = (int)n_rows,
                                .kernel_width = (int)size->kernel[1],
                                .stride = (int)size->strides[1],
                                .dilation = (int)size->dilations[1],
                                .pad_left = (int)size->pads[1],
                                .src_row_stride = step * src_row};
}

static void max_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pool_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end; row++) {
        run->kernels->max_pool(&(struct fmap_max_pool){.window = window_of(job, src, dst, row)});
    }
}

/* The number of elements that each window of an output row is the average of. */
static void count_row(const struct pool_job *job, int64_t row, float *divisors) {
    const struct fmap_window_size *size = &job->size;
    const int64_t *pads = size->pads;
    int64_t top = job->count_padding ? pads[0] : 0, left = job->count_padding ? pads[1] : 0;
    int64_t bottom = job->in.h + (job->count_padding ? pads[2] : 0);
    int64_t right = job->in.w + (job->count_padding ? pads[3] : 0);
    int64_t n_rows = count_inside(row % job->out.h * size->strides[0] - pads[0], size->dilations[0],
                                  size->kernel[0], -top, bottom);
    for (int64_t x = 0; x < job->out.w; x++) {
        int64_t n_columns = count_inside(x * size->strides[1] - pads[1], size->dilations[1], size->kernel[1],
                                         -left, right);
        divisors[x] = (float)(n_rows * n_columns);
    }
}

static void average_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pool_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    float *divisors = (float *)(void *)run->scratch;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end; row++) {
        count_row(job, row, divisors);
        run->kernels->average_pool(
            &(struct fmap_average_pool){.window = window_of(job, src, dst, row), .divisors = divisors});
    }
}

/* Kernels count pixels in ints, those of the padding too. */
static fmap_status check_limits(const struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct fmap_window_size *size) {
    for (int axis = 0; axis < 2; axis++) {
        int64_t reach = size->in[axis] + size->pads[axis] + size->pads[axis + 2] + size->strides[axis] +
                        size->kernel[axis] * size->dilations[axis];
        if (reach > INT32_MAX / 2) {
            return fmap_fail_node(planning->graph, node, planning->error, FMAP_ERROR_LIMIT,
                                  "the padded image or the window is too large: %lld, expected at most %d",
                                  (long long)reach, INT32_MAX / 2);
        }
    }
    return FMAP_OK;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_pool_parameters *parameters = node->parameters;
    bool average = node->layer == &fmap_layer_average_pool;
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    struct pool_job job = {.in = fmap_geometry_of(&planning->graph->values[in].shape),
                           .out = fmap_geometry_of(&planning->graph->values[out].shape),
                           .count_padding = parameters->count_padding};
    TRY(fmap_window_resolve(planning->graph, node, &parameters->window, &planning->graph->values[in].shape,
                            NULL, &job.size, planning->error));
    TRY(check_limits(planning, node, &job.size));
    int64_t work = fmap_dim_product(job.size.kernel[0] * job.size.kernel[1], job.out.w * FMAP_BLOCK);
    job.cut = fmap_cut_of(planning, job.out.n * job.out.blocks * job.out.h, work, 1);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_BLOCKED, &operands[0]));
    TRY(fmap_planning_write(planning, out, FMAP_FORM_BLOCKED, &operands[1]));
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){
                      .part = average ? average_part : max_part,
                      .job = &job,
                      .job_bytes = sizeof job,
                      .operands = operands,
                      .n_operands = 2,
                      .parts = job.cut.parts,
                      .scratch_bytes = average ? (size_t)job.out.w * sizeof(float) : 0,
                      .kernel = fmap_kernel_text(planning, average ? "average_pool" : "max_pool").text,
                      .node = node});
}

/* ---- the whole image -------------------------------------------------------------------------------- */

static fmap_status global_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                fmap_error *error) {
    TRY(fmap_expect_floats(graph, node, 0, error));
    fmap_shape out = fmap_input_value(graph, node, 0)->shape;
    if (out.rank < 3) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected rank 3 or more",
                              fmap_input_text(graph, node, 0).text);
    }
    for (int i = 2; i < out.rank; i++) out.dims[i] = 1;
    return fmap_set_output(graph, node, &out);
}

struct global_job {
    int64_t n_pixels;
    struct fmap_cut cut; /* of blocks of all images */
};

static void global_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct global_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t block = range.first; block < range.end; block++) {
        run->kernels->global_average(
            &(struct fmap_global_average){.src = src + block * job->n_pixels * FMAP_BLOCK,
                                          .dst = dst + block * FMAP_BLOCK,
                                          .n_pixels = job->n_pixels});
    }
}

static fmap_status plan_global(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    struct fmap_geometry geometry = fmap_geometry_of(&planning->graph->values[in].shape);
    struct global_job job = {.n_pixels = geometry.h * geometry.w};
    job.cut = fmap_cut_of(planning, geometry.n * geometry.blocks, geometry.block_stride, 1);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_BLOCKED, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_BLOCKED, &operands[1]));
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = global_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = operands,
                                                 .n_operands = 2,
                                                 .parts = job.cut.parts,
                                                 .kernel = fmap_kernel_text(planning, "global_average").text,
                                                 .node = node});
}

const struct fmap_layer fmap_layer_max_pool = {.op = "MaxPool",
                                               .min_inputs = 1,
                                               .max_inputs = 1,
                                               .max_outputs = 1,
                                               .parse = parse_max,
                                               .shape = shape,
                                               .plan = plan,
                                               .pool = true};

const struct fmap_layer fmap_layer_average_pool = {.op = "AveragePool",
                                                   .min_inputs = 1,
                                                   .max_inputs = 1,
                                                   .max_outputs = 1,
                                                   .parse = parse_average,
                                                   .shape = shape,
                                                   .plan = plan,
                                                   .pool = true};

const struct fmap_layer fmap_layer_global_average_pool = {.op = "GlobalAveragePool",
                                                          .min_inputs = 1,
                                                          .max_inputs = 1,
                                                          .max_outputs = 1,
                                                          .shape = global_shape,
                                                          .plan = plan_global};
