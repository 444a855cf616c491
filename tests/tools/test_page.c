#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/page.h"

static uint8_t picture_pixels[6 * 4];
static const struct image picture = {6, 4, 1, picture_pixels};

static struct layer_maps layer_of(const char *name, const char *op, fmap_shape shape, float *values) {
    static size_t inputs[1];
    struct layer_maps layer = {.name = name, .op = op, .file = "00-x", .shape = shape, .kernel = ""};
    layer.inputs = inputs;
    layer.n_inputs = 1;
    layer.values = values;
    layer.view = view_of(&shape, values);
    layer.statistics = calloc((size_t)layer.view.channels + 1, sizeof *layer.statistics);
    for (int64_t i = 0; values != NULL && i < layer.view.channels; i++) {
        layer.statistics[i] = view_statistics(&layer.view, i);
    }
    return layer;
}

static char *make_page(struct layer_maps *layers, size_t n_layers, int channels) {
    static const struct page_answer answers[] = {{"seven</script>", 0.9}, {"one", 0.1}};
    const struct maps maps = {.layers = layers, .n_layers = n_layers, .plan = {.isa = FMAP_ISA_SCALAR}};
    const struct page page = {.title = "<Title> & \"more\"",
                              .picture = &picture,
                              .maps = &maps,
                              .answers = answers,
                              .n_answers = 2,
                              .colormap = colormaps,
                              .channels = channels};
    char *html;
    size_t n_bytes;
    cr_assert_eq(page_make(&page, &html, &n_bytes, NULL), FMAP_OK);
    cr_assert_eq(strlen(html), n_bytes);
    return html;
}

/* The JSON inside of the page; what is not JSON fails. */
static json_t *data_of(const char *html) {
    static const char open[] = "<script type=\"application/json\" id=\"data\">";
    const char *begin = strstr(html, open);
    cr_assert_not_null(begin);
    begin += strlen(open);
    json_error_t error;
    json_t *data = json_loadb(begin, (size_t)(strstr(begin, "</script>") - begin), 0, &error);
    cr_assert_not_null(data, "%s", error.text);
    return data;
}

static json_t *first_layer(struct layer_maps layer, int channels, json_t **data) {
    char *html = make_page(&layer, 1, channels);
    *data = data_of(html);
    free(html);
    free(layer.statistics);
    return json_array_get(json_object_get(*data, "layers"), 0);
}

static int64_t member(const json_t *object, const char *key, const char *name) {
    return json_integer_value(json_object_get(json_object_get(object, key), name));
}

Test(page, asks_nobody_for_anything) {
    float values[4] = {0};
    struct layer_maps layer = layer_of("x", "Relu", (fmap_shape){2, {1, 4}}, values);
    char *html = make_page(&layer, 1, 64);
    cr_expect_null(strstr(html, "http:"));
    cr_expect_null(strstr(html, "https:"));
    cr_expect_null(strstr(html, "url("));
    cr_expect_null(strstr(html, "@import"));
    cr_expect_null(strstr(html, " src=\""));
    cr_expect_null(strstr(html, "<link"));
    cr_expect_not_null(strstr(html, "default-src 'none'"));
    cr_expect_null(strstr(html, "{{"), "a place of the template was left empty");
    free(layer.statistics);
    free(html);
}

Test(page, hostile_names_stay_text) {
    float values[4] = {0};
    const char *name = "</script><script>alert(1)</script>'\"\xff\x01";
    struct layer_maps layer = layer_of(name, "<!--", (fmap_shape){2, {1, 4}}, values);
    char *html = make_page(&layer, 1, 64);
    cr_expect_null(strstr(html, "<script>alert"));
    cr_expect_null(strstr(html, "seven</script>"));
    cr_expect_null(strstr(html, "<Title>"));
    json_t *data = data_of(html);
    const json_t *read = json_array_get(json_object_get(data, "layers"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(read, "name")),
                     "</script><script>alert(1)</script>'\"\xef\xbf\xbd\x01");
    json_decref(data);
    free(layer.statistics);
    free(html);
}

Test(page, maps_are_capped_and_the_cap_is_told) {
    static float values[10 * 3 * 2];
    json_t *data,
        *layer = first_layer(layer_of("x", "Conv", (fmap_shape){4, {1, 10, 3, 2}}, values), 4, &data);
    cr_expect_eq(member(layer, "maps", "total"), 10);
    cr_expect_eq(member(layer, "maps", "shown"), 4);
    cr_expect_eq(member(layer, "maps", "height"), 3);
    cr_expect_eq(member(layer, "maps", "width"), 2);
    cr_expect_eq(json_array_size(json_object_get(layer, "statistics")), 4);
    cr_expect_eq(json_array_size(json_object_get(json_object_get(layer, "maps"), "ranges")), 8);
    json_decref(data);
}

