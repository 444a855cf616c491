/* The plan behind the public handle: steps, and the memory that they work in. */
#ifndef FMAP_RUNTIME_PLAN_H
#define FMAP_RUNTIME_PLAN_H

#include "kernels/kernels.h"
#include "runtime/graph.h"
#include "runtime/model.h"
#include "runtime/pixels.h"
#include "runtime/share.h"

/* A piece of memory whose address is known when a context runs. */
enum fmap_base {
    FMAP_BASE_CONSTANT, /* `constant` */
    FMAP_BASE_ARENA,    /* in the context's arena: `buffer` while planning, then `offset` */
    FMAP_BASE_LOCAL,    /* in the thread's part of it: what one chunk needs; never while planning */
    FMAP_BASE_PORT      /* the caller's: inputs, then outputs, then taps */
};

struct fmap_operand {
    enum fmap_base base;
    int port;
    size_t buffer;
    size_t offset;      /* bytes */
    size_t chunk_bytes; /* how much further on it is for the next chunk */
    const void *constant;
};

/* What a part of a step is given to work with. */
struct fmap_run {
    const struct fmap_kernels *kernels;
    char *arena;
    void *const *ports;
    char *local;   /* of this thread: its arena for one chunk */
    size_t chunk;  /* that the step is run for; 0 in steps for the whole batch */
    char *scratch; /* of this thread: the step's scratch_bytes, aligned to 64 */
    fmap_statistics *statistics;
    int64_t *counts; /* rows that the run has found of values whose number of rows depends on the data */
    uint64_t dropout_step;
};

struct fmap_step;
typedef void fmap_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part);

struct fmap_step {
    fmap_part *part;
    const void *job;
    struct fmap_operand *operands;
    size_t n_operands;
    int64_t parts;
    int64_t layer;    /* index of the model's node that it counts for; -1: none */
    const char *name; /* of that node; "": none */
    const char *kernel;
    const char *why; /* this kernel, and cut in this way; "": nothing to say */
    int tile[2];     /* pixels and vectors of the register tile; 0: none */
    struct fmap_share share;
    size_t scratch_bytes;
};

/* Where an operand is in this run, whatever its type; NULL for a tap that nobody wants. */
static inline void *fmap_elements_at(const struct fmap_run *run, const struct fmap_operand *operand) {
    size_t offset = operand->offset + run->chunk * operand->chunk_bytes;
    switch (operand->base) {
    case FMAP_BASE_CONSTANT: return (void *)(uintptr_t)operand->constant;
    case FMAP_BASE_ARENA: return run->arena + offset;
    case FMAP_BASE_LOCAL: return run->local + offset;
    default: return run->ports[operand->port] ? (char *)run->ports[operand->port] + offset : NULL;
    }
}

/* The same for an operand of floats. */
static inline float *fmap_at(const struct fmap_run *run, const struct fmap_operand *operand) {
    return fmap_elements_at(run, operand);
}

/* A piece of the arena and the steps, first to last, that need it. */
enum { FMAP_BUFFER_CHOICES = 2 };
struct fmap_buffer {
    size_t bytes;
    size_t offset;
    size_t first_step, last_step;
    bool used;
    bool local; /* of a chunk: every thread has one */
    /* Buffers, plus 1, that are read in the first step and whose place may then be written; 0: none. */
    size_t choices[FMAP_BUFFER_CHOICES];
    size_t joined; /* the one, plus 1, whose place it got (memory.c) */
};

/* What the buffers take, and the most that is alive in one step: no placement takes less. */
struct fmap_arena {
    size_t bytes, least_bytes;
};

struct fmap_tap {
    fmap_tap_info info;
    fmap_value value; /* of the model's graph */
    bool values;
    bool mask; /* a Dropout layer's mask, which only training computes */
    size_t first_statistics;
};

struct fmap_plan_layer_state {
    const char *kernel;
    int64_t fused_into;
    int64_t macs;
    int64_t parameters;
    int64_t narrowed; /* bytes by which its weights are fewer than the model's */
    fmap_shape shape;
};

