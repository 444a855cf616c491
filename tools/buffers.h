/* The caller's memory for one plan: an array for each input and output. */
#ifndef FMAP_TOOLS_BUFFERS_H
#define FMAP_TOOLS_BUFFERS_H

#include <stddef.h>

#include <fmap/fmap.h>

struct buffer {
    fmap_type type;
    fmap_shape shape;
    int64_t elements;
    const char *name; /* the model's */
};

struct buffers {
    size_t n_inputs;
    size_t n_outputs;
    struct buffer *inputs;
    struct buffer *outputs;
    void **input_data; /* what fmap_context_run() takes; zeros at first */
    void **output_data;
};

fmap_status buffers_create(const fmap_model *model, const fmap_plan *plan, struct buffers *buffers,
                           fmap_error *error);
void buffers_release(struct buffers *buffers);

/* Fills the inputs with numbers that are always the same: floats between 0 and 1, any bytes, zeros for
 * the other types (they are indices or sizes). */
void buffers_fill(const struct buffers *buffers);

/* The i-th element of an array, whatever its type. */
double buffer_element(fmap_type type, const void *data, int64_t i);

#endif
