/* Convolutions as networks have them, through the public interface: a model of one layer, planned and run. */
#include "bench/bench.h"
#include "bench/gbench.h"
#include "bench/machine.h"

#include <fmap/fmap.h>

#include <stdio.h>
#include <stdlib.h>

static const struct convolution {
    const char *name;
    int channels, filters, size, kernel, stride, groups;
} convolutions[] = {
    {"vgg16.conv1_2", 64, 64, 224, 3, 1, 1},        {"vgg16.conv3_2", 256, 256, 56, 3, 1, 1},
    {"resnet50.stem", 3, 64, 224, 7, 2, 1},         {"resnet50.conv2_3x3", 64, 64, 56, 3, 1, 1},
    {"resnet50.conv3_3x3", 128, 128, 28, 3, 1, 1},  {"resnet50.conv4_3x3", 256, 256, 14, 3, 1, 1},
    {"resnet50.conv5_3x3", 512, 512, 7, 3, 1, 1},   {"resnet50.conv2_1x1", 64, 256, 56, 1, 1, 1},
    {"resnet50.conv4_1x1", 1024, 256, 14, 1, 1, 1}, {"mobilenetv2.depthwise", 144, 144, 56, 3, 1, 144},
    {"digits.conv1", 1, 32, 28, 3, 1, 1},           {"digits.conv2", 32, 64, 26, 3, 1, 1},
};

struct conv_case {
    const struct convolution *convolution;
    fmap_isa isa;
    int threads, batch;
};

/* Values around zero, the same in every run. */
static float *random_floats(size_t n) {
    float *floats = aligned_alloc(64, (n * sizeof *floats + 63) / 64 * 64);
    uint32_t state = 1;
    for (size_t i = 0; floats && i < n; i++) {
        state = state * 1664525u + 1013904223u;
        floats[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return floats;
}

static fmap_model *make_model(const struct convolution *c) {
    size_t n_weights = (size_t)c->kernel * (size_t)c->kernel * (size_t)(c->channels / c->groups) *
                       (size_t)c->filters;
    float *weights = random_floats(n_weights), *bias = random_floats((size_t)c->filters);
    fmap_model *model;
    if (!weights || !bias || fmap_model_create(NULL, &model, NULL) != FMAP_OK) abort();
    fmap_conv_2d layer = {.filters = c->filters,
                          .kernel_size = {c->kernel, c->kernel},
                          .strides = {c->stride, c->stride},
                          .groups = c->groups,
                          .padding = FMAP_SAME,
                          .kernel = weights,
                          .bias = bias};
    fmap_value x = fmap_model_image_input(model, "image", c->size, c->size, c->channels);
    x = fmap_model_conv_2d(model, "conv", x, &layer);
    fmap_model_output(model, fmap_model_relu(model, "relu", x));
    free(weights);
    free(bias);
    return model;
}

/* What the layer itself took: the profile leaves out the reordering at the edges of this one-layer network. */
static void run_case(gbench_state *state, void *argument) {
    const struct conv_case *test = argument;
    const struct convolution *c = test->convolution;
    fmap_model *model = make_model(c);
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    fmap_error error = {0};
    fmap_plan_options options = {
        .batch = test->batch, .threads = test->threads, .max_isa = test->isa, .profile = true};
    if (fmap_model_finish(model, &error) != FMAP_OK ||
        fmap_plan_create(model, &options, &plan, &error) != FMAP_OK ||
        fmap_context_create(plan, &context, &error) != FMAP_OK) {
        gbench_skip(state, error.message);
    }
    if (context) {
        fmap_shape in, out;
        int64_t n_in, n_out;
        fmap_plan_info info;
        fmap_layer_info layer;
        fmap_plan_describe(plan, &info);
        if (fmap_plan_layer(plan, 0, &layer) == FMAP_OK) gbench_label(state, layer.kernel);
        fmap_plan_input_shape(plan, 0, &in);
        fmap_plan_output_shape(plan, 0, &out);
        fmap_shape_elements(&in, &n_in);
        fmap_shape_elements(&out, &n_out);
        float *image = random_floats((size_t)n_in), *map = random_floats((size_t)n_out);
        double seconds = 0, n_runs = 0;
        while (gbench_keep_running(state)) {
            fmap_context_run(context, (const void *[]){image}, (void *[]){map}, NULL);
            seconds += fmap_context_layer_seconds(context, 0);
            n_runs++;
        }
        double flops = 2.0 * (double)info.macs * n_runs / seconds;
        gbench_value(state, "GFLOP/s", flops * 1e-9);
        gbench_value(state, "of_peak", flops / (bench_peak(test->isa) * test->threads));
        free(image);
        free(map);
    }
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

void bench_conv2d(int max_threads) {
    static const int batches[] = {1, 16};
    for (size_t i = 0; i < sizeof convolutions / sizeof convolutions[0]; i++) {
        for (fmap_isa isa = FMAP_ISA_NEON; isa <= FMAP_ISA_AVX512; isa++) {
            if (fmap_isa_select(isa) != isa) continue; /* not on this machine */
            for (int b = 0; b < 2; b++) {
                for (int threads = 1; threads <= max_threads; threads *= 2) {
                    struct conv_case *test = malloc(sizeof *test);
                    if (!test) abort();
                    *test = (struct conv_case){&convolutions[i], isa, threads, batches[b]};
                    char name[128];
                    snprintf(name, sizeof name, "conv2d/%s/n:%d/t:%d/%s", convolutions[i].name, batches[b],
                             threads, fmap_isa_name(isa));
                    gbench_register(name, run_case, test);
                }
            }
        }
    }
}
