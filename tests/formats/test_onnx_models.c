/* Models that were not written here: networks that people use, and the conformance tests of ONNX (Debian's
 * libonnx-testdata). Both are looked for where they are on most machines, and left out elsewhere. */
#include <criterion/criterion.h>

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "tests/onnx_data.h"

/* Files of a pattern below a folder; skips the test when there are none. */
static glob_t find(const char *folder, const char *pattern) {
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, pattern);
    glob_t found = {0};
    if (glob(path, 0, NULL, &found) != 0) {
        globfree(&found);
        cr_skip_test("there is no %s", path);
    }
    return found;
}

/* Loads, or prints what is not supported: an operator that this version does not have is no fault of the
 * loader. Any other failure is. */
static bool loads(const char *path) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    fmap_status status = fmap_model_load(path, NULL, &model, &error);
    cr_expect(status == FMAP_OK || status == FMAP_ERROR_UNSUPPORTED, "%s: %s", fmap_status_name(status),
              error.message);
    if (status == FMAP_OK) {
        cr_expect_gt(fmap_model_output_count(model), 0);
    } else {
        fprintf(stderr, "%s\n", error.message);
    }
    fmap_model_destroy(model);
    return status == FMAP_OK;
}

Test(onnx_models, real_networks_load) {
    glob_t found = find(onnx_shared_models(), "*/model.onnx");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        bool loaded = loads(found.gl_pathv[i]);
        if (strstr(found.gl_pathv[i], "/mnist_cntk/") || strstr(found.gl_pathv[i], "/squeezenet1.1/")) {
            cr_expect(loaded, "%s", found.gl_pathv[i]);
        }
    }
    globfree(&found);
}

Test(onnx_models, a_real_network_has_all_its_parameters) {
    glob_t found = find(onnx_shared_models(), "squeezenet1.1/model.onnx");
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_load(found.gl_pathv[0], NULL, &model, NULL), FMAP_OK);
    int64_t parameters = 0;
    fmap_value_info info;
    for (fmap_value value = 1; fmap_model_value(model, value, &info) == FMAP_OK; value++) {
        int64_t elements = 0;
        if (info.data && info.type == FMAP_FLOAT32 && fmap_shape_elements(&info.shape, &elements)) {
            parameters += elements;
        }
    }
    cr_assert_eq(parameters, 1235496, "%ld", (long)parameters); /* as published for SqueezeNet 1.1 */
    fmap_model_destroy(model);
    globfree(&found);
}

Test(onnx_models, conformance_tests_load_or_say_what_is_missing) {
    glob_t found = find("/usr/share/libonnx-testdata/data", "*/*/model.onnx");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        fmap_model *model = NULL;
        fmap_error error = {0};
        fmap_status status = fmap_model_load(found.gl_pathv[i], NULL, &model, &error);
        cr_expect_neq(status, FMAP_ERROR_MEMORY, "%s", error.message);
        cr_expect_neq(status, FMAP_ERROR_IO, "%s", error.message);
        cr_expect_neq(status, FMAP_ERROR_ARGUMENT, "%s", error.message);
        fmap_model_destroy(model);
    }
    globfree(&found);
}
