/* fmap maps: a picture through a network, and every layer's feature maps out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "maps.h"
#include "npy.h"
#include "page.h"
#include "picture.h"
#include "progress.h"

struct options {
    const char *model;
    const char *image;
    const char *directory;
    const char *labels;
    const struct colormap *colormap;
    enum normalize normalize;
    int zoom;
    int channels;
    size_t index;
    bool npy;
    struct maps_options maps; /* which layers, --threads, --isa */
    struct preprocess_options preprocess;
};

/* ---- the command line -------------------------------------------------------------------------- */

enum {
    KEY_LAYERS = 0x200,
    KEY_COLORMAP,
    KEY_NORMALIZE,
    KEY_NPY,
    KEY_ZOOM,
    KEY_CHANNELS,
    KEY_LABELS,
    KEY_INDEX
};
enum { PAGE_CHANNELS = 64 };

static const struct argp_option maps_options[] = {
    {.name = "output", .key = 'o', .arg = "DIR", .doc = "Write into this folder (default: maps)"},
    {.name = "layers",
     .key = KEY_LAYERS,
     .arg = "PATTERN",
     .doc = "Only layers with such a name: * is any text, ? any character"},
    {.name = "colormap", .key = KEY_COLORMAP, .arg = "NAME", .doc = "viridis (default), magma or gray"},
    {.name = "normalize",
     .key = KEY_NORMALIZE,
     .arg = "WHAT",
     .doc = "channel (default): each map from its own minimum to its own maximum; layer: all maps of a "
            "layer on one scale"},
    {.name = "npy",
     .key = KEY_NPY,
     .doc = "Also write each layer as float32 for NumPy: height x width x channels, or what the layer has"},
    {.name = "zoom",
     .key = KEY_ZOOM,
     .arg = "N",
     .doc = "Draw a value as N x N pixels (default: chosen by the size of the map)"},
    {.name = "channels",
     .key = KEY_CHANNELS,
     .arg = "N",
     .doc = "Show at most N maps of a layer on the page (default: 64); the PNG files have all"},
    {.name = "labels", .key = KEY_LABELS, .arg = "FILE", .doc = "Names of the classes, one a line"},
    {.name = "index", .key = KEY_INDEX, .arg = "N", .doc = "Which picture of an IDX file (default: 0)"},
    {0},
};

static const struct argp_child children[] = {
    {.argp = &engine_argp, .header = "Running:", .group = 1},
    {.argp = &preprocess_argp,
     .header = "Preparing the picture (default: as the model's sidecar says):",
     .group = 2},
    {0},
};

static const struct colormap *colormap_option(struct argp_state *state, const char *name) {
    const char *names[8] = {NULL};
    for (int i = 0; colormaps[i].name != NULL; i++) names[i] = colormaps[i].name;
    return &colormaps[option_word(state, "colormap", name, names)];
}

static void argument(struct argp_state *state, struct options *options, const char *text) {
    if (state->arg_num == 0) {
        options->model = text;
    } else if (state->arg_num == 1) {
        options->image = text;
    } else {
        argp_error(state, "one IMAGE at a time");
    }
}

static error_t parse(int key, char *text, struct argp_state *state) {
    static const char *const normalizations[] = {"channel", "layer", NULL};
    struct options *options = state->input;
    switch (key) {
    case 'o': options->directory = text; return 0;
    case KEY_LAYERS: options->maps.layers = text; return 0;
    case KEY_COLORMAP: options->colormap = colormap_option(state, text); return 0;
    case KEY_NORMALIZE:
        options->normalize = option_word(state, "normalize", text, normalizations) == 1 ? NORMALIZE_LAYER
                                                                                        : NORMALIZE_CHANNEL;
        return 0;
    case KEY_NPY: options->npy = true; return 0;
    case KEY_ZOOM: options->zoom = (int)option_integer(state, "zoom", text, 1, 64); return 0;
    case KEY_CHANNELS: options->channels = (int)option_integer(state, "channels", text, 1, 4096); return 0;
    case KEY_LABELS: options->labels = text; return 0;
    case KEY_INDEX: options->index = (size_t)option_integer(state, "index", text, 0, 1 << 30); return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->maps.engine;
        state->child_inputs[1] = &options->preprocess;
        return 0;
    case ARGP_KEY_ARG: argument(state, options, text); return 0;
    case ARGP_KEY_END:
        if (options->image == NULL) argp_error(state, "MODEL and IMAGE are needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp maps_argp = {
    .options = maps_options,
    .parser = parse,
    .args_doc = "MODEL IMAGE",
    .doc =
        "Runs a network on a picture and draws what every layer makes of it: for each layer a PNG file with "
        "all of its maps, and one page, index.html, to look at them in a browser.\v"
        "The files are named after the layers: 03-conv2d_1.png. Layer 00 is the network's input.",
    .children = children,
};

/* ---- files ------------------------------------------------------------------------------------- */

/* "directory/name" and an ending, from malloc(). */
static char *path_in(const char *directory, const char *name, const char *ending) {
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", directory, name, ending) < 0 ? NULL : path;
}

/* Makes a folder and the folders that it is in. */
static fmap_status make_directory(const char *directory, fmap_error *error) {
    char *path = strdup(directory);
    if (path == NULL) return fail_memory(error, "a path");
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777); /* If this one is missing, the last one says so. */
        *slash = '/';
    }
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    free(path);
    return made ? FMAP_OK : fail_errno(error, "create", directory);
}

