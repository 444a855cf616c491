/* A plan in the making: layers ask here for the memory of their inputs and outputs and add their steps. */
#ifndef FMAP_RUNTIME_PLANNING_H
#define FMAP_RUNTIME_PLANNING_H

#include "runtime/pixels.h"
#include "runtime/plan.h"

/* How the elements of a value lie in memory. */
enum fmap_form {
    FMAP_FORM_PLAIN,   /* row-major in the order of its shape: n, c, h, w */
    FMAP_FORM_BLOCKED, /* [n][c / 16][h * w][16], rank 2 and more; lanes beyond c hold anything */
    FMAP_FORM_PIXELS,  /* n, h, w, c; rank 4 */
    FMAP_FORM_PICTURE, /* the caller's 8-bit pixels, which whoever reads them makes numbers of (pixels.h) */
    FMAP_FORMS
};

struct fmap_planned_value {
    bool placed[FMAP_FORMS];
    struct fmap_operand places[FMAP_FORMS];
    int64_t image_stride;              /* of the blocked form, in elements */
    fmap_value slice_of;               /* not 0: its blocked form has a place inside of that value's, */
    int64_t slice_block;               /* from this block of channels on, */
    bool in_slice;                     /* and was written there */
    bool crosses;                      /* read beyond the chunked steps */
    bool read_once;                    /* by one input of one node, and by nobody outside */
    fmap_value view_of;                /* not 0: the same elements as that value, */
    enum fmap_form view_form;          /* whose memory in this form is this value's plain one */
    const struct fmap_pixels *picture; /* how numbers are made of its picture form */
};

struct fmap_planning {
    struct fmap_plan *plan;
    struct fmap_graph *graph;
    const struct fmap_kernels *kernels;
    bool training;
    uint64_t seed;
    fmap_algorithm algorithm;
    struct fmap_storage storage; /* gone when the plan is finished */
    struct fmap_planned_value *values;
    struct fmap_buffer *buffers;
    size_t n_buffers, buffers_capacity;
    int64_t
        n_chunks; /* that the steps planned now are run for: shapes are those of one image; 0 and 1: all at once */
    size_t steps_capacity;
    struct fmap_packing_task *tasks;  /* what is still to be packed, the last first (packing.c) */
    struct fmap_tuning_cache *tuning; /* NULL: the model alone chooses */
    int trial; /* not 0: this planning tries that candidate, counted from 1 (tuning.h) */
    fmap_error *error;
};

/* Blocks of 16 that so many channels take. */
static inline int64_t fmap_blocks_of(int64_t channels) { return (channels + FMAP_BLOCK - 1) / FMAP_BLOCK; }

/* The blocked form of a shape of rank 2 and more, all in elements. */
struct fmap_geometry {
    int64_t n, c, h,
        w; /* of rank 2: h = w = 1; of rank 3: h = 1; of rank 5 and more: h of all but the last */
    int64_t blocks;
    int64_t block_stride; /* h * w * 16 */
    int64_t image_stride; /* blocks * block_stride */
};
struct fmap_geometry fmap_geometry_of(const fmap_shape *shape);

/* Bytes that a value takes in memory in that form, with the shape that it has at the moment. */
size_t fmap_form_bytes(const struct fmap_graph_value *value, enum fmap_form form);

/* The form of the caller's buffer: inputs, then outputs. */
enum fmap_form fmap_planning_port_form(const struct fmap_planning *planning, size_t port,
                                       const fmap_shape *shape);

/* Whether the value can be read in that form without a conversion. */
bool fmap_planning_has(const struct fmap_planning *planning, fmap_value value, enum fmap_form form);

/* The memory of a value in that form; adds a step that converts it when there is none yet. */
fmap_status fmap_planning_read(struct fmap_planning *planning, fmap_value value, enum fmap_form form,
                               struct fmap_operand *place);

/* Memory for a value that the next step writes: the caller's own where it fits. */
fmap_status fmap_planning_write(struct fmap_planning *planning, fmap_value value, enum fmap_form form,
                                struct fmap_operand *place);

/* Whether such memory in plain form would be the caller's own. */
bool fmap_planning_ends_plain(const struct fmap_planning *planning, fmap_value value);

