#include <criterion/criterion.h>

#include "tests/check.h"
#include "tests/net_conv.h"

Test(dot, any_few_outputs_of_any_number_of_channels) {
    uint64_t seed = 1;
    for (int outputs = 1; outputs <= 5; outputs++) {
        for (int channels = 6; channels <= 70; channels += 4) {
            struct net_conv conv = {.shape = {.n = 1 + channels % 3,
                                              .channels = channels,
                                              .in_h = 1 + channels % 9,
                                              .in_w = 1 + channels * 5 % 37,
                                              .filters = outputs,
                                              .groups = 1,
                                              .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}},
                                    .threads = 1 + channels % 4};
            if (channels % 3 == 0) conv.shape.window = oracle_window();
            if (channels % 3 == 1) conv.shape.window = (struct oracle_window){5, 4, 2, 2, 1, 2, 3, 2, 3, 2};
            if (!net_conv_complete(&conv, channels % 2, seed++)) continue;
            cr_assert(net_conv_agrees(&conv), "%s", net_conv_text(&conv).text);
            net_conv_free(&conv);
        }
    }
}
