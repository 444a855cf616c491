/* The sidecar, labels and expected answers: text files that people write. */
#include <criterion/criterion.h>

#include "tests/tools/scratch.h"
#include "tools/expect.h"
#include "tools/sidecar.h"

static struct sidecar sidecar;
static struct labels labels;

Test(sidecar, says_everything) {
    const char *path = scratch_text("m.json",
                                    "{\"title\": \"T\", \"description\": \"D\", \"licence\": \"L\","
                                    "\"source\": \"S\", \"labels\": [\"a\", \"b\\u001bc\"], \"note\": [1],"
                                    "\"image\": {\"width\": 4, \"height\": 5, \"channels\": 3, \"bgr\": true,"
                                    "\"layout\": \"nhwc\", \"resize\": \"stretch\", \"crop\": \"center\","
                                    "\"scale\": 0.5, \"mean\": [1, 2, 3], \"std\": 2, \"invert\": \"yes\","
                                    "\"digit\": true}}");
    EXPECT_OK(sidecar_read(path, &sidecar, error));
    const struct preprocess_options *image = &sidecar.image;
    cr_expect_str_eq(sidecar.title, "T");
    cr_expect_str_eq(sidecar.description, "D");
    cr_expect_str_eq(sidecar.licence, "L");
    cr_expect_str_eq(sidecar.source, "S");
    cr_assert_eq(sidecar.labels.count, 2);
    cr_expect_str_eq(sidecar.labels.names[1], "b c", "control characters must not reach a terminal");
    cr_expect(image->width == 4 && image->height == 5 && image->channels == 3 && image->bgr);
    cr_expect(image->layout == LAYOUT_NHWC && image->resize == RESIZE_STRETCH && image->crop == CROP_CENTER);
    cr_expect(image->invert == INVERT_YES && image->center == CENTER_MASS);
    cr_expect(image->scale_set && image->scale == 0.5f && image->n_mean == 3 && image->mean[2] == 3);
    cr_expect(image->n_std == 1 && image->std[0] == 2);
    sidecar_release(&sidecar);
}

Test(sidecar, says_nothing) {
    EXPECT_OK(sidecar_read(scratch_text("m.json", "{}"), &sidecar, error));
    cr_expect_null(sidecar.title);
    cr_expect_eq(sidecar.labels.count, 0);
    cr_expect_eq(sidecar.image.width, 0);
    sidecar_release(&sidecar);
}

Test(sidecar, of_the_digits_is_good) {
    EXPECT_OK(sidecar_find(FMAP_TEST_SOURCE_DIR "/models/digits/digits.onnx", &sidecar, error));
    cr_expect_eq(sidecar.labels.count, 10);
    cr_expect_eq(sidecar.image.width, 28);
    sidecar_release(&sidecar);
}

Test(sidecar, stands_beside_the_model) {
    scratch_text("net.v2.json", "{\"title\": \"here\"}");
    EXPECT_OK(sidecar_find(scratch("net.v2.onnx"), &sidecar, error));
    cr_assert_str_eq(sidecar.title, "here");
    sidecar_release(&sidecar);
    EXPECT_OK(sidecar_find(scratch("other.onnx"), &sidecar, error));
    cr_expect_null(sidecar.title);
    EXPECT_OK(sidecar_find(scratch("net.v2"), &sidecar, error)); /* looks for net.json */
    cr_expect_null(sidecar.title);
    scratch_text("model.json", "not a sidecar, but the model itself");
    EXPECT_OK(sidecar_find(scratch("model.json"), &sidecar, error));
}

