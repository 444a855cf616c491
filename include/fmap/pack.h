/* Packed weights, and files that hold them.
 *
 * A plan reads weights in an order of its own, which depends on the layer, the algorithm and the instruction set. Plans
 * of one model share what they need alike: packing is done once, and what is packed is given back with the last plan
 * that uses it.
 *
 * A packed file is a model's file with such weights beside it: it can be loaded like any other, and a plan finds its
 * weights in the mapped file, where all processes share them, instead of packing them again. What a plan needs in
 * another way than the file has it (another instruction set, version of the library, algorithm...) is packed from the
 * model, which the file still holds whole. So a packed file gives the same answers as its model, bit for bit.
 */
#ifndef FMAP_PACK_H
#define FMAP_PACK_H

#include "plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what a plan has packed -------------------------------------------------------------------- */

/* Weights in a kernel's order. The key names what they were made from and how; packings of equal keys are equal. One of
 * no bytes is a fact that was found out about the weights: its key says all. */
typedef struct fmap_packing {
    const char *key;
    const void *data;
    size_t bytes;
} fmap_packing;

/* The packings that a plan uses, shared ones too. Error: ARGUMENT when there are not so many. */
FMAP_API size_t fmap_plan_packing_count(const fmap_plan *plan);
FMAP_API fmap_status fmap_plan_packing(const fmap_plan *plan, size_t i, fmap_packing *packing);

/* What the plan was made of; NULL for NULL. */
FMAP_API const fmap_model *fmap_plan_model(const fmap_plan *plan);

/* ---- files ------------------------------------------------------------------------------------- */

/* Writes the file that the plans' model was loaded from, with the packings of these plans. The file is written beside
 * `path` first and takes its place when it is complete, so a file that is in use may be replaced. Errors: ARGUMENT (no
 * plan; plans of several models), UNSUPPORTED (the model was built, not loaded), LIMIT, MEMORY, IO. */
FMAP_API fmap_status fmap_pack_write(const fmap_plan *const *plans, size_t n_plans, const char *path,
                                     fmap_error *error);

/* Loading checks what it relies on: sizes, places, and the digests of the header and of the list of packings. This reads
 * all of a packed file and checks the digests of the model and of every packing too. Errors: IO, MEMORY, FORMAT (not a
 * packed file, or damaged: the sentence says where). */
FMAP_API fmap_status fmap_pack_check(const char *path, fmap_error *error);

/* ---- for loaders ------------------------------------------------------------------------------- */

/* Says what file a model that is being built is read from: bytes that are all of it, and that stay as long as the model
 * and do not change. A model without cannot be written as a packed file. */
FMAP_API fmap_status fmap_model_set_source(fmap_model *model, const void *data, size_t bytes);

/* Those bytes; NULL: none. */
FMAP_API const void *fmap_model_source(const fmap_model *model, size_t *bytes);

/* Gives a model that is being built weights that were packed before. The data is borrowed; unless it is aligned to 64, it
 * is not used. Plans find packings by key and size, and take the data as it is. */
FMAP_API fmap_status fmap_model_add_packing(fmap_model *model, const fmap_packing *packing);

#ifdef __cplusplus
}
#endif

#endif
