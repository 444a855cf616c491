/* Packed weights: made once and shared by all plans of a model.
 *
 * A packing is floats in the order in which kernels read them. Its key is a text that names all that it is made from and
 * how (packing.h), so whoever asks for the same key gets the same memory. What a plan packs lies in a lot of its own;
 * other plans that use some of it keep the whole lot alive. Packings that were read from a file live as long as the
 * model. Safe to use from several threads: a packing is made by one of them, and all others wait for it at last. */
#ifndef FMAP_RUNTIME_PACKED_H
#define FMAP_RUNTIME_PACKED_H

#include "runtime/storage.h"

struct fmap_packed;       /* a model's */
struct fmap_packed_entry; /* a packing */
struct fmap_packed_lot;   /* packings whose memory is given back together */
struct fmap_packed_use;   /* of a lot by a plan */

/* NULL when there is no memory. */
struct fmap_packed *fmap_packed_create(const fmap_allocator *allocator);

/* No plan may use it any more; NULL is fine. */
void fmap_packed_destroy(struct fmap_packed *packed);

/* Adds a packing that lies elsewhere and stays there. False when there is no memory. */
bool fmap_packed_add(struct fmap_packed *packed, const char *key, const void *data, size_t bytes);

/* The packings of one plan. Begin with .packed and .storage, end with fmap_packings_release(). */
struct fmap_packings {
    struct fmap_packed *packed;
    struct fmap_storage *storage; /* for the lists below; the plan's */
    struct fmap_packed_lot *own;  /* what the plan has packed itself; NULL: nothing */
    struct fmap_packed_use *uses; /* of lots, its own too */
    const struct fmap_packed_entry **entries;
    size_t n_entries, entries_capacity;
    size_t own_bytes;    /* packed for this plan */
    size_t shared_bytes; /* found: of other plans, or of a file */
    int threads;         /* that pack */
};

/* The packing of that key and size, aligned to 64; NULL when there is no memory. *made: there was none yet, and it holds
 * anything: whoever has asked fills it and says so by fmap_packings_made(), before the plan ends, whatever happens. */
void *fmap_packings_get(struct fmap_packings *packings, const char *key, size_t bytes, bool *made);

/* All that was to be filled is; returns when the packings that other plans are filling are too. */
void fmap_packings_made(struct fmap_packings *packings);

/* A fact is a packing without bytes: what was found out once about the weights. Noting may fail for want of memory. */
bool fmap_packings_know(struct fmap_packings *packings, const char *key);
bool fmap_packings_note(struct fmap_packings *packings, const char *key);

/* The i-th of n_entries, in the order in which they were asked for. */
void fmap_packings_at(const struct fmap_packings *packings, size_t i, const char **key, const void **data,
                      size_t *bytes);

/* Gives back what no other plan uses. */
void fmap_packings_release(struct fmap_packings *packings);

#endif
