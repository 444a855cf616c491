/* Damaged layers-models: whatever is wrong, loading ends with a model or with a sentence that names the file. */
#include <criterion/criterion.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/keras_writer.h"

static struct keras_writer w;

static void layer(const char *json) {
    char *text = keras_json("%s", json);
    keras_layer(&w, text);
    free(text);
}

/* A network with something of everything. */
static void all_kinds(void) {
    keras_input(&w, "null, 6, 6, 2");
    layer(
        "{'class_name': 'Sequential', 'name': 'in', 'config': {'name': 'in', 'layers': [{'class_name': "
        "'Conv2D', "
        "'config': {'name': 'c', 'filters': 4, 'kernel_size': [3, 3], 'strides': [1, 1], 'padding': 'same', "
        "'data_format': 'channels_last', 'dilation_rate': [1, 1], 'groups': 1, 'activation': 'relu', "
        "'use_bias': "
        "true}}, {'class_name': 'ZeroPadding2D', 'config': {'name': 'z', 'padding': [[1, 0], [0, 1]]}}]}, "
        "'inbound_nodes': [[['x', 0, 0, {}]]]}");
    layer("{'class_name': 'MaxPooling2D', 'name': 'm', 'config': {'name': 'm', 'pool_size': [2, 2], "
          "'strides': null}, "
          "'inbound_nodes': [[['in', 0, 0, {}]], [['in', 0, 0, {}]]]}");
    layer("{'class_name': 'Concatenate', 'name': 'j', 'config': {'name': 'j', 'axis': -1}, 'inbound_nodes': "
          "[[['m', 0, 0, "
          "{}], ['m', 1, 0, {}]]]}");
    layer("{'class_name': 'UpSampling2D', 'name': 'u', 'config': {'name': 'u', 'size': [2, 2], "
          "'interpolation': "
          "'nearest'}, 'inbound_nodes': [[['j', 0, 0, {}]]]}");
    layer("{'class_name': 'Conv2DTranspose', 'name': 't', 'config': {'name': 't', 'filters': 2, "
          "'kernel_size': [2, 2], "
          "'strides': [2, 2], 'padding': 'same', 'output_padding': null, 'use_bias': false}, "
          "'inbound_nodes': [[['u', 0, "
          "0, {}]]]}");
    layer("{'class_name': 'BatchNormalization', 'name': 'b', 'config': {'name': 'b', 'axis': [3], 'epsilon': "
          "0.001, "
          "'scale': false, 'center': false}, 'inbound_nodes': [[['t', 0, 0, {}]]]}");
    layer("{'class_name': 'Rescaling', 'name': 's', 'config': {'name': 's', 'scale': [1, 2], 'offset': 0.5}, "
          "'inbound_nodes': [[['b', 0, 0, {}]]]}");
    layer("{'class_name': 'Reshape', 'name': 'r', 'config': {'name': 'r', 'target_shape': [-1, 8]}, "
          "'inbound_nodes': [[['s', 0, 0, {}]]]}");
    layer(
        "{'class_name': 'Dense', 'name': 'd', 'config': {'name': 'd', 'units': 3, 'activation': 'softmax'}, "
        "'inbound_nodes': [[['r', 0, 0, {}]]]}");
    (void)keras_weights(&w, "c/kernel", "3, 3, 2, 4");
    (void)keras_weights(&w, "c/bias", "4");
    (void)keras_weights(&w, "t/kernel", "2, 2, 2, 8");
    (void)keras_weights(&w, "b/moving_mean", "2");
    (void)keras_weights(&w, "b/moving_variance", "2");
    (void)keras_weights(&w, "d/kernel", "8, 3");
    char *entry = keras_json(
        "{'name': 'd/bias', 'shape': [3], 'dtype': 'float32', 'quantization': {'dtype': 'uint8', "
        "'scale': 0.5, 'min': -1}}");
    keras_entry(&w, entry, "\1\2\3", 3);
    free(entry);
    w.shard_bytes[0] = 100;
    w.network = "{'class_name': 'Functional', 'config': {'name': 'net', 'layers': [%s], 'input_layers': "
                "[['x', 0, 0]], "
                "'output_layers': [['d', 0, 0]]}}";
}

