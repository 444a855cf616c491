#include "runtime/tuning.h"

#include "runtime/caches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Another way than the model's has to be so much faster: less is noise. */
static const double WORTH_IT = 0.97;

/* A file of more is nobody's measurements. */
enum { MOST_ENTRIES = 16384, MOST_KEY_BYTES = 512 };

/* ---- what to do ---------------------------------------------------------------------------------------- */

static fmap_status parse_mode(const char *text, fmap_tuning *mode, fmap_error *error) {
    static const struct {
        const char *name;
        fmap_tuning mode;
    } modes[] = {{"off", FMAP_TUNING_OFF}, {"cached", FMAP_TUNING_CACHED}, {"measure", FMAP_TUNING_MEASURE}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(text, modes[i].name) != 0) continue;
        *mode = modes[i].mode;
        return FMAP_OK;
    }
    return fmap_fail(error, FMAP_ERROR_ARGUMENT, "FMAP_TUNING is '%.40s', expected off, cached or measure",
                     text);
}

/* "$XDG_CACHE_HOME/fmap/tuning" */
static char *usual_path(struct fmap_storage *storage) {
    const char *folder = getenv("XDG_CACHE_HOME"), *between = "";
    if (!folder || !*folder) {
        folder = getenv("HOME");
        between = "/.cache";
    }
    if (!folder || !*folder) return NULL;
    size_t room = strlen(folder) + sizeof "/.cache/fmap/tuning";
    char *path = fmap_storage_take(storage, room, 1);
    if (path) snprintf(path, room, "%s%s/fmap/tuning", folder, between);
    return path;
}

fmap_status fmap_tuning_open(struct fmap_planning *planning, const fmap_plan_options *options) {
    fmap_tuning mode = options->tuning;
    if ((unsigned)mode > FMAP_TUNING_MEASURE)
        return fmap_fail(planning->error, FMAP_ERROR_ARGUMENT, "tuning %d is unknown", (int)mode);
    const char *text = getenv("FMAP_TUNING"), *named = options->tuning_file;
    if (mode == FMAP_TUNING_DEFAULT && text && *text) TRY(parse_mode(text, &mode, planning->error));
    if (mode == FMAP_TUNING_DEFAULT || mode == FMAP_TUNING_OFF) return FMAP_OK;
    if (!named) named = getenv("FMAP_TUNING_FILE");
    struct fmap_storage *storage = &planning->storage;
    struct fmap_tuning_cache *cache = fmap_storage_take(storage, 1, sizeof *cache);
    if (!cache) return fmap_planning_out_of_memory(planning);
    *cache = (struct fmap_tuning_cache){.storage = storage, .measures = mode == FMAP_TUNING_MEASURE};
    cache->path_named = named && *named;
    cache->path = cache->path_named ? fmap_storage_text(storage, named) : usual_path(storage);
    cache->processor = fmap_storage_take(storage, 1, sizeof *cache->processor);
    if (!cache->processor || (cache->path_named && !cache->path))
        return fmap_planning_out_of_memory(planning);
    *cache->processor = fmap_processor_text();
    if (cache->path && !fmap_tuning_read(cache)) return fmap_planning_out_of_memory(planning);
    planning->tuning = cache;
    return FMAP_OK;
}

fmap_status fmap_tuning_close(struct fmap_planning *planning) {
    struct fmap_tuning_cache *cache = planning->tuning;
    if (!cache || !cache->changed || !cache->path) return FMAP_OK;
    /* What others have measured meanwhile stays; where both know a layer, this is newer. */
    struct fmap_tuning_cache all = *cache;
    all.entries = NULL;
    all.n_entries = all.capacity = 0;
    bool merged = fmap_tuning_read(&all);
    for (size_t i = 0; i < cache->n_entries && merged; i++)
        merged = fmap_tuning_set(&all, &cache->entries[i]);
    if (!merged) return fmap_planning_out_of_memory(planning);
    if (fmap_tuning_write(&all) || !cache->path_named) return FMAP_OK;
    return fmap_fail(planning->error, FMAP_ERROR_IO, "cannot write '%.200s': %s", cache->path,
                     strerror(errno));
}

/* ---- entries ---------------------------------------------------------------------------------------------- */

