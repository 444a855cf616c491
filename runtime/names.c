#include "runtime/names.h"

#include <string.h>

struct fmap_names_entry {
    const char *name;
    int64_t number;
};

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t hash(const char *name) {
    uint64_t h = 14695981039346656037u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h ^ h >> 32;
}

static struct fmap_names_entry *slot(struct fmap_names_entry *entries, size_t n_entries, const char *name) {
    size_t i = hash(name) & (n_entries - 1);
    while (entries[i].name && strcmp(entries[i].name, name) != 0) i = (i + 1) & (n_entries - 1);
    return &entries[i];
}

int64_t fmap_names_find(const struct fmap_names *names, const char *name) {
    if (names->n_entries == 0) return 0;
    return slot(names->entries, names->n_entries, name)->number;
}

static bool enlarge(struct fmap_names *names, struct fmap_storage *storage) {
    size_t n = names->n_entries ? 2 * names->n_entries : 64;
    struct fmap_names_entry *entries = fmap_storage_take(storage, n, sizeof *entries);
    if (!entries) return false;
    for (size_t i = 0; i < names->n_entries; i++) {
        if (names->entries[i].name) *slot(entries, n, names->entries[i].name) = names->entries[i];
    }
    names->entries = entries;
    names->n_entries = n;
    return true;
}

bool fmap_names_add(struct fmap_names *names, struct fmap_storage *storage, const char *name,
                    int64_t number) {
    if (2 * (names->n_used + 1) > names->n_entries && !enlarge(names, storage)) return false;
    *slot(names->entries, names->n_entries, name) = (struct fmap_names_entry){name, number};
    names->n_used++;
    return true;
}
