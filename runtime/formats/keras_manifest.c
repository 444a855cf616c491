/* The weights of a layers-model: a list of arrays, and the files whose bytes, one file behind the other, are theirs. */
#include <stdio.h>
#include <string.h>

#include <fmap/pack.h>

#include "keras_loader.h"
#include "mapped_file.h"
#include "narrow_float.h"

/* Bytes of an element in the file; 0: unknown, or of no fixed size. */
static size_t bytes_of(const char *type) {
    static const struct {
        const char *name;
        size_t bytes;
    } types[] = {{"float32", 4}, {"float16", 2}, {"bfloat16", 2}, {"int32", 4},    {"uint8", 1},
                 {"float64", 8}, {"uint16", 2},  {"bool", 1},     {"complex64", 8}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(type, types[i].name) == 0) return types[i].bytes;
    }
    return 0;
}

/* ---- files ------------------------------------------------------------------------------------------- */

static bool map_shard(struct fmap_saved_loader *loader, const json_t *path, struct fmap_saved_group *group) {
    const char *location = json_string_value(path);
    if (!location)
        return fmap_saved_fail(loader, FMAP_ERROR_FORMAT, "a path of a file of weights is %s, expected text",
                               fmap_saved_show_json(path).text);
    if (!loader->source->path)
        return fmap_saved_fail(
            loader, FMAP_ERROR_UNSUPPORTED,
            "the weights are in the file '%s', and a model in memory has no folder where that "
            "could be",
            fmap_saved_show(location).text);
    struct fmap_mapped_file *file = NULL;
    fmap_error error;
    if (fmap_mapped_file_open_beside(loader->source->path, location, loader->source->allocator, &file,
                                     &error) != FMAP_OK)
        return fmap_saved_fail(loader, error.status, "the weights are in another file: %s", error.message);
    if (fmap_model_keep(loader->model, file, fmap_mapped_file_close) != FMAP_OK) return false;
    (void)fmap_model_set_source(loader->model, NULL, 0); /* The model's file is not all of it. */
    fmap_mapped_file_prefetch(file, file->bytes);
    struct fmap_saved_shard shard = {file->data, file->bytes};
    if (__builtin_add_overflow(group->bytes, shard.bytes, &group->bytes))
        return fmap_saved_fail(loader, FMAP_ERROR_LIMIT, "the files of weights are too large");
    group->shards[group->n_shards++] = shard;
    return true;
}

static bool map_files(struct fmap_saved_loader *loader, const json_t *paths, struct fmap_saved_group *group) {
    size_t n = json_array_size(paths);
    group->shards = fmap_scratch_array(&loader->scratch, n, sizeof *group->shards);
    if (!group->shards) return fmap_saved_out_of_memory(loader);
    for (size_t i = 0; i < n; i++) {
        if (!map_shard(loader, json_array_get(paths, i), group)) return false;
    }
    return true;
}

/* ---- the list ---------------------------------------------------------------------------------------- */

static bool read_shape(struct fmap_saved_loader *loader, const json_t *shape,
                       struct fmap_saved_weight *weight) {
    size_t rank = json_array_size(shape);
    bool good = json_is_array(shape) && rank <= FMAP_MAX_RANK;
    weight->shape.rank = good ? (int)rank : 0;
    for (size_t i = 0; i < rank && good; i++) {
        const json_t *size = json_array_get(shape, i);
        good = json_is_integer(size) && json_integer_value(size) >= 0;
        weight->shape.dims[i] = good ? json_integer_value(size) : 0;
    }
    if (good) return true;
    return fmap_saved_fail(
        loader, FMAP_ERROR_FORMAT, "the weights '%s' have the shape %s, expected at most %d sizes",
        fmap_saved_show(weight->name).text, fmap_saved_show_json(shape).text, FMAP_MAX_RANK);
}

