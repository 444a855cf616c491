#include "runtime/packed.h"

#include "runtime/digest.h"

#include <pthread.h>
#include <string.h>

struct fmap_packed_entry {
    struct fmap_packed_entry *next; /* of its lot */
    struct fmap_packed_lot *lot;
    struct fmap_digest digest; /* of the key */
    const char *key;
    const void *data;
    size_t bytes;
    bool made; /* what the data holds is the packing */
};

struct fmap_packed_lot {
    struct fmap_storage storage; /* the lot itself lies in it too */
    struct fmap_packed_lot *next;
    struct fmap_packed_entry *entries;
    size_t n_users; /* plans; the model for the lot of what was added */
};

struct fmap_packed_use {
    struct fmap_packed_use *next;
    struct fmap_packed_lot *lot;
};

struct fmap_packed {
    fmap_allocator allocator;
    pthread_mutex_t mutex;
    pthread_cond_t made; /* some entries are */
    struct fmap_packed_lot *lots;
    struct fmap_packed_lot *added; /* one of them; NULL: nothing was */
};

struct fmap_packed *fmap_packed_create(const fmap_allocator *allocator) {
    struct fmap_packed *packed = allocator->allocate(allocator->user, sizeof *packed, 64);
    if (!packed) return NULL;
    *packed = (struct fmap_packed){.allocator = *allocator};
    if (pthread_mutex_init(&packed->mutex, NULL) == 0) {
        if (pthread_cond_init(&packed->made, NULL) == 0) return packed;
        (void)pthread_mutex_destroy(&packed->mutex);
    }
    allocator->release(allocator->user, packed, sizeof *packed);
    return NULL;
}

static struct fmap_packed_lot *open_lot(struct fmap_packed *packed) {
    struct fmap_storage storage = {.allocator = packed->allocator};
    struct fmap_packed_lot *lot = fmap_storage_take(&storage, 1, sizeof *lot);
    if (!lot) return NULL;
    *lot = (struct fmap_packed_lot){.storage = storage, .next = packed->lots, .n_users = 1};
    packed->lots = lot;
    return lot;
}

static void leave_lot(struct fmap_packed *packed, struct fmap_packed_lot *lot) {
    if (--lot->n_users > 0) return;
    struct fmap_packed_lot **link = &packed->lots;
    while (*link != lot) link = &(*link)->next;
    *link = lot->next;
    struct fmap_storage storage = lot->storage;
    fmap_storage_release(&storage);
}

void fmap_packed_destroy(struct fmap_packed *packed) {
    if (!packed) return;
    if (packed->added) leave_lot(packed, packed->added);
    (void)pthread_cond_destroy(&packed->made);
    (void)pthread_mutex_destroy(&packed->mutex);
    fmap_allocator allocator = packed->allocator;
    allocator.release(allocator.user, packed, sizeof *packed);
}

/* An entry whose data is still to be set; it is not in the list of the lot. */
static struct fmap_packed_entry *make_entry(struct fmap_packed_lot *lot, const char *key, size_t bytes) {
    struct fmap_packed_entry *entry = fmap_storage_take(&lot->storage, 1, sizeof *entry);
    if (!entry) return NULL;
    *entry = (struct fmap_packed_entry){.next = lot->entries,
                                        .lot = lot,
                                        .digest = fmap_digest_of(key, strlen(key)),
                                        .key = fmap_storage_text(&lot->storage, key),
                                        .bytes = bytes};
    return entry->key ? entry : NULL;
}

bool fmap_packed_add(struct fmap_packed *packed, const char *key, const void *data, size_t bytes) {
    (void)pthread_mutex_lock(&packed->mutex);
    if (!packed->added) packed->added = open_lot(packed);
    struct fmap_packed_entry *entry = packed->added ? make_entry(packed->added, key, bytes) : NULL;
    if (entry) {
        entry->data = data;
        entry->made = true;
        packed->added->entries = entry;
    }
    (void)pthread_mutex_unlock(&packed->mutex);
    return entry != NULL;
}

/* What has another size than it should have is not the packing that was asked for, whatever a file says. */
static struct fmap_packed_entry *find(const struct fmap_packed *packed, const char *key, size_t bytes) {
    struct fmap_digest digest = fmap_digest_of(key, strlen(key));
    for (const struct fmap_packed_lot *lot = packed->lots; lot; lot = lot->next) {
        for (struct fmap_packed_entry *entry = lot->entries; entry; entry = entry->next) {
            if (fmap_digest_equal(entry->digest, digest) && entry->bytes == bytes &&
                strcmp(entry->key, key) == 0) {
                return entry;
            }
        }
    }
    return NULL;
}