Test(page, large_maps_are_averaged_and_that_is_told) {
    float *values = calloc(8 * 600 * 500, sizeof *values);
    json_t *data,
        *layer = first_layer(layer_of("x", "Conv", (fmap_shape){4, {1, 8, 600, 500}}, values), 64, &data);
    cr_expect_eq(member(layer, "maps", "shrink"), 2);
    cr_expect_eq(member(layer, "maps", "height"), 300);
    cr_expect_eq(member(layer, "maps", "width"), 250);
    json_decref(data);
    free(values);
}

Test(page, short_vectors_are_numbers_and_long_ones_a_picture) {
    static float values[1000] = {1.5f, -2.0f, NAN};
    json_t *data, *layer = first_layer(layer_of("x", "Gemm", (fmap_shape){2, {1, 3}}, values), 64, &data);
    const json_t *numbers = json_object_get(json_object_get(layer, "vector"), "values");
    cr_expect_eq(json_array_size(numbers), 3);
    cr_expect_eq(json_number_value(json_array_get(numbers, 0)), 1.5);
    cr_expect(json_is_null(json_array_get(numbers, 2)));
    json_decref(data);
    layer = first_layer(layer_of("x", "Gemm", (fmap_shape){2, {1, 1000}}, values), 64, &data);
    cr_expect_null(json_object_get(json_object_get(layer, "vector"), "values"));
    cr_expect(json_is_string(json_object_get(json_object_get(layer, "vector"), "png")));
    json_decref(data);
}

Test(page, filters_come_with_the_slices_that_fit_and_may_be_unaligned) {
    static float values[2 * 3 * 3];
    static uint8_t memory[2 * 100 * 3 * 3 * 4 + 1];
    const float one = 1.0f;
    memcpy(memory + 1, &one, sizeof one);
    struct layer_maps conv = layer_of("x", "Conv", (fmap_shape){4, {1, 2, 3, 3}}, values);
    conv.filters = (struct filters){memory + 1, NULL, 2, 100, 3, 3};
    json_t *data, *layer = first_layer(conv, 64, &data);
    cr_expect_eq(member(layer, "filters", "slices"), 32);
    cr_expect_eq(member(layer, "filters", "shown"), 2);
    cr_expect(json_is_null(json_object_get(json_object_get(layer, "filters"), "bias")));
    const char *weights = json_string_value(json_object_get(json_object_get(layer, "filters"), "weights"));
    cr_expect_eq(strlen(weights), 2 * 32 * 9 * sizeof(float) / 3 * 4);
    cr_expect_eq(strncmp(weights, "AACAPw", 5), 0); /* 1.0f, the lowest byte first */
    json_decref(data);
}

Test(page, a_layer_that_was_not_asked_for_has_no_maps) {
    json_t *data, *layer = first_layer(layer_of("x", "Conv", (fmap_shape){4, {1, 2, 3, 3}}, NULL), 64, &data);
    cr_expect_null(json_object_get(layer, "maps"));
    cr_expect_null(json_object_get(layer, "statistics"));
    json_decref(data);
}

Test(page, does_not_grow_beyond_its_limit) {
    enum { LAYERS = 60, CHANNELS = 64, SIDE = 128 };
    float *values = malloc(sizeof(float) * CHANNELS * SIDE * SIDE);
    uint32_t state = 1;
    for (int i = 0; i < CHANNELS * SIDE * SIDE; i++) { /* Noise, which no PNG makes smaller. */
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8);
    }
    struct layer_maps layers[LAYERS];
    for (int i = 0; i < LAYERS; i++) {
        layers[i] = layer_of("x", "Conv", (fmap_shape){4, {1, CHANNELS, SIDE, SIDE}}, values);
    }
    char *html = make_page(layers, LAYERS, CHANNELS);
    cr_expect_lt(strlen(html), 30u * 1024 * 1024);
    for (int i = 0; i < LAYERS; i++) free(layers[i].statistics);
    free(html);
    free(values);
}

Test(maps, file_names_are_harmless_and_sort_like_the_layers) {
    char *name = maps_file_name(3, 12, "../a b/\xc3\xbc%");
    cr_expect_str_eq(name, "03-.._a_b____");
    free(name);
    name = maps_file_name(7, 1200, "x");
    cr_expect_str_eq(name, "0007-x");
    free(name);
    char longest[1000];
    memset(longest, 'y', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    name = maps_file_name(0, 2, longest);
    cr_expect_lt(strlen(name), 100);
    free(name);
}
