#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net.h"

enum { IMAGES = 2, CLASSES = 3, BOXES = 60 };

struct suppression {
    bool centres;
    int64_t most;
    float overlap, least;
    int n_inputs;       /* 2 .. 5: the last of them are left out */
    bool computed_most; /* an input of the network, as are the thresholds */
};

/* ---- the oracle: by the definition, one box after the other --------------------------------------------------- */

static void corners(const float *box, bool centres, double *low, double *high) {
    for (int i = 0; i < 2; i++) {
        double a = (double)box[i], b = (double)box[i + 2];
        low[i] = centres ? a - b / 2 : fmin(a, b);
        high[i] = centres ? a + b / 2 : fmax(a, b);
    }
}

static double intersection_over_union(const float *a, const float *b, bool centres) {
    double low[2][2], high[2][2], both = 1, areas[2] = {1, 1};
    corners(a, centres, low[0], high[0]);
    corners(b, centres, low[1], high[1]);
    for (int i = 0; i < 2; i++) {
        both *= fmax(0, fmin(high[0][i], high[1][i]) - fmax(low[0][i], low[1][i]));
        for (int k = 0; k < 2; k++) areas[k] *= high[k][i] - low[k][i];
    }
    return both > 0 ? both / (areas[0] + areas[1] - both) : 0;
}

static int64_t oracle(const struct suppression *s, const float *boxes, const float *scores, int64_t *rows) {
    int64_t n = 0;
    for (int64_t part = 0; part < IMAGES * CLASSES; part++) {
        const float *score = scores + part * BOXES, *box = boxes + part / CLASSES * BOXES * 4;
        bool seen[BOXES] = {false};
        int64_t first = n;
        for (int64_t round = 0; round < BOXES && n - first < (s->n_inputs > 2 ? s->most : 0); round++) {
            int64_t best = -1;
            for (int64_t i = 0; i < BOXES; i++) {
                bool wanted = !seen[i] && (s->n_inputs < 5 || score[i] > s->least);
                if (wanted && (best < 0 || score[i] > score[best])) best = i;
            }
            if (best < 0) break;
            seen[best] = true;
            bool free = true;
            for (int64_t i = first; i < n && free; i++) {
                double shared = intersection_over_union(box + best * 4, box + rows[3 * i + 2] * 4,
                                                        s->centres);
                free = shared <= (s->n_inputs > 3 ? (double)s->overlap : 0.0);
            }
            if (!free) continue;
            rows[3 * n] = part / CLASSES;
            rows[3 * n + 1] = part % CLASSES;
            rows[3 * n++ + 2] = best;
        }
    }
    return n;
}

/* ---- networks ----------------------------------------------------------------------------------------------------- */

/* The rows as they are, and as floats. */
static void build(fmap_model *model, const void *what) {
    static const int64_t boxes[3] = {IMAGES, BOXES, 4}, scores[3] = {IMAGES, CLASSES, BOXES}, one = 1;
    const struct suppression *s = what;
    fmap_shape number = {.rank = 1, .dims = {1}};
    fmap_value inputs[5] = {net_input(model, "boxes", 3, boxes), net_input(model, "scores", 3, scores)};
    if (s->computed_most) {
        inputs[2] = fmap_model_input(model, "most", FMAP_INT64, &number);
        inputs[3] = fmap_model_input(model, "overlap", FMAP_FLOAT32, &number);
        inputs[4] = fmap_model_input(model, "least", FMAP_FLOAT32, &number);
    } else {
        inputs[2] = net_ints(model, &s->most, 1);
        inputs[3] = net_floats(model, &s->overlap, 1, &one);
        inputs[4] = net_floats(model, &s->least, 1, &one);
    }
    fmap_attribute format = net_int("center_point_box", s->centres), to = net_int("to", FMAP_FLOAT32);
    fmap_value rows = net_node(model, "NonMaxSuppression", "rows", inputs, (size_t)s->n_inputs, &format, 1);
    fmap_model_output(model, rows);
    fmap_model_output(model, net_node(model, "Cast", "floats", &rows, 1, &to, 1));
}

