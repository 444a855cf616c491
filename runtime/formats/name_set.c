#include "name_set.h"

#include <stdio.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash_of(const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++) hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return hash;
}

/* The entry of a name, or the free one where it belongs. */
static struct fmap_name_entry *entry_of(const struct fmap_name_set *set, const char *name, uint64_t hash) {
    size_t i = (size_t)(hash ^ hash >> 32);
    for (;; i++) {
        struct fmap_name_entry *entry = &set->entries[i & (set->capacity - 1)];
        if (!entry->name || (entry->hash == hash && strcmp(entry->name, name) == 0)) return entry;
    }
}

/* At most half full, so that a free entry is near. */
static bool make_room(struct fmap_name_set *set) {
    if (set->count < set->capacity / 2) return true;
    struct fmap_name_set larger = *set;
    larger.capacity = set->capacity ? set->capacity * 2 : 64;
    larger.entries = fmap_scratch_array(set->scratch, larger.capacity, sizeof *larger.entries);
    if (!larger.entries) return false;
    for (size_t i = 0; i < larger.capacity; i++) larger.entries[i] = (struct fmap_name_entry){0};
    for (size_t i = 0; i < set->capacity; i++) {
        const struct fmap_name_entry *old = &set->entries[i];
        if (old->name) *entry_of(&larger, old->name, old->hash) = *old;
    }
    *set = larger;
    return true;
}

/* Adds a copy of a new name; NULL when memory is short. */
static const char *add(struct fmap_name_set *set, struct fmap_name_entry *entry, const char *name,
                       uint64_t hash) {
    size_t bytes = strlen(name) + 1;
    char *copy = fmap_scratch_array(set->scratch, bytes, 1);
    if (!copy) return NULL;
    memcpy(copy, name, bytes);
    *entry = (struct fmap_name_entry){.name = copy, .hash = hash};
    set->count++;
    return copy;
}

const char *fmap_name_set_claim(struct fmap_name_set *set, const char *name) {
    if (!make_room(set)) return NULL;
    uint64_t hash = hash_of(name);
    struct fmap_name_entry *same = entry_of(set, name, hash);
    if (!same->name) return add(set, same, name, hash);

    size_t bytes = strlen(name) + sizeof "_18446744073709551615";
    char *copy = fmap_scratch_array(set->scratch, bytes, 1);
    if (!copy) return NULL;
    /* Every name remembers its number of copies: a thousand equal names take a thousand attempts. */
    for (;;) {
        same->copies++;
        (void)snprintf(copy, bytes, "%s_%zu", name, same->copies + 1);
        uint64_t copy_hash = hash_of(copy);
        struct fmap_name_entry *entry = entry_of(set, copy, copy_hash);
        if (entry->name) continue;
        *entry = (struct fmap_name_entry){.name = copy, .hash = copy_hash};
        set->count++;
        return copy;
    }
}
