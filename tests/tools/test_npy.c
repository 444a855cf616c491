#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/npy.h"

/* The text after the magic, version and length, which must end at a multiple of 64 bytes. */
static const char *header_text(const uint8_t *bytes, size_t *header_bytes) {
    cr_assert_eq(memcmp(bytes, "\x93NUMPY\x01\x00", 8), 0);
    *header_bytes = 10u + bytes[8] + 256u * bytes[9];
    cr_assert_eq(*header_bytes % 64, 0);
    cr_assert_eq(bytes[*header_bytes - 1], '\n');
    return (const char *)bytes + 10;
}

static void encode(const fmap_shape *shape, const float *values, const char *expected_shape,
                   const float *expected, size_t n) {
    uint8_t *bytes;
    size_t n_bytes, header_bytes;
    cr_assert_eq(npy_encode(shape, values, &bytes, &n_bytes, NULL), FMAP_OK);
    const char *text = header_text(bytes, &header_bytes);
    cr_expect_not_null(strstr(text, "'fortran_order': False"));
    cr_expect_not_null(strstr(text, expected_shape), "%s", text);
    cr_assert_eq(n_bytes, header_bytes + n * sizeof(float));
    cr_expect_arr_eq(bytes + header_bytes, expected, n * sizeof(float));
    free(bytes);
}

Test(npy, maps_become_height_x_width_x_channels) {
    const fmap_shape shape = {4, {1, 2, 2, 3}};
    const float planes[] = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15};
    const float pixels[] = {0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15};
    encode(&shape, planes, "'shape': (2, 3, 2, )", pixels, 12);
}

Test(npy, other_shapes_keep_their_order_without_the_batch) {
    const float values[] = {1, 2, 3, 4, 5, 6};
    encode(&(fmap_shape){2, {1, 6}}, values, "'shape': (6, )", values, 6);
    encode(&(fmap_shape){3, {1, 2, 3}}, values, "'shape': (2, 3, )", values, 6);
    encode(&(fmap_shape){5, {1, 1, 2, 1, 3}}, values, "'shape': (1, 2, 1, 3, )", values, 6);
}

Test(npy, a_batch_alone_and_a_scalar_are_one_number) {
    const float value = 42;
    encode(&(fmap_shape){1, {1}}, &value, "'shape': ()", &value, 1);
    encode(&(fmap_shape){0, {0}}, &value, "'shape': ()", &value, 1);
}

Test(npy, a_map_without_elements_is_a_header) {
    const float unused = 0;
    encode(&(fmap_shape){4, {1, 3, 0, 5}}, &unused, "'shape': (0, 5, 3, )", &unused, 0);
}

Test(npy, the_header_holds_the_longest_shape) {
    fmap_shape shape = {8, {1, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, 0}};
    uint8_t *bytes;
    size_t n_bytes, header_bytes;
    if (npy_encode(&shape, NULL, &bytes, &n_bytes, NULL) != FMAP_OK) return; /* Or it is refused. */
    cr_expect_not_null(strstr(header_text(bytes, &header_bytes), "), }"));
    free(bytes);
}
