#include <criterion/criterion.h>

#include "tests/cases/case.h"

Test(resample, any_number_of_taps_outputs_and_elements) {
    for (int taps = 1; taps <= 6; taps++) {
        for (int unit = 1; unit <= 49; unit += unit < 17 ? 1 : 16) {
            for (int n = 1; n <= 7; n += 3) {
                cr_assert(kernel_case_holds_and_destroy(resample_case(
                    &(struct resample_shape){.taps = taps, .n_outputs = n, .unit = unit, .gap = unit % 3})));
            }
        }
    }
}
