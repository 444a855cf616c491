/* From a picture as a person brings it to the numbers that a network was trained on. */
#ifndef FMAP_TOOLS_PREPROCESS_H
#define FMAP_TOOLS_PREPROCESS_H

#include <argp.h>
#include <stdbool.h>

#include "image.h"

enum resize_mode {
    RESIZE_UNSET = 0,
    RESIZE_FIT,     /* keep the proportions: all of the picture, padded with its background (with
                       "crop": "center" all of the target, the rest cut off) */
    RESIZE_STRETCH, /* to the target's proportions */
    RESIZE_NONE     /* not at all: the picture must have the size, or be padded or cropped to it */
};
enum crop_mode { CROP_UNSET = 0, CROP_NONE, CROP_CENTER };
enum invert_mode { INVERT_UNSET = 0, INVERT_NO, INVERT_YES, INVERT_AUTO /* when the border is bright */ };
enum center_mode { CENTER_UNSET = 0, CENTER_NONE, CENTER_MASS /* as MNIST did */ };
enum tensor_layout { LAYOUT_UNSET = 0, LAYOUT_NCHW, LAYOUT_NHWC };

enum { MAX_CHANNELS = 4 };

/* What somebody asked for: flags, or a sidecar. Zero means not said. */
struct preprocess_options {
    int width;
    int height;
    int channels;
    enum tensor_layout layout; /* of the network's input */
    enum resize_mode resize;
    enum crop_mode crop;
    enum invert_mode invert;
    enum center_mode center;
    bool bgr;        /* blue first */
    bool scale_set;
    float scale;
    int n_mean; /* 0: unset; 1: for all channels */
    float mean[MAX_CHANNELS];
    int n_std;
    float std[MAX_CHANNELS];
};

/* --size, --gray, --rgb, --resize, --crop, ...: state->input is a struct preprocess_options *. */
extern const struct argp preprocess_argp;

/* Everything decided: what network_open() makes of flags, sidecar and the input's shape. */
struct preprocess {
    int width;
    int height;
    int channels;
    enum tensor_layout layout;
    enum resize_mode resize;
    enum crop_mode crop;
    enum invert_mode invert;
    enum center_mode center;
    bool bgr;
    float scale;
    float mean[MAX_CHANNELS];
    float std[MAX_CHANNELS];
};

/* Decides: `flags` before `sidecar` before `shape`, which is the network's input and may be unknown in
 * every dimension. ARGUMENT when they contradict each other or leave the size open. */
fmap_status preprocess_decide(const struct preprocess_options *flags, const struct preprocess_options *sidecar,
                              const fmap_shape *shape, struct preprocess *preprocess, fmap_error *error);

/* What the network sees: the picture brought to width x height x channels. For a person to look at;
 * release it with image_release(). */
fmap_status preprocess_picture(const struct preprocess *preprocess, const struct image *image,
                               struct image *seen, fmap_error *error);

/* The same as the network's input: width * height * channels numbers, in its layout, of one image.
 * A picture that is larger than the input is averaged in float and never rounded to 8 bits. */
fmap_status preprocess_input(const struct preprocess *preprocess, const struct image *image, float *input,
                             fmap_error *error);

#endif
