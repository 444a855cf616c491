/* Names become unique. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "runtime/formats/name_set.h"

Test(name_set, new_names_stay_and_old_ones_get_numbers) {
    struct fmap_scratch scratch;
    fmap_scratch_init(&scratch, NULL);
    struct fmap_name_set set = {.scratch = &scratch};
    cr_assert_str_eq(fmap_name_set_claim(&set, "a"), "a");
    cr_assert_str_eq(fmap_name_set_claim(&set, "b"), "b");
    cr_assert_str_eq(fmap_name_set_claim(&set, "a_3"), "a_3");
    cr_assert_str_eq(fmap_name_set_claim(&set, "a"), "a_2");
    cr_assert_str_eq(fmap_name_set_claim(&set, "a"), "a_4");
    cr_assert_str_eq(fmap_name_set_claim(&set, "a_2"), "a_2_2");
    cr_assert_str_eq(fmap_name_set_claim(&set, ""), "");
    cr_assert_str_eq(fmap_name_set_claim(&set, ""), "_2");
    fmap_scratch_destroy(&scratch);
}

Test(name_set, the_name_is_a_copy) {
    struct fmap_scratch scratch;
    fmap_scratch_init(&scratch, NULL);
    struct fmap_name_set set = {.scratch = &scratch};
    char name[] = "conv";
    const char *claimed = fmap_name_set_claim(&set, name);
    name[0] = 'x';
    cr_assert_str_eq(claimed, "conv");
    cr_assert_str_eq(fmap_name_set_claim(&set, "conv"), "conv_2");
    fmap_scratch_destroy(&scratch);
}

Test(name_set, many_names) {
    enum { NAMES = 20000 };
    struct fmap_scratch scratch;
    fmap_scratch_init(&scratch, NULL);
    struct fmap_name_set set = {.scratch = &scratch};
    char name[32];
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        cr_assert_str_eq(fmap_name_set_claim(&set, name), name);
    }
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(name, sizeof name, "n0_%d", i + 2);
        cr_assert_str_eq(fmap_name_set_claim(&set, "n0"), name);
    }
    fmap_scratch_destroy(&scratch);
}
