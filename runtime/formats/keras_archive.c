/* Keras 3: the network and its weights in one zip archive (.keras): config.json, and model.weights.h5, where weights have the
 * numbers of their layers instead of names. Python puts them in uncompressed, so they are read where they lie. */
#include <string.h>

#include "format.h"
#include "hdf5.h"
#include "keras_loader.h"

enum { END_BYTES = 22, MOST_COMMENT = 65535, ENTRY_BYTES = 46, FILE_BYTES = 30 };

struct archive {
    const uint8_t *data;
    size_t bytes;
};

static size_t number(const uint8_t *bytes, int n) {
    size_t value = 0;
    for (int i = n; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

/* The record at the end, behind which there may be a comment; NULL: there is none. */
static const uint8_t *find_end(const struct archive *archive) {
    for (size_t comment = 0; comment <= MOST_COMMENT && archive->bytes >= END_BYTES + comment; comment++) {
        const uint8_t *end = archive->data + archive->bytes - END_BYTES - comment;
        if (memcmp(end, "PK\5\6", 4) == 0) return end;
    }
    return NULL;
}

/* A file of the archive. False when it is not there, is compressed or damaged; *found tells the first from the others. */
static bool find_file(const struct archive *archive, const char *name, struct archive *file, bool *found) {
    const uint8_t *end = find_end(archive);
    *found = false;
    size_t at = end ? number(end + 16, 4) : archive->bytes, n = end ? number(end + 10, 2) : 0,
           bytes = strlen(name);
    for (; n > 0; n--) {
        if (at > archive->bytes || archive->bytes - at < ENTRY_BYTES) return false;
        const uint8_t *entry = archive->data + at;
        size_t rest = archive->bytes - at - ENTRY_BYTES, length = number(entry + 28, 2);
        if (memcmp(entry, "PK\1\2", 4) != 0 || length > rest) return false;
        at += ENTRY_BYTES + length + number(entry + 30, 2) + number(entry + 32, 2);
        if (length != bytes || memcmp(entry + ENTRY_BYTES, name, bytes) != 0) continue;
        *found = true;
        size_t begin = number(entry + 42, 4), size = number(entry + 24, 4);
        if (number(entry + 10, 2) != 0 || begin > archive->bytes || archive->bytes - begin < FILE_BYTES)
            return false;
        const uint8_t *head = archive->data + begin;
        size_t skip = FILE_BYTES + number(head + 26, 2) + number(head + 28, 2);
        if (memcmp(head, "PK\3\4", 4) != 0 || skip > archive->bytes - begin ||
            size > archive->bytes - begin - skip)
            return false;
        *file = (struct archive){head + skip, size};
        return true;
    }
    return false;
}

static bool open_file(struct fmap_saved_loader *loader, const char *name, struct archive *file) {
    const struct archive archive = {loader->source->data, loader->source->bytes};
    bool found;
    if (find_file(&archive, name, file, &found)) return true;
    return fmap_saved_fail(loader, FMAP_ERROR_FORMAT, "in the archive '%s' is %s", name,
                           found ? "compressed, or damaged or cut off" : "missing");
}

static void read(fmap_model *model, const struct fmap_source *source) {
    struct fmap_saved_loader loader;
    struct archive config, weights;
    struct fmap_hdf5 file;
    fmap_saved_begin(&loader, model, source);
    loader.keras_3 = loader.numbered = true;
    json_t *network = open_file(&loader, "config.json", &config) &&
                              open_file(&loader, "model.weights.h5", &weights)
                          ? fmap_saved_parse(&loader, (const char *)config.data, config.bytes)
                          : NULL;
    if (network) {
        if (!fmap_hdf5_open(&file, weights.data, weights.bytes))
            (void)fmap_saved_fail(&loader, file.fault, "model.weights.h5 cannot be read: %s", file.why);
        else
            (void)(fmap_saved_read_hdf5(&loader, &file, file.root) && fmap_saved_index_weights(&loader) &&
                   fmap_saved_build_model(&loader, network));
    }
    json_decref(network);
    fmap_saved_end(&loader);
}

/* A zip archive in which such a file is named. */
static bool recognise(const uint8_t *data, size_t bytes) {
    static const char name[] = "model.weights.h5";
    return bytes > 4 && memcmp(data, "PK\3\4", 4) == 0 && memmem(data, bytes, name, sizeof name - 1) != NULL;
}

const struct fmap_format fmap_format_keras_archive = {
    .name = "Keras archive", .marked = true, .recognise = recognise, .read = read};
