#include "runtime/pixels.h"

#include "runtime/planning.h"

#include <math.h>

/* ---- what the caller says ----------------------------------------------------------------------------------- */

static fmap_status check_type(const struct fmap_plan *plan, const struct fmap_graph_value *input,
                              const fmap_port *port, fmap_error *error) {
    const char *graph = plan->graph.name;
    if (port->type != FMAP_UINT8) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                         "%.120s: input '%.120s' cannot be given as type %d, expected FMAP_UINT8 or the "
                         "model's own, %d",
                         graph, input->name, (int)port->type, (int)input->type);
    }
    if (input->type != FMAP_FLOAT32 || input->shape.rank != 4) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                         "%.120s: input '%.120s' of type %d and shape %s takes no 8-bit pixels, expected "
                         "floats of rank 4",
                         graph, input->name, (int)input->type, fmap_shape_text(&input->shape).text);
    }
    if (port->layout == FMAP_BLOCKED || port->value) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "%.120s: the 8-bit pixels of input '%.120s' %s", graph,
                         input->name,
                         port->value ? "are given in a run, not as its value"
                                     : "have the layout blocked, expected NCHW or NHWC");
    }
    return FMAP_OK;
}

/* The port's numbers, or the same one, for every channel. */
static fmap_status settle_numbers(struct fmap_plan *plan, const struct fmap_graph_value *input,
                                  const fmap_port *port, const char *what, const float *given,
                                  float otherwise, const float **numbers, fmap_error *error) {
    size_t channels = (size_t)input->shape.dims[1], n = port->n_channels;
    if (given && n != 1 && n != channels) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                         "%.120s: input '%.120s' has %zu channels, the port %zu numbers in %s, expected as "
                         "many or 1",
                         plan->graph.name, input->name, channels, n, what);
    }
    float *settled = fmap_storage_take(&plan->storage, channels, sizeof *settled);
    if (!settled) return fmap_fail_memory(error, channels * sizeof *settled);
    for (size_t c = 0; c < channels; c++) {
        settled[c] = !given ? otherwise : given[n == 1 ? 0 : c];
        if (!isfinite(settled[c])) {
            return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                             "%.120s: input '%.120s': number %zu in %s is %g, expected a finite one",
                             plan->graph.name, input->name, c, what, (double)settled[c]);
        }
    }
    *numbers = settled;
    return FMAP_OK;
}

fmap_status fmap_settle_pixels(struct fmap_plan *plan, size_t i, const fmap_port *port, fmap_error *error) {
    const struct fmap_graph_value *input = &plan->graph.values[plan->graph.inputs[i]];
    struct fmap_pixels *pixels = &plan->pixels[i];
    if (!port) return FMAP_OK;
    if (!port->type || port->type == input->type) {
        if (!port->mean && !port->scale) return FMAP_OK;
        return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                         "%.120s: input '%.120s' has mean or scale, which are of 8-bit pixels only (type "
                         "FMAP_UINT8)",
                         plan->graph.name, input->name);
    }
    TRY(check_type(plan, input, port, error));
    const int64_t *dims = input->shape.dims;
    int64_t area = dims[2] * dims[3];
    bool planes = port->layout == FMAP_NCHW;
    pixels->channel_stride = planes ? area : 1;
    pixels->pixel_stride = planes ? 1 : dims[1];
    pixels->image_stride = dims[1] * area;
    TRY(settle_numbers(plan, input, port, "scale", port->scale, 1, &pixels->scale, error));
    return settle_numbers(plan, input, port, "mean", port->mean, 0, &pixels->mean, error);
}

/* ---- the step for layers that take floats -------------------------------------------------------------------- */

enum { MOST_PIXELS = 256 }; /* at a time: those of 16 channels stay in the first cache */

struct take_job {
    struct fmap_geometry geometry;
    struct fmap_pixels pixels;
    int64_t pieces; /* of each block of channels, or of each channel, of an image */
};

