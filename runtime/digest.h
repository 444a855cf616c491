/* Digests of bytes: to tell contents apart, and damage from what was written. They find accidents, not malice. */
#ifndef FMAP_RUNTIME_DIGEST_H
#define FMAP_RUNTIME_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fmap_digest {
    uint64_t words[2];
};

/* The same on every machine of the same byte order, whatever the alignment of `data`. */
struct fmap_digest fmap_digest_of(const void *data, size_t bytes);

static inline bool fmap_digest_equal(struct fmap_digest a, struct fmap_digest b) {
    return a.words[0] == b.words[0] && a.words[1] == b.words[1];
}

#endif
