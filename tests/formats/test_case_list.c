/* The list of what does not pass notices when it is not true. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/case_list.h"

/* A list of these lines. */
static struct case_list list_of(const char *lines) {
    char path[] = "/tmp/fmap-test-XXXXXX";
    int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    cr_assert_eq(write(descriptor, lines, strlen(lines)), (ssize_t)strlen(lines));
    cr_assert_eq(close(descriptor), 0);
    struct case_list list;
    cr_assert(case_list_open(&list, path));
    cr_assert_eq(unlink(path), 0);
    return list;
}

Test(case_list, passes_and_skips_are_counted) {
    struct case_list list = list_of("# comment\n\nnode/b* no time\n\"operator 'X'\" not ours\n");
    cr_assert_eq(list.n_entries, 2);
    cr_assert(case_list_count(&list, "node/a", CASE_PASSES, ""));
    cr_assert(case_list_count(&list, "node/b1", CASE_FAILS, "differs"));
    cr_assert(case_list_count(&list, "node/b2", CASE_REFUSED, "operator 'Y'"));
    cr_assert(case_list_count(&list, "node/c", CASE_REFUSED, "node 'n': operator 'X' is not supported"));
    cr_assert(list.passed == 1 && list.skipped == 3 && list.failed == 0);
    cr_assert(case_list_close(&list, "test"));
}

Test(case_list, a_failure_that_is_not_listed_is_one) {
    struct case_list list = list_of("\"operator 'X'\" not ours\n");
    cr_assert(case_list_count(&list, "a", CASE_REFUSED, "operator 'X'"));
    cr_assert_not(case_list_count(&list, "b", CASE_FAILS, "operator 'X'"),
                  "only refusals are told by sentence");
    cr_assert_not(case_list_count(&list, "c", CASE_REFUSED, "operator 'Y'"));
    cr_assert_eq(list.failed, 2);
    cr_assert(case_list_close(&list, "test"));
}

Test(case_list, a_listed_case_that_passes_is_a_failure) {
    struct case_list list = list_of("a not yet\n");
    cr_assert_not(case_list_count(&list, "a", CASE_PASSES, ""));
    cr_assert(list.failed == 1 && list.passed == 0);
    cr_assert(case_list_close(&list, "test"));
}

Test(case_list, an_entry_for_nothing_is_a_failure) {
    struct case_list list = list_of("a not yet\nb not yet\n");
    cr_assert(case_list_count(&list, "a", CASE_FAILS, "differs"));
    cr_assert_not(case_list_close(&list, "test"));
}

Test(case_list, a_list_that_is_not_there_is_told) {
    struct case_list list;
    cr_assert_not(case_list_open(&list, "/nowhere/list"));
}
