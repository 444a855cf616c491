/* The names of Keras' layers, all of them put aside before the first layer is built. */
#include <string.h>

#include "keras_graph.h"

const char *fmap_saved_name_of(struct fmap_saved_loader *loader, const json_t *layer) {
    const char *name = json_string_value(json_object_get(layer, "name"));
    if (!name) name = json_string_value(json_object_get(json_object_get(layer, "config"), "name"));
    const char *fault = name ? fmap_text_fault((const uint8_t *)name, strlen(name)) : "no text";
    if (name && !fault && *name && strlen(name) <= FMAP_SAVED_NAME_BYTES) return name;
    (void)fmap_saved_fail(loader, FMAP_ERROR_FORMAT,
                          "the name of a layer is '%s', expected text of at most %d bytes",
                          fmap_saved_show(name).text, (int)FMAP_SAVED_NAME_BYTES);
    return NULL;
}

/* Of the layers of a network that lies so deep, with what is in front of their names. */
static bool look_through(struct fmap_saved_loader *loader, const json_t *config, const char *around,
                         int depth) {
    const json_t *list = fmap_saved_layers_of(config);
    if (depth > FMAP_SAVED_MAX_DEPTH)
        return fmap_saved_fail(loader, FMAP_ERROR_LIMIT, "networks lie more than %d deep in networks",
                               (int)FMAP_SAVED_MAX_DEPTH);
    if (!json_is_array(list))
        return fmap_saved_fail(loader, FMAP_ERROR_FORMAT, "a network has no list of layers");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *layer = json_array_get(list, i), *inner = json_object_get(layer, "config");
        const char *class_name = json_string_value(json_object_get(layer, "class_name"));
        const char *format = json_string_value(json_object_get(inner, "data_format"));
        const char *name = fmap_saved_name_of(loader, layer);
        if (!name) return false;
        if (!class_name)
            return fmap_saved_fail(loader, FMAP_ERROR_FORMAT, "layer '%s' has no class_name",
                                   fmap_saved_show(name).text);
        loader->channels_first |= format && strcmp(format, "channels_first") == 0;
        const char *path = fmap_saved_join(loader, around, "", name);
        const char *claimed = path ? fmap_name_set_claim(&loader->names, path) : NULL;
        if (!claimed) return fmap_saved_out_of_memory(loader);
        if (strcmp(claimed, path) != 0)
            return fmap_saved_fail(loader, FMAP_ERROR_FORMAT, "there are two layers of the name '%s'",
                                   fmap_saved_show(path).text);
        if (strlen(path) > FMAP_SAVED_NAME_BYTES)
            return fmap_saved_fail(loader, FMAP_ERROR_LIMIT,
                                   "the name of layer '%s' and of the models around it is too "
                                   "long",
                                   fmap_saved_show(path).text);
        if (fmap_saved_is_network(class_name)) {
            const char *further = fmap_saved_join(loader, path, "/", "");
            if (!further || !look_through(loader, inner, further, depth + 1)) return false;
        }
    }
    return true;
}

bool fmap_saved_look_through(struct fmap_saved_loader *loader, const json_t *config) {
    return look_through(loader, config, "", 0);
}
