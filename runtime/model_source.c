/* What a model keeps of the file that it was read from: its bytes, and weights that were packed before. */
#include "runtime/model.h"

static fmap_status refusal(const fmap_model *model) {
    if (!model || model->finished) return FMAP_ERROR_ARGUMENT;
    return model->failure.status;
}

fmap_status fmap_model_set_source(fmap_model *model, const void *data, size_t bytes) {
    if (refusal(model) != FMAP_OK) return refusal(model);
    model->source = data;
    model->source_bytes = data ? bytes : 0;
    return FMAP_OK;
}

const void *fmap_model_source(const fmap_model *model, size_t *bytes) {
    if (bytes) *bytes = model ? model->source_bytes : 0;
    return model ? model->source : NULL;
}

fmap_status fmap_model_add_packing(fmap_model *model, const fmap_packing *packing) {
    enum { ALIGNMENT = 64 };
    if (refusal(model) != FMAP_OK) return refusal(model);
    if (!packing || !packing->key || !packing->data) {
        return fmap_fail(&model->failure, FMAP_ERROR_ARGUMENT, "%.120s: a packing without a key or data",
                         model->graph.name);
    }
    if ((uintptr_t)packing->data % ALIGNMENT != 0) return FMAP_OK;
    if (fmap_packed_add(model->packed, packing->key, packing->data, packing->bytes)) return FMAP_OK;
    return fmap_fail(&model->failure, FMAP_ERROR_MEMORY, "%.120s: out of memory while building the model",
                     model->graph.name);
}
