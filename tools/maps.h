/* Everything that one run of a network lets us see: its layers in order, with their maps. */
#ifndef FMAP_TOOLS_MAPS_H
#define FMAP_TOOLS_MAPS_H

#include "image.h"
#include "network.h"
#include "tool.h"
#include "view.h"

/* The weights of a convolution: weights[((filter * depth + slice) * height + y) * width + x]. */
struct filters {
    const void *weights; /* float32, the model's, of any alignment; NULL: not a convolution, or computed */
    const void *bias;    /* [count]; NULL: none */
    int64_t count;
    int64_t depth;
    int64_t height;
    int64_t width;
};

struct layer_maps {
    const char *name;
    const char *op; /* ONNX operator; "Input" for the first */
    char *file;     /* name for its files, without an ending: "03-conv2d_1" */
    fmap_shape shape;
    int64_t parameters;
    int64_t macs;
    double seconds;
    char *kernel;      /* what computes it; "" when nothing has to be done */
    size_t fused_into; /* index of the layer that computes this one too; 0: none */
    size_t *inputs;    /* indices of the layers that it reads; 0 is the network's input */
    size_t n_inputs;
    float *values; /* of the first output, NCHW; NULL: not recorded */
    struct map_view view;
    fmap_statistics *statistics; /* one for each of view.channels */
    struct filters filters;
};

/* layers[0] is the network's input, then the network's nodes in their order. */
struct maps {
    struct layer_maps *layers;
    size_t n_layers;
    fmap_plan_info plan;
    double seconds; /* of a whole run without taps */
    float *output;  /* the network's first output */
    fmap_shape output_shape;
};

struct maps_options {
    const char *layers; /* pattern: whose maps are recorded */
    struct engine_options engine;
};

/* Runs the network on a picture: first without taps, to time every layer, then recording the maps of
 * the layers that match. `network` must outlive `maps`. After a failure maps_release() is not needed. */
fmap_status maps_collect(const struct network *network, const struct image *picture,
                         const struct maps_options *options, struct maps *maps, fmap_error *error);
void maps_release(struct maps *maps);

/* A name that is a file name everywhere: the number, then the name with everything but letters,
 * digits, '.', '_' and '-' replaced by '_', cut to 80 bytes. From malloc(); NULL: out of memory. */
char *maps_file_name(size_t number, size_t n_layers, const char *name);

#endif