struct fmap_plan {
    struct fmap_storage storage;
    const struct fmap_model *model;
    struct fmap_graph graph; /* rewritten by the passes; has storage of its own */
    const struct fmap_kernels *kernels;
    fmap_isa isa;
    int threads;
    size_t near_bytes; /* of the second cache of a processor */
    fmap_weights weights;
    bool profile;
    struct fmap_step *steps;
    size_t n_steps;
    int64_t n_chunks;       /* images that go one by one through the first steps; 0: none does */
    size_t n_chunked_steps; /* those */
    struct fmap_tap *taps;
    size_t n_taps;
    size_t n_statistics;
    fmap_value *counted; /* values whose number of rows only a run tells; counts are in their order */
    size_t n_counted;
    struct fmap_plan_layer_state *layers; /* one for each node of the model */
    fmap_layout *port_layouts;            /* inputs, then outputs */
    struct fmap_pixels *pixels;           /* of each input */
    struct fmap_arena arena;              /* of all threads */
    struct fmap_arena local;              /* of each thread */
    size_t scratch_bytes;                 /* of each thread */
    size_t weights_bytes;                 /* of its own, but for what it packs */
    struct fmap_packings packings;
};

/* Places buffers in the arena so that those that are needed at the same time do not overlap, but for those that may
 * take the place of another one in the step that reads it last (memory.c). Sets their offsets, in which the second and
 * later ones of a chain of such are those of the first. */
fmap_status fmap_place_buffers(struct fmap_storage *storage, struct fmap_buffer *buffers, size_t n_buffers,
                               struct fmap_arena *arena, fmap_error *error);

/* The kernels to use: not above `cap`, nor above FMAP_MAX_ISA in the environment (host.c). */
fmap_status fmap_host_kernels(fmap_isa cap, const struct fmap_kernels **kernels, fmap_isa *isa,
                              fmap_error *error);

/* How many threads OpenMP would use (run.c). */
int fmap_host_threads(void);

/* Calls work(argument, thread, team) on up to `threads` threads at once; `team` is how many they are: fewer where
 * OpenMP is told so (run.c). */
typedef void fmap_team_work(void *argument, int thread, int team);
void fmap_host_together(int threads, fmap_team_work *work, void *argument);

/* Whether a layer's name fits a pattern with * and ? (tap.c). */
bool fmap_pattern_matches(const char *pattern, const char *name);

/* Finds the values that the requests mean and marks them as kept, before any pass runs (tap.c). */
fmap_status fmap_plan_taps(struct fmap_plan *plan, const fmap_plan_options *options, fmap_error *error);

/* Types and shapes of all values of the plan's graph, whose inputs have theirs, with constants folded (plan.c). */
fmap_status fmap_infer_shapes(struct fmap_plan *plan, fmap_error *error);

/* What depends on nothing but constants and shapes is computed while planning (fold.c): where the node's inputs
 * allow it, its outputs become constants and the node dies. Types and shapes of its outputs are known. `values` has
 * an entry for each of the graph's, all zero before and after. */
struct fmap_planned_value;
fmap_status fmap_fold_node(const struct fmap_plan *plan, struct fmap_graph *graph,
                           struct fmap_graph_node *node, struct fmap_planned_value *values,
                           fmap_error *error);

/* Adds the steps of all layers and places their memory, after the passes (steps.c). */
fmap_status fmap_plan_steps(struct fmap_plan *plan, const fmap_plan_options *options, fmap_error *error);

struct fmap_planning;

/* Gives all buffers their places in the arenas and tells the operands of the steps (steps.c). */
fmap_status fmap_settle_buffers(struct fmap_planning *planning);

/* Adds the steps that serve the taps of a value that has just been computed (tap.c). */
fmap_status fmap_plan_tap_steps(struct fmap_planning *planning, fmap_value value);

#endif
