/* Where everything lies: parts of a concatenation in the whole, everything else in one arena, each as long as it is needed. */
#include <stdlib.h>
#include <string.h>

#include "onednn_network.h"

enum { ALIGNMENT = 4096 };

static int root(const struct network *net, int buffer) {
    while (net->buffers[buffer].parent >= 0) buffer = net->buffers[buffer].parent;
    return buffer;
}

/* Whether images' channels lie behind one another in this layout, in blocks or not, up to the padding of the last block. */
static bool is_planar(const dnnl_memory_desc_t *desc) {
    static const dnnl_format_tag_t tags[] = {dnnl_nchw, dnnl_nChw8c, dnnl_nChw16c};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        dnnl_memory_desc_t tagged;
        if (desc->ndims == 4 &&
            dnnl_memory_desc_init_by_tag(&tagged, 4, desc->dims, dnnl_f32, tags[i]) == dnnl_success &&
            dnnl_memory_desc_equal(&tagged, desc))
            return true;
    }
    return false;
}

/* Whether a source, one of those from first to n - 1, can be written into the whole by who makes it. */
static bool is_part(const struct network *net, const struct stage *stage, int first, int i, int n) {
    const struct operand *part = &stage->operands[i];
    const struct operand *whole = &stage->operands[n];
    const struct buffer *buffer = &net->buffers[part->buffer];
    for (int j = first; j < i; j++) {
        if (stage->operands[j].buffer == part->buffer) return false;
    }
    return buffer->fixed == NULL && !buffer->shared && buffer->parent < 0 &&
           buffer->bytes == dnnl_memory_desc_get_size(&part->desc) && is_planar(&part->desc) &&
           part->desc.format_desc.blocking.inner_nblks == whole->desc.format_desc.blocking.inner_nblks &&
           part->desc.format_desc.blocking.inner_blks[0] == whole->desc.format_desc.blocking.inner_blks[0] &&
           (part->desc.padded_dims[1] == part->desc.dims[1] || i == n - 1);
}

/* Puts the sources of a concatenation of one image's channels into the whole, if all of them can be there. */
static void join(struct network *net, struct stage *stage) {
    dnnl_primitive_kind_t kind;
    int n = 0;
    size_t bytes = 0;
    if (dnnl_primitive_desc_query(stage->description, dnnl_query_primitive_kind, 0, &kind) != dnnl_success ||
        kind != dnnl_concat)
        return;
    while (n < stage->n_operands && stage->operands[n].argument != DNNL_ARG_DST) n++;
    if (n == stage->n_operands) return;
    int first = stage->operands[0].argument == DNNL_ARG_SCRATCHPAD;
    const struct operand *whole = &stage->operands[n];
    dnnl_dim_t channels = 0;
    bool all = net->batch == 1 && is_planar(&whole->desc) && net->buffers[whole->buffer].fixed == NULL;
    for (int i = first; i < n && all; i++) {
        all = is_part(net, stage, first, i, n);
        channels += stage->operands[i].desc.dims[1];
        bytes += net->buffers[stage->operands[i].buffer].bytes;
    }
    if (!all || channels != whole->desc.dims[1] || bytes != net->buffers[whole->buffer].bytes) return;
    bytes = 0;
    for (int i = first; i < n; i++) {
        struct buffer *part = &net->buffers[stage->operands[i].buffer];
        part->parent = whole->buffer;
        part->parent_offset = bytes;
        bytes += part->bytes;
    }
    stage->skipped = true;
}

struct place {
    int buffer;
    size_t bytes;
};

static int larger_first(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->buffer - y->buffer;
}

static bool overlap(const struct buffer *a, const struct buffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which the buffer meets none of those that have their place. */
static size_t lowest(const struct network *net, const struct place *places, int n) {
    const struct buffer *buffer = &net->buffers[places[n].buffer];
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < n; i++) {
            const struct buffer *other = &net->buffers[places[i].buffer];
            if (overlap(buffer, other) && offset < other->offset + places[i].bytes &&
                other->offset < offset + places[n].bytes) {
                offset = other->offset + places[i].bytes;
                moved = true;
            }
        }
    }
    return offset;
}

/* Large buffers find their place first; the arena's bytes. 0: no memory. */
static size_t arrange(struct network *net) {
    struct place *places = calloc((size_t)net->n_buffers + 1, sizeof *places);
    size_t end = ALIGNMENT;
    int n = 0;
    if (places == NULL) return 0;
    for (int i = 0; i < net->n_buffers; i++) {
        const struct buffer *buffer = &net->buffers[i];
        if (buffer->fixed == NULL && buffer->parent < 0 && buffer->first <= buffer->last)
            places[n++] = (struct place){i, (buffer->bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT};
    }
    qsort(places, (size_t)n, sizeof *places, larger_first);
    for (int i = 0; i < n; i++) {
        struct buffer *buffer = &net->buffers[places[i].buffer];
        buffer->offset = lowest(net, places, i);
        if (buffer->offset + places[i].bytes > end) end = buffer->offset + places[i].bytes;
    }
    free(places);
    return end;
}

static char *address(const struct network *net, int buffer) {
    size_t offset = 0;
    while (net->buffers[buffer].parent >= 0) {
        offset += net->buffers[buffer].parent_offset;
        buffer = net->buffers[buffer].parent;
    }
    const struct buffer *found = &net->buffers[buffer];
    return (found->fixed != NULL ? found->fixed : net->arena + found->offset) + offset;
}

static bool make_memories(struct network *net, struct stage *stage) {
    for (int i = 0; i < stage->n_operands; i++) {
        struct operand *operand = &stage->operands[i];
        if (!network_check(net,
                           dnnl_memory_create(&operand->memory, &operand->desc, net->engine,
                                              address(net, operand->buffer)),
                           "memory"))
            return false;
        stage->arguments[i] = (dnnl_exec_arg_t){operand->argument, operand->memory};
    }
    return true;
}

bool network_place(struct network *net) {
    for (int i = 0; i < net->n_stages; i++) join(net, net->stages[i]);
    for (int i = 0; i < net->n_buffers; i++) {
        struct buffer *whole = &net->buffers[root(net, i)];
        if (net->buffers[i].first < whole->first) whole->first = net->buffers[i].first;
        if (net->buffers[i].last > whole->last) whole->last = net->buffers[i].last;
    }
    size_t bytes = arrange(net);
    net->arena = bytes > 0 ? network_memory(bytes) : NULL;
    if (net->arena == NULL) return network_check(net, dnnl_out_of_memory, "memory for the arena");
    memset(net->arena, 0, bytes);
    for (int i = 0; i < net->n_stages; i++) {
        if (!make_memories(net, net->stages[i])) return false;
    }
    return true;
}
