#include "onnx_field.h"

#include <string.h>

#include <pb_common.h>

#include "scratch.h"

bool fmap_onnx_in_file(const struct fmap_onnx_reader *reader, const uint8_t *data, size_t bytes) {
    uintptr_t start = (uintptr_t)reader->file.data;
    uintptr_t at = (uintptr_t)data;
    return at >= start && at - start <= reader->file.bytes && bytes <= reader->file.bytes - (at - start);
}

static bool take_item(struct fmap_onnx_field *field, struct fmap_onnx_span span) {
    if (field->count == field->capacity) {
        void *items = fmap_scratch_grow(field->reader->scratch, field->items, &field->capacity,
                                        field->count + 1, sizeof *field->items);
        if (!items) {
            field->reader->out_of_memory = true;
            return false;
        }
        field->items = items;
    }
    field->items[field->count++] = span;
    return true;
}

/* Do these bytes hold whole numbers of this kind? (Whether each varint is short enough shows later.) */
static bool whole_numbers(pb_type_t kind, struct fmap_onnx_span span) {
    if (kind == PB_LTYPE_FIXED32) return span.bytes % 4 == 0;
    if (kind == PB_LTYPE_FIXED64) return span.bytes % 8 == 0;
    return span.bytes == 0 || (span.data[span.bytes - 1] & 0x80) == 0;
}

/* The first packed piece stays where it is; anything further is appended to a copy. */
static bool take_numbers(struct fmap_onnx_field *field, struct fmap_onnx_span span) {
    struct fmap_onnx_reader *reader = field->reader;
    if (!field->span.data && fmap_onnx_in_file(reader, span.data, span.bytes)) {
        field->span = span;
        return true;
    }
    size_t wanted = field->span.bytes + span.bytes; /* no overflow: both came out of one file */
    if (wanted > field->capacity) {
        size_t capacity = field->capacity ? field->capacity : field->span.bytes;
        void *copy = fmap_scratch_grow(reader->scratch, field->span.data, &capacity, wanted, 1);
        if (!copy) {
            reader->out_of_memory = true;
            return false;
        }
        field->capacity = capacity;
        field->span.data = copy;
    }
    /* Writable: with a capacity, the span is our copy. */
    memcpy((uint8_t *)(uintptr_t)field->span.data + field->span.bytes, span.data, span.bytes);
    field->span.bytes = wanted;
    return true;
}

bool fmap_onnx_take(pb_istream_t *stream, pb_ostream_t *unused, const pb_field_t *field) {
    (void)unused;
    struct fmap_onnx_field *target = field->pData;
    struct fmap_onnx_span span = {stream->state, stream->bytes_left};
    if (!pb_read(stream, NULL, span.bytes)) return false;

    pb_type_t kind = PB_LTYPE(field->type);
    if (kind <= PB_LTYPE_LAST_PACKABLE) return whole_numbers(kind, span) && take_numbers(target, span);

    /* nanopb hands a number over in a buffer of its own, which dies with this call. Here it can only be
     * a number where the file should have had text or a message. */
    if (!fmap_onnx_in_file(target->reader, span.data, span.bytes)) return false;
    if (PB_HTYPE(field->type) == PB_HTYPE_REPEATED) return take_item(target, span);
    target->span = span;
    return true;
}

bool fmap_onnx_decode(struct fmap_onnx_reader *reader, struct fmap_onnx_span span,
                      const pb_msgdesc_t *message, void *structure) {
    pb_field_iter_t field;
    bool more = pb_field_iter_begin(&field, message, structure);
    for (; more; more = pb_field_iter_next(&field)) {
        if (PB_ATYPE(field.type) != PB_ATYPE_CALLBACK) continue;
        struct fmap_onnx_field *target = field.pData;
        target->reader = reader;
    }
    pb_istream_t stream = pb_istream_from_buffer(span.data, span.bytes);
    if (pb_decode(&stream, message, structure)) return true;
    reader->stopped_at = stream.state;
    return false;
}

size_t fmap_onnx_integer_count(const struct fmap_onnx_field *field) {
    size_t count = 0;
    for (size_t i = 0; i < field->span.bytes; i++) count += (field->span.data[i] & 0x80) == 0;
    return count;
}

bool fmap_onnx_integers(const struct fmap_onnx_field *field, int64_t *store) {
    pb_istream_t stream = pb_istream_from_buffer(field->span.data, field->span.bytes);
    while (stream.bytes_left) {
        uint64_t value;
        if (!pb_decode_varint(&stream, &value)) return false;
        *store++ = (int64_t)value;
    }
    return true;
}
