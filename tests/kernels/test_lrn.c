#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "tests/cases/case.h"

/* The first three have ways of their own; no power of the first five leaves the range of floats. */
static const float betas[] = {0.75f, 0.5f, 1.0f, 0.6f, 0.0f, 1.5f};
enum { N_BETAS = sizeof betas / sizeof *betas, N_MILD_BETAS = 5 };

static void holds(int channels, int n_pixels, int size, struct lrn_shape shape) {
    shape.channels = channels;
    shape.n_pixels = n_pixels;
    shape.size = size;
    cr_assert(kernel_case_holds_and_destroy(lrn_case(&shape)));
}

Test(lrn, every_number_of_channels_and_size_of_window_agrees_with_the_oracle) {
    for (int channels = 1; channels <= 50; channels += 1 + channels / 7) {
        for (int size = 1; size <= FMAP_LRN_MAX_SIZE; size += size == 31 ? 2 : 1 + size / 6) {
            for (int i = 0; i < N_BETAS; i++) {
                float bias = size % 3 ? 1.0f : 2.0f;
                holds(channels, 3, size, (struct lrn_shape){.alpha = 0.3f, .beta = betas[i], .bias = bias});
            }
        }
    }
}

/* Pixels are taken in groups. */
Test(lrn, every_number_of_pixels_agrees_with_the_oracle) {
    for (int n_pixels = 1; n_pixels <= 70; n_pixels++) {
        for (int i = 0; i < N_BETAS; i++)
            holds(40, n_pixels, 5, (struct lrn_shape){.alpha = 0.3f, .beta = betas[i], .bias = 2.0f});
    }
}

/* Also where there are no channels: nothing leaks into a window from lanes beyond the last. */
Test(lrn, nan_infinities_and_denormals_pass) {
    for (int channels = 1; channels <= 50; channels += 7) {
        for (int size = 1; size <= 8; size++) {
            for (int i = 0; i < N_MILD_BETAS; i++) {
                struct lrn_shape shape = {.alpha = 0.3f, .beta = betas[i], .bias = 1.0f};
                shape.fill = CASE_FILL_SPECIAL;
                holds(channels, 37, size, shape);
            }
        }
    }
}

/* With an alpha of 0 what is divided by is the power of the bias. */
Test(lrn, powers_of_every_magnitude_agree_with_the_oracle) {
    for (int exponent = -126; exponent <= 127; exponent++) {
        for (int step = 0; step < 8; step++) {
            float bias = ldexpf(1.0f + (float)step * 0.125f + FLT_EPSILON, exponent);
            for (int i = 0; i < 3; i++) holds(1, 1, 1, (struct lrn_shape){.beta = betas[i], .bias = bias});
        }
    }
}

Test(lrn, powers_of_what_is_not_a_normal_number_agree_with_the_oracle) {
    static const float biases[] = {FLT_MIN, FLT_MIN / 2, FLT_TRUE_MIN, 0.0f, -0.5f,
                                   FLT_MAX, INFINITY,    -INFINITY,    NAN};
    static const float alphas[] = {0.0f, 0.3f, 1e30f, -0.3f, INFINITY, NAN};
    for (size_t b = 0; b < sizeof biases / sizeof *biases; b++) {
        for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
            for (int i = 0; i < N_MILD_BETAS; i++) {
                struct lrn_shape shape = {.alpha = alphas[a], .beta = betas[i], .bias = biases[b]};
                holds(1, 5, 1, shape);
            }
        }
    }
}
