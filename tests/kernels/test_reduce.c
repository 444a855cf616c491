#include <criterion/criterion.h>

#include "tests/cases/case.h"

static const enum fmap_reduce_op ops[] = {
    FMAP_REDUCE_SUM,     FMAP_REDUCE_ABSOLUTES, FMAP_REDUCE_SQUARES, FMAP_REDUCE_EXPONENTIALS,
    FMAP_REDUCE_PRODUCT, FMAP_REDUCE_MAXIMUM,   FMAP_REDUCE_MINIMUM};
enum { OPS = sizeof ops / sizeof *ops };

static bool is_shifted(enum fmap_reduce_op op) {
    return op == FMAP_REDUCE_SQUARES || op == FMAP_REDUCE_EXPONENTIALS;
}

static void holds(struct reduce_shape shape) {
    for (int i = 0; i < OPS; i++) {
        shape.op = ops[i];
        shape.shifted = is_shifted(ops[i]);
        cr_assert(kernel_case_holds_and_destroy(reduce_case(&shape)));
    }
}

Test(reduce, rows_of_every_length_agree_with_the_oracle) {
    for (int64_t n = 0; n <= 40; n++) holds((struct reduce_shape){.n = n, .stride = 1, .n_rows = 1 + n % 6});
    holds((struct reduce_shape){.n = 1000, .stride = 1, .n_rows = 5});
}

Test(reduce, rows_side_by_side_agree_with_the_oracle) {
    for (int64_t n = 0; n <= 35; n += 1 + n / 8) {
        for (int64_t n_rows = 1; n_rows <= 35; n_rows += 1 + n_rows / 5) {
            holds((struct reduce_shape){.n = n, .stride = n_rows + 1 + n % 3, .n_rows = n_rows});
        }
    }
}

Test(reduce, maps_of_every_size_agree_with_the_oracle) {
    for (int64_t n = 1; n <= 70; n++) holds((struct reduce_shape){.n = n, .stride = 16, .n_rows = 16});
    for (int64_t n = 255; n <= 258; n++) holds((struct reduce_shape){.n = n, .stride = 16, .n_rows = 16});
    holds((struct reduce_shape){.n = 3136, .stride = 16, .n_rows = 16});
}

Test(reduce, channels_of_blocked_pixels_agree_with_the_oracle) {
    for (int channels = 1; channels <= 50; channels++) {
        for (int i = 0; i < OPS; i++) {
            struct lanes_shape shape = {ops[i], channels, 1 + channels % 5, CASE_FILL_UNIFORM};
            cr_assert(kernel_case_holds_and_destroy(reduce_lanes_case(&shape)));
        }
    }
}

Test(reduce, maps_one_behind_the_other_agree_with_the_oracle) {
    static const enum fmap_reduce_op chosen[] = {FMAP_REDUCE_SUM, FMAP_REDUCE_MAXIMUM};
    for (int i = 0; i < 2; i++) {
        for (int64_t n = 0; n <= 70; n++) {
            struct maps_shape shape = {chosen[i], n, 1 + n % 4, (float)(1 + n % 3), CASE_FILL_UNIFORM};
            cr_assert(kernel_case_holds_and_destroy(reduce_maps_case(&shape)));
            shape.fill = CASE_FILL_SPECIAL;
            if (n > 0) cr_assert(kernel_case_holds_and_destroy(reduce_maps_case(&shape)));
        }
        struct maps_shape large = {chosen[i], 3136, 2, 3136.0f, CASE_FILL_UNIFORM};
        cr_assert(kernel_case_holds_and_destroy(reduce_maps_case(&large)));
    }
}

/* The global pool of a map by the kernel made for it, and by the one for rows side by side. */
Test(reduce, maps_have_the_order_of_rows_side_by_side) {
    enum { MAPS = 3, MOST = 300 };
    static float maps[MAPS * MOST * 16], got[2][MAPS * 16];
    static const enum fmap_reduce_op chosen[] = {FMAP_REDUCE_SUM, FMAP_REDUCE_MAXIMUM};
    check_fill(maps, MAPS * MOST * 16, -1.0f, 1.0f, 1);
    for (int k = 0; k < fmap_kernels_count(); k++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(k);
        if (!kernels) continue;
        for (int64_t n = 1; n <= MOST; n += 1 + n / 9) {
            for (int i = 0; i < 2; i++) {
                kernels->reduce_maps(&(struct fmap_reduce_maps){maps, got[0], n, MAPS, 1.0f, chosen[i]});
                for (int64_t m = 0; m < MAPS; m++) {
                    kernels->reduce(&(struct fmap_reduce){maps + m * n * 16, got[1] + m * 16, NULL, n, 16, 16,
                                                          chosen[i]});
                }
                cr_assert(check_same_bits("maps", got[0], got[1], (size_t)MAPS * 16));
            }
        }
    }
}

/* NaN and infinity of sums and extremes; a product of large numbers may overflow in one order and not in another. */
Test(reduce, special_values_go_where_the_formula_takes_them) {
    static const enum fmap_reduce_op chosen[] = {FMAP_REDUCE_SUM, FMAP_REDUCE_ABSOLUTES, FMAP_REDUCE_MAXIMUM,
                                                 FMAP_REDUCE_MINIMUM};
    for (int64_t n = 1; n <= 40; n++) {
        for (int i = 0; i < 4; i++) {
            struct reduce_shape row = {
                .op = chosen[i], .n = n, .stride = 1, .n_rows = 9, .fill = CASE_FILL_SPECIAL};
            cr_assert(kernel_case_holds_and_destroy(reduce_case(&row)));
            row.stride = row.n_rows = 16;
            cr_assert(kernel_case_holds_and_destroy(reduce_case(&row)));
            struct lanes_shape lanes = {chosen[i], (int)n, 9, CASE_FILL_SPECIAL};
            cr_assert(kernel_case_holds_and_destroy(reduce_lanes_case(&lanes)));
        }
    }
}

/* The same 100 rows, one behind the other, side by side, and as the channels of pixels. */
Test(reduce, the_order_is_the_same_whichever_way_rows_lie) {
    enum { N = 93, ROWS = 100, BLOCKS = (N + 15) / 16 };
    static float rows[ROWS * N], columns[N * ROWS], blocked[BLOCKS * ROWS * 16], got[3][ROWS];
    check_fill(rows, ROWS * N, -1.0f, 1.0f, 1);
    for (int r = 0; r < ROWS; r++) {
        for (int i = 0; i < N; i++)
            columns[i * ROWS + r] = blocked[(i / 16 * ROWS + r) * 16 + i % 16] = rows[r * N + i];
    }
    const struct fmap_kernels *kernels = fmap_kernels_at(fmap_kernels_count() - 1);
    for (int i = 0; i < OPS; i++) {
        kernels->reduce(&(struct fmap_reduce){rows, got[0], NULL, N, 1, ROWS, ops[i]});
        kernels->reduce(&(struct fmap_reduce){columns, got[1], NULL, N, ROWS, ROWS, ops[i]});
        kernels->reduce_lanes(&(struct fmap_reduce_lanes){.src = blocked,
                                                          .dst = got[2],
                                                          .n_pixels = ROWS,
                                                          .n_blocks = BLOCKS,
                                                          .last_lanes = N % 16,
                                                          .block_stride = ROWS * 16,
                                                          .op = ops[i]});
        cr_assert(check_same_bits("side by side", got[1], got[0], ROWS));
        cr_assert(check_same_bits("channels", got[2], got[0], ROWS));
    }
}