/* The plan needs the lot until it ends. */
static bool use_lot(struct fmap_packings *packings, struct fmap_packed_lot *lot) {
    for (const struct fmap_packed_use *use = packings->uses; use; use = use->next) {
        if (use->lot == lot) return true;
    }
    struct fmap_packed_use *use = fmap_storage_take(packings->storage, 1, sizeof *use);
    if (!use) return false;
    *use = (struct fmap_packed_use){.next = packings->uses, .lot = lot};
    packings->uses = use;
    if (lot != packings->own) lot->n_users++;
    return true;
}

static struct fmap_packed_lot *own_lot(struct fmap_packings *packings) {
    if (packings->own) return packings->own;
    packings->own = open_lot(packings->packed);
    if (!packings->own || use_lot(packings, packings->own)) return packings->own;
    leave_lot(packings->packed, packings->own);
    return packings->own = NULL;
}

/* A new entry in the plan's own lot. */
static struct fmap_packed_entry *make(struct fmap_packings *packings, const char *key, size_t bytes) {
    struct fmap_packed_lot *lot = own_lot(packings);
    struct fmap_packed_entry *entry = lot ? make_entry(lot, key, bytes) : NULL;
    if (entry) entry->data = fmap_storage_take_raw(&lot->storage, bytes, 1);
    return entry && entry->data ? entry : NULL;
}

/* In the plan's list, once. False when there is no memory. */
static bool list(struct fmap_packings *packings, const struct fmap_packed_entry *entry) {
    for (size_t i = 0; i < packings->n_entries; i++) {
        if (packings->entries[i] == entry) return true;
    }
    const struct fmap_packed_entry **entries = fmap_storage_grow(
        packings->storage, packings->entries, packings->n_entries, &packings->entries_capacity,
        sizeof *entries);
    if (!entries || !use_lot(packings, entry->lot)) return false;
    packings->entries = entries;
    packings->entries[packings->n_entries++] = entry;
    size_t *sum = entry->lot == packings->own ? &packings->own_bytes : &packings->shared_bytes;
    *sum += entry->bytes;
    return true;
}

void *fmap_packings_get(struct fmap_packings *packings, const char *key, size_t bytes, bool *made) {
    (void)pthread_mutex_lock(&packings->packed->mutex);
    struct fmap_packed_entry *entry = find(packings->packed, key, bytes);
    *made = !entry;
    if (!entry) entry = make(packings, key, bytes);
    if (entry && !list(packings, entry)) entry = NULL;
    if (entry && *made) { /* from now on others find it */
        entry->made = bytes == 0;
        entry->next = packings->own->entries;
        packings->own->entries = entry;
    }
    (void)pthread_mutex_unlock(&packings->packed->mutex);
    return entry ? (void *)(uintptr_t)entry->data : NULL;
}

void fmap_packings_made(struct fmap_packings *packings) {
    (void)pthread_mutex_lock(&packings->packed->mutex);
    for (struct fmap_packed_entry *entry = packings->own ? packings->own->entries : NULL; entry;
         entry = entry->next) {
        entry->made = true;
    }
    (void)pthread_cond_broadcast(&packings->packed->made);
    for (size_t i = 0; i < packings->n_entries; i++) {
        while (!packings->entries[i]->made)
            (void)pthread_cond_wait(&packings->packed->made, &packings->packed->mutex);
    }
    (void)pthread_mutex_unlock(&packings->packed->mutex);
}

bool fmap_packings_know(struct fmap_packings *packings, const char *key) {
    (void)pthread_mutex_lock(&packings->packed->mutex);
    const struct fmap_packed_entry *entry = find(packings->packed, key, 0);
    bool known = entry && list(packings, entry);
    (void)pthread_mutex_unlock(&packings->packed->mutex);
    return known;
}

bool fmap_packings_note(struct fmap_packings *packings, const char *key) {
    bool made;
    return fmap_packings_get(packings, key, 0, &made) != NULL;
}

void fmap_packings_at(const struct fmap_packings *packings, size_t i, const char **key, const void **data,
                      size_t *bytes) {
    *key = packings->entries[i]->key;
    *data = packings->entries[i]->data;
    *bytes = packings->entries[i]->bytes;
}

void fmap_packings_release(struct fmap_packings *packings) {
    if (!packings->packed) return;
    (void)pthread_mutex_lock(&packings->packed->mutex);
    for (struct fmap_packed_use *use = packings->uses; use; use = use->next) {
        leave_lot(packings->packed, use->lot);
    }
    (void)pthread_mutex_unlock(&packings->packed->mutex);
    packings->uses = NULL;
}
