/* Makes names unique. ONNX allows nodes to share a name or to have none; the layers of a model may not. */
#ifndef FMAP_FORMATS_NAME_SET_H
#define FMAP_FORMATS_NAME_SET_H

#include "scratch.h"

struct fmap_name_entry {
    const char *name; /* NULL: free */
    uint64_t hash;
    size_t copies; /* how many others asked for the same name */
};

/* A hash table of names, in scratch memory. All zeros is an empty set, but for `scratch`. */
struct fmap_name_set {
    struct fmap_scratch *scratch;
    struct fmap_name_entry *entries;
    size_t capacity; /* a power of two */
    size_t count;
};

/* The name itself when it is new to the set, else name_2, name_3 and so on; the result is in the set from
 * now on. It is a copy in the set's scratch memory; NULL when there is no more. */
const char *fmap_name_set_claim(struct fmap_name_set *set, const char *name);

#endif
