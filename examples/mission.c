/* A network written down in C, in Keras' terms: it tells upright lines from level ones.
 *
 * Its weights are so simple that they need no training; yours come from a trained network, in Keras' order
 * of the elements. Prints the answers and returns 0 when they are right. */
#include <fmap/fmap.h>

#include <stdio.h>

enum { SIZE = 12, FILTERS = 2, CLASSES = 2, FEATURES = SIZE / 2 * (SIZE / 2) * FILTERS };

/* [height][width][in][out]: one filter answers to upright lines, one to level ones. */
static const float kernel[3][3][1][FILTERS] = {
    {{{-1, -1}}, {{2, -1}}, {{-1, -1}}}, /* upper row */
    {{{-1, 2}}, {{2, 2}}, {{-1, 2}}},    /* middle row */
    {{{-1, -1}}, {{2, -1}}, {{-1, -1}}}, /* lower row */
};

static fmap_value build(fmap_model *model) {
    float evidence[FEATURES][CLASSES] = {{0}}; /* [features][units]: Keras flattens h, w, c */
    for (int i = 0; i < FEATURES; i++) evidence[i][i % FILTERS] = 0.1f;

    fmap_value x = fmap_model_image_input(model, "image", SIZE, SIZE, 1);
    x = fmap_model_zero_padding_2d(model, "padding", x, 1, 1, 1, 1);
    x = fmap_model_conv_2d(
        model, "lines", x,
        &(fmap_conv_2d){.filters = FILTERS, .kernel_size = {3, 3}, .kernel = &kernel[0][0][0][0]});
    x = fmap_model_relu(model, "relu", x);
    x = fmap_model_dropout(model, "dropout", x, 0.25f);
    x = fmap_model_max_pooling_2d(model, "pool", x, &(fmap_pool_2d){.pool_size = {2, 2}});
    x = fmap_model_flatten(model, "flatten", x, FMAP_NHWC);
    x = fmap_model_dense(model, "evidence", x, &(fmap_dense){.units = CLASSES, .kernel = &evidence[0][0]});
    return fmap_model_softmax(model, "answer", x);
}

/* Draws a line, asks the network, prints; whether it is right. */
static int ask(fmap_context *context, int upright, fmap_error *error) {
    static const char *const names[CLASSES] = {"an upright line", "a level line"};
    float image[SIZE][SIZE] = {{0}}, answer[CLASSES];
    for (int i = 1; i < SIZE - 1; i++) image[upright ? i : 4][upright ? 4 : i] = 1;
    if (fmap_context_run(context, (const void *[]){image}, (void *[]){answer}, error)) return 0;
    int best = answer[1] > answer[0];
    printf("This is %s, with a probability of %.1f%%.\n", names[best], 100 * (double)answer[best]);
    return best == !upright;
}

int main(void) {
    fmap_error error = {0};
    fmap_model *model = NULL;
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    int right = 0;

    if (fmap_model_create(NULL, &model, &error) == FMAP_OK) fmap_model_output(model, build(model));
    if (model && fmap_model_finish(model, &error) == FMAP_OK &&
        fmap_plan_create(model, NULL, &plan, &error) == FMAP_OK &&
        fmap_context_create(plan, &context, &error) == FMAP_OK) {
        right = ask(context, 1, &error) && ask(context, 0, &error);
    }
    if (error.status) fprintf(stderr, "mission: %s\n", error.message);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    return right ? 0 : 1;
}
