/* What passes may know of a Resize, and its parts one another. */
#ifndef FMAP_LAYERS_RESIZE_H
#define FMAP_LAYERS_RESIZE_H

#include "runtime/planning.h"

enum fmap_resize_mode { FMAP_RESIZE_NEAREST, FMAP_RESIZE_LINEAR, FMAP_RESIZE_CUBIC };

enum fmap_resize_coordinates {
    FMAP_RESIZE_HALF_PIXEL,
    FMAP_RESIZE_HALF_PIXEL_SYMMETRIC,
    FMAP_RESIZE_PYTORCH_HALF_PIXEL,
    FMAP_RESIZE_ALIGN_CORNERS,
    FMAP_RESIZE_ASYMMETRIC,
    FMAP_RESIZE_TF_HALF_PIXEL,
    FMAP_RESIZE_TF_CROP
};

enum fmap_resize_nearest {
    FMAP_RESIZE_ROUND_PREFER_FLOOR,
    FMAP_RESIZE_ROUND_PREFER_CEIL,
    FMAP_RESIZE_FLOOR,
    FMAP_RESIZE_CEIL,
    FMAP_RESIZE_OLD_NEAREST /* before opset 11: down where an axis grows, up where it shrinks */
};

enum fmap_resize_policy { FMAP_RESIZE_STRETCH, FMAP_RESIZE_NOT_LARGER, FMAP_RESIZE_NOT_SMALLER };

struct fmap_resize_parameters {
    enum fmap_resize_mode mode;
    enum fmap_resize_coordinates coordinates;
    enum fmap_resize_nearest nearest;
    enum fmap_resize_policy policy;
    float cubic_a;
    float outside; /* what lies beyond the image of FMAP_RESIZE_TF_CROP */
    bool exclude_outside;
    bool antialias;
    bool old;      /* inputs are x and scales */
    size_t n_axes; /* 0: all */
    int64_t axes[FMAP_MAX_RANK];
};

/* One axis: from `in` elements to `out`. */
struct fmap_resize_axis {
    int64_t in, out; /* may be FMAP_UNKNOWN */
    double scale;
    double roi_start, roi_end;
    bool same; /* nothing changes along it */
};

/* What a node does to every axis of its input. Errors: MODEL, UNSUPPORTED. */
fmap_status fmap_resize_axes(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                             struct fmap_resize_axis axes[FMAP_MAX_RANK], fmap_error *error);

/* Whether a node, whose shapes are known, puts out what it is given. */
bool fmap_resize_is_identity(const struct fmap_graph *graph, const struct fmap_graph_node *node);

/* Output o of an axis is the sum of weights[o * taps + t] times element indices[o * taps + t]. */
struct fmap_resize_taps {
    int taps;
    int32_t *indices;
    float *weights;
    bool *outside; /* NULL: no output lies outside */
};

/* Makes the table of an axis, in the plan's memory (resize_taps.c). */
fmap_status fmap_resize_table(struct fmap_planning *planning, const struct fmap_resize_parameters *parameters,
                              const struct fmap_resize_axis *axis, struct fmap_resize_taps *taps);

/* Adds the steps (resize_run.c). */
fmap_status fmap_plan_resize(struct fmap_planning *planning, const struct fmap_graph_node *node,
                             const struct fmap_resize_axis axes[FMAP_MAX_RANK]);

#endif
