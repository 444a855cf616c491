/* Windows over images of any number of dimensions, and over elements of other types, by plain loops: what has no kernel. */
#ifndef FMAP_LAYERS_VOLUME_H
#define FMAP_LAYERS_VOLUME_H

#include "runtime/layers/window.h"
#include "runtime/planning.h"

/* A window on an image whose size is known (or partly unknown); pads: all in front, then all behind. */
struct fmap_volume {
    int n_dims;
    int64_t in[FMAP_WINDOW_DIMS], out[FMAP_WINDOW_DIMS];
    int64_t kernel[FMAP_WINDOW_DIMS], strides[FMAP_WINDOW_DIMS], dilations[FMAP_WINDOW_DIMS];
    int64_t pads[2 * FMAP_WINDOW_DIMS];
};

/* `kernel` is used where the attributes do not say it (NULL: they must). Errors: MODEL when ranks disagree or the window
 * is larger than the padded image. */
fmap_status fmap_volume_resolve(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                const struct fmap_window_parameters *parameters, const fmap_shape *input,
                                const int64_t *kernel, struct fmap_volume *volume, fmap_error *error);

/* The shape n, channels and the window's output size. */
fmap_shape fmap_volume_output(const struct fmap_volume *volume, const fmap_shape *input, int64_t channels);

/* Products of the sizes. */
int64_t fmap_volume_product(const int64_t *sizes, int n_dims);

/* The next coordinates in row-major order below `sizes`. */
static inline void fmap_volume_next(int64_t *at, const int64_t *sizes, int n_dims) {
    for (int d = n_dims - 1; d >= 0; d--) {
        if (++at[d] < sizes[d]) return;
        at[d] = 0;
    }
}

/* The row-major coordinates of element i. */
static inline void fmap_volume_at(int64_t i, const int64_t *sizes, int n_dims, int64_t *at) {
    for (int d = n_dims - 1; d >= 0; d--) {
        at[d] = i % sizes[d];
        i /= sizes[d];
    }
}

/* The element of the image that position `k` of the window of output `at` is on; -1: none. */
static inline int64_t fmap_volume_source(const struct fmap_volume *volume, const int64_t *at,
                                         const int64_t *k) {
    int64_t index = 0;
    for (int d = 0; d < volume->n_dims; d++) {
        int64_t x = at[d] * volume->strides[d] - volume->pads[d] + k[d] * volume->dilations[d];
        if (x < 0 || x >= volume->in[d]) return -1;
        index = index * volume->in[d] + x;
    }
    return index;
}

/* The same from what has been resolved for one or two dimensions. */
struct fmap_volume fmap_volume_of(const struct fmap_window_size *size, int n_dims);

/* What is made of a window's elements. */
enum fmap_volume_pool { FMAP_VOLUME_MAX, FMAP_VOLUME_AVERAGE, FMAP_VOLUME_L1, FMAP_VOLUME_L2 };

/* Adds the step of a pool: of floats, or of the maxima of bytes. Output 1, where it is wanted, says where they are, counting
 * along the last axis first or, by_columns, last. */
struct fmap_volume_pooling {
    enum fmap_volume_pool pool;
    bool count_padding; /* of an average */
    bool by_columns;
};
fmap_status fmap_planning_volume_pool(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                      const struct fmap_volume *volume,
                                      const struct fmap_volume_pooling *pooling);

/* Adds the step of a convolution whose inputs are those of Conv, with weights and bias that may be computed. */
struct fmap_conv_parameters;
fmap_status fmap_planning_volume_conv(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                      const struct fmap_volume *volume,
                                      const struct fmap_conv_parameters *parameters);

#endif
