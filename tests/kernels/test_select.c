#include <criterion/criterion.h>
#include <string.h>

#include "kernels/kernels.h"

Test(select, outside_of_the_list_there_is_nothing) {
    cr_expect_null(fmap_kernels_at(-1));
    cr_expect_null(fmap_kernels_at(fmap_kernels_count()));
}

Test(select, scalar_is_the_last_and_runs_everywhere) {
    const struct fmap_kernels *scalar = fmap_kernels_at(fmap_kernels_count() - 1);
    cr_assert_not_null(scalar);
    cr_expect_str_eq(scalar->isa, "scalar");
    cr_expect_eq(scalar->lanes, 1);
}

Test(select, the_best_comes_first_and_names_differ) {
    int lanes = FMAP_BLOCK;
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
        cr_expect(kernels->lanes <= lanes && FMAP_BLOCK % kernels->lanes == 0, "%s", kernels->isa);
        lanes = kernels->lanes;
        for (int j = 0; j < i; j++) {
            if (fmap_kernels_at(j)) cr_expect_str_neq(kernels->isa, fmap_kernels_at(j)->isa);
        }
    }
}

Test(select, every_table_has_every_kernel) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
#define KERNEL(name, job) cr_expect_not_null(kernels->name, "%s lacks " #name, kernels->isa);
#include "kernels/kernels.inc"
#undef KERNEL
    }
}

Test(select, the_processor_s_best_is_not_overlooked) {
#if defined(__x86_64__)
    const struct fmap_kernels *best = NULL;
    for (int i = 0; !best; i++) best = fmap_kernels_at(i);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        cr_expect_str_eq(best->isa, "avx512");
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        cr_expect_str_eq(best->isa, "avx2");
    }
#endif
}
