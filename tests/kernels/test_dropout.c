#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/cases/case.h"
#include "tests/oracle.h"

/* The known answers that the authors publish with Random123 (kat_vectors, philox4x32 10). */
static const struct {
    uint32_t counter[4], key[2], out[4];
} known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

Test(dropout, the_oracle_gives_the_published_answers) {
    for (size_t i = 0; i < sizeof known_answers / sizeof *known_answers; i++) {
        uint32_t out[4];
        oracle_philox(known_answers[i].counter, known_answers[i].key, out);
        for (int word = 0; word < 4; word++) {
            cr_expect_eq(out[word], known_answers[i].out[word], "answer %zu word %d is %08x", i, word,
                         out[word]);
        }
    }
}

/* A word w is dropped below the threshold w + 1 and kept below w: that reveals it. */
Test(dropout, the_kernels_give_the_published_answer_for_zeros) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        for (uint64_t word = 0; kernels && word < 4; word++) {
            uint64_t w = known_answers[0].out[word];
            float kept, dropped;
            kernels->dropout_mask(&(struct fmap_dropout_mask){&kept, 0, 0, word, 1, w});
            kernels->dropout_mask(&(struct fmap_dropout_mask){&dropped, 0, 0, word, 1, w + 1});
            cr_expect(kept == 1.0f && dropped == 0.0f, "%s: word %d", kernels->isa, (int)word);
        }
    }
}

Test(dropout, masks_of_every_length_and_beginning_agree_with_the_oracle) {
    uint64_t state = 7;
    for (int first = 0; first < 9; first++) {
        for (int n = 1; n <= 140; n += first + 1) {
            struct dropout_shape shape = {.key = check_random(&state),
                                          .step = check_random(&state),
                                          .first = (uint64_t)first,
                                          .n = n,
                                          .threshold = check_random(&state) >> 32};
            cr_assert(kernel_case_holds_and_destroy(dropout_mask_case(&shape)));
        }
    }
}

/* Where the low word of the counter overflows, and at the end of all indices. */
Test(dropout, indices_beyond_32_bits_agree_with_the_oracle) {
    static const uint64_t firsts[] = {(UINT64_C(1) << 32) - 3, (UINT64_C(1) << 34) - 9,
                                      (UINT64_C(1) << 60) + 1, UINT64_MAX - 99};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct dropout_shape shape = {.key = UINT64_MAX - i,
                                      .step = UINT64_C(1) << 40,
                                      .first = firsts[i],
                                      .n = 100,
                                      .threshold = UINT64_C(1) << 31};
        cr_assert(kernel_case_holds_and_destroy(dropout_mask_case(&shape)));
    }
}

Test(dropout, threshold_zero_keeps_all_and_the_largest_none) {
    for (uint64_t threshold = 0; threshold <= UINT64_C(1) << 32; threshold += UINT64_C(1) << 32) {
        struct dropout_shape shape = {.key = 3, .step = 4, .n = 1000, .threshold = threshold};
        struct kernel_case *c = dropout_mask_case(&shape);
        cr_assert(kernel_case_holds(c));
        for (int i = 0; i < 1000; i++) cr_assert_eq(c->dst.data[i], threshold == 0 ? 1.0f : 0.0f);
        kernel_case_destroy(c);
    }
}

/* Element 5992377491 under key 0 and step 0 is the first whose word is 0: at rate 0 even that one stays. */
Test(dropout, the_smallest_word_is_dropped_at_every_rate_but_zero) {
    for (uint64_t threshold = 0; threshold <= 1; threshold++) {
        struct dropout_shape shape = {.first = UINT64_C(5992377490), .n = 3, .threshold = threshold};
        struct kernel_case *c = dropout_mask_case(&shape);
        cr_expect(kernel_case_holds(c));
        cr_expect_eq(c->dst.data[1], threshold == 0 ? 1.0f : 0.0f);
        kernel_case_destroy(c);
    }
}

Test(dropout, masks_do_not_depend_on_how_the_work_is_cut) {
    enum { N = 300 };
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
        float whole[N], pieces[N];
        struct fmap_dropout_mask job = {whole, 11, 12, 1000, N, UINT64_C(1) << 31};
        kernels->dropout_mask(&job);
        for (int piece = 1; piece < 70; piece += 3) {
            for (int at = 0; at < N; at += piece) {
                job.mask = pieces + at;
                job.first = 1000 + (uint64_t)at;
                job.n = N - at < piece ? N - at : piece;
                kernels->dropout_mask(&job);
            }
            cr_assert(check_same_bits(kernels->isa, pieces, whole, N));
        }
    }
}

/* ---- statistics: bounds of six standard deviations, passed by chance once in 5e8 ----------------------------- */

enum { N_SAMPLES = 1 << 20 };

static double n_sigmas(double count, double p) {
    return fabs(count - N_SAMPLES * p) / sqrt(N_SAMPLES * p * (1.0 - p));
}

static float *sample(uint64_t key, uint64_t step, double rate) {
    float *mask = malloc(N_SAMPLES * sizeof *mask);
    fmap_kernels_at(fmap_kernels_count() - 1)
        ->dropout_mask(
            &(struct fmap_dropout_mask){mask, key, step, 0, N_SAMPLES, (uint64_t)(rate * 4294967296.0)});
    return mask;
}

Test(dropout, the_rate_of_drops_is_the_rate_asked_for) {
    static const double rates[] = {0.001, 0.1, 0.25, 0.5, 0.9};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        float *mask = sample(42, i, rates[i]);
        double drops = 0.0;
        for (int j = 0; j < N_SAMPLES; j++) drops += mask[j] == 0.0f;
        cr_expect(n_sigmas(drops, rates[i]) < 6.0, "rate %g: %g drops", rates[i], drops);
        free(mask);
    }
}

Test(dropout, other_steps_keys_and_neighbours_are_independent) {
    float *mask = sample(42, 1, 0.5), *step = sample(42, 2, 0.5), *key = sample(43, 1, 0.5);
    double same_step = 0.0, same_key = 0.0, same_neighbour = 0.0, same_counter = 0.0;
    for (int i = 0; i < N_SAMPLES; i++) {
        same_step += mask[i] == step[i];
        same_key += mask[i] == key[i];
        same_neighbour += mask[i] == mask[(i + 1) % N_SAMPLES];
        same_counter += mask[i] == mask[(i + 4) % N_SAMPLES];
    }
    cr_expect(n_sigmas(same_step, 0.5) < 6.0);
    cr_expect(n_sigmas(same_key, 0.5) < 6.0);
    cr_expect(n_sigmas(same_neighbour, 0.5) < 6.0);
    cr_expect(n_sigmas(same_counter, 0.5) < 6.0);
    free(mask);
    free(step);
    free(key);
}
