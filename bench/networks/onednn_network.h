/* A network of oneDNN's primitives (version 2, https://oneapi-src.github.io/oneDNN/v2.6/), as someone would write it by
 * hand: every primitive chooses its layouts, values stay in the layout in which they were made, and are reordered only for
 * who wants another one; weights are reordered once; values and scratch lie in one arena, each as long as it is needed;
 * images are concatenated without a copy where the parts can be written in place.
 *
 * Functions that can fail return false or NULL and leave a sentence in the network's reason. */
#ifndef FMAP_BENCH_NETWORKS_ONEDNN_NETWORK_H
#define FMAP_BENCH_NETWORKS_ONEDNN_NETWORK_H

#include <oneapi/dnnl/dnnl.h>

#include "protocol.h"

enum { MOST_OPERANDS = 40, MOST_CONVOLUTIONS = 256 };

/* Memory: a part of the arena while the stages from first to last run, or fixed. */
struct buffer {
    size_t bytes, offset;
    int first, last; /* first > last: nobody uses it */
    char *fixed;     /* NULL: in the arena */
    bool owned;      /* fixed is to be freed */
    bool shared;     /* written by more than one stage: it stays where it is */
    int parent;      /* a part of that buffer, from parent_offset on; -1: none */
    size_t parent_offset;
};

/* A value, as it lies. */
struct tensor {
    const char *name; /* of the recipe; NULL: a copy of another one in another layout */
    int original;     /* of a copy: whose; else itself */
    dnnl_memory_desc_t desc;
    int buffer;
};

struct operand {
    int argument;
    int buffer;
    dnnl_memory_desc_t desc;
    dnnl_memory_t memory;
};

/* A primitive and what it works on. */
struct stage {
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    int n_operands;
    int convolution; /* the last one before this stage; with what is reordered for it, and what follows it */
    bool skipped;    /* what it would do is done by the stages before it */
    struct operand operands[MOST_OPERANDS];
    dnnl_exec_arg_t arguments[MOST_OPERANDS];
};

struct network {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int threads;
    dnnl_dim_t batch;
    bool blocked; /* images lie in blocks of channels; else as each primitive likes it */
    struct buffer *buffers;
    struct tensor *tensors;
    struct stage **stages;
    int n_buffers, n_tensors, n_stages;
    int scratch; /* the buffer that all primitives scratch in */
    char *arena;
    const char *weights; /* of the recipe's file, while the network is built */
    size_t weights_bytes;
    const char *variant; /* which convolutions are Winograd's (onednn_runner.c); NULL: all, or none */
    int winograd;        /* for all: outputs of 2 or 4 pixels a side, where oneDNN has it; 0: none */
    int n_convolutions;  /* so far */
    bool by_winograd[MOST_CONVOLUTIONS];
    char reason[REASON_BYTES];
};

bool network_open(struct network *net, int threads, dnnl_dim_t batch, bool blocked);
void network_close(struct network *net);

/* Whether oneDNN did it; otherwise the reason says what it did not do. */
bool network_check(struct network *net, dnnl_status_t status, const char *what);

/* Memory for so many bytes, aligned, in huge pages if it is large; to be freed. NULL: none left. */
char *network_memory(size_t bytes);

/* A buffer of the arena, or, if memory is not NULL, one that is fixed there. -1: no memory. */
int network_buffer(struct network *net, size_t bytes, char *memory, bool owned);

const struct tensor *network_find(struct network *net, const char *name);
bool network_add(struct network *net, const char *name, const dnnl_memory_desc_t *desc, int buffer);

/* Row by row, all dimensions behind one another. */
bool network_plain(struct network *net, dnnl_memory_desc_t *desc, int n_dims, const dnnl_dims_t dims);

/* The tensor in this layout, by a reorder if it lies in none such yet; its buffer, or -1. */
int network_in_layout(struct network *net, const struct tensor *tensor, const dnnl_memory_desc_t *wanted);

/* Reorders at once. */
bool network_reorder(struct network *net, const dnnl_memory_desc_t *from, const void *source,
                     const dnnl_memory_desc_t *to, void *target);

/* Whether oneDNN has only its plain loops, or an unfolding into one large product, for this. */
bool network_is_slow(dnnl_primitive_desc_t description);

/* A stage of a primitive that was described; NULL: no memory. The description is the stage's from now on. */
struct stage *network_stage(struct network *net, dnnl_primitive_desc_t description);
bool network_operand(struct network *net, struct stage *stage, int argument, const dnnl_memory_desc_t *desc,
                     int buffer);
/* What the primitive asks this argument to be. */
const dnnl_memory_desc_t *network_wanted(const struct stage *stage, int argument);
/* Its output in a buffer of its own, as a value of that name. */
bool network_output(struct network *net, struct stage *stage, const char *name);

/* The tensor row by row in that memory when the network has run: made there if its maker can, else reordered. */
bool network_deliver(struct network *net, const struct tensor *tensor, const dnnl_memory_desc_t *rows,
                     char *memory);

/* Gives everything its place, and makes the primitives' memories. Nothing can be added afterwards. */
bool network_place(struct network *net);
bool network_run(struct network *net);
/* Runs, and for each convolution, with what belongs to it, lowers the seconds to those that it took. */
bool network_profile(struct network *net, double seconds[MOST_CONVOLUTIONS]);

/* onednn_layers.c: adds a step of the recipe. */
bool network_step(struct network *net, const json_t *step);

/* onednn_convolution.c: conv, deconv and dense. */
bool network_convolution(struct network *net, const json_t *step);

/* onednn_joins.c: what takes several values, or makes another view of one. */
bool network_join(struct network *net, const json_t *step);

/* ---- what all need of a step ---------------------------------------------------------------------------------- */

/* n numbers; false when there are others. */
bool step_numbers(struct network *net, const json_t *step, const char *key, int n, dnnl_dims_t numbers);
/* The output's dimensions, the batch in front; 0 when there are too many. */
int step_shape(struct network *net, const json_t *step, dnnl_dims_t dims);
/* The i-th input; NULL when it is unknown. */
const struct tensor *step_input(struct network *net, const json_t *step, size_t i);
/* Weights and their dimensions; NULL when they are not in the file. */
const float *step_weights(struct network *net, const json_t *step, const char *key, int *n_dims,
                          dnnl_dims_t dims);
/* A buffer with such weights in the layout that is wanted; -1: none. */
int step_weights_in(struct network *net, const json_t *step, const char *key,
                    const dnnl_memory_desc_t *wanted);
/* The activations behind a step, with the user's scratchpad. NULL: there is one that oneDNN does not have. */
dnnl_primitive_attr_t step_attributes(struct network *net, const json_t *step);

#endif
