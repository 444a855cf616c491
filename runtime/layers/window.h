/* A window that slides over an image: what convolution and pooling have in common. */
#ifndef FMAP_LAYERS_WINDOW_H
#define FMAP_LAYERS_WINDOW_H

#include "runtime/attributes.h"

enum fmap_auto_pad {
    FMAP_AUTO_PAD_NONE,
    FMAP_AUTO_PAD_SAME_UPPER,
    FMAP_AUTO_PAD_SAME_LOWER,
    FMAP_AUTO_PAD_VALID
};

/* The attributes as they are written, for images of any number of dimensions. */
enum { FMAP_WINDOW_DIMS = FMAP_MAX_RANK - 2 };
struct fmap_window_lists {
    int n_dims;                       /* 0: no attribute says so */
    int64_t kernel[FMAP_WINDOW_DIMS]; /* 0: not said */
    int64_t strides[FMAP_WINDOW_DIMS], dilations[FMAP_WINDOW_DIMS];
    int64_t pads[2 * FMAP_WINDOW_DIMS]; /* all in front, then all behind */
};

/* The same in the order height, width; of a 1-D operator only width, with height neutral. For more than 2 dimensions there
 * are the lists alone (volume.h). */
struct fmap_window_parameters {
    struct fmap_window_lists lists;
    int n_dims;        /* where an attribute says so, else 0 */
    int64_t kernel[2]; /* 0: not said */
    int64_t strides[2];
    int64_t dilations[2];
    int64_t pads[4]; /* top, left, bottom, right */
    enum fmap_auto_pad auto_pad;
    bool ceil_mode;
};

/* One axis of a window: out is FMAP_UNKNOWN where in is, and padding is as auto_pad says. */
struct fmap_window_axis {
    int64_t in, kernel, stride, dilation;
    int64_t before, after, out;
};

/* Errors: MODEL when there is no kernel, or it is larger than the padded image, LIMIT. */
fmap_status fmap_window_resolve_axis(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                     const struct fmap_window_parameters *parameters,
                                     struct fmap_window_axis *axis, fmap_error *error);

/* Reads kernel_shape, strides, dilations, pads, auto_pad and ceil_mode and checks each. */
fmap_status fmap_window_parse(struct fmap_parsing *parsing, struct fmap_window_parameters *parameters);

/* Reads `group`, 1 or more. */
fmap_status fmap_window_parse_group(struct fmap_parsing *parsing, int64_t *group);

/* The same on an image of a known (or partly unknown) size. */
struct fmap_window_size {
    int64_t in[2];
    int64_t out[2];
    int64_t kernel[2];
    int64_t strides[2];
    int64_t dilations[2];
    int64_t pads[4]; /* top, left, bottom, right, auto_pad resolved; FMAP_UNKNOWN like `in` */
};

/* `kernel` is used where the attributes do not say it (NULL: they must). Of rank 3 (n, c, w) the height is 1.
 * Errors: MODEL when ranks disagree or the window is larger than the padded image. */
fmap_status fmap_window_resolve(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                const struct fmap_window_parameters *parameters, const fmap_shape *input,
                                const int64_t *kernel, struct fmap_window_size *size, fmap_error *error);

/* The shape n, channels and the window's output size, of the rank of `input`. */
fmap_shape fmap_window_output(const struct fmap_window_size *size, const fmap_shape *input, int64_t channels);

#endif
