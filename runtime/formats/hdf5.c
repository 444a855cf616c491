/* HDF5: where things are. Objects are lists of messages; groups are trees of tables of names. */
#include "hdf5.h"

#include <string.h>

#include "hdf5_message.h"

enum { MOST_VISITS = 1 << 20, MOST_LEVELS = 32, SYMBOL_BYTES = 40 };

static const char signature[] = "\x89HDF\r\n\x1a\n";

bool fmap_hdf5_fail(struct fmap_hdf5 *file, fmap_status status, const char *why) {
    if (file->fault == FMAP_OK) {
        file->fault = status;
        file->why = why;
    }
    return false;
}

const uint8_t *fmap_hdf5_at(struct fmap_hdf5 *file, uint64_t offset, uint64_t bytes) {
    if (++file->n_visits > MOST_VISITS) {
        (void)fmap_hdf5_fail(file, FMAP_ERROR_LIMIT, "it has too many parts, or leads round in a circle");
        return NULL;
    }
    if (offset <= file->bytes && bytes <= file->bytes - offset) return file->data + offset;
    (void)fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "a part of it lies behind the end of the file");
    return NULL;
}

uint64_t fmap_hdf5_number(const uint8_t *bytes, size_t n) {
    uint64_t number = 0;
    for (size_t i = n; i-- > 0;) number = number << 8 | bytes[i];
    return number;
}

bool fmap_hdf5_recognise(const uint8_t *data, size_t bytes) {
    return bytes >= sizeof signature - 1 && memcmp(data, signature, sizeof signature - 1) == 0;
}

/* The superblock: sizes of numbers, and the root group. */
bool fmap_hdf5_open(struct fmap_hdf5 *file, const uint8_t *data, size_t bytes) {
    *file = (struct fmap_hdf5){.data = data, .bytes = bytes};
    const uint8_t *block = fmap_hdf5_at(file, 0, 96);
    if (!block) return false;
    if (block[8] > 1)
        return fmap_hdf5_fail(
            file, FMAP_ERROR_UNSUPPORTED,
            "it is written in a newer format of HDF5 than the one that h5py writes by default");
    size_t shift = block[8] == 1 ? 4 : 0;
    if (block[13] != 8 || block[14] != 8 || fmap_hdf5_number(block + 24 + shift, 8) != 0)
        return fmap_hdf5_fail(file, FMAP_ERROR_UNSUPPORTED,
                              "it has sizes of other than 8 bytes, or a block of a user");
    file->root = fmap_hdf5_number(block + 64 + shift, 8);
    return true;
}

/* ---- objects ----------------------------------------------------------------------------------------- */

/* A stretch of messages. */
struct stretch {
    uint64_t offset, bytes;
};

/* The messages of one stretch; *next is the one that it is continued in, of no bytes: it is not. */
static bool visit_stretch(struct fmap_hdf5 *file, struct stretch now, fmap_hdf5_visit *visit, void *user,
                          struct stretch *next, bool *goes_on) {
    while (now.bytes >= 8 && *goes_on) {
        const uint8_t *head = fmap_hdf5_at(file, now.offset, 8);
        if (!head) return false;
        struct fmap_hdf5_message message = {.type = (int)fmap_hdf5_number(head, 2),
                                            .bytes = (size_t)fmap_hdf5_number(head + 2, 2),
                                            .is_elsewhere = head[4] & 2};
        if (message.bytes > now.bytes - 8)
            return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "a part of an object is cut off");
        message.data = fmap_hdf5_at(file, now.offset + 8, message.bytes);
        if (!message.data) return false;
        if (message.type == FMAP_HDF5_CONTINUATION && message.bytes >= 16) {
            next->offset = fmap_hdf5_number(message.data, 8);
            next->bytes = fmap_hdf5_number(message.data + 8, 8);
        } else {
            *goes_on = visit(file, &message, user);
        }
        now.offset += 8 + message.bytes;
        now.bytes -= 8 + message.bytes;
    }
    return file->fault == FMAP_OK;
}

bool fmap_hdf5_messages(struct fmap_hdf5 *file, uint64_t object, fmap_hdf5_visit *visit, void *user) {
    const uint8_t *head = fmap_hdf5_at(file, object, 16);
    if (!head) return false;
    if (head[0] != 1)
        return fmap_hdf5_fail(file, FMAP_ERROR_UNSUPPORTED, "an object of it is of an unknown version");
    struct stretch now = {object + 16, fmap_hdf5_number(head + 8, 4)};
    bool goes_on = true;
    while (now.bytes && goes_on) {
        struct stretch next = {0, 0};
        if (!fmap_hdf5_at(file, now.offset, now.bytes)) return false;
        if (!visit_stretch(file, now, visit, user, &next, &goes_on)) return false;
        now = next;
    }
    return true;
}

