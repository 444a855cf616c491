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

/* How a person writes them, in the order of the enumerators after the first; ended by NULL. */
extern const char *const resize_words[];
extern const char *const crop_words[];
extern const char *const invert_words[];
extern const char *const center_words[];
extern const char *const layout_words[];

enum { MAX_CHANNELS = 3, MAX_INPUT_SIDE = 16384 };

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
    bool bgr; /* blue first */
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
 * every dimension. ARGUMENT when a flag contradicts the network or the size stays open, MODEL when the
 * sidecar contradicts it, UNSUPPORTED for an input that is no picture of 1 or 3 channels.
 *
 * What nobody says: scale 1/255, mean 0, std 1; resize fit; crop center for three channels, none for
 * one; invert no; center none. */
fmap_status preprocess_decide(const struct preprocess_options *flags,
                              const struct preprocess_options *sidecar, const fmap_shape *shape,
                              struct preprocess *preprocess, fmap_error *error);

/* Settles all dimensions of the input but the batch as was decided for that very shape. */
void preprocess_shape(const struct preprocess *preprocess, fmap_shape *shape);

/* What the network sees: the picture brought to width x height x channels. For a person to look at;
 * release it with image_release(). */
fmap_status preprocess_picture(const struct preprocess *preprocess, const struct image *image,
                               struct image *seen, fmap_error *error);

/* The same as the network's input: width * height * channels numbers, in its layout, of one image.
 * A picture that is larger than the input is averaged in float and never rounded to 8 bits. */
fmap_status preprocess_input(const struct preprocess *preprocess, const struct image *image, float *input,
                             fmap_error *error);

#endif
