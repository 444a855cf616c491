#include "ports.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_INPUT_SHAPE = 0x300 };

static const int64_t max_dimension = (int64_t)1 << 31;

bool shape_parse(const char *text, fmap_shape *shape) {
    fmap_shape read = {0};
    while (read.rank < FMAP_MAX_RANK && isdigit((unsigned char)*text)) {
        char *end = NULL;
        errno = 0;
        long long dimension = strtoll(text, &end, 10);
        if (errno != 0 || dimension < 1 || dimension > max_dimension) return false;
        read.dims[read.rank++] = dimension;
        if (*end == '\0') {
            *shape = read;
            return true;
        }
        if (*end != 'x' && *end != ',') return false;
        text = end + 1;
    }
    return false;
}

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct port_options *options = state->input;
    if (key != KEY_INPUT_SHAPE) return ARGP_ERR_UNKNOWN;
    /* Names of inputs may hold an equals sign, shapes never do. */
    char *equals = strrchr(argument, '=');
    fmap_shape shape;
    if (options->n_shapes == MAX_PORTS) argp_error(state, "more than %d times --input-shape", MAX_PORTS);
    if (!shape_parse(equals != NULL ? equals + 1 : argument, &shape)) {
        argp_error(state, "--input-shape takes [NAME=]1x3x224x224, not '%s'", argument);
    }
    if (equals != NULL) *equals = '\0';
    options->shapes[options->n_shapes].name = equals != NULL ? argument : "";
    options->shapes[options->n_shapes].shape = shape;
    options->n_shapes++;
    return 0;
}

static const struct argp_option options_table[] = {
    {.name = "input-shape",
     .key = KEY_INPUT_SHAPE,
     .arg = "[NAME=]NxCxHxW",
     .doc = "Shape of an input that the network leaves open (once for each)"},
    {0},
};

const struct argp port_argp = {.options = options_table, .parser = parse};

static const fmap_shape *find_shape(const struct port_options *options, const char *name) {
    for (size_t i = 0; i < options->n_shapes; i++) {
        if (strcmp(options->shapes[i].name, name) == 0) return &options->shapes[i].shape;
    }
    return NULL;
}

/* Every --input-shape must be of an input: a misspelt name shall not go unnoticed. */
static fmap_status check_names(const struct port_options *options, const fmap_model *model,
                               fmap_error *error) {
    size_t n_inputs = fmap_model_input_count(model);
    for (size_t i = 0; i < options->n_shapes; i++) {
        const char *name = options->shapes[i].name;
        bool found = name[0] == '\0' && n_inputs == 1;
        for (size_t j = 0; j < n_inputs && !found; j++) {
            fmap_value_info info;
            TRY(fmap_model_value(model, fmap_model_input_value(model, j), &info));
            found = strcmp(info.name, name) == 0;
        }
        if (!found && name[0] == '\0') {
            return fail(error, FMAP_ERROR_ARGUMENT, "the network has %zu inputs: give --input-shape NAME=...",
                        n_inputs);
        }
        if (!found) return fail(error, FMAP_ERROR_ARGUMENT, "the network has no input '%s'", name);
    }
    return FMAP_OK;
}

static bool is_settled(const fmap_shape *shape) {
    int64_t elements = 0;
    return fmap_shape_elements(shape, &elements);
}

static fmap_status settle(const fmap_shape *asked, const fmap_value_info *info, const struct sidecar *sidecar,
                          int64_t batch, fmap_shape *shape, fmap_error *error) {
    static const struct preprocess_options no_flags;
    *shape = asked != NULL ? *asked : info->shape;
    if (shape->rank > 0 && (batch > 0 || shape->dims[0] == FMAP_UNKNOWN)) {
        shape->dims[0] = batch > 0 ? batch : 1;
    }
    struct preprocess picture;
    if (!is_settled(shape) &&
        preprocess_decide(&no_flags, &sidecar->image, shape, &picture, NULL) == FMAP_OK) {
        preprocess_shape(&picture, shape);
    }
    if (is_settled(shape)) return FMAP_OK;
    char text[SHAPE_TEXT_BYTES];
    return fail(error, FMAP_ERROR_ARGUMENT,
                "the network leaves its input '%s' (%s) open: give --input-shape %s=...", info->name,
                shape_text(&info->shape, text), info->name);
}

fmap_status ports_settle(const struct port_options *options, const fmap_model *model,
                         const struct sidecar *sidecar, int64_t batch, struct ports *ports,
                         fmap_error *error) {
    ports->count = fmap_model_input_count(model);
    if (ports->count > MAX_PORTS) {
        return fail(error, FMAP_ERROR_LIMIT, "the network has %zu inputs, more than %d", ports->count,
                    MAX_PORTS);
    }
    TRY(check_names(options, model, error));
    for (size_t i = 0; i < ports->count; i++) {
        fmap_value_info info;
        TRY(fmap_model_value(model, fmap_model_input_value(model, i), &info));
        const fmap_shape *asked = find_shape(options, info.name);
        if (asked == NULL) asked = find_shape(options, "");
        TRY(settle(asked, &info, sidecar, batch, &ports->shapes[i], error));
        ports->ports[i] = (fmap_port){.name = info.name, .shape = &ports->shapes[i], .layout = FMAP_NCHW};
    }
    return FMAP_OK;
}