Test(sidecar, mistakes_are_named) {
    static const char *const cases[][2] = {
        {"", "not JSON"},
        {"{\"labels\": [}", "line 1"},
        {"{\n\n\"title\": 1,\n}", "line 4"},
        {"[]", "not a JSON object"},
        {"{\"title\": \"a\", \"title\": \"b\"}", "duplicate"},
        {"{\"title\": 1}", "\"title\" must be a text"},
        {"{\"labels\": \"a\"}", "\"labels\""},
        {"{\"labels\": [\"a\", 1]}", "\"labels\""},
        {"{\"image\": []}", "\"image\" must be an object"},
        {"{\"image\": {\"widht\": 28}}", "no key \"widht\""},
        {"{\"image\": {\"width\": 0}}", "\"width\""},
        {"{\"image\": {\"width\": 1.5}}", "\"width\""},
        {"{\"image\": {\"height\": \"28\"}}", "\"height\""},
        {"{\"image\": {\"channels\": 4}}", "1 or 3"},
        {"{\"image\": {\"layout\": \"hwc\"}}", "\"nchw\" \"nhwc\""},
        {"{\"image\": {\"resize\": true}}", "\"fit\" \"stretch\" \"none\""},
        {"{\"image\": {\"std\": 0}}", "other than 0"},
        {"{\"image\": {\"std\": [1, 0, 1]}}", "other than 0"},
        {"{\"image\": {\"mean\": []}}", "\"mean\""},
        {"{\"image\": {\"mean\": [1, 2, 3, 4]}}", "\"mean\""},
        {"{\"image\": {\"mean\": [\"a\"]}}", "\"mean\""},
        {"{\"image\": {\"scale\": [1]}}", "\"scale\" must be a number"},
        {"{\"image\": {\"scale\": 1e300}}", "finite"},
        {"{\"image\": {\"digit\": 1}}", "true or false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT_FAILURE(sidecar_read(scratch_text("bad.json", cases[i][0]), &sidecar, error),
                       FMAP_ERROR_FORMAT, cases[i][1]);
        EXPECT_FAILURE(sidecar_read(scratch("bad.json"), &sidecar, error), FMAP_ERROR_FORMAT, "bad.json");
    }
}

/* ---- labels and expected answers ------------------------------------------------------------- */

Test(sidecar, labels_one_a_line) {
    EXPECT_OK(labels_read(scratch_text("l.txt", "cat\r\nsea lion\n\nlast"), &labels, error));
    cr_assert_eq(labels.count, 4);
    cr_expect_str_eq(labels.names[0], "cat");
    cr_expect_str_eq(labels.names[1], "sea lion");
    cr_expect_str_eq(labels.names[2], "");
    cr_expect_str_eq(labels.names[3], "last");
    labels_release(&labels);
    EXPECT_FAILURE(labels_read(scratch_text("l.txt", ""), &labels, error), FMAP_ERROR_FORMAT, "no labels");
    EXPECT_FAILURE(labels_read(scratch_bytes("l.bin", "a\0b", 3), &labels, error), FMAP_ERROR_FORMAT,
                   "text file");
}

static void expect_classes(const char *path, size_t n, const int64_t *classes) {
    struct expected expected;
    EXPECT_OK(expected_read(path, &labels, &expected, error));
    cr_assert_eq(expected.count, n);
    cr_expect_arr_eq(expected.classes, classes, n * sizeof *classes);
    expected_release(&expected);
}

Test(sidecar, expected_answers_as_names_numbers_or_idx) {
    EXPECT_OK(labels_read(scratch_text("l.txt", "zero\none\n7\n"), &labels, error));
    expect_classes(scratch_text("e.txt", "one\n0\nzero\n7\n"), 4, (const int64_t[]){1, 0, 0, 2});
    expect_classes(scratch_bytes("e.idx", "\0\0\x08\x01\0\0\0\2\5\6", 10), 2, (const int64_t[]){5, 6});
    struct expected expected;
    EXPECT_FAILURE(expected_read(scratch_text("e.txt", "one\ntwo\n"), &labels, &expected, error),
                   FMAP_ERROR_FORMAT, "line 2: 'two'");
    EXPECT_FAILURE(expected_read(scratch_text("e.txt", "-1\n"), &labels, &expected, error), FMAP_ERROR_FORMAT,
                   "'-1'");
    EXPECT_FAILURE(
        expected_read(scratch_bytes("e.idx", "\0\0\x08\x01\0\0\0\3\5\6", 10), &labels, &expected, error),
        FMAP_ERROR_FORMAT, "2 bytes of data, 3 expected");
    EXPECT_FAILURE(
        expected_read(scratch_bytes("e.idx", "\0\0\x08\x01\0\0\0\0", 8), &labels, &expected, error),
        FMAP_ERROR_FORMAT, "no labels");
    labels_release(&labels);
}
