/* ONNX: the model and its graph. Protobuf leaves the order of the parts free, so the graph is looked
 * through first; what is found are places in the file. Then its parts are given to the builder in the
 * builder's order. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "onnx_loader.h"

/* IR version 3 is the first that knows operator sets: before it there was only the first of them. Later ones only add
 * fields. */
enum { IR_WITH_OPSETS = 3, OLDEST_OPSET = 1 };

bool fmap_onnx_fail(struct fmap_onnx_loader *loader, fmap_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fmap_format_fail(loader->model, status, format, arguments);
    va_end(arguments);
    return false;
}

bool fmap_onnx_out_of_memory(struct fmap_onnx_loader *loader) {
    return fmap_onnx_fail(loader, FMAP_ERROR_MEMORY, "out of memory while reading the ONNX file");
}

struct fmap_text_shown fmap_onnx_show(struct fmap_onnx_span span) {
    return fmap_text_show(span.data, span.bytes);
}

bool fmap_onnx_read(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, const pb_msgdesc_t *message,
                    void *structure, const char *what) {
    struct fmap_onnx_reader *reader = &loader->reader;
    if (fmap_onnx_decode(reader, span, message, structure)) return true;
    if (reader->out_of_memory) return fmap_onnx_out_of_memory(loader);
    return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "%s is damaged or cut off near byte %zu of %zu", what,
                          (size_t)(reader->stopped_at - reader->file.data), reader->file.bytes);
}

const char *fmap_onnx_text(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, const char *what) {
    const char *fault = fmap_text_fault(span.data, span.bytes);
    if (fault) {
        (void)fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "the text '%s' of %s contains %s",
                             fmap_onnx_show(span).text, what, fault);
        return NULL;
    }
    char *name = fmap_scratch_array(&loader->scratch, span.bytes + 1, 1);
    if (!name) {
        (void)fmap_onnx_out_of_memory(loader);
        return NULL;
    }
    if (span.bytes) memcpy(name, span.data, span.bytes);
    name[span.bytes] = 0;
    return name;
}

bool fmap_onnx_default_domain(struct fmap_onnx_span domain) {
    static const char name[] = "ai.onnx";
    return domain.bytes == 0 ||
           (domain.bytes == strlen(name) && memcmp(domain.data, name, domain.bytes) == 0);
}

/* Only ONNX's own operators are known. Which versions of them are supported is for the model to say; a file
 * that names no version may still consist of other operators, which is for its nodes to say. */
static bool set_opset(struct fmap_onnx_loader *loader, const fmap_onnx_ModelProto *proto) {
    for (size_t i = 0; i < proto->opset_import.count; i++) {
        fmap_onnx_OperatorSetIdProto set = {0};
        if (!fmap_onnx_read(loader, proto->opset_import.items[i], fmap_onnx_OperatorSetIdProto_fields, &set,
                            "the list of operator sets")) {
            return false;
        }
        if (fmap_onnx_default_domain(set.domain.span) && set.version > 0) loader->opset = set.version;
    }
    int64_t version = loader->opset < INT_MAX ? loader->opset : INT_MAX;
    return !version || fmap_model_set_opset(loader->model, (int)version) == FMAP_OK;
}

static bool add_initializers(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *initializers) {
    for (size_t i = 0; i < initializers->count; i++) {
        fmap_scratch_reset(&loader->scratch);
        char what[FMAP_TEXT_SHOWN_BYTES + 32];
        (void)snprintf(what, sizeof what, "initializer number %zu", i + 1);
        fmap_onnx_TensorProto proto = {0};
        if (!fmap_onnx_read(loader, initializers->items[i], fmap_onnx_TensorProto_fields, &proto, what)) {
            return false;
        }
        if (proto.name.span.bytes == 0) {
            return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "%s has no name", what);
        }
        const char *name = fmap_onnx_text(loader, proto.name.span, what);
        if (!name) return false;
        (void)snprintf(what, sizeof what, "initializer '%s'", fmap_onnx_show(proto.name.span).text);
        struct fmap_onnx_constant constant;
        if (!fmap_onnx_tensor(loader, &proto, what, &constant)) return false;
        if (fmap_model_constant(loader->model, name, &constant.tensor, constant.ownership) == FMAP_NO_VALUE) {
            return false;
        }
    }
    return true;
}

static bool refuse_sparse(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *initializers) {
    if (initializers->count == 0) return true;
    fmap_onnx_SparseTensorProto sparse = {0};
    fmap_onnx_TensorProto values = {0};
    if (!fmap_onnx_read(loader, initializers->items[0], fmap_onnx_SparseTensorProto_fields, &sparse,
                        "the first sparse initializer") ||
        !fmap_onnx_read(loader, sparse.values.span, fmap_onnx_TensorProto_fields, &values,
                        "the first sparse initializer")) {
        return false;
    }
    return fmap_onnx_fail(loader, FMAP_ERROR_UNSUPPORTED,
                          "initializer '%s' is a sparse tensor, which is not supported",
                          fmap_onnx_show(values.name.span).text);
}

