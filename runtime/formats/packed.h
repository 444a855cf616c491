/* Packed files: a model's file with weights in the order that kernels read them in.
 *
 *   header     struct fmap_packed_header
 *   index      for each packing a struct fmap_packed_entry and its key, padded with zeros (at least one) to 8 bytes
 *   packings   each at a multiple of FMAP_PACKED_PAGE, so that a mapping of the file can be used as it is
 *   model      the model's file as it was, at a multiple of FMAP_PACKED_PAGE too
 *
 * Numbers are in the byte order of the machine that wrote them: packings are for machines of its kind. Digests are those
 * of digest.h; the header's is of all bytes before it. */
#ifndef FMAP_FORMATS_PACKED_H
#define FMAP_FORMATS_PACKED_H

#include <fmap/pack.h>

#include "runtime/digest.h"

enum {
    FMAP_PACKED_LAYOUT = 1,
    FMAP_PACKED_PAGE = 4096,
    FMAP_PACKED_MOST_PACKINGS = 65536,
    FMAP_PACKED_MOST_KEY = 4096
};

/* As in a PNG: not text, not ASCII, and line ends that a careless transfer would change. */
#define FMAP_PACKED_MARK "\211fmap\r\n\032"

static const uint32_t fmap_packed_byte_order = 0x01020304;

struct fmap_packed_header {
    char mark[8];
    uint32_t layout;
    uint32_t byte_order;
    uint64_t file_bytes;
    uint64_t model_offset, model_bytes;
    uint64_t index_offset, index_bytes, n_packings;
    struct fmap_digest model_digest, index_digest;
    struct fmap_digest header_digest;
};

struct fmap_packed_entry {
    uint64_t offset, bytes; /* of the packing */
    struct fmap_digest digest;
    uint64_t key_bytes; /* without the zeros */
};

static inline size_t fmap_packed_key_room(size_t key_bytes) { return (key_bytes / 8 + 1) * 8; }

/* The digest that belongs into the header. */
static inline struct fmap_digest fmap_packed_header_digest(const struct fmap_packed_header *header) {
    return fmap_digest_of(header, offsetof(struct fmap_packed_header, header_digest));
}

#endif
