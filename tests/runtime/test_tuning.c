#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fmap/fmap.h"
#include "tests/check.h"

/* Two 3x3 convolutions, one by Winograd and one with a stride, and one of 1x1. */
enum { SIZE = 20, CHANNELS = 48, OUTPUTS = 10 * 10 * CHANNELS, WEIGHTS = CHANNELS * CHANNELS * 9 };

static float weights[WEIGHTS], image[CHANNELS * SIZE * SIZE], expected[OUTPUTS], got[OUTPUTS];
static fmap_model *model;
static char folder[] = "/tmp/fmap-tuning-XXXXXX", path[64];

static fmap_value add(fmap_value x, const char *name, int size, int stride) {
    fmap_conv_2d conv = {.filters = CHANNELS,
                         .kernel_size = {size, size},
                         .strides = {stride, stride},
                         .padding = FMAP_SAME,
                         .kernel = weights,
                         .activation = FMAP_RELU};
    return fmap_model_conv_2d(model, name, x, &conv);
}

/* The plan's answer; what its steps say goes to `said`, unless that is NULL. */
static fmap_status run(fmap_tuning tuning, const char *file, int threads, float *dst, char *said,
                       fmap_error *error) {
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    fmap_plan_options options = {.threads = threads, .tuning = tuning, .tuning_file = file};
    fmap_status status = fmap_plan_create(model, &options, &plan, error);
    if (status != FMAP_OK) return status;
    fmap_step_info step;
    for (size_t i = 0; said && fmap_plan_step(plan, i, &step) == FMAP_OK; i++) {
        snprintf(said + strlen(said), 2048 - strlen(said), "%s\n", step.why);
    }
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_run(context, (const void *[]){image}, (void *[]){dst}, NULL), FMAP_OK);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    return FMAP_OK;
}

static void agrees(fmap_tuning tuning, const char *file, int threads, char *said) {
    fmap_error error = {0};
    cr_assert_eq(run(tuning, file, threads, got, said, &error), FMAP_OK, "%s", error.message);
    cr_assert(check_same_bits("tuned", got, expected, OUTPUTS));
}

static void begin(void) {
    check_fill(weights, WEIGHTS, -1, 1, 7);
    check_fill(image, CHANNELS * SIZE * SIZE, -1, 1, 8);
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    fmap_value x = fmap_model_image_input(model, "image", SIZE, SIZE, CHANNELS);
    x = add(x, "winograd", 3, 1);
    x = add(x, "stride", 3, 2);
    fmap_model_output(model, add(x, "pointwise", 1, 1));
    fmap_error error = {0};
    cr_assert_eq(fmap_model_finish(model, &error), FMAP_OK, "%s", error.message);
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/tuning", folder);
    unsetenv("FMAP_TUNING");
    unsetenv("FMAP_TUNING_FILE");
    cr_assert_eq(run(FMAP_TUNING_OFF, NULL, 1, expected, NULL, NULL), FMAP_OK);
}

static void finish(void) {
    fmap_model_destroy(model);
    unlink(path);
    rmdir(folder);
}

TestSuite(tuning, .init = begin, .fini = finish);

static size_t read_file(char *text, size_t room) {
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s is not there", path);
    size_t n = fread(text, 1, room - 1, file);
    text[n] = '\0';
    fclose(file);
    return n;
}

static void write_file(const char *text, size_t n) {
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(text, 1, n, file) == n && fclose(file) == 0);
}

static int count(const char *text, const char *word) {
    int n = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) n++;
    return n;
}

Test(tuning, what_was_measured_is_kept_said_and_changes_no_bit) {
    static char said[2048], again[2048], file[8192];
    agrees(FMAP_TUNING_CACHED, path, 2, said);
    cr_expect_eq(count(said, "measured"), 0, "nothing was measured yet: %s", said);
    cr_expect_neq(access(path, F_OK), 0, "reading writes nothing");
    agrees(FMAP_TUNING_MEASURE, path, 2, said);
    cr_expect_eq(count(said, "measured: best of "), 3, "%s", said);
    read_file(file, sizeof file);
    cr_expect_eq(count(file, "\n"), 4, "%s", file);
    agrees(FMAP_TUNING_CACHED, path, 2, again);
    cr_expect_eq(count(again, "measured: best of "), 3, "%s", again);
    said[0] = '\0';
    agrees(FMAP_TUNING_CACHED, path, 1, said);
    cr_expect_eq(count(said, "measured"), 0, "that was for two threads");
    agrees(FMAP_TUNING_MEASURE, path, 1, NULL);
    read_file(file, sizeof file);
    cr_expect_eq(count(file, "\n"), 7, "the others stay: %s", file);
}

