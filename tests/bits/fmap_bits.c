/* Prints a hash of the output's bits of many generated layers, one a line with what it is the hash of. The lines are the same
 * for every instruction set and on every processor; tests/bits.sh compares them.
 *
 * usage: fmap-bits ISA */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_conv.h"
#include "tests/net_sample.h"

enum { CONVOLUTIONS = 240, WINOGRAD = 160, STEMS = 30, CHAINS = 40 };

/* FNV-1a over the bytes of each float, the lowest first. */
static uint64_t hash_of(const float *x, size_t n) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        for (int byte = 0; byte < 4; byte++) hash = (hash ^ (bits >> 8 * byte & 0xff)) * 0x100000001b3u;
    }
    return hash;
}

static void print(const char *kind, const char *text, const float *x, size_t n) {
    printf("%016" PRIx64 " %s: %s\n", hash_of(x, n), kind, text);
}

static void give_up(const char *text) {
    fprintf(stderr, "fmap-bits: this did not run: %s\n", text);
    exit(EXIT_FAILURE);
}

/* ---- convolutions ------------------------------------------------------------------------------------ */

static void print_conv(struct net_conv *conv, fmap_isa isa, const char *kind) {
    size_t n = net_conv_outputs(conv);
    float *dst = net_random(n, 1);
    if (!net_conv_run(conv, isa, dst)) give_up(net_conv_text(conv).text);
    print(kind, net_conv_text(conv).text, dst, n);
    free(dst);
    net_conv_free(conv);
}

/* All kernels for direct sums: tiles at several strides, few channels, narrow and uneven groups, depthwise, few outputs. */
static struct net_conv direct_conv(uint64_t *seed) {
    struct net_conv conv = {.algorithm = FMAP_ALGORITHM_DIRECT, .threads = 1};
    struct oracle_conv_2d *s = &conv.shape;
    struct oracle_window *w = &s->window;
    s->n = check_between(seed, 1, 2);
    int kind = check_between(seed, 0, 5);
    int multiple = check_between(seed, 1, 3);
    s->groups = kind == 0 ? check_between(seed, 1, 40) : kind == 1 ? check_between(seed, 2, 6) : 1;
    s->channels = s->groups * (kind == 0 ? 1 : check_between(seed, 1, kind == 1 ? 20 : 70));
    s->filters = s->groups * (kind == 0 ? multiple : check_between(seed, 1, kind == 2 ? 4 : 70));
    s->in_h = check_between(seed, 1, 12);
    s->in_w = check_between(seed, 1, 30);
    w->kernel_h = check_between(seed, 1, 5);
    w->kernel_w = check_between(seed, 1, 7);
    w->stride_h = check_between(seed, 1, 2);
    w->stride_w = check_between(seed, 1, 3);
    w->dilation_h = w->dilation_w = check_between(seed, 0, 4) ? 1 : 2;
    if (kind == 3) w->kernel_h = w->kernel_w = w->stride_h = w->stride_w = 1;
    w->pad_top = w->pad_bottom = w->kernel_h / 2;
    w->pad_left = w->pad_right = w->kernel_w / 2;
    return conv;
}

/* Each of Winograd's algorithms for one kernel, stride and dilation. */
static const struct filter {
    const char *name;
    fmap_algorithm algorithm;
    int kernel_h, kernel_w, stride, dilation;
} filters[] = {{"F(2x2, 3x3)", FMAP_ALGORITHM_WINOGRAD_F2, 3, 3, 1, 1},
               {"F(4x4, 3x3)", FMAP_ALGORITHM_WINOGRAD_F4, 3, 3, 1, 1},
               {"F(5x5, 3x3)", FMAP_ALGORITHM_WINOGRAD_F5, 3, 3, 1, 1},
               {"F(6x6, 3x3)", FMAP_ALGORITHM_WINOGRAD_F6, 3, 3, 1, 1},
               {"F(2x2, 5x5)", FMAP_ALGORITHM_WINOGRAD_F2, 5, 5, 1, 1},
               {"F(2x2, 3x3) stride 2", FMAP_ALGORITHM_WINOGRAD_F2, 3, 3, 2, 1},
               {"F(4, 3)", FMAP_ALGORITHM_WINOGRAD_F4, 1, 3, 1, 1},
               {"F(6, 3)", FMAP_ALGORITHM_WINOGRAD_F6, 3, 1, 1, 1},
               {"F(4, 5)", FMAP_ALGORITHM_WINOGRAD_F4, 5, 1, 1, 1},
               {"F(6, 5)", FMAP_ALGORITHM_WINOGRAD_F6, 1, 5, 1, 1},
               {"F(3, 7)", FMAP_ALGORITHM_WINOGRAD_F4, 1, 7, 1, 1},
               {"F(6, 7)", FMAP_ALGORITHM_WINOGRAD_F6, 7, 1, 1, 1},
               {"F(2x2, 3x3) dilation 2", FMAP_ALGORITHM_WINOGRAD_F2, 3, 3, 1, 2},
               {"F(4x4, 3x3) dilation 3", FMAP_ALGORITHM_WINOGRAD_F4, 3, 3, 1, 3},
               {"F(4, 3) dilation 3", FMAP_ALGORITHM_WINOGRAD_F4, 3, 1, 1, 3},
               {"F(6, 5) dilation 2", FMAP_ALGORITHM_WINOGRAD_F6, 1, 5, 1, 2}};
