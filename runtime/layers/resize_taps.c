/* Where each element of a resized axis comes from: which elements, and how much of each. */
#include "runtime/layers/resize.h"

#include <math.h>

/* The place in the input that an output lies at, as float: that is how precise the standard's own rule is. */
static float place_of(const struct fmap_resize_parameters *parameters, const struct fmap_resize_axis *axis,
                      int64_t o) {
    double x = (double)o, in = (double)axis->in, out = (double)axis->out;
    switch (parameters->coordinates) {
    case FMAP_RESIZE_HALF_PIXEL: return (float)((x + 0.5) / axis->scale - 0.5);
    case FMAP_RESIZE_HALF_PIXEL_SYMMETRIC: {
        double exact = axis->scale * in; /* of which `out` is the floor */
        return (float)(in / 2 * (1 - out / exact) + (x + 0.5) / axis->scale - 0.5);
    }
    case FMAP_RESIZE_PYTORCH_HALF_PIXEL: return axis->out > 1 ? (float)((x + 0.5) / axis->scale - 0.5) : 0.0f;
    case FMAP_RESIZE_ALIGN_CORNERS: return axis->out > 1 ? (float)(x * (in - 1) / (out - 1)) : 0.0f;
    case FMAP_RESIZE_TF_HALF_PIXEL: return (float)((x + 0.5) / axis->scale);
    case FMAP_RESIZE_TF_CROP:
        if (axis->out <= 1) return (float)(0.5 * (axis->roi_start + axis->roi_end) * (in - 1));
        return (float)(axis->roi_start * (in - 1) +
                       x * (axis->roi_end - axis->roi_start) * (in - 1) / (out - 1));
    default: return (float)(x / axis->scale);
    }
}

static float round_place(enum fmap_resize_nearest nearest, const struct fmap_resize_axis *axis, float place) {
    switch (nearest) {
    case FMAP_RESIZE_ROUND_PREFER_FLOOR: return ceilf(place - 0.5f);
    case FMAP_RESIZE_ROUND_PREFER_CEIL: return floorf(place + 0.5f);
    case FMAP_RESIZE_CEIL: return ceilf(place);
    case FMAP_RESIZE_OLD_NEAREST: return axis->scale < 1 ? ceilf(place) : floorf(place);
    default: return floorf(place);
    }
}

/* How much counts what lies `distance` away. */
static double weight_of(const struct fmap_resize_parameters *parameters, double distance) {
    double a = (double)parameters->cubic_a, d = fabs(distance);
    if (parameters->mode == FMAP_RESIZE_LINEAR) return d < 1 ? 1 - d : 0;
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* How many elements on each side may count. */
static int reach_of(const struct fmap_resize_parameters *parameters, const struct fmap_resize_axis *axis) {
    int reach = parameters->mode == FMAP_RESIZE_LINEAR ? 1 : 2;
    if (!parameters->antialias || axis->scale >= 1) return reach;
    return (int)ceil(fmin(reach / axis->scale, (double)axis->in));
}

/* The taps of one output: elements beyond the ends are those at the ends, or do not count at all. */
static void weigh(const struct fmap_resize_parameters *parameters, const struct fmap_resize_axis *axis,
                  float place, int taps, int32_t *indices, float *weights) {
    bool shrinks = parameters->antialias && axis->scale < 1;
    double stretch = shrinks ? axis->scale : 1, sum = 0;
    int64_t first = (int64_t)floorf(place) - taps / 2 + 1;
    for (int pass = 0; pass < 2; pass++) { /* the sum first */
        for (int t = 0; t < taps; t++) {
            int64_t index = first + t;
            bool outside = index < 0 || index >= axis->in;
            double weight = weight_of(parameters, stretch * ((double)index - (double)place));
            if (outside && parameters->exclude_outside) weight = 0;
            if (pass == 0) sum += weight;
            indices[t] = (int32_t)(index < 0 ? 0 : index >= axis->in ? axis->in - 1 : index);
            if (!shrinks && !parameters->exclude_outside)
                weights[t] = (float)weight;
            else
                weights[t] = sum != 0 ? (float)(weight / sum) : t == 0; /* 0: all lie outside */
        }
    }
}

static fmap_status take(struct fmap_planning *planning, const struct fmap_resize_axis *axis, bool crop,
                        struct fmap_resize_taps *taps) {
    struct fmap_storage *storage = &planning->plan->storage;
    size_t n = (size_t)axis->out * (size_t)taps->taps;
    taps->indices = fmap_storage_take(storage, n, sizeof *taps->indices);
    taps->weights = fmap_storage_take(storage, n, sizeof *taps->weights);
    taps->outside = crop ? fmap_storage_take(storage, (size_t)axis->out, sizeof *taps->outside) : NULL;
    if (taps->indices && taps->weights && (taps->outside || !crop)) return FMAP_OK;
    return fmap_planning_out_of_memory(planning);
}

fmap_status fmap_resize_table(struct fmap_planning *planning, const struct fmap_resize_parameters *parameters,
                              const struct fmap_resize_axis *axis, struct fmap_resize_taps *taps) {
    bool crop = parameters->coordinates == FMAP_RESIZE_TF_CROP;
    bool single = axis->same || parameters->mode == FMAP_RESIZE_NEAREST;
    taps->taps = single ? 1 : 2 * reach_of(parameters, axis);
    TRY(take(planning, axis, crop, taps));
    for (int64_t o = 0; o < axis->out; o++) {
        int32_t *indices = taps->indices + o * taps->taps;
        float *weights = taps->weights + o * taps->taps;
        float place = axis->same ? (float)o : place_of(parameters, axis, o), last = (float)(axis->in - 1);
        if (crop) taps->outside[o] = !(place >= 0 && place <= last);
        place = fmaxf(-2 * (float)FMAP_BLOCK, fminf(place, last + 2 * (float)FMAP_BLOCK));
        if (!single) {
            weigh(parameters, axis, place, taps->taps, indices, weights);
            continue;
        }
        float nearest = axis->same ? place : round_place(parameters->nearest, axis, place);
        indices[0] = (int32_t)(nearest < 0 ? 0 : nearest > last ? last : nearest);
        weights[0] = 1;
    }
    return FMAP_OK;
}