/* The same for a layer that writes the blocked form and can put its images `*image_stride` elements apart. */
fmap_status fmap_planning_write_images(struct fmap_planning *planning, fmap_value value,
                                       struct fmap_operand *place, int64_t *image_stride);

/* Gives the blocked form of `value` a place inside of that of `whole`, from `block` on, unless it has one. Whoever
 * writes the value may take it or not. */
void fmap_planning_slice(struct fmap_planning *planning, fmap_value value, fmap_value whole, int64_t block);

/* Of `value` the first dimension is what there may be at most: a step leaves in run->counts[*count] how many rows there
 * are. */
fmap_status fmap_planning_count(struct fmap_planning *planning, fmap_value value, size_t *count);

/* Memory that only lives between steps of one layer. */
fmap_status fmap_planning_temporary(struct fmap_planning *planning, size_t bytes, struct fmap_operand *place);

/* Moves an operand on by so many floats, or elements of a type. */
void fmap_operand_advance(struct fmap_operand *operand, int64_t floats);
void fmap_operand_advance_elements(struct fmap_operand *operand, fmap_type type, int64_t elements);

/* Says that `value` is nothing but another shape of `source`: its plain memory is the source's in that form. */
void fmap_planning_view(struct fmap_planning *planning, fmap_value value, fmap_value source,
                        enum fmap_form source_form);

struct fmap_step_definition {
    fmap_part *part;
    const void *job; /* copied */
    size_t job_bytes;
    const struct fmap_operand *operands; /* copied; their buffers live at least until this step */
    size_t n_operands;
    unsigned
        in_place; /* bits of operands that the last one is made of element by element: it may take their place */
    int64_t parts; /* independent pieces of work, in any order on any thread */
    size_t scratch_bytes;
    const char *kernel;                 /* for people; copied */
    const char *why;                    /* for people; copied; NULL: nothing to say */
    int tile[2];                        /* pixels and vectors of the register tile; 0: none */
    struct fmap_share share;            /* all zeros: equal parts */
    const struct fmap_graph_node *node; /* whose work it is; NULL: nobody's */
};

fmap_status fmap_planning_step(struct fmap_planning *planning, const struct fmap_step_definition *definition);

/* "direct_avx512" in a buffer of its own: the name of the work and of the instruction set. */
struct fmap_kernel_text {
    char text[64];
};
struct fmap_kernel_text fmap_kernel_text(const struct fmap_planning *planning, const char *work);

/* Memory of the plan for constants (zeroed, aligned to 64), in plan.weights_bytes. */
fmap_status fmap_planning_weights(struct fmap_planning *planning, size_t n_floats, float **weights);

/* The floats of a constant, aligned as floats must be. */
fmap_status fmap_planning_constant(struct fmap_planning *planning, fmap_value value, const float **floats);

/* About how many parts `work` operations should be cut into: 1 when it is too little to share. */
int64_t fmap_planning_parts(const struct fmap_planning *planning, int64_t work);

fmap_status fmap_planning_out_of_memory(const struct fmap_planning *planning);

/* Copies elements between two strided arrays of the same dimensions: transposes, slices, joins (copy.c). */
enum { FMAP_STRIDED_RANK = 2 * FMAP_MAX_RANK }; /* every axis in two, such as repetitions and sizes */
struct fmap_strided {
    int rank;
    int64_t dims[FMAP_STRIDED_RANK];
    int64_t src_strides[FMAP_STRIDED_RANK]; /* any: 0 repeats, below 0 walks backwards */
    int64_t dst_strides[FMAP_STRIDED_RANK]; /* above 0 */
    int64_t src_offset, dst_offset;
    size_t element_bytes; /* 0: those of a float */
};
fmap_status fmap_planning_copy(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_operand *src, const struct fmap_operand *dst,
                               const struct fmap_strided *strided);

/* Row-major strides of a shape, in elements. */
void fmap_strides_of(const fmap_shape *shape, int64_t *strides);

/* Adds the step that brings a value from one form into another (reorder.c). `node` is whom its time counts for. */
fmap_status fmap_planning_convert(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                  const struct fmap_graph_value *value, enum fmap_form from,
                                  const struct fmap_operand *src, enum fmap_form to,
                                  const struct fmap_operand *dst);

#endif