static struct fmap_tuning_entry *find(const struct fmap_tuning_cache *cache, const char *key) {
    for (size_t i = 0; i < cache->n_entries; i++) {
        if (strcmp(cache->entries[i].key, key) == 0) return &cache->entries[i];
    }
    return NULL;
}

const struct fmap_tuning_entry *fmap_tuning_find(const struct fmap_tuning_cache *cache, const char *key) {
    return find(cache, key);
}

bool fmap_tuning_set(struct fmap_tuning_cache *cache, const struct fmap_tuning_entry *entry) {
    struct fmap_tuning_entry *place = find(cache, entry->key);
    if (place) {
        const char *key = place->key;
        *place = *entry;
        place->key = key;
        return true;
    }
    if (cache->n_entries >= MOST_ENTRIES) return true;
    struct fmap_tuning_entry *entries = fmap_storage_grow(cache->storage, cache->entries, cache->n_entries,
                                                          &cache->capacity, sizeof *entries);
    const char *key = fmap_storage_text(cache->storage, entry->key);
    if (!entries || !key) return false;
    cache->entries = entries;
    entries[cache->n_entries] = *entry;
    entries[cache->n_entries++].key = key;
    return true;
}

/* ---- choosing --------------------------------------------------------------------------------------------- */

static int index_of(const struct fmap_tuned *ways, int n, const struct fmap_tuned *way) {
    for (int i = 0; i < n; i++) {
        if (memcmp(&ways[i], way, sizeof *way) == 0) return i;
    }
    return -1;
}

static void say(struct fmap_tuned_note *note, const struct fmap_tuning_entry *entry, int chosen, int n) {
    if (chosen == 0)
        snprintf(note->text, sizeof note->text, "; measured: best of %d ways, %.0f us", n,
                 entry->microseconds);
    else
        snprintf(note->text, sizeof note->text, "; measured: best of %d ways, %.0f us, the model's %.0f us",
                 n, entry->microseconds, entry->usual_microseconds);
}

static fmap_status measure(struct fmap_planning *planning, const struct fmap_graph_node *node,
                           const struct fmap_tuned *ways, int n, struct fmap_tuning_entry *entry) {
    double seconds[FMAP_TUNED_MOST];
    TRY(fmap_tuning_measure(planning, node, n, seconds));
    int best = 0;
    for (int i = 1; i < n; i++) {
        if (seconds[i] < WORTH_IT * seconds[0] && seconds[i] < seconds[best]) best = i;
    }
    entry->way = ways[best];
    entry->microseconds = 1e6 * seconds[best];
    entry->usual_microseconds = 1e6 * seconds[0];
    planning->tuning->changed = true;
    return fmap_tuning_set(planning->tuning, entry) ? FMAP_OK : FMAP_ERROR_MEMORY;
}

fmap_status fmap_planning_choose(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const char *layer, const struct fmap_tuned *ways, int n, int *chosen,
                                 struct fmap_tuned_note *note) {
    struct fmap_tuning_cache *cache = planning->tuning;
    note->text[0] = '\0';
    *chosen = planning->trial == 0 ? 0 : planning->trial <= n ? planning->trial - 1 : n - 1;
    if (planning->trial || !cache || n < 2) return FMAP_OK;
    char key[MOST_KEY_BYTES];
    int length = snprintf(key, sizeof key, "%s\t%s\t%s\t%d\t%s", fmap_version(), cache->processor->text,
                          planning->kernels->isa, planning->plan->threads, layer);
    if (length >= (int)sizeof key) return FMAP_OK;
    struct fmap_tuning_entry entry = {.key = key};
    const struct fmap_tuning_entry *known = find(cache, key);
    int i = known ? index_of(ways, n, &known->way) : -1;
    if (i >= 0) {
        entry = *known;
    } else {
        if (!cache->measures) return FMAP_OK;
        fmap_status status = measure(planning, node, ways, n, &entry);
        if (status == FMAP_ERROR_MEMORY) return FMAP_OK; /* several ways at once take more than one */
        TRY(status);
        i = index_of(ways, n, &entry.way);
    }
    *chosen = i;
    say(note, &entry, i, n);
    return FMAP_OK;
}