enum { FILTERS = sizeof filters / sizeof *filters };

static struct net_conv winograd_conv(uint64_t *seed, const struct filter *filter) {
    struct net_conv conv = {.algorithm = filter->algorithm, .threads = 1};
    conv.shape.window = oracle_window();
    conv.shape.n = conv.shape.groups = 1;
    conv.shape.channels = check_between(seed, 5, 50);
    conv.shape.filters = check_between(seed, 8, 70);
    conv.shape.in_h = check_between(seed, 4, 20);
    conv.shape.in_w = check_between(seed, 4, 20);
    conv.shape.window.kernel_h = filter->kernel_h;
    conv.shape.window.kernel_w = filter->kernel_w;
    conv.shape.window.stride_h = conv.shape.window.stride_w = filter->stride;
    conv.shape.window.dilation_h = conv.shape.window.dilation_w = filter->dilation;
    conv.shape.window.pad_top = conv.shape.window.pad_left = check_between(seed, 0, filter->dilation);
    return conv;
}

/* The same in two to four groups of whole blocks. */
static struct net_conv grouped_conv(uint64_t *seed, const struct filter *filter) {
    struct net_conv conv = winograd_conv(seed, filter);
    conv.shape.groups = check_between(seed, 2, 4);
    conv.shape.channels = 16 * conv.shape.groups * check_between(seed, 1, 2);
    conv.shape.filters = 16 * conv.shape.groups * check_between(seed, 1, 2);
    return conv;
}

/* Few channels and many columns of the kernel: Winograd along the rows. */
static struct net_conv stem_conv(uint64_t *seed) {
    struct net_conv conv = {.threads = 1, .shape.n = 1, .shape.groups = 1, .shape.window = oracle_window()};
    struct oracle_window *w = &conv.shape.window;
    w->stride_h = w->stride_w = check_between(seed, 1, 3);
    w->kernel_h = check_between(seed, 3, 7);
    w->kernel_w = w->stride_w * check_between(seed, 3, 5) - check_between(seed, 0, w->stride_w - 1);
    w->pad_top = w->pad_left = check_between(seed, 0, 3);
    conv.shape.channels = check_between(seed, 3, 8);
    conv.shape.filters = check_between(seed, 24, 64);
    conv.shape.in_h = check_between(seed, 8, 20);
    conv.shape.in_w = check_between(seed, 40, 90);
    return conv;
}

static void print_convs(fmap_isa isa) {
    uint64_t seed = 1;
    for (int done = 0; done < CONVOLUTIONS;) {
        struct net_conv conv = direct_conv(&seed);
        bool bias = check_between(&seed, 0, 1);
        if (!net_conv_complete(&conv, bias, seed)) continue;
        print_conv(&conv, isa, "direct");
        done++;
    }
    for (int done = 0; done < WINOGRAD;) {
        const struct filter *filter = &filters[done % FILTERS];
        struct net_conv conv = winograd_conv(&seed, filter);
        if (!net_conv_complete(&conv, true, seed)) continue;
        print_conv(&conv, isa, filter->name);
        done++;
    }
    for (int done = 0; done < FILTERS;) {
        const struct filter *filter = &filters[done];
        struct net_conv conv = grouped_conv(&seed, filter);
        if (!net_conv_complete(&conv, true, seed)) continue;
        print_conv(&conv, isa, filter->name);
        done++;
    }
    for (int done = 0; done < STEMS;) {
        struct net_conv conv = stem_conv(&seed);
        if (!net_conv_complete(&conv, true, seed)) continue;
        print_conv(&conv, isa, "stem");
        done++;
    }
}

/* ---- everything else --------------------------------------------------------------------------------- */

/* A convolution, an activation, a pool, a dense layer and softmax. */
struct chain {
    int size, channels, filters, units;
    fmap_activation activation;
    fmap_pool_2d pool;
    bool averages;
    int images;
};

static void build_chain(fmap_model *model, const void *what) {
    const struct chain *chain = what;
    static float w[1 << 16];
    check_fill(w, sizeof w / sizeof *w, -0.5f, 0.5f, 5);
    fmap_value x = fmap_model_image_input(model, "x", chain->size, chain->size, chain->channels);
    x = fmap_model_conv_2d(model, "conv", x,
                           &(fmap_conv_2d){.filters = chain->filters,
                                           .kernel_size = {3, 3},
                                           .padding = FMAP_SAME,
                                           .kernel = w,
                                           .bias = w + 1,
                                           .activation = chain->activation});
    x = chain->averages ? fmap_model_average_pooling_2d(model, "pool", x, &chain->pool)
                        : fmap_model_max_pooling_2d(model, "pool", x, &chain->pool);
    x = fmap_model_global_average_pooling_2d(model, "mean", x);
    x = fmap_model_dense(
        model, "dense", x,
        &(fmap_dense){.units = chain->units, .kernel = w + 2, .bias = w + 3, .activation = FMAP_TANH});
    fmap_model_output(model, fmap_model_softmax(model, "softmax", x));
}