static bool read_quantization(struct fmap_saved_loader *loader, const json_t *quantization,
                              struct fmap_saved_weight *weight) {
    if (!quantization || json_is_null(quantization)) return true;
    const json_t *type = json_object_get(quantization, "dtype");
    const json_t *scale = json_object_get(quantization, "scale");
    const json_t *minimum = json_object_get(quantization, "min");
    weight->stored = json_string_value(type);
    bool narrow = weight->stored && strcmp(weight->stored, "float16") == 0;
    bool integer = weight->stored &&
                   (strcmp(weight->stored, "uint8") == 0 || strcmp(weight->stored, "uint16") == 0);
    if (integer && json_is_number(scale) && json_is_number(minimum)) {
        weight->scale = json_number_value(scale);
        weight->minimum = json_number_value(minimum);
        return true;
    }
    if (narrow && !scale) return true;
    return fmap_saved_fail(
        loader, integer ? FMAP_ERROR_FORMAT : FMAP_ERROR_UNSUPPORTED,
        "the weights '%s' are quantised as %s, expected uint8 or uint16 with scale and min, or float16",
        fmap_saved_show(weight->name).text, fmap_saved_show_json(quantization).text);
}

/* Reads one entry; its place is behind the one before it. */
static bool read_weight(struct fmap_saved_loader *loader, const json_t *entry,
                        const struct fmap_saved_group *group, size_t *at, struct fmap_saved_weight *weight) {
    int64_t elements;
    weight->name = json_string_value(json_object_get(entry, "name"));
    weight->type = json_string_value(json_object_get(entry, "dtype"));
    if (!weight->name || !weight->type)
        return fmap_saved_fail(loader, FMAP_ERROR_FORMAT,
                               "an entry of the list of weights is %s, expected one with a "
                               "name, a shape and a dtype",
                               fmap_saved_show_json(entry).text);
    weight->stored = weight->type;
    if (!read_shape(loader, json_object_get(entry, "shape"), weight) ||
        !read_quantization(loader, json_object_get(entry, "quantization"), weight))
        return false;
    size_t size = bytes_of(weight->stored);
    if (size == 0)
        return fmap_saved_fail(loader, FMAP_ERROR_UNSUPPORTED,
                               "the weights '%s' are of type '%s', which is not supported",
                               fmap_saved_show(weight->name).text, fmap_saved_show(weight->stored).text);
    if (!fmap_shape_elements(&weight->shape, &elements) ||
        __builtin_mul_overflow((uint64_t)elements, size, &weight->bytes))
        return fmap_saved_fail(loader, FMAP_ERROR_LIMIT, "the weights '%s' are too large",
                               fmap_saved_show(weight->name).text);
    weight->offset = *at;
    if (weight->bytes > group->bytes - *at)
        return fmap_saved_fail(
            loader, FMAP_ERROR_FORMAT,
            "the weights '%s' are %zu bytes from byte %zu of their files on, which have only %zu",
            fmap_saved_show(weight->name).text, weight->bytes, *at, group->bytes);
    *at += weight->bytes;
    return true;
}

static bool read_group(struct fmap_saved_loader *loader, const json_t *entry,
                       struct fmap_saved_group *group) {
    struct fmap_saved_weights *all = &loader->weights;
    const json_t *paths = json_object_get(entry, "paths"), *list = json_object_get(entry, "weights");
    if (!json_is_array(paths) || !json_is_array(list))
        return fmap_saved_fail(loader, FMAP_ERROR_FORMAT,
                               "an entry of weightsManifest is %s, expected one with paths and weights",
                               fmap_saved_show_json(entry).text);
    if (!map_files(loader, paths, group)) return false;
    size_t at = 0;
    for (size_t i = 0; i < json_array_size(list); i++, all->n_weights++) {
        struct fmap_saved_weight *weight = &all->weights[all->n_weights];
        *weight = (struct fmap_saved_weight){.group = group};
        if (!read_weight(loader, json_array_get(list, i), group, &at, weight)) return false;
    }
    if (at == group->bytes) return true;
    return fmap_saved_fail(loader, FMAP_ERROR_FORMAT,
                           "the files of weights have %zu bytes, but the weights only %zu", group->bytes, at);
}

bool fmap_saved_read_manifest(struct fmap_saved_loader *loader, const json_t *manifest) {
    size_t n_groups = json_array_size(manifest), n_weights = 0;
    if (!json_is_array(manifest))
        return fmap_saved_fail(loader, FMAP_ERROR_FORMAT, "weightsManifest is %s, expected a list",
                               fmap_saved_show_json(manifest).text);
    for (size_t i = 0; i < n_groups; i++)
        n_weights += json_array_size(json_object_get(json_array_get(manifest, i), "weights"));
    struct fmap_saved_group *groups = fmap_scratch_array(&loader->scratch, n_groups, sizeof *groups);
    loader->weights.weights = fmap_scratch_array(&loader->scratch, n_weights,
                                                 sizeof *loader->weights.weights);
    if (!groups || !loader->weights.weights) return fmap_saved_out_of_memory(loader);
    for (size_t i = 0; i < n_groups; i++) {
        groups[i] = (struct fmap_saved_group){0};
        if (!read_group(loader, json_array_get(manifest, i), &groups[i])) return false;
    }
    return true;
}

