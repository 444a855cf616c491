/* The flags that say how a picture becomes a network's input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preprocess.h"
#include "tool.h"

enum {
    KEY_SIZE = 0x200,
    KEY_GRAY,
    KEY_RGB,
    KEY_BGR,
    KEY_LAYOUT,
    KEY_RESIZE,
    KEY_CROP,
    KEY_INVERT,
    KEY_CENTER,
    KEY_SCALE,
    KEY_MEAN,
    KEY_STD
};

const char *const resize_words[] = {"fit", "stretch", "none", NULL};
const char *const crop_words[] = {"none", "center", NULL};
const char *const invert_words[] = {"no", "yes", "auto", NULL};
const char *const center_words[] = {"none", "mass", NULL};
const char *const layout_words[] = {"nchw", "nhwc", NULL};

static const struct argp_option options[] = {
    {.name = "size", .key = KEY_SIZE, .arg = "WxH", .doc = "Width and height that the network wants"},
    {.name = "gray", .key = KEY_GRAY, .doc = "One channel"},
    {.name = "rgb", .key = KEY_RGB, .doc = "Three channels, red first"},
    {.name = "bgr", .key = KEY_BGR, .doc = "Three channels, blue first"},
    {.name = "layout", .key = KEY_LAYOUT, .arg = "nchw|nhwc", .doc = "Order of the network's input"},
    {.name = "resize",
     .key = KEY_RESIZE,
     .arg = "fit|stretch|none",
     .doc = "Keep the proportions, stretch to the network's, or take the pixels as they are"},
    {.name = "crop",
     .key = KEY_CROP,
     .arg = "center|none",
     .doc = "Cut off what is too much, or pad with the picture's background"},
    {.name = "invert",
     .key = KEY_INVERT,
     .arg = "yes|no|auto",
     .doc = "Make dark bright and bright dark; auto: when the picture's border is bright"},
    {.name = "center",
     .key = KEY_CENTER,
     .arg = "mass|none",
     .doc = "Cut a digit out of its paper and centre it as MNIST did"},
    {.name = "scale",
     .key = KEY_SCALE,
     .arg = "X",
     .doc = "The input is (pixel * X - mean) / std, pixel in 0..255; default 1/255"},
    {.name = "mean", .key = KEY_MEAN, .arg = "M,...", .doc = "One number, or one for each channel"},
    {.name = "std", .key = KEY_STD, .arg = "S,...", .doc = "One number, or one for each channel"},
    {0},
};

static void parse_size(struct argp_state *state, const char *text, struct preprocess_options *flags) {
    int end = 0;
    int fields = sscanf(text, "%5d%*1[xX]%5d%n", &flags->width, &flags->height, &end);
    if (fields != 2 || text[end] != '\0' || flags->width < 1 || flags->height < 1 ||
        flags->width > MAX_INPUT_SIDE || flags->height > MAX_INPUT_SIDE) {
        argp_error(state, "--size takes WIDTHxHEIGHT, each from 1 to %d, not '%s'", MAX_INPUT_SIDE, text);
    }
}

/* "0.5", and also "1/255". */
static float parse_scale(struct argp_state *state, const char *text) {
    char *end = NULL;
    double scale = strtod(text, &end);
    if (end != text && *end == '/') {
        scale /= option_number(state, "scale", end + 1, 1e-6, 1e9);
    } else {
        scale = option_number(state, "scale", text, -1e9, 1e9);
    }
    return (float)scale;
}

static int parse_numbers(struct argp_state *state, const char *option, const char *text, float *numbers) {
    char *copy = strdup(text);
    char *rest = NULL;
    int n = 0;
    if (copy == NULL) {
        argp_failure(state, TOOL_LIMIT, 0, "out of memory");
        return 0;
    }
    for (char *word = strtok_r(copy, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        if (n == MAX_CHANNELS) {
            argp_error(state, "--%s takes at most %d numbers, not '%s'", option, MAX_CHANNELS, text);
        }
        numbers[n++] = (float)option_number(state, option, word, -1e9, 1e9);
    }
    if (n == 0) {
        argp_error(state, "--%s needs a number", option);
    }
    free(copy);
    return n;
}

static void parse_std(struct argp_state *state, const char *text, struct preprocess_options *flags) {
    flags->n_std = parse_numbers(state, "std", text, flags->std);
    for (int i = 0; i < flags->n_std; i++) {
        if (flags->std[i] == 0) {
            argp_error(state, "--std is divided by and cannot be 0");
        }
    }
}

static void set_channels(struct preprocess_options *flags, int channels, bool bgr) {
    flags->channels = channels;
    flags->bgr = bgr;
}

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct preprocess_options *flags = state->input;
    switch (key) {
    case KEY_SIZE: parse_size(state, argument, flags); return 0;
    case KEY_GRAY: set_channels(flags, 1, false); return 0;
    case KEY_RGB:
    case KEY_BGR: set_channels(flags, 3, key == KEY_BGR); return 0;
    case KEY_LAYOUT:
        flags->layout = LAYOUT_NCHW + (unsigned)option_word(state, "layout", argument, layout_words);
        return 0;
    case KEY_RESIZE:
        flags->resize = RESIZE_FIT + (unsigned)option_word(state, "resize", argument, resize_words);
        return 0;
    case KEY_CROP:
        flags->crop = CROP_NONE + (unsigned)option_word(state, "crop", argument, crop_words);
        return 0;
    case KEY_INVERT:
        flags->invert = INVERT_NO + (unsigned)option_word(state, "invert", argument, invert_words);
        return 0;
    case KEY_CENTER:
        flags->center = CENTER_NONE + (unsigned)option_word(state, "center", argument, center_words);
        return 0;
    case KEY_SCALE:
        flags->scale = parse_scale(state, argument);
        flags->scale_set = true;
        return 0;
    case KEY_MEAN: flags->n_mean = parse_numbers(state, "mean", argument, flags->mean); return 0;
    case KEY_STD: parse_std(state, argument, flags); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp preprocess_argp = {.options = options, .parser = parse};
