#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_passes.h"

enum { C = 19, SIZE = 5, N = 2 * C * SIZE * SIZE };

enum order { HALF_LAST, HALF_OF_X, HALF_OF_BELL, N_ORDERS };

struct spelling {
    enum order order;
    bool multiplied; /* x by 1 / sqrt(2), and not divided */
    bool halved;     /* divided by 2, and not multiplied by 1/2 */
    bool swapped;
    float one;
    bool erf_is_output;
};

static fmap_value two(fmap_model *model, const char *op, const char *name, fmap_value a, fmap_value b,
                      bool swapped) {
    fmap_value inputs[2] = {swapped ? b : a, swapped ? a : b};
    return net_node(model, op, name, inputs, 2, NULL, 0);
}

static fmap_value number(fmap_model *model, float x) { return net_floats(model, &x, 0, NULL); }

static fmap_value half(fmap_model *model, const struct spelling *spelling, fmap_value x) {
    return spelling->halved ? two(model, "Div", "half", x, number(model, 2), false)
                            : two(model, "Mul", "half", x, number(model, 0.5f), spelling->swapped);
}

static void build(fmap_model *model, const void *what) {
    static const int64_t image[4] = {2, C, SIZE, SIZE};
    const struct spelling *spelling = what;
    fmap_value x = net_input(model, "x", 4, image), y;
    if (spelling->multiplied)
        y = two(model, "Mul", "inner", x, number(model, 0.70710678f), spelling->swapped);
    else
        y = two(model, "Div", "inner", x, number(model, 1.41421356f), false);
    fmap_value erf = net_node(model, "Erf", "erf", &y, 1, NULL, 0);
    y = two(model, "Add", "bell", erf, number(model, spelling->one), spelling->swapped);
    if (spelling->order == HALF_OF_BELL) y = half(model, spelling, y);
    y = two(model, "Mul", "product", spelling->order == HALF_OF_X ? half(model, spelling, x) : x, y,
            spelling->swapped);
    if (spelling->order == HALF_LAST) y = half(model, spelling, y);
    fmap_model_output(model, y);
    if (spelling->erf_is_output) fmap_model_output(model, erf);
}

Test(find_gelu, every_spelling_is_found_and_as_near_to_the_truth_as_it_was) {
    for (int i = 0; i < 8 * N_ORDERS; i++) {
        struct spelling spelling = {(enum order)(i / 8), i & 1, i & 2, i & 4, 1, false};
        fmap_model *model = net_model(build, &spelling);
        double expected[N], bounds[N];
        float *x = net_random(N, 1);
        for (int k = 0; k < N; k++) {
            x[k] *= 5;
            expected[k] = (double)x[k] * 0.5 * erfc(-(double)x[k] / sqrt(2.0));
            /* erf's 3 roundings and 2 of its argument; a sum of up to 2 and two products: of half of x. */
            bounds[k] = check_bound(9, fabs((double)x[k]));
        }
        cr_assert(net_agrees(model, &(fmap_plan_options){.threads = 2}, x, expected, bounds, N),
                  "spelling %d", i);
        cr_assert(net_agrees(model, &(fmap_plan_options){.no_fusion = true}, x, expected, bounds, N));
        const char *last = spelling.order == HALF_LAST ? "half" : "product";
        cr_assert_str_eq(net_passes_fused_into(model, "erf"), last, "spelling %d", i);
        cr_assert_str_eq(net_passes_fused_into(model, "inner"), last);
        cr_assert_str_eq(net_passes_fused_into(model, "bell"), last);
        cr_assert(net_passes_remove(model, spelling.order == HALF_LAST ? "product" : "half", NULL));
        cr_assert(
            !net_passes_remove(model, "bell", &(struct net_passes){.without = "find_gelu fuse_activation"}));
        fmap_model_destroy(model);
        free(x);
    }
}

Test(find_gelu, another_sum_and_what_others_see_stay) {
    static const struct spelling others[] = {{HALF_LAST, true, false, false, 2, false},
                                             {HALF_OF_X, true, false, false, 1, true}};
    for (int i = 0; i < 2; i++) {
        fmap_model *model = net_model(build, &others[i]);
        cr_assert(!net_passes_remove(model, "product", NULL));
        cr_assert(net_passes_change_no_bit(model));
        fmap_model_destroy(model);
    }
}
