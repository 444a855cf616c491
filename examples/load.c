/* Loads an ONNX file and runs it on a picture of an upright stroke: load [MODEL.onnx]. Without an argument it
 * is the network that ships with the source, which should say 1. */
#include <fmap/fmap.h>

#include <stdio.h>
#include <stdlib.h>

/* Returns the likeliest class, or -1 and why. */
static int classify(const char *path, fmap_error *error) {
    fmap_model *model = NULL;
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    float *image = NULL, *answer = NULL;
    fmap_shape in, out; /* n, c, h, w and n, classes */
    int best = -1;
    if (fmap_model_load(path, NULL, &model, error) == FMAP_OK &&
        fmap_plan_create(model, NULL, &plan, error) == FMAP_OK &&
        fmap_context_create(plan, &context, error) == FMAP_OK) {
        fmap_plan_input_shape(plan, 0, &in);
        fmap_plan_output_shape(plan, 0, &out);
        image = calloc((size_t)(in.dims[1] * in.dims[2] * in.dims[3]), sizeof *image);
        answer = calloc((size_t)out.dims[1], sizeof *answer);
        for (int64_t y = in.dims[2] / 6; image && y < in.dims[2] * 5 / 6; y++) {
            image[y * in.dims[3] + in.dims[3] / 2 - 1] = image[y * in.dims[3] + in.dims[3] / 2] = 1;
        }
        if (fmap_context_run(context, (const void *[]){image}, (void *[]){answer}, error) == FMAP_OK) {
            best = 0;
            for (int i = 1; i < out.dims[1]; i++) best = answer[i] > answer[best] ? i : best;
        }
    }
    free(image);
    free(answer);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    return best;
}

int main(int argc, char **argv) {
    fmap_error error = {0};
    int class = classify(argc > 1 ? argv[1] : "models/digits/digits.onnx", &error);
    if (class < 0) {
        fprintf(stderr, "load: %s\n", error.message);
        return 2;
    }
    printf("This is a %d.\n", class);
    return argc > 1 || class == 1 ? 0 : 1;
}
