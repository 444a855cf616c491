/* The parts of the ONNX loader, and what they share.
 *
 *   onnx.c            the model and its graph: what is read, in which order
 *   onnx_value.c      inputs of the graph
 *   onnx_tensor.c     initializers and other tensors: elements of any type as an fmap_tensor
 *   onnx_external.c   elements in files beside the model
 *   onnx_attribute.c  attributes
 *   onnx_node.c       nodes, Constant among them
 *   onnx_order.c      the order of nodes in files that have none
 *
 * Functions return false when the model has failed: the reason was given to fmap_model_fail(), or the
 * building function that failed has kept it itself. So nothing but the bool has to travel upwards.
 */
#ifndef FMAP_FORMATS_ONNX_LOADER_H
#define FMAP_FORMATS_ONNX_LOADER_H

#include <fmap/model.h>

#include "name_set.h"
#include "onnx.pb.h"
#include "text.h"

struct fmap_onnx_external;

struct fmap_onnx_loader {
    fmap_model *model;
    const char *path; /* of the file; NULL: there is none */
    const fmap_allocator *allocator;
    struct fmap_onnx_external *externals; /* other files, mapped */
    struct fmap_onnx_reader reader;
    struct fmap_scratch graph_scratch; /* what lives until the end: lists of the graph, names of nodes */
    struct fmap_scratch scratch;       /* emptied before each initializer, input and node */
    struct fmap_name_set node_names;
    bool types_may_lack; /* in files this old, attributes need not say of which type they are */
    int64_t opset;       /* version of the ONNX operator set; 0: the file names none */
};

/* ---- errors (onnx.c) ------------------------------------------------------------------------- */

/* Gives the model a failure; always false, so that a caller can return it. */
bool fmap_onnx_fail(struct fmap_onnx_loader *loader, fmap_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool fmap_onnx_out_of_memory(struct fmap_onnx_loader *loader);

/* Is it the domain of ONNX' own operators? */
bool fmap_onnx_default_domain(struct fmap_onnx_span domain);

/* A span as it may be quoted. */
struct fmap_text_shown fmap_onnx_show(struct fmap_onnx_span span);

/* Decodes a message whose structure is all zeros. `what` names it in the error: "node 3". */
bool fmap_onnx_read(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, const pb_msgdesc_t *message,
                    void *structure, const char *what);

/* A string of the file with a terminating zero, in scratch memory. Absent is empty. NULL, and a failure,
 * when it is nothing that people could read; `what` is whose text it is: "node number 3". */
const char *fmap_onnx_text(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, const char *what);

/* ---- tensors, inputs (onnx_tensor.c, onnx_value.c) ------------------------------------------- */

/* An element type of ONNX. */
struct fmap_onnx_type {
    const char *name;
    size_t bytes;   /* of an element in raw_data; 0: cannot be read */
    fmap_type type; /* what a tensor of it becomes */
    bool exact;     /* `type` is that type itself, not one to which the elements are converted */
};

/* The type with that number of TensorProto.DataType; "unknown" when there is none. */
const struct fmap_onnx_type *fmap_onnx_type_of(int32_t number);

/* The failure for a type that is not supported where `what` has it. */
bool fmap_onnx_refuse_type(struct fmap_onnx_loader *loader, const char *what, int32_t number);

struct fmap_onnx_constant {
    fmap_tensor tensor;
    fmap_ownership ownership; /* FMAP_BORROW: from a file; FMAP_COPY: in scratch memory */
};

/* The elements of a decoded tensor. `what` names it in errors: "initializer 'w'". */
bool fmap_onnx_tensor(struct fmap_onnx_loader *loader, const fmap_onnx_TensorProto *proto, const char *what,
                      struct fmap_onnx_constant *constant);

/* The elements, `expected` bytes, of a tensor that says that they are in another file. */
bool fmap_onnx_external_elements(struct fmap_onnx_loader *loader, const fmap_onnx_TensorProto *proto,
                                 const char *what, size_t expected, struct fmap_onnx_span *raw);

/* Adds the index-th input of the graph to the model, unless it is an initializer: those are there by now. */
bool fmap_onnx_add_input(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, size_t index);

/* ---- nodes (onnx_node.c, onnx_attribute.c) --------------------------------------------------- */

/* A node while it is being added. */
struct fmap_onnx_node {
    fmap_onnx_NodeProto proto;
    const char *op;
    const char *name;
    const char *label; /* "node 'name' (Op)", for errors */
};

/* The attributes of a node, in scratch memory. */
bool fmap_onnx_attributes(struct fmap_onnx_loader *loader, const struct fmap_onnx_node *node,
                          fmap_attribute **attributes);

/* Adds the index-th node of the graph to the model. What it reads has to be there by now; when it is not and `missing`
 * is not NULL, the model does not fail, but *missing becomes true. */
bool fmap_onnx_add_node(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, size_t index,
                        bool *missing);

/* An order of the nodes in which each comes behind those that make what it reads, as far as there is one, else that
 * of the file. order[] has room for all. */
bool fmap_onnx_order(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *nodes, size_t *order);

#endif
