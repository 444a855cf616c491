/* Steps that bring a value from one form into another. */
#include "runtime/planning.h"

struct reorder_job {
    struct fmap_geometry geometry;
    int64_t channel_stride, pixel_stride, image_stride; /* of the form that is not blocked */
    int64_t rows_per_part;
    int64_t parts_per_block;
    bool to_blocked;
};

/* One block of channels of some rows of one image. */
static void reorder_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct reorder_job *job = step->job;
    const struct fmap_geometry *geometry = &job->geometry;
    float *blocked = fmap_at(run, &step->operands[job->to_blocked ? 1 : 0]);
    float *plain = fmap_at(run, &step->operands[job->to_blocked ? 0 : 1]);
    if (!plain) return; /* a tap that nobody wants */
    int64_t row = part % job->parts_per_block * job->rows_per_part;
    int64_t block = part / job->parts_per_block % geometry->blocks;
    int64_t image = part / job->parts_per_block / geometry->blocks;
    int64_t end = row + job->rows_per_part < geometry->h ? row + job->rows_per_part : geometry->h;
    int64_t lanes = geometry->c - block * FMAP_BLOCK;
    int64_t pixel = row * geometry->w;
    struct fmap_reorder reorder = {.blocked = blocked + image * geometry->image_stride +
                                              block * geometry->block_stride + pixel * FMAP_BLOCK,
                                   .plain = plain + image * job->image_stride +
                                            block * FMAP_BLOCK * job->channel_stride +
                                            pixel * job->pixel_stride,
                                   .n_pixels = (end - row) * geometry->w,
                                   .n_lanes = lanes < FMAP_BLOCK ? (int)lanes : FMAP_BLOCK,
                                   .channel_stride = job->channel_stride,
                                   .pixel_stride = job->pixel_stride};
    if (job->to_blocked)
        run->kernels->reorder_to_blocked(&reorder);
    else
        run->kernels->reorder_to_plain(&reorder);
}

static fmap_status convert_blocked(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   const fmap_shape *shape, bool to_blocked, enum fmap_form other,
                                   const struct fmap_operand *src, const struct fmap_operand *dst) {
    struct reorder_job job = {.geometry = fmap_geometry_of(shape), .to_blocked = to_blocked};
    const struct fmap_geometry *geometry = &job.geometry;
    int64_t pixels = geometry->h * geometry->w;
    job.channel_stride = other == FMAP_FORM_PIXELS ? 1 : pixels;
    job.pixel_stride = other == FMAP_FORM_PIXELS ? geometry->c : 1;
    job.image_stride = geometry->c * pixels;
    int64_t parts = fmap_planning_parts(planning, 16 * geometry->n * geometry->image_stride);
    int64_t per_block = (parts + geometry->n * geometry->blocks - 1) / (geometry->n * geometry->blocks);
    if (per_block > geometry->h) per_block = geometry->h;
    job.rows_per_part = (geometry->h + per_block - 1) / per_block;
    job.parts_per_block = (geometry->h + job.rows_per_part - 1) / job.rows_per_part;
    struct fmap_operand operands[] = {*src, *dst};
    return fmap_planning_step(planning, &(struct fmap_step_definition){
                                            .part = reorder_part,
                                            .job = &job,
                                            .job_bytes = sizeof job,
                                            .operands = operands,
                                            .n_operands = 2,
                                            .parts = geometry->n * geometry->blocks * job.parts_per_block,
                                            .kernel = fmap_kernel_text(planning, "reorder").text,
                                            .node = node});
}

/* Between n, c, h, w and n, h, w, c; from == to is a plain copy. */
static fmap_status convert_strided(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   const struct fmap_graph_value *value, enum fmap_form from,
                                   const struct fmap_operand *src, enum fmap_form to,
                                   const struct fmap_operand *dst) {
    const fmap_shape *shape = &value->shape;
    struct fmap_strided strided = {.rank = shape->rank, .element_bytes = fmap_type_bytes(value->type)};
    int64_t plain[FMAP_MAX_RANK];
    fmap_strides_of(shape, plain);
    for (int i = 0; i < shape->rank; i++) {
        strided.dims[i] = shape->dims[i];
        strided.src_strides[i] = strided.dst_strides[i] = plain[i];
    }
    if (shape->rank != 4) return fmap_planning_copy(planning, node, src, dst, &strided);
    int64_t pixels[4] = {plain[0], 1, shape->dims[3] * shape->dims[1], shape->dims[1]};
    for (int i = 0; i < 4; i++) {
        if (from == FMAP_FORM_PIXELS) strided.src_strides[i] = pixels[i];
        if (to == FMAP_FORM_PIXELS) strided.dst_strides[i] = pixels[i];
    }
    return fmap_planning_copy(planning, node, src, dst, &strided);
}

static fmap_status copy_blocked(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const fmap_shape *shape, const struct fmap_operand *src,
                                const struct fmap_operand *dst) {
    struct fmap_geometry geometry = fmap_geometry_of(shape);
    struct fmap_strided strided = {
        .rank = 1, .dims = {geometry.n * geometry.image_stride}, .src_strides = {1}, .dst_strides = {1}};
    return fmap_planning_copy(planning, node, src, dst, &strided);
}

fmap_status fmap_planning_convert(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                  const struct fmap_graph_value *value, enum fmap_form from,
                                  const struct fmap_operand *src, enum fmap_form to,
                                  const struct fmap_operand *dst) {
    const fmap_shape *shape = &value->shape;
    if (fmap_shape_product(shape, 0, shape->rank) == 0) return FMAP_OK; /* nothing to move */
    if (from == FMAP_FORM_BLOCKED && to == from) return copy_blocked(planning, node, shape, src, dst);
    if (to == FMAP_FORM_BLOCKED) return convert_blocked(planning, node, shape, true, from, src, dst);
    if (from == FMAP_FORM_BLOCKED) return convert_blocked(planning, node, shape, false, to, src, dst);
    return convert_strided(planning, node, value, from, src, to, dst);
}
