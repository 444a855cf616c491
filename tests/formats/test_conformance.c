/* Networks of others and ONNX' own conformance tests (Debian's libonnx-testdata): what they are to answer is beside
 * them. What does not pass is in a list with the reason, and the list has to be true. */
#include <criterion/criterion.h>

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "tests/case_list.h"
#include "tests/onnx_data.h"

enum { PATH_BYTES = 1024 };

/* The folder of a case, and its name: the last `levels` parts of the path. */
static const char *split(const char *model, int levels, char folder[static PATH_BYTES]) {
    (void)snprintf(folder, PATH_BYTES, "%s", model);
    char *end = strrchr(folder, '/');
    *end = 0;
    const char *name = end;
    while (levels > 0 && name > folder) levels -= *--name == '/';
    return *name == '/' ? name + 1 : name;
}

/* Runs every case below `root` that is named `levels` folders deep. */
static void expect_agreement(const char *what, const char *root, int levels, const char *list_file,
                             const struct onnx_tolerance *tolerance, size_t least) {
    char path[PATH_BYTES];
    struct case_list list;
    (void)snprintf(path, sizeof path, "%s/tests/formats/%s", FMAP_TEST_SOURCE_DIR, list_file);
    cr_assert(case_list_open(&list, path), "there is no %s", path);
    (void)snprintf(path, sizeof path, "%s/%smodel.onnx", root, levels == 1 ? "*/" : "*/*/");
    glob_t found = {0};
    if (glob(path, 0, NULL, &found) != 0) {
        globfree(&found);
        cr_skip_test("there is no %s", path);
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char folder[PATH_BYTES];
        const char *name = split(found.gl_pathv[i], levels, folder);
        struct onnx_report report;
        enum onnx_outcome outcome = onnx_run_all(folder, tolerance, &report);
        bool good = case_list_count(&list, name,
                                    outcome == ONNX_AGREES        ? CASE_PASSES
                                    : outcome == ONNX_UNSUPPORTED ? CASE_REFUSED
                                                                  : CASE_FAILS,
                                    report.sentence);
        cr_expect(good, "%s", name);
    }
    globfree(&found);
    cr_expect_geq(list.passed, least);
    cr_expect(case_list_close(&list, what));
}

Test(conformance, cases_of_onnx_pass_or_are_listed_with_the_reason) {
    static const struct onnx_tolerance tolerance = {1e-3, 1e-7, 0}; /* of ONNX' own runner */
    expect_agreement("ONNX conformance", "/usr/share/libonnx-testdata/data", 2, "conformance.list",
                     &tolerance, 100);
}

Test(conformance, real_networks_give_the_outputs_of_their_data_sets) {
    static const struct onnx_tolerance tolerance = {1e-3, 1e-6, 1e-4}; /* as it came with the data */
    expect_agreement("real networks", onnx_shared_models(), 1, "networks.list", &tolerance, 1);
}
