/* Networks of others: their outputs, and every tensor on the way to them through taps, are held against those of
 * another runtime, which came with them. What does not run yet is in networks.list. */
#include <criterion/criterion.h>

#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/onnx_data.h"

enum { PATH_BYTES = 1024 };

static const struct onnx_tolerance tolerance = {1e-3, 1e-6, 1e-4}; /* as it came with the data */

/* The maps of a run, and what activations.json says about them. */
struct maps {
    struct onnx_watcher watcher;
    json_t *expected;
    const fmap_model *model;
    const fmap_plan *plan;
    float **maps; /* one for each tap */
    size_t n_maps, n_agree;
};

static void set_taps(struct onnx_watcher *watcher, const fmap_model *model, const fmap_plan *plan,
                     fmap_context *context) {
    struct maps *maps = (struct maps *)watcher;
    maps->model = model;
    maps->plan = plan;
    maps->n_maps = fmap_plan_tap_count(plan);
    maps->maps = calloc(maps->n_maps + 1, sizeof *maps->maps);
    if (!maps->maps) abort();
    for (size_t i = 0; i < maps->n_maps; i++) {
        fmap_tap_info tap;
        int64_t elements = 0;
        cr_assert_eq(fmap_plan_tap(plan, i, &tap), FMAP_OK);
        cr_assert(fmap_shape_elements(&tap.shape, &elements));
        maps->maps[i] = malloc((size_t)elements * sizeof(float) + 1);
        if (!maps->maps[i]) abort();
        cr_assert_eq(fmap_context_set_tap(context, i, maps->maps[i], NULL), FMAP_OK);
    }
}

/* Where local maxima of a sigmoid are looked for by an equality. The other runtime's sigmoid is a multiple of 2^-25 and 0
 * below, so that it finds more equal neighbours than there are. */
static const char *const ill_posed = "WireFrameModel_with_alpha/Decoder/Cast:0";

/* What is expected of a layer's output; NULL: nothing is. */
static json_t *find_expected(const struct maps *maps, const fmap_tap_info *tap) {
    fmap_node_info node;
    fmap_value_info value;
    cr_assert_eq(fmap_model_node_at(maps->model, tap->layer_index, &node), FMAP_OK);
    cr_assert_eq(fmap_model_value(maps->model, node.outputs[0], &value), FMAP_OK);
    for (size_t i = 0; i < json_array_size(maps->expected); i++) {
        json_t *entry = json_array_get(maps->expected, i);
        if (strcmp(json_string_value(json_object_get(entry, "tensor")), value.name) == 0)
            return strcmp(value.name, ill_posed) == 0 ? NULL : entry;
    }
    return NULL;
}

/* Is it the shape that is expected, in the order of the map's elements? */
static bool shape_agrees(const fmap_tap_info *tap, const json_t *expected) {
    static const int pixels_first[] = {0, 2, 3, 1};
    const fmap_shape *shape = &tap->shape;
    bool same = (size_t)shape->rank == json_array_size(expected);
    for (int i = 0; i < shape->rank && same; i++) {
        int axis = shape->rank == 4 && tap->layout == FMAP_NHWC ? pixels_first[i] : i;
        same = shape->dims[axis] == json_integer_value(json_array_get(expected, (size_t)i));
    }
    return same;
}

struct summary {
    double minimum, maximum, mean, deviation;
};