/* Loads what lies at the path, and plans it when that works. */
static fmap_status load(void) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    fmap_status status = keras_load(&w, &model, &error);
    if (status == FMAP_OK) {
        fmap_plan *plan = NULL;
        (void)fmap_plan_create(model, NULL, &plan, &error);
        fmap_plan_destroy(plan);
    } else {
        cr_assert_null(model);
        cr_assert_eq(error.status, status);
        cr_assert(strstr(error.message, "model.json: "), "%s", error.message);
        cr_assert_null(strpbrk(error.message, "\n\r\033"), "%s", error.message);
    }
    fmap_model_destroy(model);
    return status;
}

static void rewrite(const char *path, const char *text, size_t bytes) {
    (void)unlink(path); /* Some file systems wait for the disk when a file is overwritten. */
    FILE *stream = fopen(path, "wb");
    cr_assert_not_null(stream);
    cr_assert_eq(fwrite(text, 1, bytes, stream), bytes);
    cr_assert_eq(fclose(stream), 0);
}

static fmap_status load_text(const char *text, size_t bytes) {
    rewrite(w.path, text, bytes);
    return load();
}

Test(keras_hostile, whole) {
    all_kinds();
    keras_write(&w, NULL);
    cr_assert_eq(load(), FMAP_OK);
    keras_free(&w);
}

Test(keras_hostile, json_cut_off_anywhere, .timeout = 300) {
    all_kinds();
    keras_write(&w, NULL);
    char *text = keras_model_json(&w);
    for (size_t bytes = 0; bytes < strlen(text); bytes += bytes < 400 ? 1 : 7)
        cr_assert_neq(load_text(text, bytes), FMAP_OK, "%zu", bytes);
    free(text);
    keras_free(&w);
}

Test(keras_hostile, json_with_one_other_byte, .timeout = 300) {
    static const char others[] = {0,   '\n', '"', '{', '}', '[',  ']',       ',',
                                  ':', '-',  '9', 'e', 'n', '\\', (char)0xff};
    all_kinds();
    keras_write(&w, NULL);
    char *text = keras_model_json(&w);
    size_t bytes = strlen(text);
    for (size_t i = 0; i < bytes; i++) {
        char before = text[i];
        text[i] = others[(i * 7 + i / 15) % sizeof others];
        (void)load_text(text, bytes);
        text[i] = before;
    }
    free(text);
    keras_free(&w);
}

/* The end of the number, text or word that begins here; NULL: none does. */
static const char *token_end(const char *text, const char *at) {
    if (at > text && (isalnum((unsigned char)at[-1]) || strchr("\"-._/", at[-1]))) return NULL;
    if (*at == '"') {
        const char *end = strchr(at + 1, '"');
        return end && end[1] != ':' ? end + 1 : NULL;
    }
    if (!isalnum((unsigned char)*at) && *at != '-') return NULL;
    const char *end = at;
    while (isalnum((unsigned char)*end) || *end == '-' || *end == '.') end++;
    return end;
}

/* Every number, text and word of the JSON becomes something else. */
Test(keras_hostile, json_with_one_other_value, .timeout = 600) {
    static const char *const others[] = {"-1",
                                         "0",
                                         "3",
                                         "2147483648",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "1e308",
                                         "null",
                                         "true",
                                         "\"\"",
                                         "\"x\"",
                                         "\"Functional\"",
                                         "\"\\u001b[2J\"",
                                         "[]",
                                         "[[[[\"x\", 0, 0]]]]",
                                         "[1000000007, 1000000009]",
                                         "{}",
                                         "{\"class_name\": \"ReLU\", \"config\": {}}"};
    all_kinds();
    keras_write(&w, NULL);
    char *text = keras_model_json(&w);
    size_t n = 0;
    for (const char *at = text; *at; at++) {
        const char *end = token_end(text, at);
        if (!end) continue;
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            char *changed = NULL;
            int bytes = asprintf(&changed, "%.*s%s%s", (int)(at - text), text, others[i], end);
            cr_assert_gt(bytes, 0);
            (void)load_text(changed, (size_t)bytes);
            free(changed);
            n++;
        }
        at = end - 1;
    }
    cr_assert_gt(n, 2500, "%zu", n);
    free(text);
    keras_free(&w);
}

