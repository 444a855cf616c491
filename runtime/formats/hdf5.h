/* HDF5 files, as far as Keras writes them: groups, attributes of text, and arrays of numbers that lie in one piece.
 *
 * Files of the first format of HDF5, which h5py and the library write unless they are told otherwise. Everything is read
 * where it lies. The HDF5 Group's "File Format Specification" 3.0 says what the bytes mean. */
#ifndef FMAP_FORMATS_HDF5_H
#define FMAP_FORMATS_HDF5_H

#include <fmap/base.h>

struct fmap_hdf5 {
    const uint8_t *data;
    size_t bytes;
    uint64_t root;
    size_t n_visits;   /* of parts so far: files that lead round in circles come to an end */
    fmap_status fault; /* the first thing that was wrong, and what */
    const char *why;
};

/* Is this an HDF5 file? */
bool fmap_hdf5_recognise(const uint8_t *data, size_t bytes);

/* False, with the fault, when it cannot be read. */
bool fmap_hdf5_open(struct fmap_hdf5 *file, const uint8_t *data, size_t bytes);

/* Calls visit() for every member of a group in the order of their names, until it returns false. An object that is no group
 * has none. */
bool fmap_hdf5_members(struct fmap_hdf5 *file, uint64_t group,
                       bool (*visit)(void *user, const char *name, uint64_t object), void *user);

/* The member of that name; 0: there is none. */
uint64_t fmap_hdf5_find(struct fmap_hdf5 *file, uint64_t group, const char *name);

/* An attribute that is one text, not ended by a zero byte; false: there is none. */
bool fmap_hdf5_text(struct fmap_hdf5 *file, uint64_t object, const char *name, const char **text,
                    size_t *bytes);

struct fmap_hdf5_array {
    fmap_shape shape;
    const char *type; /* "float16", "float32", "float64"; NULL: something else */
    const uint8_t *data;
    size_t bytes;
};

/* The array of an object; *is_array tells whether it is one. False with a fault. */
bool fmap_hdf5_array(struct fmap_hdf5 *file, uint64_t object, bool *is_array, struct fmap_hdf5_array *array);

#endif
