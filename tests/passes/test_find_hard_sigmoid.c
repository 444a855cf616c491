#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_passes.h"

enum { C = 19, SIZE = 5, N = 2 * C * SIZE * SIZE };

/* How it is written. */
struct spelling {
    bool swish;      /* times x */
    bool late;       /* the product before the quotient */
    bool multiplied; /* by 1/6 and not divided by 6 */
    bool swapped;    /* operands of sums and products */
    float high, divisor;
    bool clip_is_output;
};

static fmap_value two(fmap_model *model, const char *op, const char *name, fmap_value a, fmap_value b,
                      bool swapped) {
    fmap_value inputs[2] = {swapped ? b : a, swapped ? a : b};
    return net_node(model, op, name, inputs, 2, NULL, 0);
}

static fmap_value number(fmap_model *model, float x) { return net_floats(model, &x, 0, NULL); }

static fmap_value divide(fmap_model *model, const struct spelling *spelling, fmap_value x) {
    if (spelling->multiplied)
        return two(model, "Mul", "scale", x, number(model, 1 / spelling->divisor), spelling->swapped);
    return two(model, "Div", "scale", x, number(model, spelling->divisor), false);
}

static void build(fmap_model *model, const void *what) {
    static const int64_t image[4] = {2, C, SIZE, SIZE};
    const struct spelling *spelling = what;
    fmap_value x = net_input(model, "x", 4, image);
    fmap_value clip[3] = {two(model, "Add", "add", x, number(model, 3), spelling->swapped), number(model, 0),
                          number(model, spelling->high)};
    fmap_value y = net_node(model, "Clip", "clip", clip, 3, NULL, 0), seen = y;
    if (spelling->swish && spelling->late) y = two(model, "Mul", "mul", x, y, spelling->swapped);
    y = divide(model, spelling, y);
    if (spelling->swish && !spelling->late) y = two(model, "Mul", "mul", x, y, spelling->swapped);
    fmap_model_output(model, y);
    if (spelling->clip_is_output) fmap_model_output(model, seen);
}

Test(find_hard_sigmoid, every_spelling_is_found_and_as_near_to_the_truth_as_it_was) {
    for (int i = 0; i < 16; i++) {
        struct spelling spelling = {i & 1, i & 2, i & 4, i & 8, 6, 6, false};
        fmap_model *model = net_model(build, &spelling);
        double expected[N], bounds[N];
        float *x = net_random(N, 1);
        for (int k = 0; k < N; k++) {
            x[k] *= 5;
            double v = (double)x[k], gate = fmin(fmax(v / 6 + 0.5, 0), 1);
            expected[k] = spelling.swish ? v * gate : gate;
            /* Sum, constant, quotient, product and one more: each relative to what is added. */
            bounds[k] = check_bound(5, (fabs(v) / 6 + 0.5) * (spelling.swish ? fabs(v) : 1));
        }
        cr_assert(net_agrees(model, &(fmap_plan_options){.threads = 2}, x, expected, bounds, N),
                  "spelling %d", i);
        cr_assert(net_agrees(model, &(fmap_plan_options){.no_fusion = true}, x, expected, bounds, N));
        cr_assert(net_passes_remove(model, "add", NULL), "spelling %d", i);
        cr_assert(net_passes_remove(model, "clip", NULL));
        if (spelling.swish) {
            const char *last = spelling.late ? "scale" : "mul";
            cr_assert_str_eq(net_passes_fused_into(model, "add"), last);
            cr_assert_str_eq(net_passes_fused_into(model, spelling.late ? "mul" : "scale"), last);
        }
        cr_assert(!net_passes_remove(model, "add",
                                     &(struct net_passes){.without = "find_hard_sigmoid fuse_activation"}));
        fmap_model_destroy(model);
        free(x);
    }
}

Test(find_hard_sigmoid, other_limits_and_what_others_see_stay) {
    static const struct spelling others[] = {{true, false, false, false, 5, 6, false},
                                             {true, true, false, false, 6, 5, false},
                                             {true, true, false, false, 6, 6, true}};
    for (int i = 0; i < 3; i++) {
        fmap_model *model = net_model(build, &others[i]);
        cr_assert(!net_passes_remove(model, "scale", NULL) && !net_passes_remove(model, "mul", NULL), "%d",
                  i);
        cr_assert(net_passes_change_no_bit(model));
        fmap_model_destroy(model);
    }
}
