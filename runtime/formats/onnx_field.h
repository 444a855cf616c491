/* What nanopb finds in an ONNX file, kept as places in the file.
 *
 * A decoded message (onnx.proto) holds numbers, and one struct fmap_onnx_field for everything else. A
 * field points into the file: weights are never copied, and submessages are decoded only when somebody
 * wants them, so that a model of any size costs what its bookkeeping costs.
 */
#ifndef FMAP_FORMATS_ONNX_FIELD_H
#define FMAP_FORMATS_ONNX_FIELD_H

#include <pb_decode.h>

struct fmap_scratch;

/* A place in the file. Absent fields have data NULL. */
struct fmap_onnx_span {
    const uint8_t *data;
    size_t bytes;
};

struct fmap_onnx_reader {
    struct fmap_onnx_span file;
    struct fmap_scratch *scratch; /* for lists of items */
    const uint8_t *stopped_at;    /* where the last failed decoding met something that cannot be */
    bool out_of_memory;           /* it failed for that */
};

/* By kind of field:
 *   one string, bytes or message    span is its content; of several, the last counts
 *   a list of them                  items[0 .. count)
 *   a list of numbers               span holds all of them as they are encoded, one after the other: a
 *                                   place in the file when they come in one packed piece, else a copy */
struct fmap_onnx_field {
    struct fmap_onnx_reader *reader; /* set by fmap_onnx_decode() */
    struct fmap_onnx_span span;
    struct fmap_onnx_span *items;
    size_t count;
    size_t capacity; /* of items; of the copy in span, in bytes */
};

/* Decodes a message whose structure is all zeros. False when the bytes are not a message, or memory is
 * short: see reader. What was found points into the file or the reader's scratch memory. */
bool fmap_onnx_decode(struct fmap_onnx_reader *reader, struct fmap_onnx_span span,
                      const pb_msgdesc_t *message, void *structure);

/* What nanopb calls for each field (onnx.options). */
bool fmap_onnx_take(pb_istream_t *stream, pb_ostream_t *unused, const pb_field_t *field);

/* Do these bytes lie in the file? */
bool fmap_onnx_in_file(const struct fmap_onnx_reader *reader, const uint8_t *data, size_t bytes);

/* How many integers (int32, int64) a list holds, and the integers themselves: `store` has room for that
 * many. False when one of them is not a 64-bit number. */
size_t fmap_onnx_integer_count(const struct fmap_onnx_field *field);
bool fmap_onnx_integers(const struct fmap_onnx_field *field, int64_t *store);

#endif
