/* The oracle against numbers worked out by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "tests/oracle.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void expect(const char *what, const double *got, const double *expected, size_t n) {
    for (size_t i = 0; i < n; i++) {
        cr_expect(fabs(got[i] - expected[i]) <= 1e-12 * fabs(expected[i]), "%s: element %zu is %g, not %g",
                  what, i, got[i], expected[i]);
    }
}

static const float nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

Test(oracle, convolution_does_not_flip_its_kernel) {
    const float weights[] = {1, 10, 100, 1000}, bias[] = {0.5f};
    double dst[4], magnitude[4];
    struct oracle_window window = oracle_window();
    window.kernel_h = window.kernel_w = 2;
    oracle_conv_2d(&(struct oracle_conv_2d){.n = 1,
                                            .channels = 1,
                                            .in_h = 3,
                                            .in_w = 3,
                                            .filters = 1,
                                            .groups = 1,
                                            .out_h = 2,
                                            .out_w = 2,
                                            .window = window,
                                            .src = nine,
                                            .weights = weights,
                                            .bias = bias},
                   dst, magnitude);
    expect("2x2", dst, (const double[]){5421.5, 6532.5, 8754.5, 9865.5}, 4);
    expect("2x2", magnitude, dst, 4);
}

Test(oracle, convolution_pads_strides_and_dilates) {
    const float weights[] = {1, 10, 100, 1000};
    double dst[4], magnitude[4];
    struct oracle_window window = oracle_window();
    window.kernel_h = window.kernel_w = window.stride_h = window.stride_w = 2;
    window.dilation_h = window.dilation_w = 2;
    window.pad_top = window.pad_left = window.pad_bottom = window.pad_right = 1;
    cr_expect_eq(oracle_out_size(3, 2, 2, 2, 1, 1, false), 2);
    oracle_conv_2d(&(struct oracle_conv_2d){.n = 1,
                                            .channels = 1,
                                            .in_h = 3,
                                            .in_w = 3,
                                            .filters = 1,
                                            .groups = 1,
                                            .out_h = 2,
                                            .out_w = 2,
                                            .window = window,
                                            .src = nine,
                                            .weights = weights},
                   dst, magnitude);
    /* Rows and columns -1, 1 and 1, 3: of the image only 5 is met, by each weight in turn. */
    expect("dilated", dst, (const double[]){5000, 500, 50, 5}, 4);
}

Test(oracle, groups_of_channels_see_their_own_filters) {
    const float src[] = {1, 2, 3, 4}, weights[] = {1, 10, 100, 1000}; /* 4 channels of one pixel, 2 groups */
    double dst[2];
    oracle_conv_2d(&(struct oracle_conv_2d){.n = 1,
                                            .channels = 4,
                                            .in_h = 1,
                                            .in_w = 1,
                                            .filters = 2,
                                            .groups = 2,
                                            .out_h = 1,
                                            .out_w = 1,
                                            .window = oracle_window(),
                                            .src = src,
                                            .weights = weights},
                   dst, NULL);
    expect("groups", dst, (const double[]){21, 4300}, 2);
}

Test(oracle, dense_reads_both_orders_of_weights) {
    const float src[] = {1, 2}, keras[] = {1, 10, 100, -1, -10, -100}, onnx[] = {1, -1, 10, -10, 100, -100};
    double dst[3], magnitude[3];
    oracle_dense(&(struct oracle_dense){1, 2, 3, 1, 3, src, keras, NULL}, dst, magnitude);
    expect("keras", dst, (const double[]){-1, -10, -100}, 3);
    expect("magnitude", magnitude, (const double[]){3, 30, 300}, 3);
    oracle_dense(&(struct oracle_dense){1, 2, 3, 2, 1, src, onnx, NULL}, dst, NULL);
    expect("onnx", dst, (const double[]){-1, -10, -100}, 3);
}

