#include <criterion/criterion.h>

#include "runtime/layers/gemv.h"
#include "tests/cases/case.h"

/* With weights of floats, and of bfloat16, near and far. */
static void assert_holds(const struct gemv_shape *shape) {
    for (int way = 0; way < 4; way++) {
        struct gemv_shape one = *shape;
        one.bf16 = way & 1;
        one.far = way & 2;
        cr_assert(kernel_case_holds_and_destroy(gemv_case(&one)));
    }
}

Test(gemv, every_number_of_streams_and_vectors_agrees_with_the_oracle) {
    for (int streams = 1; streams <= 6; streams++) {
        for (int vectors = 1; vectors <= 8; vectors++) {
            for (int n_outputs = 16; n_outputs <= 160; n_outputs += 48) {
                assert_holds(&(struct gemv_shape){
                    .streams = streams, .vectors = vectors, .n_outputs = n_outputs, .n_blocks = 2});
            }
        }
    }
}

Test(gemv, every_length_of_the_sum_is_exact) {
    for (int n_blocks = 0; n_blocks <= 3; n_blocks++) {
        for (int n_rests = 0; n_rests <= 5; n_rests++) {
            for (int lanes = 1; lanes < FMAP_BLOCK; lanes++) {
                assert_holds(&(struct gemv_shape){.streams = 2,
                                                  .vectors = 1 + lanes % 4,
                                                  .n_outputs = 64,
                                                  .n_blocks = n_blocks,
                                                  .n_rests = n_rests,
                                                  .rest_lanes = lanes});
            }
        }
    }
}

Test(gemv, every_activation_and_special_value) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int special = 0; special <= 1; special++) {
            assert_holds(&(struct gemv_shape){.streams = 2,
                                              .vectors = 3,
                                              .n_outputs = 112,
                                              .n_blocks = special ? 1 : 3,
                                              .activate = case_activations[i],
                                              .fill = special ? CASE_FILL_SPECIAL : CASE_FILL_UNIFORM});
        }
    }
}

/* ---- how threads share the outputs ----------------------------------------------------------------- */

Test(gemv, panels_hold_every_vector_once) {
    for (int64_t threads = 1; threads <= 64; threads++) {
        for (int64_t n_vectors = 1; n_vectors <= 300; n_vectors++) {
            struct fmap_dense_panels panels = fmap_gemv_panels(n_vectors, 4, threads);
            int64_t sum = 0;
            for (int64_t i = 0; i < panels.n_panels; i++) {
                int64_t vectors = fmap_panel_vectors(&panels, i);
                cr_assert(vectors >= 1 && vectors <= 4);
                sum += vectors;
            }
            cr_assert_eq(sum, n_vectors);
        }
    }
}

Test(gemv, no_thread_has_much_more_than_its_share) {
    for (int64_t threads = 1; threads <= 64; threads++) {
        for (int64_t n_vectors = 1; n_vectors <= 300; n_vectors++) {
            struct fmap_dense_panels panels = fmap_gemv_panels(n_vectors, 4, threads);
            int64_t most = (panels.n_panels + threads - 1) / threads * panels.panel_vectors;
            int64_t fair = (n_vectors + threads - 1) / threads;
            cr_assert(19 * most <= 20 * fair, "%lld vectors, %lld threads: %lld, fair is %lld",
                      (long long)n_vectors, (long long)threads, (long long)most, (long long)fair);
        }
    }
}
