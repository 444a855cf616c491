#include <criterion/criterion.h>

#include "tests/cases/case.h"

Test(normalize, every_walk_and_length_agrees_with_the_oracle) {
    for (int walk = FMAP_NORMALIZE_SCALARS; walk <= FMAP_NORMALIZE_BLOCK; walk++) {
        for (int64_t n = 1; n <= 70; n++) {
            if (walk == FMAP_NORMALIZE_BLOCK && n % FMAP_BLOCK != 0) continue;
            for (int k = 0; k < 4; k++) {
                struct normalize_shape shape = {.walk = (enum fmap_normalize_walk)walk,
                                                .n = n,
                                                .in_place = k % 2 == 1,
                                                .fill = k < 2 ? CASE_FILL_UNIFORM : CASE_FILL_SPECIAL};
                cr_assert(kernel_case_holds_and_destroy(normalize_case(&shape)));
            }
        }
    }
}