static bool add_output(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, size_t index) {
    char what[48];
    (void)snprintf(what, sizeof what, "output number %zu of the graph", index + 1);
    fmap_onnx_ValueInfoProto proto = {0};
    if (!fmap_onnx_read(loader, span, fmap_onnx_ValueInfoProto_fields, &proto, what)) return false;
    const char *name = fmap_onnx_text(loader, proto.name.span, what);
    if (!name) return false;
    fmap_value value = fmap_model_find_value(loader->model, name);
    if (value == FMAP_NO_VALUE) {
        return fmap_onnx_fail(loader, FMAP_ERROR_MODEL, "%s, '%s', is made by no node", what,
                              fmap_onnx_show(proto.name.span).text);
    }
    return fmap_model_output(loader->model, value) == FMAP_OK;
}

static bool add_node(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *nodes, size_t index,
                     bool *missing) {
    fmap_scratch_reset(&loader->scratch);
    return fmap_onnx_add_node(loader, nodes->items[index], index, missing);
}

/* In the order of the file as long as that works. */
static bool add_nodes(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *nodes) {
    size_t n_added = 0;
    bool missing = false;
    while (n_added < nodes->count && add_node(loader, nodes, n_added, &missing)) n_added++;
    if (!missing) return n_added == nodes->count;
    size_t *order = fmap_scratch_array(&loader->graph_scratch, nodes->count, sizeof *order);
    if (!order) return fmap_onnx_out_of_memory(loader);
    if (!fmap_onnx_order(loader, nodes, order)) return false;
    for (size_t i = 0; i < nodes->count; i++) {
        if (order[i] >= n_added && !add_node(loader, nodes, order[i], NULL)) return false;
    }
    return true;
}

/* Initializers come before inputs, because older models list them among the inputs too. */
static bool add_graph(struct fmap_onnx_loader *loader, const fmap_onnx_GraphProto *graph) {
    if (!refuse_sparse(loader, &graph->sparse_initializer)) return false;
    if (!add_initializers(loader, &graph->initializer)) return false;
    for (size_t i = 0; i < graph->input.count; i++) {
        fmap_scratch_reset(&loader->scratch);
        if (!fmap_onnx_add_input(loader, graph->input.items[i], i)) return false;
    }
    if (!add_nodes(loader, &graph->node)) return false;
    for (size_t i = 0; i < graph->output.count; i++) {
        fmap_scratch_reset(&loader->scratch);
        if (!add_output(loader, graph->output.items[i], i)) return false;
    }
    return true;
}

static bool read_model(struct fmap_onnx_loader *loader) {
    fmap_onnx_ModelProto proto = {0};
    if (!fmap_onnx_read(loader, loader->reader.file, fmap_onnx_ModelProto_fields, &proto, "the ONNX model")) {
        return false;
    }
    if (!proto.has_ir_version) {
        return fmap_onnx_fail(
            loader, FMAP_ERROR_FORMAT,
            "the model does not say in which version of the ONNX file format it is written");
    }
    if (proto.ir_version < 1) {
        return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT,
                              "the model is in version %lld of the ONNX file format, which does not exist",
                              (long long)proto.ir_version);
    }
    if (proto.ir_version < IR_WITH_OPSETS) {
        loader->types_may_lack = true;
        loader->opset = OLDEST_OPSET;
    }
    if (!proto.graph.span.data) return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "the model holds no graph");
    if (!set_opset(loader, &proto)) return false;
    fmap_onnx_GraphProto graph = {0};
    if (!fmap_onnx_read(loader, proto.graph.span, fmap_onnx_GraphProto_fields, &graph, "the graph"))
        return false;
    loader->reader.scratch = &loader->scratch;
    return add_graph(loader, &graph);
}

static void read(fmap_model *model, const struct fmap_source *source) {
    struct fmap_onnx_loader loader = {.model = model, .path = source->path, .allocator = source->allocator};
    fmap_scratch_init(&loader.graph_scratch, source->allocator);
    fmap_scratch_init(&loader.scratch, source->allocator);
    loader.reader.file = (struct fmap_onnx_span){source->data, source->bytes};
    loader.reader.scratch = &loader.graph_scratch;
    loader.node_names.scratch = &loader.graph_scratch;
    (void)read_model(&loader); /* The model keeps the reason. */
    fmap_scratch_destroy(&loader.scratch);
    fmap_scratch_destroy(&loader.graph_scratch);
}

/* ONNX files have no mark. They are protobuf messages, and begin with one of the fields of a model. */
static bool recognise(const uint8_t *data, size_t bytes) {
    static const struct {
        uint32_t number;
        pb_wire_type_t type;
    } fields[] = {{1, PB_WT_VARINT},  {2, PB_WT_STRING},  {3, PB_WT_STRING}, {4, PB_WT_STRING},
                  {5, PB_WT_VARINT},  {6, PB_WT_STRING},  {7, PB_WT_STRING}, {8, PB_WT_STRING},
                  {14, PB_WT_STRING}, {20, PB_WT_STRING}, {25, PB_WT_STRING}};
    pb_istream_t stream = pb_istream_from_buffer(data, bytes);
    pb_wire_type_t type;
    uint32_t number;
    bool end;
    if (!pb_decode_tag(&stream, &type, &number, &end)) return false;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (number == fields[i].number && type == fields[i].type) return true;
    }
    return false;
}

const struct fmap_format fmap_format_onnx = {.name = "ONNX", .recognise = recognise, .read = read};