Test(keras_hostile, files_of_weights_of_any_length) {
    char path[128];
    all_kinds();
    keras_write(&w, NULL);
    (void)snprintf(path, sizeof path, "%s/shard1.bin", w.folder);
    size_t bytes = w.data_bytes - 100;
    for (size_t n = 0; n <= bytes + 5; n++) {
        char *data = calloc(n + 1, 1);
        cr_assert_not_null(data);
        rewrite(path, data, n);
        cr_assert_eq(load(), n == bytes ? FMAP_OK : FMAP_ERROR_FORMAT, "%zu", n);
        free(data);
    }
    keras_free(&w);
}

/* ---- what is refused --------------------------------------------------------------------------------- */

/* Replaces one part of the JSON; the sentence has to hold the words. */
static void expect_refusal(const char *part, const char *other, fmap_status status, const char *words) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    all_kinds();
    char *text = keras_model_json(&w), *from = keras_json("%s", part), *to = keras_json("%s", other),
         *changed = NULL;
    const char *at = strstr(text, from);
    cr_assert_not_null(at, "%s", part);
    cr_assert_gt(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)), 0);
    keras_write(&w, changed);
    cr_assert_eq(keras_load(&w, &model, &error), status, "%s: %s", part, error.message);
    cr_assert(strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
    free(text);
    free(from);
    free(to);
    free(changed);
    keras_free(&w);
}

Test(keras_hostile, networks_that_cannot_be) {
    expect_refusal("'MaxPooling2D'", "'Lambda'", FMAP_ERROR_UNSUPPORTED,
                   "layer 'm' (Lambda): layers of this class");
    expect_refusal("'net', 'layers'", "'net', 'players'", FMAP_ERROR_FORMAT, "no list of layers");
    expect_refusal("'Functional'", "'MyModel'", FMAP_ERROR_UNSUPPORTED, "class 'MyModel'");
    expect_refusal("['m', 1, 0, {}]", "['m', 7, 0, {}]", FMAP_ERROR_FORMAT, "call number 7 of layer 'm'");
    expect_refusal("['m', 1, 0, {}]", "['m', 1, 5, {}]", FMAP_ERROR_FORMAT, "output number 5 of layer 'm'");
    expect_refusal("['m', 1, 0, {}]", "['y', 1, 0, {}]", FMAP_ERROR_FORMAT, "no such layer");
    expect_refusal("['in', 0, 0, {}]", "['j', 0, 0, {}]", FMAP_ERROR_MODEL, "reads what is computed from it");
    expect_refusal("'name': 'z'", "'name': 'c'", FMAP_ERROR_FORMAT, "two layers of the name 'in/c'");
    expect_refusal("'name': 'z'", "'name': 5", FMAP_ERROR_FORMAT, "name of a layer");
    expect_refusal("['d', 0, 0]", "", FMAP_ERROR_MODEL, "no output");
    expect_refusal("[null, 6, 6, 2]", "[null, 6, 6, null]", FMAP_ERROR_MODEL, "channels");
    expect_refusal("[null, 6, 6, 2]", "[null, 6, 6, 3]", FMAP_ERROR_MODEL,
                   "'c/kernel' have the shape [3,3,2,4], expected "
                   "[3,3,3,4]");
    expect_refusal("[null, 6, 6, 2]", "[null, 6, 2]", FMAP_ERROR_MODEL, "has 3 axes, expected 4");
    expect_refusal("'float32', 'batch", "'string', 'batch", FMAP_ERROR_UNSUPPORTED, "type 'string'");
}