/* Whatever stands in the file: ways that the layer has listed are taken, others are not. */
Test(tuning, no_way_changes_a_bit) {
    static char file[8192], changed[8192];
    agrees(FMAP_TUNING_MEASURE, path, 2, NULL);
    size_t n = read_file(file, sizeof file);
    int taken = 0;
    for (int i = 0; i < 5 * 9 * 3; i++) {
        size_t used = 0;
        for (char *line = file; *line; line = strchr(line, '\n') + 1) {
            char *way = line;
            for (int tab = 0; tab < 5 && way; tab++) way = strchr(way, '\t') ? strchr(way, '\t') + 1 : NULL;
            if (way)
                used += (size_t)snprintf(changed + used, sizeof changed - used, "%.*s%d %d %d 0\t1\t2\n",
                                         (int)(way - line), line, i % 5, i / 5 % 9, i / 45);
            else
                used += (size_t)snprintf(changed + used, sizeof changed - used, "%.*s",
                                         (int)(strchr(line, '\n') + 1 - line), line);
        }
        write_file(changed, used);
        char said[2048] = "";
        agrees(FMAP_TUNING_CACHED, path, 2, said);
        taken += count(said, "measured");
    }
    cr_expect_geq(taken, 6, "only %d ways were taken of %zu bytes", taken, n);
}

Test(tuning, damaged_files_are_passed_over) {
    static char file[8192], damaged[8192];
    agrees(FMAP_TUNING_MEASURE, path, 2, NULL);
    size_t n = read_file(file, sizeof file);
    for (size_t length = 0; length < n; length += 7) {
        write_file(file, length);
        agrees(FMAP_TUNING_CACHED, path, 2, NULL);
    }
    uint64_t seed = 3;
    for (int i = 0; i < 100; i++) {
        memcpy(damaged, file, n);
        for (int k = 0; k < 20; k++)
            damaged[check_between(&seed, 0, (int)n - 1)] = (char)check_between(&seed, 0, 255);
        write_file(damaged, n);
        agrees(FMAP_TUNING_CACHED, path, 2, NULL);
    }
    memset(damaged, 'x', sizeof damaged);
    write_file(damaged, sizeof damaged);
    agrees(FMAP_TUNING_CACHED, path, 2, NULL);
    agrees(FMAP_TUNING_MEASURE, path, 2, NULL);
    cr_expect_lt(read_file(damaged, sizeof damaged), n + 200, "the damaged lines are gone");
    agrees(FMAP_TUNING_CACHED, "/dev/zero", 2, NULL);
    agrees(FMAP_TUNING_CACHED, folder, 2, NULL);
}

Test(tuning, the_environment_names_mode_and_file) {
    char said[2048] = "";
    setenv("FMAP_TUNING_FILE", path, 1);
    setenv("FMAP_TUNING", "measure", 1);
    agrees(FMAP_TUNING_OFF, NULL, 1, NULL);
    cr_expect_neq(access(path, F_OK), 0, "off is off");
    agrees(FMAP_TUNING_DEFAULT, NULL, 1, said);
    cr_expect_eq(count(said, "measured"), 3, "%s", said);
    cr_expect_eq(access(path, F_OK), 0);
    fmap_error error = {0};
    setenv("FMAP_TUNING", "perhaps", 1);
    cr_expect_eq(run(FMAP_TUNING_DEFAULT, NULL, 1, got, NULL, &error), FMAP_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "perhaps"), "%s", error.message);
}

Test(tuning, the_usual_file_is_in_the_cache_folder) {
    setenv("XDG_CACHE_HOME", folder, 1);
    agrees(FMAP_TUNING_MEASURE, NULL, 1, NULL);
    char usual[96];
    snprintf(usual, sizeof usual, "%s/fmap/tuning", folder);
    struct stat status;
    cr_expect_eq(stat(usual, &status), 0);
    unlink(usual);
    snprintf(usual, sizeof usual, "%s/fmap", folder);
    cr_expect_eq(rmdir(usual), 0, "nothing else is left there");
}

Test(tuning, a_named_file_that_cannot_be_written_is_an_error) {
    fmap_error error = {0};
    cr_expect_eq(run(FMAP_TUNING_MEASURE, "/dev/null/tuning", 1, got, NULL, &error), FMAP_ERROR_IO);
    cr_expect(strstr(error.message, "/dev/null/tuning"), "%s", error.message);
    cr_expect_eq(run((fmap_tuning)9, NULL, 1, got, NULL, &error), FMAP_ERROR_ARGUMENT);
}