static bool agrees(const struct suppression *s, uint64_t seed) {
    static float boxes[IMAGES * BOXES * 4], scores[IMAGES * CLASSES * BOXES];
    static int64_t expected[IMAGES * CLASSES * BOXES * 3], got[IMAGES * CLASSES * BOXES * 3];
    static float floats[IMAGES * CLASSES * BOXES * 3];
    check_fill(boxes, IMAGES * BOXES * 4, 0, 1, seed);
    check_fill(scores, IMAGES * CLASSES * BOXES, 0, 1, seed + 1);
    for (int i = 0; i < IMAGES * CLASSES * BOXES; i += 7) scores[i] = 0.5f; /* some are equal */
    int64_t n = oracle(s, boxes, scores, expected);
    int64_t most = s->n_inputs < 3 ? 0 : s->computed_most || s->most > BOXES ? BOXES : s->most;
    bool good = true;
    for (int threads = 1; threads <= 3 && good; threads += 2) {
        struct net net;
        fmap_shape shape, bound;
        fmap_model *model = net_model(build, s);
        if (!model || !net_open(&net, model, &(fmap_plan_options){.threads = threads})) return false;
        good = fmap_context_output_shape(net.context, 0, &shape) == FMAP_ERROR_ARGUMENT;
        const void *inputs[5] = {boxes, scores, &s->most, &s->overlap, &s->least};
        good = good && fmap_context_run(net.context, inputs, (void *[]){got, floats}, NULL) == FMAP_OK &&
               fmap_plan_output_shape(net.plan, 0, &bound) == FMAP_OK && bound.rank == 2 &&
               bound.dims[0] == IMAGES * CLASSES * most && bound.dims[1] == 3;
        for (size_t i = 0; i < 2 && good; i++) {
            good = fmap_context_output_shape(net.context, i, &shape) == FMAP_OK && shape.rank == 2 &&
                   shape.dims[0] == n && shape.dims[1] == 3;
        }
        good = good && memcmp(got, expected, (size_t)n * 3 * sizeof *got) == 0;
        for (int64_t i = 0; i < bound.dims[0] * 3 && good; i++)
            good = (i < 3 * n || got[i] == -1) && floats[i] == (float)got[i];
        net_close(&net);
        fmap_model_destroy(model);
    }
    return good;
}

Test(non_max_suppression, constants_and_computed_limits_give_the_oracles_rows) {
    for (int i = 0; i < 40; i++) {
        struct suppression s = {.centres = i % 2,
                                .most = i % 5 ? i % 7 * 3 : 1000,
                                .overlap = (float)(i % 4) * 0.2f,
                                .least = (float)(i % 3) * 0.3f,
                                .n_inputs = i % 3 ? 5 : 2 + i % 4,
                                .computed_most = i % 8 > 3};
        if (s.n_inputs < 5) s.computed_most = false;
        cr_assert(agrees(&s, (uint64_t)i), "case %d", i);
    }
}

/* Empty boxes overlap nothing, not even themselves; NaN scores are no scores. */
Test(non_max_suppression, nothing_is_found_without_scores) {
    static float boxes[IMAGES * BOXES * 4], scores[IMAGES * CLASSES * BOXES];
    static int64_t rows[IMAGES * CLASSES * BOXES * 3];
    static float floats[IMAGES * CLASSES * BOXES * 3];
    struct suppression s = {.most = 4, .n_inputs = 3};
    fmap_model *model = net_model(build, &s);
    struct net net;
    fmap_shape shape;
    for (int i = 0; i < IMAGES * CLASSES * BOXES; i++) scores[i] = i < BOXES ? 0.5f : NAN;
    cr_assert(model && net_open(&net, model, NULL));
    cr_assert_eq(
        fmap_context_run(net.context, (const void *[]){boxes, scores}, (void *[]){rows, floats}, NULL),
        FMAP_OK);
    cr_assert_eq(fmap_context_output_shape(net.context, 0, &shape), FMAP_OK);
    cr_assert_eq(shape.dims[0], 4);
    for (int i = 0; i < 4; i++) cr_assert_eq(rows[3 * i + 2], i);
    net_close(&net);
    fmap_model_destroy(model);
}

Test(non_max_suppression, other_outputs_have_the_shape_of_the_plan) {
    fmap_shape shape, planned;
    struct suppression s = {.most = 4, .n_inputs = 3};
    fmap_model *model = net_model(build, &s);
    struct net net;
    cr_assert(model && net_open(&net, model, NULL));
    cr_assert_eq(fmap_context_output_shape(net.context, 2, &shape), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_plan_output_shape(net.plan, 1, &planned), FMAP_OK);
    cr_assert_eq(planned.dims[0], IMAGES * CLASSES * 4);
    net_close(&net);
    fmap_model_destroy(model);
}

static void build_wrong(fmap_model *model, const void *what) {
    const int64_t *scores = what;
    static const int64_t boxes[3] = {1, 5, 4};
    fmap_value inputs[2] = {net_input(model, "boxes", 3, boxes), net_input(model, "scores", 3, scores)};
    fmap_attribute format = net_int("center_point_box", scores[0] == 3 ? 2 : 0);
    fmap_model_output(model, net_node(model, "NonMaxSuppression", "y", inputs, 2, &format, 1));
}

Test(non_max_suppression, scores_of_other_boxes_are_refused) {
    static const int64_t shapes[3][3] = {{1, 2, 6}, {2, 2, 5}, {3, 2, 5}};
    for (int i = 0; i < 3; i++) {
        fmap_model *model = NULL;
        fmap_error error = {0};
        cr_assert_eq(net_try_model(build_wrong, shapes[i], NULL, &model, &error), FMAP_ERROR_MODEL);
        cr_assert(strstr(error.message, i < 2 ? "expected n x boxes x 4 and n x classes x boxes"
                                              : "'center_point_box' is 2, expected 0 or 1"),
                  "%s", error.message);
        fmap_model_destroy(model);
    }
}
