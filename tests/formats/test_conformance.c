/* ONNX' own conformance tests (Debian's libonnx-testdata). What does not pass is in conformance.list with the reason,
 * and the list has to be true. */
#include <criterion/criterion.h>

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "tests/onnx_data.h"

enum { PATH_BYTES = 1024 };

#define ROOT "/usr/share/libonnx-testdata/data/"

Test(conformance, cases_of_onnx_pass_or_are_listed_with_the_reason) {
    static const struct onnx_tolerance tolerance = {1e-3, 1e-7, 0}; /* of ONNX' own runner */
    static const size_t least = 715; /* so that "not supported" does not become the usual answer */
    struct case_list list;
    cr_assert(case_list_open(&list, FMAP_TEST_SOURCE_DIR "/tests/formats/conformance.list"));
    glob_t found = {0};
    if (glob(ROOT "*/*/model.onnx", 0, NULL, &found) != 0) {
        globfree(&found);
        cr_skip_test("there is no " ROOT);
    }
    size_t n_fixed = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char folder[PATH_BYTES];
        (void)snprintf(folder, sizeof folder, "%s", found.gl_pathv[i]);
        *strrchr(folder, '/') = 0;
        const char *name = folder + strlen(ROOT); /* SUITE/CASE */
        struct onnx_report report;
        enum onnx_outcome outcome = onnx_run_all(folder, &tolerance, &report);
        n_fixed += outcome == ONNX_AGREES && report.fixed;
        cr_expect(onnx_count(&list, name, outcome, &report), "%s", name);
    }
    globfree(&found);
    cr_expect_geq(list.passed, least);
    fprintf(stderr, "%zu cases pass with inputs whose elements the plan was told\n", n_fixed);
    cr_expect(case_list_close(&list, "ONNX conformance"));
}