static struct summary summary_of(const float *map, size_t n) {
    struct summary summary = {.minimum = INFINITY, .maximum = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        summary.minimum = fmin(summary.minimum, (double)map[i]);
        summary.maximum = fmax(summary.maximum, (double)map[i]);
        summary.mean += (double)map[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double distance = (double)map[i] - summary.mean;
        summary.deviation += distance * distance / (double)n;
    }
    summary.deviation = sqrt(summary.deviation);
    return summary;
}

/* Holds one map against its entry; false, with the sentence, when they differ. */
static bool map_agrees(const fmap_tap_info *tap, const float *map, const json_t *entry,
                       struct onnx_report *report) {
    static const char *const keys[] = {"min", "max", "mean", "std"};
    int64_t elements = 0;
    cr_assert(fmap_shape_elements(&tap->shape, &elements));
    if (!shape_agrees(tap, json_object_get(entry, "shape"))) {
        (void)snprintf(report->sentence, sizeof report->sentence, "layer '%s': other sizes than expected",
                       tap->layer);
        return false;
    }
    struct summary summary = summary_of(map, (size_t)elements);
    const json_t *first = json_object_get(entry, "first");
    double got[4 + 8] = {summary.minimum, summary.maximum, summary.mean, summary.deviation}, expected[4 + 8];
    size_t n = 4;
    for (size_t i = 0; i < 4; i++) expected[i] = json_number_value(json_object_get(entry, keys[i]));
    for (size_t i = 0; i < json_array_size(first) && i < 8; i++, n++) {
        got[n] = (double)map[i];
        expected[n] = json_number_value(json_array_get(first, i));
    }
    double largest = fmax(fabs(expected[0]), fabs(expected[1]));
    for (size_t i = 0; i < n; i++) {
        double bound = onnx_bound(&tolerance, expected[i], largest);
        if (fabs(got[i] - expected[i]) <= bound) continue;
        (void)snprintf(report->sentence, sizeof report->sentence,
                       "layer '%s': %s %zu is %.9g, expected %.9g within %.3g", tap->layer,
                       i < 4 ? keys[i] : "element", i < 4 ? 0 : i - 4, got[i], expected[i], bound);
        return false;
    }
    return true;
}

static bool look_at_maps(struct onnx_watcher *watcher, struct onnx_report *report) {
    struct maps *maps = (struct maps *)watcher;
    bool good = true;
    for (size_t i = 0; i < maps->n_maps; i++) {
        fmap_tap_info tap;
        cr_assert_eq(fmap_plan_tap(maps->plan, i, &tap), FMAP_OK);
        const json_t *entry = find_expected(maps, &tap);
        if (good && entry) {
            good = map_agrees(&tap, maps->maps[i], entry, report);
            maps->n_agree += good;
        }
        free(maps->maps[i]);
    }
    free(maps->maps);
    return good;
}

/* How many of the tensors in activations.json a tap can show: floats that are the first output of a layer. */
static size_t count_expected(const struct maps *maps, const fmap_model *model) {
    size_t n = 0;
    for (size_t i = 0; i < fmap_model_node_count(model); i++) {
        fmap_node_info node;
        cr_assert_eq(fmap_model_node_at(model, i, &node), FMAP_OK);
        const fmap_tap_info tap = {.layer_index = i};
        const json_t *entry = find_expected(maps, &tap);
        n += entry && strcmp(json_string_value(json_object_get(entry, "dtype")), "float32") == 0;
    }
    return n;
}

static enum onnx_outcome run_with_maps(const char *folder, bool no_fusion, struct onnx_report *report) {
    static const fmap_tap_request all = {.layers = "*", .values = true};
    char path[PATH_BYTES];
    struct maps maps = {.watcher = {set_taps, look_at_maps}};
    (void)snprintf(path, sizeof path, "%s/activations.json", folder);
    maps.expected = json_load_file(path, 0, NULL);
    cr_assert_not_null(maps.expected, "%s", path);
    fmap_plan_options options = {.taps = &all, .n_taps = 1, .no_fusion = no_fusion};
    enum onnx_outcome outcome = onnx_run_watched(folder, 0, &options, &tolerance, &maps.watcher, report);
    if (outcome == ONNX_AGREES) {
        fmap_model *model = NULL;
        (void)snprintf(path, sizeof path, "%s/model.onnx", folder);
        cr_assert_eq(fmap_model_load(path, NULL, &model, NULL), FMAP_OK);
        maps.model = model;
        cr_expect_eq(maps.n_agree, count_expected(&maps, model), "%s: %zu maps", folder, maps.n_agree);
        cr_expect_gt(maps.n_agree, 0, "%s", folder);
        fmap_model_destroy(model);
    }
    json_decref(maps.expected);
    return outcome;
}

static enum onnx_outcome run_case(const char *folder, struct onnx_report *report) {
    enum onnx_outcome outcome = onnx_run_all(folder, &tolerance, report);
    if (outcome == ONNX_AGREES) outcome = run_with_maps(folder, false, report);
    return outcome == ONNX_AGREES ? run_with_maps(folder, true, report) : outcome;
}

Test(networks, give_the_outputs_and_the_maps_of_another_runtime) {
    char path[PATH_BYTES];
    struct case_list list;
    (void)snprintf(path, sizeof path, "%s/tests/formats/networks.list", FMAP_TEST_SOURCE_DIR);
    cr_assert(case_list_open(&list, path), "there is no %s", path);
    (void)snprintf(path, sizeof path, "%s/*/model.onnx", onnx_shared_models());
    glob_t found = {0};
    if (glob(path, 0, NULL, &found) != 0) {
        globfree(&found);
        cr_skip_test("there is no %s", path);
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char folder[PATH_BYTES];
        (void)snprintf(folder, sizeof folder, "%s", found.gl_pathv[i]);
        *strrchr(folder, '/') = 0;
        struct onnx_report report;
        enum onnx_outcome outcome = run_case(folder, &report);
        const char *name = strrchr(folder, '/') + 1;
        cr_expect(onnx_count(&list, name, outcome, &report), "%s", name);
    }
    globfree(&found);
    cr_expect_geq(list.passed, 3);
    cr_expect(case_list_close(&list, "real networks"));
}

/* ---- Keras: a layers-model, pixels in the order n, h, w, c ------------------------------------------- */

static float *read_floats(const char *folder, const char *name, size_t n) {
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/test_data_set_0/%s", folder, name);
    FILE *stream = fopen(path, "rb");
    cr_assert_not_null(stream, "%s", path);
    float *floats = malloc((n + 1) * sizeof *floats);
    if (!floats) abort();
    cr_assert_eq(fread(floats, sizeof *floats, n + 1, stream), n, "%s", path);
    (void)fclose(stream);
    return floats;
}

static size_t elements_of(const fmap_shape *shape) {
    int64_t elements = 0;
    cr_assert(fmap_shape_elements(shape, &elements));
    return (size_t)elements;
}

/* The plan for the input that came with a network, n, h, w, c in the file. */
static fmap_plan *plan_keras(const fmap_model *model, const json_t *sizes, bool no_fusion) {
    static const fmap_tap_request all = {.layers = "*", .values = true, .layout = FMAP_NHWC};
    static const int from[] = {0, 3, 1, 2};
    fmap_value_info input, output;
    fmap_shape shape = {.rank = 4};
    for (int i = 0; i < 4; i++) shape.dims[i] = json_integer_value(json_array_get(sizes, (size_t)from[i]));
    cr_assert_eq(fmap_model_value(model, fmap_model_input_value(model, 0), &input), FMAP_OK);
    cr_assert_eq(fmap_model_value(model, fmap_model_output_value(model, 0), &output), FMAP_OK);
    const fmap_port ports[] = {{.name = input.name, .shape = &shape, .layout = FMAP_NHWC},
                               {.name = output.name, .layout = FMAP_NHWC}};
    const fmap_plan_options options = {
        .ports = ports, .n_ports = 2, .taps = &all, .n_taps = 1, .no_fusion = no_fusion};
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, &error), FMAP_OK, "%s", error.message);
    return plan;
}

