#include <criterion/criterion.h>
#include <string.h>

#include "tests/cases/case.h"

Test(lists, whatever_is_timed_is_right_on_every_instruction_set) {
    for (int i = 0; i < n_kernel_case_lists; i++) {
        for (int j = 0; j < kernel_case_lists[i].n; j++) {
            cr_expect(kernel_case_holds_and_destroy(kernel_case_lists[i].create(j)));
        }
    }
}

/* All but those that compute nothing: they are what the others are measured against. */
Test(lists, every_kernel_is_timed) {
    static const char *const kernels[] = {
        "tile",
#define KERNEL(name, job) #name,
#include "kernels/kernels.inc"
#undef KERNEL
    };
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        int n = 0;
        for (int j = 0; j < n_kernel_case_lists; j++)
            n += strcmp(kernel_case_lists[j].kernel, kernels[i]) == 0;
        bool roof = strcmp(kernels[i], "peak") == 0 || strcmp(kernels[i], "bandwidth") == 0;
        cr_expect_eq(n, roof ? 0 : 1, "%s", kernels[i]);
    }
}
