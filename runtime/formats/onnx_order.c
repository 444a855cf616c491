/* ONNX: nodes in an order in which everything is made before it is read. Files should have it, but some that other
 * runtimes load do not. */
#include <string.h>

#include "onnx_loader.h"

/* A node to be ordered, and the search through what it reads. */
struct vertex {
    struct fmap_onnx_span *inputs;
    size_t n_inputs;
    size_t next_input; /* the first that was not followed yet */
    size_t caller;     /* the node that asked for it */
    bool reached;
};

/* Who makes what: a hash table of names that stay in the file. */
struct maker {
    struct fmap_onnx_span name; /* data NULL: free */
    size_t node;
};

struct sorting {
    struct vertex *vertices;
    size_t n;
    struct maker *makers;
    size_t capacity; /* a power of two, more than the names */
    size_t *order;
    size_t n_ordered;
};

/* FNV-1a (Fowler, Noll, Vo). The entry of a name, or the free one where it belongs. */
static struct maker *find(const struct sorting *sorting, struct fmap_onnx_span name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < name.bytes; i++) hash = (hash ^ name.data[i]) * 0x100000001b3u;
    for (size_t i = (size_t)(hash ^ hash >> 32);; i++) {
        struct maker *maker = &sorting->makers[i & (sorting->capacity - 1)];
        if (!maker->name.data ||
            (maker->name.bytes == name.bytes && memcmp(maker->name.data, name.data, name.bytes) == 0)) {
            return maker;
        }
    }
}

static bool read_nodes(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *nodes,
                       struct sorting *sorting, struct fmap_onnx_field *outputs) {
    size_t names = 0;
    for (size_t i = 0; i < nodes->count; i++) {
        fmap_onnx_NodeProto proto = {0};
        if (!fmap_onnx_read(loader, nodes->items[i], fmap_onnx_NodeProto_fields, &proto, "a node"))
            return false;
        sorting->vertices[i] = (struct vertex){.inputs = proto.input.items, .n_inputs = proto.input.count};
        outputs[i] = proto.output;
        names += proto.output.count; /* no overflow: each takes bytes of the file */
    }
    for (sorting->capacity = 16; sorting->capacity / 2 <= names;) sorting->capacity *= 2;
    return true;
}

static void enter_makers(struct sorting *sorting, const struct fmap_onnx_field *outputs) {
    for (size_t i = 0; i < sorting->capacity; i++) sorting->makers[i] = (struct maker){0};
    for (size_t i = 0; i < sorting->n; i++) {
        for (size_t k = 0; k < outputs[i].count; k++) {
            struct maker *maker = find(sorting, outputs[i].items[k]);
            if (!maker->name.data && outputs[i].items[k].bytes)
                *maker = (struct maker){.name = outputs[i].items[k], .node = i};
        }
    }
}

/* Puts a node behind all that it reads from: depth first, without recursion, because a file can be any depth. What
 * goes round in a circle stays in some order, and is told when it is added. */
static void visit(struct sorting *sorting, size_t first) {
    struct vertex *vertices = sorting->vertices;
    size_t at = first;
    if (vertices[first].reached) return;
    vertices[first].reached = true;
    vertices[first].caller = first;
    for (;;) {
        struct vertex *vertex = &vertices[at];
        if (vertex->next_input < vertex->n_inputs) {
            const struct maker *maker = find(sorting, vertex->inputs[vertex->next_input++]);
            if (!maker->name.data || vertices[maker->node].reached) continue;
            vertices[maker->node].reached = true;
            vertices[maker->node].caller = at;
            at = maker->node;
            continue;
        }
        sorting->order[sorting->n_ordered++] = at;
        if (vertex->caller == at) return;
        at = vertex->caller;
    }
}

bool fmap_onnx_order(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *nodes, size_t *order) {
    struct fmap_scratch *scratch = &loader->graph_scratch;
    struct sorting sorting = {.n = nodes->count, .order = order};
    struct fmap_onnx_field *outputs = fmap_scratch_array(scratch, nodes->count, sizeof *outputs);
    sorting.vertices = fmap_scratch_array(scratch, nodes->count, sizeof *sorting.vertices);
    if (!outputs || !sorting.vertices) return fmap_onnx_out_of_memory(loader);
    struct fmap_scratch *before = loader->reader.scratch;
    loader->reader.scratch = scratch; /* the lists of names must stay */
    bool good = read_nodes(loader, nodes, &sorting, outputs);
    loader->reader.scratch = before;
    if (!good) return false;
    sorting.makers = fmap_scratch_array(scratch, sorting.capacity, sizeof *sorting.makers);
    if (!sorting.makers) return fmap_onnx_out_of_memory(loader);
    enter_makers(&sorting, outputs);
    for (size_t i = 0; i < sorting.n; i++) visit(&sorting, i);
    return true;
}