Test(oracle, sizes_follow_pytorch_s_rule_for_ceil_mode) {
    cr_expect_eq(oracle_out_size(5, 2, 2, 1, 0, 0, false), 2);
    cr_expect_eq(oracle_out_size(5, 2, 2, 1, 0, 0, true), 3);
    cr_expect_eq(oracle_out_size(4, 2, 2, 1, 0, 0, true), 2);
    cr_expect_eq(oracle_out_size(4, 2, 3, 1, 1, 1, true),
                 2); /* A third window would begin at 5, behind the image. */
    cr_expect_eq(oracle_out_size(2, 3, 1, 1, 0, 0, false), 0);
}

/* 3x3 pooled by 2x2 at stride 2 with one row and column of padding before, ceil mode. */
static struct oracle_pool_2d pool_of(const float *src) {
    struct oracle_pool_2d pool = {.n = 1,
                                  .channels = 1,
                                  .in_h = 3,
                                  .in_w = 3,
                                  .out_h = 2,
                                  .out_w = 2,
                                  .window = oracle_window(),
                                  .src = src};
    pool.window.kernel_h = pool.window.kernel_w = pool.window.stride_h = pool.window.stride_w = 2;
    pool.window.pad_top = pool.window.pad_left = 1;
    return pool;
}

Test(oracle, pooling_skips_or_counts_its_padding) {
    struct oracle_pool_2d pool = pool_of(nine);
    double dst[4];
    oracle_max_pool_2d(&pool, dst);
    expect("maximum", dst, (const double[]){1, 3, 7, 9}, 4);
    oracle_average_pool_2d(&pool, dst, NULL);
    expect("average", dst, (const double[]){1, 2.5, 5.5, 7}, 4);
    pool.count_padding = true;
    oracle_average_pool_2d(&pool, dst, NULL);
    expect("with padding", dst, (const double[]){0.25, 1.25, 2.75, 7}, 4);
}

Test(oracle, pooling_does_not_count_what_hangs_over_the_end) {
    struct oracle_pool_2d pool = pool_of(nine);
    pool.window.pad_top = pool.window.pad_left = 0;
    pool.count_padding = true;
    double dst[4];
    oracle_average_pool_2d(&pool, dst, NULL);
    expect("hanging", dst, (const double[]){3, 4.5, 7.5, 9}, 4);
}

Test(oracle, softmax_walks_the_middle_axis) {
    const float src[] = {0, 5, logf(3.0f), 5}; /* 2 x 2: columns {0, log 3} and {5, 5} */
    double dst[4];
    oracle_softmax(src, 1, 2, 2, dst);
    cr_expect(fabs(dst[0] - 0.25) < 1e-7 && fabs(dst[2] - 0.75) < 1e-7 && dst[1] == 0.5 && dst[3] == 0.5);
}

Test(oracle, batch_normalization_is_per_channel) {
    const float src[] = {1, 2, 3, 4}, gamma[] = {2, 3}, beta[] = {1, -1}, mean[] = {1, 2},
                variance[] = {3, 8};
    double dst[4];
    oracle_batch_normalization(&(struct oracle_batch_normalization){.n = 1,
                                                                    .channels = 2,
                                                                    .pixels = 2,
                                                                    .src = src,
                                                                    .gamma = gamma,
                                                                    .beta = beta,
                                                                    .mean = mean,
                                                                    .variance = variance,
                                                                    .epsilon = 1.0},
                               dst, NULL);
    expect("norm", dst, (const double[]){1, 2, 0, 1}, 4);
}

Test(oracle, moving_data) {
    float dst[9];
    oracle_channels_last((const float[]){1, 2, 3, 4, 5, 6}, 1, 2, 3, dst);
    static const float last[] = {1, 4, 2, 5, 3, 6}, padded[] = {-1, -1, -1, -1, 4, 5, -1, 7, 8};
    for (size_t i = 0; i < COUNT(last); i++) cr_expect_eq(dst[i], last[i]);
    oracle_pad_2d(&(struct oracle_pad_2d){.n_maps = 1,
                                          .h = 3,
                                          .w = 3,
                                          .top = 0,
                                          .left = 1,
                                          .bottom = 0,
                                          .right = -1,
                                          .value = -1,
                                          .src = (const float[]){-1, -1, 0, 4, 5, 0, 7, 8, 0}},
                  dst);
    for (size_t i = 0; i < COUNT(padded); i++) cr_expect_eq(dst[i], padded[i], "element %zu", i);
}