/* ---- groups ------------------------------------------------------------------------------------------ */

struct names {
    const uint8_t *data;
    uint64_t bytes;
};

struct walk {
    struct names names;
    bool (*visit)(void *user, const char *name, uint64_t object);
    void *user;
    bool goes_on;
};

struct table {
    uint64_t tree, heap;
    bool found;
};

static bool find_table(struct fmap_hdf5 *file, const struct fmap_hdf5_message *message, void *user) {
    struct table *table = user;
    if (message->type == FMAP_HDF5_LINK_INFO || message->type == FMAP_HDF5_LINK)
        return fmap_hdf5_fail(file, FMAP_ERROR_UNSUPPORTED,
                              "a group of it is in a newer form than h5py writes by default");
    if (message->type != FMAP_HDF5_SYMBOL_TABLE || message->bytes < 16) return true;
    *table = (struct table){fmap_hdf5_number(message->data, 8), fmap_hdf5_number(message->data + 8, 8), true};
    return false;
}

static bool read_names(struct fmap_hdf5 *file, uint64_t heap, struct names *names) {
    const uint8_t *head = fmap_hdf5_at(file, heap, 32);
    if (!head) return false;
    if (memcmp(head, "HEAP", 4) != 0)
        return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "the names of a group are damaged");
    names->bytes = fmap_hdf5_number(head + 8, 8);
    names->data = fmap_hdf5_at(file, fmap_hdf5_number(head + 24, 8), names->bytes);
    return names->data != NULL;
}

static bool visit_symbols(struct fmap_hdf5 *file, uint64_t node, struct walk *walk) {
    const uint8_t *head = fmap_hdf5_at(file, node, 8);
    if (!head) return false;
    if (memcmp(head, "SNOD", 4) != 0)
        return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "the members of a group are damaged");
    size_t n = (size_t)fmap_hdf5_number(head + 6, 2);
    for (size_t i = 0; i < n && walk->goes_on; i++) {
        const uint8_t *symbol = fmap_hdf5_at(file, node + 8 + i * SYMBOL_BYTES, SYMBOL_BYTES);
        if (!symbol) return false;
        uint64_t name = fmap_hdf5_number(symbol, 8);
        if (name >= walk->names.bytes || !memchr(walk->names.data + name, 0, walk->names.bytes - name))
            return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "the name of a member of a group is damaged");
        bool is_link = fmap_hdf5_number(symbol + 16, 4) == 2; /* to another name; Keras makes none */
        if (!is_link)
            walk->goes_on = walk->visit(walk->user, (const char *)walk->names.data + name,
                                        fmap_hdf5_number(symbol + 8, 8));
    }
    return file->fault == FMAP_OK;
}

/* Level 0 is above the symbols; each node is one level below the one that leads to it. */
static bool visit_tree(struct fmap_hdf5 *file, uint64_t node, int most_level, struct walk *walk) {
    const uint8_t *head = fmap_hdf5_at(file, node, 24);
    if (!head) return false;
    int level = head[5];
    if (memcmp(head, "TREE", 4) != 0 || head[4] != 0 || level > most_level)
        return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "the tree of a group is damaged");
    size_t n = (size_t)fmap_hdf5_number(head + 6, 2);
    for (size_t i = 0; i < n && walk->goes_on; i++) {
        const uint8_t *child = fmap_hdf5_at(file, node + 24 + 16 * i + 8, 8);
        if (!child) return false;
        uint64_t address = fmap_hdf5_number(child, 8);
        if (!(level ? visit_tree(file, address, level - 1, walk) : visit_symbols(file, address, walk)))
            return false;
    }
    return true;
}

bool fmap_hdf5_members(struct fmap_hdf5 *file, uint64_t group,
                       bool (*visit)(void *user, const char *name, uint64_t object), void *user) {
    struct table table = {0};
    struct walk walk = {.visit = visit, .user = user, .goes_on = true};
    if (!fmap_hdf5_messages(file, group, find_table, &table)) return false;
    if (!table.found) return true;
    return read_names(file, table.heap, &walk.names) && visit_tree(file, table.tree, MOST_LEVELS, &walk);
}

struct search {
    const char *name;
    uint64_t object;
};

static bool is_it(void *user, const char *name, uint64_t object) {
    struct search *search = user;
    if (strcmp(name, search->name) != 0) return true;
    search->object = object;
    return false;
}

uint64_t fmap_hdf5_find(struct fmap_hdf5 *file, uint64_t group, const char *name) {
    struct search search = {name, 0};
    return fmap_hdf5_members(file, group, is_it, &search) ? search.object : 0;
}