static void expect_keras_maps(const struct maps *maps, const char *folder) {
    size_t n_agree = 0;
    for (size_t i = 0; i < maps->n_maps; i++) {
        struct onnx_report report;
        fmap_tap_info tap;
        cr_assert_eq(fmap_plan_tap(maps->plan, i, &tap), FMAP_OK);
        for (size_t k = 0; k < json_array_size(maps->expected); k++) {
            const json_t *entry = json_array_get(maps->expected, k);
            if (strcmp(json_string_value(json_object_get(entry, "layer")), tap.layer) != 0) continue;
            bool good = map_agrees(&tap, maps->maps[i], entry, &report);
            cr_expect(good, "%s: %s", folder, report.sentence);
            n_agree += good;
        }
        free(maps->maps[i]);
    }
    free(maps->maps);
    /* Every layer of Keras is found under its name. */
    cr_expect_eq(n_agree, json_array_size(maps->expected), "%s: %zu maps of %zu", folder, n_agree,
                 json_array_size(maps->expected));
    (void)fprintf(stderr, "%s: %zu maps agree\n", folder, n_agree);
}

static void run_keras(const fmap_model *model, const char *folder, const json_t *about, bool no_fusion) {
    struct maps maps = {.expected = json_object_get(about, "layers")};
    fmap_plan *plan = plan_keras(model, json_object_get(about, "input_shape"), no_fusion);
    fmap_context *context = NULL;
    fmap_shape in, out;
    cr_assert_eq(fmap_plan_input_shape(plan, 0, &in), FMAP_OK);
    cr_assert_eq(fmap_plan_output_shape(plan, 0, &out), FMAP_OK);
    float *input = read_floats(folder, "input_0.f32", elements_of(&in));
    float *expected = read_floats(folder, "output_0.f32", elements_of(&out));
    float *output = malloc(elements_of(&out) * sizeof *output);
    if (!output) abort();
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    set_taps(&maps.watcher, model, plan, context);
    cr_assert_eq(fmap_context_run(context, (const void *[]){input}, (void *[]){output}, NULL), FMAP_OK);
    double largest = 0;
    for (size_t i = 0; i < elements_of(&out); i++) largest = fmax(largest, fabs((double)expected[i]));
    for (size_t i = 0; i < elements_of(&out); i++) {
        cr_assert_leq(fabs((double)output[i] - (double)expected[i]),
                      onnx_bound(&tolerance, (double)expected[i], largest), "%s: output %zu", folder, i);
    }
    expect_keras_maps(&maps, folder);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    free(input);
    free(expected);
    free(output);
}

Test(networks, of_keras_give_the_outputs_and_the_maps_of_every_layer) {
    char path[PATH_BYTES];
    glob_t found = {0};
    (void)snprintf(path, sizeof path, "%s/*/model.json", onnx_shared_models());
    if (glob(path, 0, NULL, &found) != 0) {
        globfree(&found);
        cr_skip_test("there is no %s", path);
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char folder[PATH_BYTES / 2];
        fmap_model *model = NULL;
        fmap_error error = {0};
        (void)snprintf(folder, sizeof folder, "%s", found.gl_pathv[i]);
        *strrchr(folder, '/') = 0;
        (void)snprintf(path, sizeof path, "%s/test_data_set_0/layers.json", folder);
        json_t *about = json_load_file(path, 0, NULL);
        cr_assert_not_null(about, "%s", path);
        cr_assert_eq(fmap_model_load(found.gl_pathv[i], NULL, &model, &error), FMAP_OK, "%s", error.message);
        run_keras(model, folder, about, false);
        run_keras(model, folder, about, true);
        fmap_model_destroy(model);
        json_decref(about);
    }
    globfree(&found);
}