static void take_channel(const struct take_job *job, const struct fmap_run *run, const uint8_t *image,
                         int64_t channel, int64_t pixel, int64_t n, float *dst) {
    const struct fmap_pixels *pixels = &job->pixels;
    run->kernels->gather_pixels(&(struct fmap_gather_pixels){.src = image + channel * pixels->channel_stride +
                                                                    pixel * pixels->pixel_stride,
                                                             .dst = dst,
                                                             .n = (int)n,
                                                             .distance = pixels->pixel_stride,
                                                             .mean = pixels->mean[channel],
                                                             .scale = pixels->scale[channel]});
}

/* Some pixels of one block of channels of one image. */
static void take_blocked_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct take_job *job = step->job;
    const struct fmap_geometry *geometry = &job->geometry;
    const uint8_t *src = fmap_elements_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]), *rows = (float *)(void *)run->scratch;
    int64_t unit = part / job->pieces, block = unit % geometry->blocks, image = unit / geometry->blocks;
    int64_t area = geometry->h * geometry->w, channel = block * FMAP_BLOCK;
    int64_t lanes = geometry->c - channel < FMAP_BLOCK ? geometry->c - channel : FMAP_BLOCK;
    int64_t pixel = fmap_piece_begin(area, job->pieces, part % job->pieces);
    int64_t end = pixel + fmap_piece_length(area, job->pieces, part % job->pieces);
    src += image * job->pixels.image_stride;
    dst += image * geometry->image_stride + block * geometry->block_stride;
    for (; pixel < end; pixel += MOST_PIXELS) {
        int64_t n = end - pixel < MOST_PIXELS ? end - pixel : MOST_PIXELS;
        for (int64_t lane = 0; lane < lanes; lane++)
            take_channel(job, run, src, channel + lane, pixel, n, rows + lane * MOST_PIXELS);
        run->kernels->reorder_to_blocked(&(struct fmap_reorder){.blocked = dst + pixel * FMAP_BLOCK,
                                                                .plain = rows,
                                                                .n_pixels = n,
                                                                .n_lanes = (int)lanes,
                                                                .channel_stride = MOST_PIXELS,
                                                                .pixel_stride = 1});
    }
}

/* Some pixels of one channel of one image. */
static void take_plain_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct take_job *job = step->job;
    int64_t area = job->geometry.h * job->geometry.w;
    int64_t unit = part / job->pieces, channel = unit % job->geometry.c, image = unit / job->geometry.c;
    const uint8_t *src = fmap_elements_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    int64_t pixel = fmap_piece_begin(area, job->pieces, part % job->pieces);
    int64_t end = pixel + fmap_piece_length(area, job->pieces, part % job->pieces);
    for (; pixel < end; pixel += MOST_PIXELS) {
        int64_t n = end - pixel < MOST_PIXELS ? end - pixel : MOST_PIXELS;
        take_channel(job, run, src + image * job->pixels.image_stride, channel, pixel, n,
                     dst + unit * area + pixel);
    }
}

fmap_status fmap_planning_take_pixels(struct fmap_planning *planning, fmap_value value, bool to_blocked,
                                      const struct fmap_operand *src, const struct fmap_operand *dst) {
    const fmap_shape *shape = &planning->graph->values[value].shape;
    int64_t elements = fmap_shape_product(shape, 0, shape->rank);
    if (elements == 0) return FMAP_OK;
    struct take_job job = {.geometry = fmap_geometry_of(shape), .pixels = *planning->values[value].picture};
    const struct fmap_geometry *geometry = &job.geometry;
    int64_t units = geometry->n * (to_blocked ? geometry->blocks : geometry->c);
    int64_t parts = fmap_planning_parts(planning, 16 * elements), area = geometry->h * geometry->w;
    job.pieces = (parts + units - 1) / units;
    if (job.pieces > area) job.pieces = area;
    struct fmap_operand operands[] = {*src, *dst};
    return fmap_planning_step(planning,
                              &(struct fmap_step_definition){
                                  .part = to_blocked ? take_blocked_part : take_plain_part,
                                  .job = &job,
                                  .job_bytes = sizeof job,
                                  .operands = operands,
                                  .n_operands = 2,
                                  .parts = units * job.pieces,
                                  .scratch_bytes = to_blocked ? FMAP_BLOCK * MOST_PIXELS * sizeof(float) : 0,
                                  .kernel = fmap_kernel_text(planning, "reorder_pixels").text});
}
