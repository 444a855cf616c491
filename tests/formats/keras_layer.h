/* One layer of Keras in a file, against its formula in Keras' own order of the axes, n, h, w, c, in double. */
#ifndef TESTS_FORMATS_KERAS_LAYER_H
#define TESTS_FORMATS_KERAS_LAYER_H

#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/keras_writer.h"

static struct keras_writer w;

/* The model's first input: n, h, w, c or whatever the sizes are. */
static fmap_tensor input_of(int rank, const int64_t *sizes) {
    fmap_tensor tensor = {.type = FMAP_FLOAT32, .shape = {.rank = rank}};
    size_t n = 1;
    for (int i = 0; i < rank; i++) {
        tensor.shape.dims[i] = sizes[i];
        n *= (size_t)sizes[i];
    }
    tensor.data = keras_numbers(n, 77);
    return tensor;
}

#define INPUT(...) \
    input_of((int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__})

static const float *floats(const fmap_tensor *tensor) { return tensor->data; }

static void layer(const char *class_name, const char *name, const char *config) {
    char *json = keras_json("{'class_name': '%s', 'config': {'name': '%s'%s%s}}", class_name, name,
                            *config ? ", " : "", config);
    keras_layer(&w, json);
    free(json);
}

/* Runs the model and holds its output against the expected one: as many elements, and each within the bound of a sum of so
 * many terms, none of which is above `largest`. */
static void expect(const fmap_tensor *input, const double *expected, int rank, const int64_t *sizes,
                   int terms, double largest) {
    fmap_shape shape;
    float *output = keras_run(&w, input, 1, &shape);
    int64_t n = 1;
    cr_assert_eq(shape.rank, rank, "rank %d", shape.rank);
    for (int i = 0; i < rank; i++) {
        cr_assert_eq(shape.dims[i], sizes[i], "axis %d has %lld", i, (long long)shape.dims[i]);
        n *= sizes[i];
    }
    double bound = (double)FLT_EPSILON * (terms + 1) * terms * largest;
    for (int64_t i = 0; i < n; i++) {
        cr_assert(fabs((double)output[i] - expected[i]) <= bound, "element %lld is %.9g, expected %.9g",
                  (long long)i, (double)output[i], expected[i]);
    }
    free(output);
    free((void *)(uintptr_t)input->data);
    keras_free(&w);
}

#define SIZES(...) \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) { __VA_ARGS__ }

#endif
