/* A table from names to numbers: an open-addressing hash, so that large models stay linear. */
#ifndef FMAP_RUNTIME_NAMES_H
#define FMAP_RUNTIME_NAMES_H

#include "runtime/storage.h"

struct fmap_names {
    struct fmap_names_entry *entries;
    size_t n_entries; /* a power of two, or 0 */
    size_t n_used;
};

/* The number under a name; 0 when there is none. */
int64_t fmap_names_find(const struct fmap_names *names, const char *name);

/* Adds a name that is not there yet; the string must live as long as the table. `number` is above 0. False when
 * there is no memory. */
bool fmap_names_add(struct fmap_names *names, struct fmap_storage *storage, const char *name, int64_t number);

#endif
