/* The classes of Keras' layers, and those that do nothing when a network is run. */
#include <string.h>

#include "keras_loader.h"

static const struct {
    const char *class_name;
    fmap_saved_build *build;
    size_t least, most; /* inputs */
} classes[] = {
#define KERAS(class, build, least, most) {#class, fmap_saved_##build, least, most},
#include "keras_layers.inc"
#undef KERAS
};

bool fmap_saved_apply(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    const char *name = call->layer->class_name;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strcmp(classes[i].class_name, name) != 0) continue;
        if (call->n_inputs >= classes[i].least && call->n_inputs <= classes[i].most)
            return classes[i].build(call, output);
        return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "it is given %zu inputs, expected %s%zu",
                                 call->n_inputs, classes[i].most > classes[i].least ? "at least " : "",
                                 classes[i].least);
    }
    return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "layers of this class are not supported");
}

/* Noise of the training, and what only watches. */
bool fmap_saved_identity(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    fmap_value value;
    if (!fmap_saved_add_plain(call, "Identity", NULL, fmap_saved_any(call->inputs[0]), &value)) return false;
    *output = fmap_saved_like(call->inputs[0], value);
    return true;
}

bool fmap_saved_dropout(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    double rate = 0.5;
    fmap_value value;
    if (!fmap_saved_get_number(call, "rate", &rate)) return false;
    if (!(rate >= 0 && rate < 1))
        return fmap_saved_identity(call, output); /* 1 can be written, but not trained. */
    /* Noise over whole rows or maps is another distribution, but no other network. */
    if (!fmap_saved_add_pair(call, "Dropout", NULL, fmap_saved_any(call->inputs[0]),
                             fmap_saved_scalar(call, rate), &value))
        return false;
    *output = fmap_saved_like(call->inputs[0], value);
    return true;
}
