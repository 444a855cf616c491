/* A network that is ready to look at pictures: the model, its sidecar, and what it wants to see. */
#ifndef FMAP_TOOLS_NETWORK_H
#define FMAP_TOOLS_NETWORK_H

#include "preprocess.h"
#include "sidecar.h"

struct network {
    fmap_model *model;
    struct sidecar sidecar; /* title, description, labels */
    struct preprocess preprocess;
    fmap_shape input_shape; /* of one image: [1, channels, height, width] or as the model has it */
    const char *input_name;
    int64_t input_elements; /* of one image */
    int64_t model_batch;    /* the batch that the model was saved with; FMAP_UNKNOWN: any */
};

/* Loads a model and its sidecar (model.onnx: model.json, if there) and decides how pictures become its
 * one input. `flags` and `labels_path` may be NULL. Errors: those of fmap_model_load() and
 * sidecar_read(); ARGUMENT; UNSUPPORTED for a network that has not one image input.
 * After a failure network_close() is not needed. */
fmap_status network_open(const char *model_path, const struct preprocess_options *flags,
                         const char *labels_path, struct network *network, fmap_error *error);
void network_close(struct network *network);

/* Plans the network for `batch` images. The other members of *options (taps, threads, profile...)
 * are the caller's; batch and ports are filled in here. */
fmap_status network_plan(const struct network *network, int64_t batch, const fmap_plan_options *options,
                         fmap_plan **plan, fmap_error *error);

/* The picture as input of one image: network->input_elements numbers. */
fmap_status network_input(const struct network *network, const struct image *image, float *input,
                          fmap_error *error);

/* The name of a class; its number, written to `number`, where there is no label. */
enum { LABEL_NUMBER_BYTES = 24 };
const char *network_label(const struct network *network, size_t class, char number[LABEL_NUMBER_BYTES]);

/* ---- answers ----------------------------------------------------------------------------------- */

struct answer {
    size_t class;
    float score;
};

/* The k largest of n scores, largest first, the lower class first among equals; NaN comes last.
 * Returns how many were written: the smaller of k and n. */
size_t top_answers(const float *scores, size_t n, size_t k, struct answer *answers);

/* True when scores are probabilities already: all in 0..1 and together 1. */
bool is_distribution(const float *scores, size_t n);

/* scores[i] = exp(scores[i]) / sum, in place. */
void softmax(float *scores, size_t n);

/* Classes of an output of shape [batch, classes], also with trailing or middle dimensions of 1; 0 when
 * the output is something else. */
int64_t output_classes(const fmap_shape *shape);

#endif
