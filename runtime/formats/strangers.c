/* Files that people pass by mistake, so that they are told what they have in hand. */
#include <string.h>
#include <strings.h>

#include "format.h"

struct stranger {
    size_t offset;
    const char *mark; /* the bytes at that offset */
    fmap_status status;
    const char *description;
};

/* Marks contain no zero byte; longer ones come before their beginnings. */
static const struct stranger strangers[] = {
    {0, "version https://git-lfs", FMAP_ERROR_FORMAT,
     "this is a git-lfs pointer, not the model itself; \"git lfs pull\" fetches it"},
    {4, "TFL3", FMAP_ERROR_UNSUPPORTED, "this is a TensorFlow Lite model, which is not supported"},
    {4, "ORTM", FMAP_ERROR_UNSUPPORTED, "this is an ONNX Runtime (.ort) model, which is not supported"},
    {0, "PK\x03\x04", FMAP_ERROR_UNSUPPORTED,
     "this is a zip archive (as PyTorch's .pt), which is not supported"},
    {0, "\x1f\x8b", FMAP_ERROR_FORMAT, "this is compressed with gzip; unpack it first"},
    {0, "\3757zXZ", FMAP_ERROR_FORMAT, "this is compressed with xz; unpack it first"},
    {0, "\x28\xb5\x2f\xfd", FMAP_ERROR_FORMAT, "this is compressed with zstd; unpack it first"},
    {0, "\x93NUMPY", FMAP_ERROR_FORMAT, "this is a NumPy array, not a model"},
    {0, "\x89PNG\r\n", FMAP_ERROR_FORMAT, "this is a picture (PNG), not a model"},
    {0, "\xff\xd8\xff", FMAP_ERROR_FORMAT, "this is a picture (JPEG), not a model"},
    {0, "\177ELF", FMAP_ERROR_FORMAT, "this is a program or library (ELF), not a model"},
};

static bool has_mark(const struct stranger *stranger, const uint8_t *data, size_t bytes) {
    size_t length = strlen(stranger->mark);
    if (bytes < stranger->offset || bytes - stranger->offset < length) return false;
    return memcmp(data + stranger->offset, stranger->mark, length) == 0;
}

/* Only the beginning is looked at: text can be long. */
static bool is_text(const uint8_t *data, size_t bytes) {
    for (size_t i = 0; i < bytes && i < 512; i++) {
        bool blank = data[i] == '\n' || data[i] == '\r' || data[i] == '\t' || data[i] == '\f';
        if ((data[i] < ' ' && !blank) || data[i] == 0x7f) return false;
    }
    return true;
}

static const char *describe_text(const uint8_t *data, size_t bytes) {
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    size_t at = bytes >= 3 && memcmp(data, byte_order_mark, 3) == 0 ? 3 : 0;
    while (at < bytes && strchr(" \t\r\n\f", data[at])) at++;
    const char *text = (const char *)data + at;
    size_t rest = bytes - at;
    if ((rest >= 9 && strncasecmp(text, "<!doctype", 9) == 0) ||
        (rest >= 5 && strncasecmp(text, "<html", 5) == 0)) {
        return "this is a web page (HTML), not a model; the download went wrong";
    }
    if (rest && (*text == '{' || *text == '[')) return "this is JSON, not a model";
    if (rest && *text == '<') return "this is XML, not a model";
    return "this is a text file, not a model";
}

static bool is_zeros(const uint8_t *data, size_t bytes) {
    for (size_t i = 0; i < bytes && i < 512; i++) {
        if (data[i]) return false;
    }
    return true;
}

const char *fmap_describe_stranger(const uint8_t *data, size_t bytes, fmap_status *status) {
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        if (has_mark(&strangers[i], data, bytes)) {
            *status = strangers[i].status;
            return strangers[i].description;
        }
    }
    *status = FMAP_ERROR_FORMAT;
    if (is_zeros(data, bytes)) return "the file begins with nothing but zeros; it is not a model";
    return is_text(data, bytes) ? describe_text(data, bytes) : NULL;
}