static fmap_status write_sheet(const struct options *options, const struct layer_maps *layer,
                               const char *path, fmap_error *error) {
    char text[SHAPE_TEXT_BYTES], subtitle[SHAPE_TEXT_BYTES + 64];
    snprintf(subtitle, sizeof subtitle, "%.60s  %s", layer->op, shape_text(&layer->shape, text));
    const struct sheet sheet = {.title = layer->name,
                                .subtitle = subtitle,
                                .view = layer->view,
                                .colormap = options->colormap,
                                .normalize = options->normalize,
                                .scale = options->zoom};
    struct image image;
    TRY(picture_sheet(&sheet, &image, error));
    fmap_status status = image_write_png(path, &image, error);
    image_release(&image);
    return status;
}

static fmap_status write_npy(const struct layer_maps *layer, const char *path, fmap_error *error) {
    uint8_t *bytes;
    size_t n_bytes;
    TRY(npy_encode(&layer->shape, layer->values, &bytes, &n_bytes, error));
    fmap_status status = file_write(path, bytes, n_bytes, error);
    free(bytes);
    return status;
}

static fmap_status write_layer(const struct options *options, const struct layer_maps *layer,
                               fmap_error *error) {
    char *png = path_in(options->directory, layer->file, ".png");
    char *npy = path_in(options->directory, layer->file, ".npy");
    fmap_status status = png == NULL || npy == NULL ? fail_memory(error, "a path") : FMAP_OK;
    if (status == FMAP_OK) status = write_sheet(options, layer, png, error);
    if (status == FMAP_OK && options->npy) status = write_npy(layer, npy, error);
    free(png);
    free(npy);
    return status;
}

static fmap_status write_layers(const struct options *options, const struct maps *maps, fmap_error *error) {
    struct progress progress;
    progress_start(&progress, "drawing", maps->n_layers);
    fmap_status status = FMAP_OK;
    for (size_t i = 0; status == FMAP_OK && i < maps->n_layers; i++) {
        if (maps->layers[i].values != NULL) status = write_layer(options, &maps->layers[i], error);
        progress_update(&progress, i + 1);
    }
    progress_end(&progress);
    return status;
}

/* ---- the answer and the page -------------------------------------------------------------------- */

enum { ANSWERS = 10 };

struct named_answers {
    size_t count;
    struct page_answer answers[ANSWERS];
    char numbers[ANSWERS][LABEL_NUMBER_BYTES]; /* of classes without a label */
};

/* The likeliest answers; none when the network's output is not one score for each class. */
static void find_answers(const struct network *network, const struct maps *maps,
                         struct named_answers *named) {
    named->count = 0;
    int64_t classes = maps->output == NULL ? 0 : output_classes(&maps->output_shape);
    if (classes == 0) return;
    if (!is_distribution(maps->output, (size_t)classes)) softmax(maps->output, (size_t)classes);
    struct answer top[ANSWERS];
    named->count = top_answers(maps->output, (size_t)classes, ANSWERS, top);
    for (size_t i = 0; i < named->count; i++) {
        named->answers[i].label = network_label(network, top[i].class, named->numbers[i]);
        named->answers[i].probability = (double)top[i].score;
    }
}

static fmap_status write_page(const struct options *options, const struct network *network,
                              const struct image *picture, const struct maps *maps,
                              const struct named_answers *named, fmap_error *error) {
    const char *slash = strrchr(options->model, '/');
    const char *file = slash == NULL ? options->model : slash + 1;
    const struct page page = {
        .title = network->sidecar.title == NULL ? file : network->sidecar.title,
        .description = network->sidecar.description,
        .picture = picture,
        .maps = maps,
        .answers = named->answers,
        .n_answers = named->count,
        .colormap = options->colormap,
        .normalize = options->normalize,
        .channels = options->channels,
    };
    char *html;
    size_t n_bytes;
    TRY(page_make(&page, &html, &n_bytes, error));
    char *path = path_in(options->directory, "index", ".html");
    fmap_status status = path == NULL ? fail_memory(error, "a path") : file_write(path, html, n_bytes, error);
    free(path);
    free(html);
    return status;
}

static fmap_status write_all(const struct options *options, const struct network *network,
                             const struct image *picture, const struct maps *maps, fmap_error *error) {
    struct named_answers named;
    find_answers(network, maps, &named);
    TRY(make_directory(options->directory, error));
    TRY(write_layers(options, maps, error));
    TRY(write_page(options, network, picture, maps, &named, error));
    if (named.count > 0) {
        printf("%s   %.2f%%\n", named.answers[0].label, named.answers[0].probability * 100.0);
    }
    printf("%s/index.html\n", options->directory);
    return FMAP_OK;
}

static fmap_status run(const struct options *options, fmap_error *error) {
    struct network network;
    TRY(network_open(options->model, &options->preprocess, options->labels, &network, error));
    struct image picture = {.pixels = NULL};
    fmap_status status = image_read(options->image, options->index, &picture, error);
    if (status == FMAP_OK) {
        struct maps maps;
        status = maps_collect(&network, &picture, &options->maps, &maps, error);
        if (status == FMAP_OK) {
            status = write_all(options, &network, &picture, &maps, error);
            maps_release(&maps);
        }
        image_release(&picture);
    }
    network_close(&network);
    return status;
}

int cmd_maps(int argc, char **argv) {
    struct options options = {
        .directory = "maps", .colormap = &colormaps[0], .channels = PAGE_CHANNELS, .maps.layers = "*"};
    parse_options(&maps_argp, argc, argv, &options);
    fmap_error error = {FMAP_OK, ""};
    return run(&options, &error) == FMAP_OK ? TOOL_OK : complain(&error);
}
