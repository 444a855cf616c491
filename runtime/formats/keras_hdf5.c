/* Keras: the network and its weights in one HDF5 file, as Keras 2 saves them. The network is the attribute model_config, the
 * weights are arrays in groups under model_weights. */
#include <string.h>

#include "format.h"
#include "hdf5.h"
#include "keras_loader.h"

enum { MOST_GROUPS_DEEP = 24 };

/* A group on the way to the weights. */
struct place {
    struct fmap_saved_loader *loader;
    struct fmap_hdf5 *file;
    const struct fmap_saved_group *bytes; /* the whole file */
    size_t *capacity;
    const char *around; /* names of the groups so far, a / behind each */
    int depth;
    bool failed;
};

static bool refuse(struct fmap_saved_loader *loader, const struct fmap_hdf5 *file) {
    if (file->fault == FMAP_OK) return false; /* Something else has failed, and has been told. */
    return fmap_saved_fail(loader, file->fault, "the HDF5 file cannot be read: %s", file->why);
}

/* "layer/layer/kernel:0": the number of the output of a tensor is not part of the name. */
static const char *name_weight(struct fmap_saved_loader *loader, const char *around, const char *name) {
    char *whole = (char *)(uintptr_t)fmap_saved_join(loader, around, "", name);
    size_t bytes = whole ? strlen(whole) : 0;
    if (bytes > 2 && strcmp(whole + bytes - 2, ":0") == 0) whole[bytes - 2] = 0;
    return whole;
}

static bool add_weight(struct place *place, const char *name, const struct fmap_hdf5_array *array) {
    struct fmap_saved_loader *loader = place->loader;
    struct fmap_saved_weights *all = &loader->weights;
    if (all->n_weights == *place->capacity) {
        struct fmap_saved_weight *weights = fmap_scratch_grow(&loader->scratch, all->weights, place->capacity,
                                                              all->n_weights + 1, sizeof *weights);
        if (!weights) return fmap_saved_out_of_memory(loader);
        all->weights = weights;
    }
    const char *type = array->type ? array->type : "no floating point numbers";
    struct fmap_saved_weight *weight = &all->weights[all->n_weights];
    *weight = (struct fmap_saved_weight){.name = name_weight(loader, place->around, name),
                                         .shape = array->shape,
                                         .type = type,
                                         .stored = type,
                                         .group = place->bytes,
                                         .offset = (size_t)(array->data - place->file->data),
                                         .bytes = array->bytes};
    if (!weight->name) return false;
    all->n_weights++;
    return true;
}

/* An array is weights, a group holds more of them. */
static bool visit(void *user, const char *name, uint64_t object) {
    struct place *place = user;
    struct fmap_hdf5_array array;
    bool is_array = false;
    place->failed = true;
    if (!fmap_hdf5_array(place->file, object, &is_array, &array)) return false;
    if (is_array) {
        place->failed = !add_weight(place, name, &array);
        return !place->failed;
    }
    struct place inner = *place;
    inner.depth++;
    inner.failed = false;
    inner.around = fmap_saved_join(place->loader, place->around, name, "/");
    if (inner.depth > MOST_GROUPS_DEEP)
        return fmap_saved_fail(place->loader, FMAP_ERROR_LIMIT, "the weights lie too deep in the HDF5 file");
    if (!inner.around || !fmap_hdf5_members(place->file, object, visit, &inner) || inner.failed) return false;
    place->failed = false;
    return true;
}

bool fmap_saved_read_hdf5(struct fmap_saved_loader *loader, struct fmap_hdf5 *file, uint64_t group) {
    struct fmap_saved_group *bytes = fmap_scratch_array(&loader->scratch, 1, sizeof *bytes);
    struct fmap_saved_shard *shard = fmap_scratch_array(&loader->scratch, 1, sizeof *shard);
    size_t capacity = 0;
    if (!bytes || !shard) return fmap_saved_out_of_memory(loader);
    *shard = (struct fmap_saved_shard){file->data, file->bytes};
    *bytes = (struct fmap_saved_group){.shards = shard, .n_shards = 1, .bytes = file->bytes};
    struct place place = {
        .loader = loader, .file = file, .bytes = bytes, .capacity = &capacity, .around = ""};
    if (fmap_hdf5_members(file, group, visit, &place) && !place.failed) return true;
    return refuse(loader, file);
}

static void read(fmap_model *model, const struct fmap_source *source) {
    struct fmap_saved_loader loader;
    struct fmap_hdf5 file;
    const char *text = NULL, *version = "";
    size_t bytes = 0, version_bytes = 0;
    fmap_saved_begin(&loader, model, source);
    if (!fmap_hdf5_open(&file, source->data, source->bytes)) {
        (void)refuse(&loader, &file);
    } else if (!fmap_hdf5_text(&file, file.root, "model_config", &text, &bytes)) {
        if (file.fault)
            (void)refuse(&loader, &file);
        else
            (void)fmap_saved_fail(
                &loader, FMAP_ERROR_UNSUPPORTED,
                "the HDF5 file holds no network (there is no attribute model_config): it may be "
                "weights alone, or no file of Keras");
    } else {
        (void)fmap_hdf5_text(&file, file.root, "keras_version", &version, &version_bytes);
        loader.keras_3 = version_bytes > 1 && version[0] >= '3' && version[0] <= '9' && version[1] == '.';
        uint64_t group = fmap_hdf5_find(&file, file.root, "model_weights");
        json_t *network = fmap_saved_parse(&loader, text, bytes);
        if (network && !group)
            (void)(file.fault ? refuse(&loader, &file)
                              : fmap_saved_fail(&loader, FMAP_ERROR_FORMAT,
                                                "the HDF5 file has no group model_weights"));
        else if (network && fmap_saved_read_hdf5(&loader, &file, group))
            (void)(fmap_saved_index_weights(&loader) && fmap_saved_build_model(&loader, network));
        json_decref(network);
    }
    fmap_saved_end(&loader);
}

const struct fmap_format fmap_format_keras_hdf5 = {
    .name = "Keras HDF5", .marked = true, .recognise = fmap_hdf5_recognise, .read = read};
