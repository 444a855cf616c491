/* What the functions of fmap/layers.h share. They are written over fmap_model_node(). */
#ifndef FMAP_RUNTIME_KERAS_H
#define FMAP_RUNTIME_KERAS_H

#include "fmap/fmap.h"

/* A layer that is being added: for its sentences and its names. */
struct fmap_keras {
    fmap_model *model;
    const char *kind; /* as Keras calls it */
    const char *name; /* NULL: chosen by the model */
};

/* Makes "MODEL: KIND 'NAME': " and the sentence the model's failure, unless it has one. Returns FMAP_NO_VALUE. */
fmap_value fmap_keras_fail(const struct fmap_keras *layer, fmap_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Describes an input of the layer. False, with the failure recorded, when it is no value of the model or not
 * of that rank (0: any). */
bool fmap_keras_input(const struct fmap_keras *layer, fmap_value input, int rank, fmap_value_info *info);

/* The number of channels (or features), dims[1]. False, with the failure recorded, when it is not known. */
bool fmap_keras_channels(const struct fmap_keras *layer, const fmap_value_info *input, int64_t *channels);

struct fmap_keras_node {
    const char *op;
    const char *name; /* NULL: chosen by the model */
    const fmap_value *inputs;
    size_t n_inputs;
    const fmap_attribute *attributes;
    size_t n_attributes;
};

/* Adds a node of one output, in the newest operator set whatever the model is set to. */
fmap_value fmap_keras_node(const struct fmap_keras *layer, const struct fmap_keras_node *node);

/* Adds a node that follows the layer's own: its name is that of the last node added and a suffix. */
fmap_value fmap_keras_follow(const struct fmap_keras *layer, const char *suffix,
                             const struct fmap_keras_node *node);

/* A list of numbers as an attribute. */
fmap_attribute fmap_keras_ints(const char *name, const int64_t *ints, size_t n);
fmap_attribute fmap_keras_int(const char *name, int64_t i);

/* The attributes of a window: kernel_shape, strides, and pads or auto_pad. */
struct fmap_keras_window {
    int64_t size[2];
    int64_t strides[2];
    int64_t pads[4];
    fmap_padding padding;
};
enum { FMAP_KERAS_WINDOW_ATTRIBUTES = 3 };

/* Checks the window and fills in its attributes, which point into it. */
bool fmap_keras_window(const struct fmap_keras *layer, const struct fmap_keras_window *window,
                       fmap_attribute *attributes);

/* Two members of which zeros mean `fallback`. False, with the failure recorded, when one is negative. */
bool fmap_keras_pair(const struct fmap_keras *layer, const char *what, const int64_t given[2],
                     const int64_t fallback[2], int64_t *result);

/* Adds the activation that a layer ends with, named after it; `value` itself for FMAP_LINEAR. */
fmap_value fmap_keras_activate(const struct fmap_keras *layer, fmap_value value, fmap_activation activation);

#endif