static void print_net(net_build *build, const void *what, fmap_isa isa, int images, const char *text) {
    fmap_model *model = net_model(build, what);
    struct net net;
    if (!model || !net_open(&net, model, &(fmap_plan_options){.max_isa = isa, .batch = images}))
        give_up(text);
    size_t n = net_output_elements(&net, 0);
    float *x = net_random(net_input_elements(&net, 0), 7), *y = net_random(n, 8);
    if (!net_run(&net, x, y)) give_up(text);
    print("network", text, y, n);
    net_close(&net);
    fmap_model_destroy(model);
    free(x);
    free(y);
}

static void print_chains(fmap_isa isa) {
    static const fmap_activation activations[] = {FMAP_LINEAR, FMAP_RELU, FMAP_RELU6, FMAP_SIGMOID,
                                                  FMAP_TANH};
    uint64_t seed = 2;
    for (int i = 0; i < CHAINS; i++) {
        struct chain chain = {.averages = i % 2, .activation = activations[i % 5]};
        chain.size = check_between(&seed, 6, 24);
        chain.channels = check_between(&seed, 1, 20);
        chain.filters = check_between(&seed, 1, 40);
        chain.units = check_between(&seed, 2, 60);
        chain.images = check_between(&seed, 1, 9);
        chain.pool.pool_size[0] = chain.pool.pool_size[1] = check_between(&seed, 1, 4);
        chain.pool.strides[0] = chain.pool.strides[1] = check_between(&seed, 1, 3);
        chain.pool.padding = FMAP_SAME;
        char text[200];
        snprintf(text, sizeof text, "%d x %dx%dx%d -> %d, activation %d, %s pool %d stride %d, %d units",
                 chain.images, chain.channels, chain.size, chain.size, chain.filters, (int)chain.activation,
                 chain.averages ? "average" : "max", (int)chain.pool.pool_size[0], (int)chain.pool.strides[0],
                 chain.units);
        print_net(build_chain, &chain, isa, chain.images, text);
    }
    for (int images = 1; images <= 9; images += 4) {
        print_net(net_sample_build, NULL, isa, images, "something of everything");
    }
}

/* One operator behind another that spreads what it gets. */
struct function {
    const char *op;
    int size; /* of LRN's window */
    float beta;
};

static fmap_value add_node(fmap_model *model, const char *op, fmap_value x, const fmap_attribute *attributes,
                           size_t n_attributes) {
    fmap_value output = FMAP_NO_VALUE;
    fmap_node_definition node = {.op = op,
                                 .name = op,
                                 .inputs = &x,
                                 .n_inputs = 1,
                                 .n_outputs = 1,
                                 .attributes = attributes,
                                 .n_attributes = n_attributes};
    fmap_model_node(model, &node, &output);
    return output;
}

static void build_function(fmap_model *model, const void *what) {
    const struct function *function = what;
    const fmap_attribute slope = {.name = "alpha", .type = FMAP_ATTRIBUTE_FLOAT, .f = 9.0f};
    const fmap_attribute window[] = {{.name = "size", .type = FMAP_ATTRIBUTE_INT, .i = function->size},
                                     {.name = "alpha", .type = FMAP_ATTRIBUTE_FLOAT, .f = 0.5f},
                                     {.name = "beta", .type = FMAP_ATTRIBUTE_FLOAT, .f = function->beta}};
    fmap_value x = fmap_model_image_input(model, "x", 11, 13, 37);
    x = add_node(model, "LeakyRelu", x, &slope, 1);
    fmap_model_output(model, add_node(model, function->op, x, window, function->size ? 3 : 0));
}

static void print_functions(fmap_isa isa) {
    static const struct function functions[] = {
        {"Exp", 0, 0},     {"Sigmoid", 0, 0},  {"Tanh", 0, 0},   {"Elu", 0, 0},      {"Selu", 0, 0},
        {"Erf", 0, 0},     {"Gelu", 0, 0},     {"Mish", 0, 0},   {"Softplus", 0, 0}, {"LRN", 5, 0.75f},
        {"LRN", 6, 0.75f}, {"LRN", 33, 0.75f}, {"LRN", 3, 0.5f}, {"LRN", 4, 1.0f}};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        char text[100];
        snprintf(text, sizeof text, "%s %d %g", functions[i].op, functions[i].size,
                 (double)functions[i].beta);
        print_net(build_function, &functions[i], isa, 2, text);
    }
}

int main(int argc, char **argv) {
    fmap_isa isa;
    if (argc != 2 || !fmap_isa_parse(argv[1], &isa)) {
        fprintf(stderr, "usage: fmap-bits ISA\n");
        return 2;
    }
    if (isa != FMAP_ISA_BEST && fmap_isa_select(isa) != isa) return 77;
    print_convs(isa);
    print_chains(isa);
    print_functions(isa);
    return EXIT_SUCCESS;
}