/* ---- elements ---------------------------------------------------------------------------------------- */

/* Copies bytes of a group's files, taken as one. */
static void copy_bytes(const struct fmap_saved_group *group, size_t offset, size_t bytes, uint8_t *to) {
    for (size_t i = 0; i < group->n_shards && bytes; i++) {
        const struct fmap_saved_shard *shard = &group->shards[i];
        if (offset >= shard->bytes) {
            offset -= shard->bytes;
            continue;
        }
        size_t here = shard->bytes - offset < bytes ? shard->bytes - offset : bytes;
        memcpy(to, shard->data + offset, here);
        to += here;
        bytes -= here;
        offset = 0;
    }
}

/* The bytes where they lie; NULL when a border between files goes through them. */
static const uint8_t *bytes_in_place(const struct fmap_saved_weight *weight) {
    size_t offset = weight->offset;
    for (size_t i = 0; i < weight->group->n_shards; i++) {
        const struct fmap_saved_shard *shard = &weight->group->shards[i];
        if (offset < shard->bytes)
            return weight->bytes <= shard->bytes - offset ? shard->data + offset : NULL;
        offset -= shard->bytes;
    }
    return NULL;
}

/* Element i of the stored ones as TensorFlow.js reads it: in double, then rounded. */
static float element(const struct fmap_saved_weight *weight, const uint8_t *stored, size_t size, size_t i) {
    double wide = 0;
    uint16_t word = stored[i * size];
    if (size == sizeof wide) memcpy(&wide, stored + i * size, sizeof wide);
    if (size == sizeof wide) return (float)wide;
    if (size == 2) memcpy(&word, stored + i * size, sizeof word);
    if (strcmp(weight->stored, "float16") == 0) return fmap_float_from_float16(word);
    if (strcmp(weight->stored, "bfloat16") == 0) return fmap_float_from_bfloat16(word);
    return (float)((double)word * weight->scale + weight->minimum);
}

static bool convert(struct fmap_saved_loader *loader, const struct fmap_saved_weight *weight, float *floats) {
    size_t size = bytes_of(weight->stored);
    if (strcmp(weight->stored, "float32") == 0) {
        copy_bytes(weight->group, weight->offset, weight->bytes, (uint8_t *)floats);
        return true;
    }
    uint8_t *copy = NULL;
    const uint8_t *stored = bytes_in_place(weight);
    if (!stored) {
        stored = copy = fmap_scratch_allocate_from(loader->source->allocator, weight->bytes);
        if (!copy) return fmap_saved_out_of_memory(loader);
        copy_bytes(weight->group, weight->offset, weight->bytes, copy);
    }
    for (size_t i = 0; i < weight->bytes / size; i++) floats[i] = element(weight, stored, size, i);
    fmap_scratch_release_to(loader->source->allocator, copy, weight->bytes);
    return true;
}

const float *fmap_saved_floats(struct fmap_saved_loader *loader, struct fmap_saved_weight *weight) {
    if (weight->floats) return weight->floats;
    bool quantised = weight->stored != weight->type;
    bool other = strcmp(weight->stored, "float16") == 0 || strcmp(weight->stored, "bfloat16") == 0 ||
                 strcmp(weight->stored, "float64") == 0;
    if (strcmp(weight->type, "float32") != 0 && !other) {
        (void)fmap_saved_fail(loader, FMAP_ERROR_UNSUPPORTED,
                              "the weights '%s' are of type '%s', expected float32",
                              fmap_saved_show(weight->name).text, fmap_saved_show(weight->type).text);
        return NULL;
    }
    const uint8_t *place = quantised || other ? NULL : bytes_in_place(weight);
    if (place && (uintptr_t)place % sizeof(float) == 0) {
        weight->floats = (const float *)(const void *)place;
        return weight->floats;
    }
    float *floats = fmap_saved_keep(loader, &weight->shape);
    if (floats && convert(loader, weight, floats)) weight->floats = floats;
    return weight->floats;
}
