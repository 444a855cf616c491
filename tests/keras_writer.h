/* Writes layers-models as TensorFlow.js does: a folder with model.json and files of weights; and runs them. */
#ifndef TESTS_KERAS_WRITER_H
#define TESTS_KERAS_WRITER_H

#include "fmap/fmap.h"

enum { KERAS_MOST_SHARDS = 4 };

struct keras_text {
    char *text;
    size_t bytes;
};

/* A model that is being written. JSON is given with ' for ", and parts are joined by commas. */
struct keras_writer {
    char folder[64]; /* "" until it is written */
    char path[128];  /* of model.json */
    struct keras_text layers, weights;
    uint8_t *data; /* of all weights */
    size_t data_bytes;
    size_t shard_bytes[KERAS_MOST_SHARDS]; /* sizes of all files but the last, which gets the rest */
    const char
        *network; /* the class and configuration around the layers, with %s for them; NULL: Sequential */
    const char *version; /* of Keras; NULL: "2.10.0" */
    unsigned seed;
};

/* Adds a layer: {'class_name': 'Conv2D', 'config': {'name': 'c', ...}}. */
void keras_layer(struct keras_writer *w, const char *json);

/* Adds an InputLayer "x" of a shape as "null, 4, 5, 2". */
void keras_input(struct keras_writer *w, const char *shape);

/* Adds float32 weights of a shape as "3, 3, 2, 4" with numbers between -1 and 1, which are returned: valid until the next
 * call. */
float *keras_weights(struct keras_writer *w, const char *name, const char *shape);

/* Adds an entry of the list of weights, and its bytes. */
void keras_entry(struct keras_writer *w, const char *json, const void *data, size_t bytes);

/* Text with format, and ' turned to "; from malloc(). */
char *keras_json(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the files, of which model.json gets this text; NULL: the one that belongs to the layers and weights. */
void keras_write(struct keras_writer *w, const char *json);
/* The text of model.json, from malloc(). */
char *keras_model_json(const struct keras_writer *w);
/* Removes the files and frees all. */
void keras_free(struct keras_writer *w);

/* Loads the model, once it is written. */
fmap_status keras_load(struct keras_writer *w, fmap_model **model, fmap_error *error);

/* Writes, loads and runs the model for inputs in Keras' order, such as n, h, w, c; the first output comes in that order too,
 * from malloc(). Fails the test when that does not work. */
float *keras_run(struct keras_writer *w, const fmap_tensor *inputs, size_t n_inputs,
                 fmap_shape *output_shape);

/* n numbers between -1 and 1, the same in every run; from malloc(). */
float *keras_numbers(size_t n, unsigned seed);

#endif