Test(keras_hostile, layers_that_cannot_be) {
    expect_refusal("'filters': 4", "'filters': 0", FMAP_ERROR_FORMAT, "layer 'in/c' (Conv2D): filters is 0");
    expect_refusal("'strides': [1, 1]", "'strides': [1, -1]", FMAP_ERROR_FORMAT, "strides is [1,-1]");
    expect_refusal("'strides': [1, 1]", "'strides': [1, 1, 1]", FMAP_ERROR_FORMAT,
                   "expected 2 whole numbers");
    expect_refusal("'padding': 'same', 'data", "'padding': 'full', 'data", FMAP_ERROR_UNSUPPORTED,
                   "padding is 'full'");
    expect_refusal("'channels_last'", "'channels_left'", FMAP_ERROR_FORMAT, "data_format");
    expect_refusal("'groups': 1", "'groups': 3", FMAP_ERROR_MODEL, "3 groups do not divide");
    expect_refusal("'relu'", "'my_relu'", FMAP_ERROR_UNSUPPORTED, "the activation 'my_relu'");
    expect_refusal("'relu'", "5", FMAP_ERROR_FORMAT, "its activation is 5");
    expect_refusal("[[1, 0], [0, 1]]", "[[1, 0], [0, -1]]", FMAP_ERROR_FORMAT, "padding is [[1,0],[0,-1]]");
    expect_refusal("'axis': -1", "'axis': 4", FMAP_ERROR_MODEL, "axis is 4");
    expect_refusal("'nearest'", "'lanczos3'", FMAP_ERROR_UNSUPPORTED, "lanczos3");
    expect_refusal("'scale': [1, 2]", "'scale': [1, 2, 3]", FMAP_ERROR_FORMAT, "one for each channel");
    expect_refusal("[-1, 8]", "[-1, 'a']", FMAP_ERROR_FORMAT, "target_shape");
    expect_refusal("'units': 3", "'units': null", FMAP_ERROR_FORMAT, "units is nothing");
    expect_refusal("[['m', 0, 0, {}], ['m', 1, 0, {}]]", "[]", FMAP_ERROR_MODEL, "given 0 inputs");
}

Test(keras_hostile, weights_that_cannot_be) {
    expect_refusal("'c/bias'", "'c/b'", FMAP_ERROR_FORMAT, "its weights 'bias' are not in the list");
    expect_refusal("'c/bias'", "'c/kernel'", FMAP_ERROR_FORMAT,
                   "two arrays of weights of the name 'c/kernel'");
    expect_refusal("'shape': [3, 3, 2, 4]", "'shape': [3, 3, 2, -4]", FMAP_ERROR_FORMAT,
                   "the shape [3,3,2,-4]");
    expect_refusal("'shape': [3, 3, 2, 4]", "'shape': [4294967296, 4294967296, 3]", FMAP_ERROR_LIMIT,
                   "too large");
    expect_refusal("'shape': [3, 3, 2, 4]", "'shape': [4294967296]", FMAP_ERROR_FORMAT, "which have only");
    expect_refusal("'shape': [4], 'dtype': 'float32'", "'shape': [4], 'dtype': 'int32'",
                   FMAP_ERROR_UNSUPPORTED, "of type 'int32', expected float32");
    expect_refusal("'shape': [4], 'dtype': 'float32'", "'shape': [4], 'dtype': 'string'",
                   FMAP_ERROR_UNSUPPORTED, "type 'string'");
    expect_refusal("'dtype': 'uint8'", "'dtype': 'uint4'", FMAP_ERROR_UNSUPPORTED, "quantised");
    expect_refusal("'shard1.bin'", "'shard2.bin'", FMAP_ERROR_IO, "No such file");
    expect_refusal("'shard1.bin'", "'/etc/passwd'", FMAP_ERROR_FORMAT, "absolute path");
    expect_refusal("'shard1.bin'", "'../shard1.bin'", FMAP_ERROR_FORMAT, "'..' leads out");
    expect_refusal("'weightsManifest'", "'manifest'", FMAP_ERROR_UNSUPPORTED, "architecture");
    expect_refusal("'layers-model'", "'graph-model'", FMAP_ERROR_UNSUPPORTED, "graph model");
}

