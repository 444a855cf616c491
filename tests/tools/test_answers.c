/* What outputs say, and numbers as people read them. */
#include <math.h>

#include <criterion/criterion.h>

#include "tests/tools/scratch.h"
#include "tools/network.h"
#include "tools/table.h"

static void expect_top(const float *scores, size_t n, size_t k, size_t count, const size_t *classes) {
    struct answer answers[8];
    cr_assert_eq(top_answers(scores, n, k, answers), count);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(answers[i].class, classes[i], "place %zu is class %zu, not %zu", i, answers[i].class,
                     classes[i]);
        cr_expect(answers[i].score == scores[classes[i]] || isnan(answers[i].score));
    }
}

#define FLOATS(...) \
    (const float[]) { __VA_ARGS__ }
#define CLASSES(...) \
    (const size_t[]) { __VA_ARGS__ }

Test(answers, largest_first) {
    expect_top(FLOATS(1, 5, -2, 4), 4, 3, 3, CLASSES(1, 3, 0));
    expect_top(FLOATS(1, 5, -2, 4), 4, 8, 4, CLASSES(1, 3, 0, 2));
    expect_top(FLOATS(3), 1, 1, 1, CLASSES(0));
}

Test(answers, the_lower_class_first_among_equals) {
    expect_top(FLOATS(2, 3, 3, 2, 3), 5, 4, 4, CLASSES(1, 2, 4, 0));
}

Test(answers, nan_comes_last) {
    expect_top(FLOATS(NAN, 1, NAN, 2), 4, 4, 4, CLASSES(3, 1, 0, 2));
    expect_top(FLOATS(NAN, NAN, 1), 3, 1, 1, CLASSES(2));
    expect_top(FLOATS(NAN, -INFINITY), 2, 2, 2, CLASSES(1, 0));
}

Test(answers, probabilities_are_recognised) {
    cr_expect(is_distribution(FLOATS(0.25f, 0.25f, 0.5f), 3));
    cr_expect(is_distribution(FLOATS(1, 0), 2));
    cr_expect_not(is_distribution(FLOATS(0.5f, 0.6f), 2));
    cr_expect_not(is_distribution(FLOATS(1.5f, -0.5f), 2));
    cr_expect_not(is_distribution(FLOATS(NAN, 1), 2));
}

Test(answers, softmax_does_not_overflow) {
    float scores[] = {1000, 1000, -1000};
    softmax(scores, 3);
    cr_expect_float_eq(scores[0], 0.5, 1e-6);
    cr_expect_float_eq(scores[2], 0, 1e-6);
    cr_expect(is_distribution(scores, 3));
}

static int64_t classes_of(int rank, const int64_t *dims) {
    fmap_shape shape = {.rank = rank};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    return output_classes(&shape);
}

Test(answers, which_outputs_are_classes) {
    cr_expect_eq(classes_of(2, (const int64_t[]){7, 10}), 10);
    cr_expect_eq(classes_of(4, (const int64_t[]){1, 1000, 1, 1}), 1000);
    cr_expect_eq(classes_of(4, (const int64_t[]){2, 1, 1, 5}), 5);
    cr_expect_eq(classes_of(4, (const int64_t[]){1, 3, 5, 5}), 0);
    cr_expect_eq(classes_of(2, (const int64_t[]){5, 1}), 0);
    cr_expect_eq(classes_of(1, (const int64_t[]){5}), 0);
    cr_expect_eq(classes_of(0, (const int64_t[]){0}), 0);
}

Test(answers, quantities) {
    char text[QUANTITY_TEXT_BYTES];
    cr_expect_str_eq(bytes_text(0, text), "0 B");
    cr_expect_str_eq(bytes_text(999, text), "999 B");
    cr_expect_str_eq(bytes_text(1000, text), "1.00 KB");
    cr_expect_str_eq(bytes_text(26400, text), "26.4 KB");
    cr_expect_str_eq(bytes_text(999600, text), "1.00 MB");
    cr_expect_str_eq(bytes_text(553433881, text), "553 MB");
    cr_expect_str_eq(count_text(724000000, text), "724 M");
    cr_expect_str_eq(count_text(12, text), "12");
}

Test(answers, shapes) {
    char text[SHAPE_TEXT_BYTES];
    const fmap_shape none = {0};
    const fmap_shape open = {.rank = 3, .dims = {-1, 3, 224}};
    cr_expect_str_eq(shape_text(&none, text), "scalar");
    cr_expect_str_eq(shape_text(&open, text), "?x3x224");
}

Test(answers, exit_codes) {
    cr_expect_eq(exit_code_of(FMAP_OK), 0);
    cr_expect_eq(exit_code_of(FMAP_ERROR_ARGUMENT), 2);
    cr_expect_eq(exit_code_of(FMAP_ERROR_MODEL), 3);
    cr_expect_eq(exit_code_of(FMAP_ERROR_FORMAT), 3);
    cr_expect_eq(exit_code_of(FMAP_ERROR_UNSUPPORTED), 4);
    cr_expect_eq(exit_code_of(FMAP_ERROR_MEMORY), 5);
    cr_expect_eq(exit_code_of(FMAP_ERROR_LIMIT), 5);
    cr_expect_eq(exit_code_of(FMAP_ERROR_IO), 6);
}

Test(answers, tables_line_up) {
    struct table table;
    char *text = NULL;
    size_t n = 0;
    FILE *stream = open_memstream(&text, &n);
    table_begin(&table, "<>");
    table_add(&table, "name");
    table_add(&table, "n");
    table_add(&table, "\u00fcber\x1b");
    table_addf(&table, "%d", 1234);
    table_add(&table, "x");
    table_add(&table, "");
    EXPECT_OK(table_print(&table, stream, error));
    fclose(stream);
    cr_expect_str_eq(text, "name      n\n\u00fcber?  1234\nx\n");
    free(text);
}
