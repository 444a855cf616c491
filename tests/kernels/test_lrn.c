#include <criterion/criterion.h>

#include "tests/cases/case.h"

Test(lrn, every_number_of_channels_and_size_of_window_agrees_with_the_oracle) {
    for (int channels = 1; channels <= 50; channels += 1 + channels / 7) {
        for (int size = 1; size <= FMAP_LRN_MAX_SIZE; size += 1 + size / 6) {
            struct lrn_shape shape = {
                channels, 3, size, 0.3f, size % 2 ? 0.75f : 0.6f, size % 3 ? 1.0f : 2.0f};
            cr_assert(kernel_case_holds_and_destroy(lrn_case(&shape)));
        }
    }
}