Test(keras_hostile, links_are_not_followed) {
    char path[128], target[128];
    all_kinds();
    keras_write(&w, NULL);
    (void)snprintf(path, sizeof path, "%s/shard1.bin", w.folder);
    (void)snprintf(target, sizeof target, "%s/shard4.bin", w.folder);
    cr_assert_eq(rename(path, target), 0);
    cr_assert_eq(symlink("shard4.bin", path), 0);
    cr_assert_eq(load(), FMAP_ERROR_IO);
    keras_free(&w);
}

/* ---- what would take forever ------------------------------------------------------------------------- */

/* A network that applies the one inside of it `times` times, and so on. */
static void nested(int depth, const char *nodes) {
    char *text = keras_json(
        "{'class_name': 'ReLU', 'name': 'f', 'config': {'name': 'f'}, 'inbound_nodes': [%s]}", nodes);
    for (int i = 0; i < depth; i++) {
        char *around = keras_json(
            "{'class_name': 'Functional', 'name': 'f', 'config': {'name': 'f', 'layers': "
            "[{'class_name': 'InputLayer', 'name': 'i', 'config': {'name': 'i'}}, %s], "
            "'input_layers': [['i', 0, 0]], 'output_layers': [['f', 0, 0]]}, 'inbound_nodes': [%s]}",
            text, nodes);
        free(text);
        text = around;
    }
    keras_layer(&w, text);
    free(text);
    w.network = "{'class_name': 'Functional', 'config': {'name': 'net', 'layers': [{'class_name': "
                "'InputLayer', 'name': 'i', "
                "'config': {'name': 'i', 'batch_shape': [null, 2]}}, %s], 'input_layers': [['i', 0, 0]], "
                "'output_layers': "
                "[['f', 0, 0]]}}";
    keras_write(&w, NULL);
}

Test(keras_hostile, networks_that_lie_too_deep) {
    nested(16, "[['i', 0, 0]]");
    cr_assert_eq(load(), FMAP_OK);
    keras_free(&w);
    nested(17, "[['i', 0, 0]]");
    cr_assert_eq(load(), FMAP_ERROR_LIMIT);
    keras_free(&w);
}

Test(keras_hostile, networks_that_are_few_in_the_file_but_many_when_applied) {
    nested(2, "[['i', 0, 0]], [['i', 0, 0]], [['i', 0, 0]], [['i', 0, 0]]");
    cr_assert_eq(load(), FMAP_OK);
    keras_free(&w);
    nested(15, "[['i', 0, 0]], [['i', 0, 0]], [['i', 0, 0]], [['i', 0, 0]]");
    cr_assert_eq(load(), FMAP_ERROR_LIMIT);
    keras_free(&w);
}

Test(keras_hostile, brackets_without_end) {
    size_t bytes = 1 << 20;
    char *text = malloc(bytes);
    cr_assert_not_null(text);
    memset(text, '[', bytes);
    memcpy(text, "{\"modelTopology\":", 17);
    keras_input(&w, "null, 2");
    keras_write(&w, NULL);
    cr_assert_eq(load_text(text, bytes), FMAP_ERROR_FORMAT);
    free(text);
    keras_free(&w);
}

Test(keras_hostile, a_model_in_memory_has_no_files_beside_it) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    all_kinds();
    char *text = keras_model_json(&w);
    cr_assert_eq(fmap_model_load_memory(text, strlen(text), NULL, NULL, &model, &error),
                 FMAP_ERROR_UNSUPPORTED);
    cr_assert(strstr(error.message, "'shard0.bin'"), "%s", error.message);
    free(text);
    keras_free(&w);
}
