/* The parts that hdf5.c and hdf5_message.c share: what an object is made of. */
#ifndef FMAP_FORMATS_HDF5_MESSAGE_H
#define FMAP_FORMATS_HDF5_MESSAGE_H

#include "hdf5.h"

enum {
    FMAP_HDF5_DATASPACE = 1,
    FMAP_HDF5_LINK_INFO = 2,
    FMAP_HDF5_DATATYPE = 3,
    FMAP_HDF5_LINK = 6,
    FMAP_HDF5_LAYOUT = 8,
    FMAP_HDF5_FILTERS = 11,
    FMAP_HDF5_ATTRIBUTE = 12,
    FMAP_HDF5_CONTINUATION = 16,
    FMAP_HDF5_SYMBOL_TABLE = 17
};

struct fmap_hdf5_message {
    int type;
    const uint8_t *data;
    size_t bytes;
    bool is_elsewhere; /* this is only where it is */
};

typedef bool fmap_hdf5_visit(struct fmap_hdf5 *file, const struct fmap_hdf5_message *message, void *user);

/* Keeps the first fault; always false. */
bool fmap_hdf5_fail(struct fmap_hdf5 *file, fmap_status status, const char *why);

/* So many bytes at an offset; NULL, with a fault, when they are not all in the file. */
const uint8_t *fmap_hdf5_at(struct fmap_hdf5 *file, uint64_t offset, uint64_t bytes);

/* A number of n bytes, the lowest first. */
uint64_t fmap_hdf5_number(const uint8_t *bytes, size_t n);

/* Calls visit() for each message of an object until it returns false. */
bool fmap_hdf5_messages(struct fmap_hdf5 *file, uint64_t object, fmap_hdf5_visit *visit, void *user);

#endif
