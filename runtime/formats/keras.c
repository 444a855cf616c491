/* Keras: the network as JSON with its weights in files beside it, a layers-model as TensorFlow.js writes it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "keras_loader.h"

/* Parsed JSON takes some thirty times the room of its text. The largest networks of Keras have a megabyte of it. */
enum { MOST_JSON_BYTES = 16 << 20 };

bool fmap_saved_fail(struct fmap_saved_loader *loader, fmap_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fmap_format_fail(loader->model, status, format, arguments);
    va_end(arguments);
    return false;
}

bool fmap_saved_out_of_memory(struct fmap_saved_loader *loader) {
    return fmap_saved_fail(loader, FMAP_ERROR_MEMORY, "out of memory while reading the Keras model");
}

struct fmap_text_shown fmap_saved_show(const char *text) {
    if (!text) text = "nothing";
    return fmap_text_show((const uint8_t *)text, strlen(text));
}

struct fmap_text_shown fmap_saved_show_json(const json_t *json) {
    char text[2 * FMAP_TEXT_SHOWN_BYTES];
    size_t bytes = json ? json_dumpb(json, text, sizeof text, JSON_ENCODE_ANY | JSON_COMPACT) : 0;
    if (bytes > sizeof text) return fmap_saved_show("something long");
    return bytes ? fmap_text_show((const uint8_t *)text, bytes) : fmap_saved_show(NULL);
}

const char *fmap_saved_join(struct fmap_saved_loader *loader, const char *first, const char *between,
                            const char *second) {
    size_t bytes = strlen(first) + strlen(between) + strlen(second) + 1;
    char *joined = fmap_scratch_array(&loader->scratch, bytes, 1);
    if (!joined) {
        (void)fmap_saved_out_of_memory(loader);
        return NULL;
    }
    (void)snprintf(joined, bytes, "%s%s%s", first, between, second);
    return joined;
}

/* ---- what is kept for the model ---------------------------------------------------------------------- */

static void release_kept(void *resource) {
    struct fmap_scratch *kept = resource;
    fmap_allocator allocator = kept->allocator;
    fmap_scratch_destroy(kept);
    fmap_scratch_release_to(&allocator, kept, sizeof *kept);
}

static bool keep(struct fmap_saved_loader *loader) {
    const fmap_allocator *allocator = loader->source->allocator;
    struct fmap_scratch *kept = fmap_scratch_allocate_from(allocator, sizeof *kept);
    if (!kept) return fmap_saved_out_of_memory(loader);
    fmap_scratch_init(kept, allocator);
    if (fmap_model_keep(loader->model, kept, release_kept) != FMAP_OK) return false;
    loader->kept = kept;
    return true;
}

/* ---- the file ---------------------------------------------------------------------------------------- */

json_t *fmap_saved_parse(struct fmap_saved_loader *loader, const char *text, size_t bytes) {
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (bytes > MOST_JSON_BYTES) {
        (void)fmap_saved_fail(loader, FMAP_ERROR_LIMIT,
                              "the description of the network is %zu bytes of JSON, expected at most %d",
                              bytes, (int)MOST_JSON_BYTES);
        return NULL;
    }
    if (bytes >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
        text += 3;
        bytes -= 3;
    }
    json_error_t error;
    json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json && json_error_code(&error) == json_error_out_of_memory) {
        (void)fmap_saved_out_of_memory(loader);
    } else if (!json) {
        (void)fmap_saved_fail(loader, FMAP_ERROR_FORMAT,
                              "the JSON is damaged or cut off in line %d, column %d: %s", error.line,
                              error.column, fmap_saved_show(error.text).text);
    }
    return json;
}

/* The class and configuration of the network, which lie in other places for each writer. */
static const json_t *find_network(const json_t *file) {
    const json_t *topology = json_object_get(file, "modelTopology");
    if (!topology) topology = file;
    const json_t *inner = json_object_get(topology, "model_config");
    return inner ? inner : topology;
}

/* "3.4.1" is Keras 3; TensorFlow.js calls itself "tfjs-layers 4.2.0". */
static bool is_keras_3(const json_t *file) {
    const json_t *topology = json_object_get(file, "modelTopology");
    const char *version = json_string_value(json_object_get(topology ? topology : file, "keras_version"));
    return version && version[0] >= '3' && version[0] <= '9' && version[1] == '.';
}

static bool read_file(struct fmap_saved_loader *loader, const json_t *file) {
    const char *format = json_string_value(json_object_get(file, "format"));
    const json_t *network = find_network(file);
    const json_t *manifest = json_object_get(file, "weightsManifest");
    if (format && strcmp(format, "graph-model") == 0) {
        return fmap_saved_fail(
            loader, FMAP_ERROR_UNSUPPORTED,
            "this is a graph model of TensorFlow.js, which is not supported, only layers models are");
    }
    if (!json_string_value(json_object_get(network, "class_name")))
        return fmap_saved_build_model(loader, network); /* That says so. */
    if (!manifest) {
        return fmap_saved_fail(
            loader, FMAP_ERROR_UNSUPPORTED,
            "this is the architecture of a Keras network alone: there is no weightsManifest, "
            "which says where the weights are");
    }
    loader->keras_3 = is_keras_3(file);
    return fmap_saved_read_manifest(loader, manifest) && fmap_saved_index_weights(loader) &&
           fmap_saved_build_model(loader, network);
}

void fmap_saved_begin(struct fmap_saved_loader *loader, fmap_model *model, const struct fmap_source *source) {
    *loader = (struct fmap_saved_loader){.model = model, .source = source};
    fmap_scratch_init(&loader->scratch, source->allocator);
    loader->names.scratch = &loader->scratch;
    (void)keep(loader); /* After a failure nothing that follows has an effect. */
}

void fmap_saved_end(struct fmap_saved_loader *loader) {
    json_decref(loader->weights.by_name);
    json_decref(loader->weights.by_layer);
    fmap_scratch_destroy(&loader->scratch);
}

static void read(fmap_model *model, const struct fmap_source *source) {
    struct fmap_saved_loader loader;
    fmap_saved_begin(&loader, model, source);
    json_t *file = fmap_saved_parse(&loader, (const char *)source->data, source->bytes);
    if (file) (void)read_file(&loader, file); /* The model keeps the reason. */
    json_decref(file);
    fmap_saved_end(&loader);
}

/* A JSON object in which one of Keras' words occurs. */
static bool recognise(const uint8_t *data, size_t bytes) {
    static const char *const words[] = {"\"modelTopology\"", "\"model_config\"", "\"layers-model\"",
                                        "\"weightsManifest\"", "\"keras_version\""};
    size_t at = bytes >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < bytes && data[at] && strchr(" \t\r\n", data[at])) at++;
    if (at == bytes || data[at] != '{') return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (memmem(data + at, bytes - at, words[i], strlen(words[i]))) return true;
    }
    return false;
}

const struct fmap_format fmap_format_keras = {
    .name = "Keras layers-model", .marked = true, .recognise = recognise, .read = read};
