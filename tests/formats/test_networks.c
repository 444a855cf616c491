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

/* What is expected of a layer's output; NULL: nothing is. */
static json_t *find_expected(const struct maps *maps, const fmap_tap_info *tap) {
    fmap_node_info node;
    fmap_value_info value;
    cr_assert_eq(fmap_model_node_at(maps->model, tap->layer_index, &node), FMAP_OK);
    cr_assert_eq(fmap_model_value(maps->model, node.outputs[0], &value), FMAP_OK);
    for (size_t i = 0; i < json_array_size(maps->expected); i++) {
        json_t *entry = json_array_get(maps->expected, i);
        if (strcmp(json_string_value(json_object_get(entry, "tensor")), value.name) == 0) return entry;
    }
    return NULL;
}

static bool shape_agrees(const fmap_shape *shape, const json_t *expected) {
    bool same = (size_t)shape->rank == json_array_size(expected);
    for (int i = 0; i < shape->rank && same; i++)
        same = shape->dims[i] == json_integer_value(json_array_get(expected, (size_t)i));
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
    if (!shape_agrees(&tap->shape, json_object_get(entry, "shape"))) {
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
