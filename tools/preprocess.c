/* Decides what nobody said, and makes sure that what was said fits together. */
#include "preprocess.h"

#include <inttypes.h>

#include "tool.h"

/* What the network's shape says about its picture; FMAP_UNKNOWN where it does not. */
struct wanted {
    int64_t width;
    int64_t height;
    int64_t channels;
    enum tensor_layout layout;
};

static bool is_color_count(int64_t n) { return n == 1 || n == 3; }

static struct wanted wanted_by(const fmap_shape *shape, enum tensor_layout layout) {
    const int64_t *dims = shape->dims;
    if (shape->rank == 4) {
        if (layout == LAYOUT_UNSET) {
            bool last = is_color_count(dims[3]) && !is_color_count(dims[1]);
            layout = last ? LAYOUT_NHWC : LAYOUT_NCHW;
        }
        bool planes = layout == LAYOUT_NCHW;
        return (struct wanted){.channels = planes ? dims[1] : dims[3],
                               .height = planes ? dims[2] : dims[1],
                               .width = planes ? dims[3] : dims[2],
                               .layout = layout};
    }
    struct wanted wanted = {.width = FMAP_UNKNOWN, .height = FMAP_UNKNOWN, .channels = FMAP_UNKNOWN};
    wanted.layout = layout == LAYOUT_UNSET ? LAYOUT_NCHW : layout;
    if (shape->rank == 3) {
        wanted.height = dims[1];
        wanted.width = dims[2];
        wanted.channels = 1;
    }
    return wanted;
}

/* One of width, height, channels: what a person says must be what the network takes. */
static fmap_status decide_size(const char *what, int flag, int sidecar, int64_t wanted, int *size,
                               fmap_error *error) {
    *size = flag != 0 ? flag : sidecar;
    if (wanted == FMAP_UNKNOWN && *size == 0) {
        return fail(error, FMAP_ERROR_ARGUMENT, "the network leaves the %s of its input open: give %s", what,
                    what[0] == 'c' ? "--gray or --rgb" : "--size WxH");
    }
    if (wanted != FMAP_UNKNOWN && *size != 0 && *size != wanted) {
        return fail(error, flag != 0 ? FMAP_ERROR_ARGUMENT : FMAP_ERROR_MODEL,
                    "the network takes pictures of %s %" PRId64 ", not %d as %s", what, wanted, *size,
                    flag != 0 ? "the command line says" : "its sidecar says");
    }
    if (wanted > MAX_INPUT_SIDE) {
        return fail(error, FMAP_ERROR_LIMIT, "the network takes pictures of %s %" PRId64 ", beyond %d", what,
                    wanted, MAX_INPUT_SIDE);
    }
    *size = *size != 0 ? *size : (int)wanted;
    return FMAP_OK;
}

static fmap_status decide_shape(const struct preprocess_options *flags,
                                const struct preprocess_options *sidecar, const fmap_shape *shape,
                                struct preprocess *preprocess, fmap_error *error) {
    if (shape->rank < 2 || shape->rank > 4) {
        return fail(error, FMAP_ERROR_UNSUPPORTED,
                    "the network's input has %d dimensions: it takes no pictures", shape->rank);
    }
    enum tensor_layout layout = flags->layout != LAYOUT_UNSET ? flags->layout : sidecar->layout;
    const struct wanted wanted = wanted_by(shape, layout);
    preprocess->layout = wanted.layout;
    TRY(decide_size("channels", flags->channels, sidecar->channels, wanted.channels, &preprocess->channels,
                    error));
    if (!is_color_count(preprocess->channels)) {
        return fail(error, FMAP_ERROR_UNSUPPORTED, "the network takes %d channels; pictures have 1 or 3",
                    preprocess->channels);
    }
    TRY(decide_size("height", flags->height, sidecar->height, wanted.height, &preprocess->height, error));
    TRY(decide_size("width", flags->width, sidecar->width, wanted.width, &preprocess->width, error));
    int64_t elements = (int64_t)preprocess->width * preprocess->height * preprocess->channels;
    if (shape->rank == 2 && shape->dims[1] != FMAP_UNKNOWN && shape->dims[1] != elements) {
        return fail(error, FMAP_ERROR_MODEL,
                    "the network takes %" PRId64 " numbers, a picture of %dx%d has %" PRId64, shape->dims[1],
                    preprocess->width, preprocess->height, elements);
    }
    return FMAP_OK;
}

/* One number stands for all channels. */
static fmap_status decide_numbers(const char *what, int n, const float *given, float otherwise, int channels,
                                  float *numbers, fmap_error *error) {
    if (n > 1 && n != channels) {
        return fail(error, FMAP_ERROR_ARGUMENT, "%d numbers are given for %s, the network has %d channels", n,
                    what, channels);
    }
    for (int c = 0; c < MAX_CHANNELS; c++) {
        numbers[c] = n == 0 ? otherwise : n == 1 ? given[0] : given[c];
    }
    return FMAP_OK;
}

fmap_status preprocess_decide(const struct preprocess_options *flags,
                              const struct preprocess_options *sidecar, const fmap_shape *shape,
                              struct preprocess *preprocess, fmap_error *error) {
    *preprocess = (struct preprocess){0};
    TRY(decide_shape(flags, sidecar, shape, preprocess, error));

    enum resize_mode resize = flags->resize != RESIZE_UNSET ? flags->resize : sidecar->resize;
    enum crop_mode crop = flags->crop != CROP_UNSET ? flags->crop : sidecar->crop;
    enum invert_mode invert = flags->invert != INVERT_UNSET ? flags->invert : sidecar->invert;
    enum center_mode center = flags->center != CENTER_UNSET ? flags->center : sidecar->center;
    enum crop_mode usual_crop = preprocess->channels == 3 ? CROP_CENTER : CROP_NONE;
    preprocess->resize = resize != RESIZE_UNSET ? resize : RESIZE_FIT;
    preprocess->crop = crop != CROP_UNSET ? crop : usual_crop;
    preprocess->invert = invert != INVERT_UNSET ? invert : INVERT_NO;
    preprocess->center = center != CENTER_UNSET ? center : CENTER_NONE;
    preprocess->bgr = flags->channels != 0 ? flags->bgr : sidecar->bgr;
    preprocess->scale = flags->scale_set ? flags->scale : sidecar->scale_set ? sidecar->scale : 1.0f / 255.0f;

    const struct preprocess_options *mean = flags->n_mean > 0 ? flags : sidecar;
    const struct preprocess_options *std = flags->n_std > 0 ? flags : sidecar;
    TRY(decide_numbers("mean", mean->n_mean, mean->mean, 0, preprocess->channels, preprocess->mean, error));
    return decide_numbers("std", std->n_std, std->std, 1, preprocess->channels, preprocess->std, error);
}

void preprocess_shape(const struct preprocess *preprocess, fmap_shape *shape) {
    bool planes = preprocess->layout == LAYOUT_NCHW;
    if (shape->rank == 4) {
        shape->dims[1] = planes ? preprocess->channels : preprocess->height;
        shape->dims[2] = planes ? preprocess->height : preprocess->width;
        shape->dims[3] = planes ? preprocess->width : preprocess->channels;
    } else if (shape->rank == 3) {
        shape->dims[1] = preprocess->height;
        shape->dims[2] = preprocess->width;
    } else {
        shape->dims[1] = (int64_t)preprocess->width * preprocess->height * preprocess->channels;
    }
}
