/* Pictures of 8-bit pixels for an input of floats: the caller's buffer stays as it is, and whoever reads it makes
 * (pixel - mean) * scale of a few pixels at a time, in float. */
#ifndef FMAP_RUNTIME_PIXELS_H
#define FMAP_RUNTIME_PIXELS_H

#include "runtime/graph.h"

/* What the caller's buffer of one input holds. */
struct fmap_pixels {
    const float *mean, *scale; /* of each channel; NULL: no pixels, but numbers of the model's own type */
    int64_t channel_stride, pixel_stride, image_stride;
};

struct fmap_plan;
struct fmap_planning;
struct fmap_operand;

/* What the port says of the type of the i-th input, in plan->pixels. The shape is settled. */
fmap_status fmap_settle_pixels(struct fmap_plan *plan, size_t i, const fmap_port *port, fmap_error *error);

/* Adds the step that makes blocked or plain floats of a value's pictures. */
fmap_status fmap_planning_take_pixels(struct fmap_planning *planning, fmap_value value, bool to_blocked,
                                      const struct fmap_operand *src, const struct fmap_operand *dst);

#endif
