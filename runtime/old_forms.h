/* Old forms of operators. What an older operator set says in an attribute and a newer one in an input becomes that
 * input, a constant, before a layer sees the node; operands that were broadcast along an `axis` get the shape that
 * numpy's rule wants. So a layer knows the newest form only, and where the meaning changed it asks for the opset.
 *
 * Which attributes moved: old_forms.inc. The attributes stay readable, and need not be asked for. */
#ifndef FMAP_RUNTIME_OLD_FORMS_H
#define FMAP_RUNTIME_OLD_FORMS_H

#include "runtime/attributes.h"

/* The inputs of a node of that definition in the newest form: *inputs is the definition's own list where nothing has
 * to change, else one of the model. Errors are the model's. */
fmap_status fmap_old_forms_inputs(fmap_model *model, const struct fmap_layer *layer,
                                  const fmap_node_definition *definition, const fmap_value **inputs,
                                  size_t *n_inputs);

/* Marks the attributes that fmap_old_forms_inputs() answers for, and those that never said anything about the result,
 * as used. */
void fmap_old_forms_mark(struct fmap_parsing *parsing);

#endif
