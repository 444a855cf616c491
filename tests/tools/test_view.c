#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "tools/view.h"

static void expect_view(struct map_view view, int64_t channels, int64_t height, int64_t width, bool vector) {
    cr_expect_eq(view.channels, channels);
    cr_expect_eq(view.height, height);
    cr_expect_eq(view.width, width);
    cr_expect_eq(view.vector, vector);
}

Test(view, four_dimensions_are_maps) {
    expect_view(view_of(&(fmap_shape){4, {1, 16, 28, 20}}, NULL), 16, 28, 20, false);
}

Test(view, maps_of_one_value_are_a_vector) {
    expect_view(view_of(&(fmap_shape){4, {1, 512, 1, 1}}, NULL), 1, 1, 512, true);
}

Test(view, two_dimensions_are_a_vector_and_three_a_map) {
    expect_view(view_of(&(fmap_shape){2, {1, 10}}, NULL), 1, 1, 10, true);
    expect_view(view_of(&(fmap_shape){3, {1, 40, 97}}, NULL), 1, 40, 97, false);
    expect_view(view_of(&(fmap_shape){0, {0}}, NULL), 1, 1, 1, true);
}

Test(view, further_dimensions_count_as_channels) {
    expect_view(view_of(&(fmap_shape){5, {1, 2, 3, 4, 5}}, NULL), 6, 4, 5, false);
}

Test(view, a_tensor_without_elements_is_an_empty_vector) {
    expect_view(view_of(&(fmap_shape){4, {1, 3, 0, 5}}, NULL), 1, 1, 0, true);
}

Test(view, ranges_leave_out_what_is_not_finite) {
    const float values[] = {NAN, -1, INFINITY, 3, NAN, NAN, -INFINITY, NAN};
    struct map_view view = {values, 2, 2, 2, false};
    struct range first = view_channel_range(&view, 0), second = view_channel_range(&view, 1);
    cr_expect_eq(first.low, -1.0f);
    cr_expect_eq(first.high, 3.0f);
    cr_expect_eq(second.low, 0.0f);
    cr_expect_eq(second.high, 0.0f);
    cr_expect_eq(view_range(&view).high, 3.0f);
}

Test(view, bytes_span_the_range_and_clamp_beyond_it) {
    struct range range = {-1, 1};
    cr_expect_eq(range_byte(range, -1), 0);
    cr_expect_eq(range_byte(range, 1), 255);
    cr_expect_eq(range_byte(range, 0), 128);
    cr_expect_eq(range_byte(range, -INFINITY), 0);
    cr_expect_eq(range_byte(range, INFINITY), 255);
    cr_expect_eq(range_byte(range, NAN), 0);
}

Test(view, the_widest_range_does_not_overflow) {
    struct range range = {-FLT_MAX, FLT_MAX};
    cr_expect_eq(range_byte(range, 0), 128);
    cr_expect_eq(range_byte(range, FLT_MAX), 255);
}

Test(view, a_constant_map_has_the_lowest_byte) { cr_expect_eq(range_byte((struct range){7, 7}, 7), 0); }

Test(view, shrinking_averages_blocks_also_at_the_edge) {
    const float values[] = {0, 2, 8, /**/ 4, 2, 4, /**/ 1, 5, 10};
    struct map_view view = {values, 1, 3, 3, false};
    uint8_t bytes[2][4] = {{9, 9, 9, 9}, {9, 9, 9, 9}};
    view_bytes(&view, 0, (struct range){0, 255}, 2, bytes[0], 4);
    const uint8_t expected[2][4] = {{2, 6, 9, 9}, {3, 10, 9, 9}};
    cr_expect_arr_eq(bytes, expected, sizeof expected);
}

Test(view, statistics_are_those_of_the_population) {
    const float values[] = {9, 9, 9, 9, /**/ 0, 2, 4, -6};
    struct map_view view = {values, 2, 2, 2, false};
    fmap_statistics statistics = view_statistics(&view, 1);
    cr_expect_eq(statistics.minimum, -6.0f);
    cr_expect_eq(statistics.maximum, 4.0f);
    cr_expect_float_eq(statistics.mean, 0.0, 1e-15);
    cr_expect_float_eq(statistics.standard_deviation, sqrt(56.0 / 4.0), 1e-12);
    cr_expect_float_eq(statistics.zeros, 0.25, 0.0);
}
